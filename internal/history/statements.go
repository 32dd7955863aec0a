package history

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"math"
	"time"

	"twaudit/internal/audit"
)

// puts are the statements that store hosts.
type puts struct {
	host, answered, missed, passed, piece, retire, result *sql.Stmt
	stretch, extend, state, doubt, peak                   *sql.Stmt
}

// prepare readies the statements; they end with the transaction.
func (s *storing) prepare() error {
	for _, p := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&s.find, `SELECT host.id, host.last_run, host.base, b.seed, b.data, host.traits, t.data FROM host
			LEFT JOIN piece b ON b.id = host.base LEFT JOIN piece t ON t.id = host.traits WHERE host.name = ?`},
		{&s.put.host, "INSERT INTO host (name, last_run) VALUES (?, ?)"},
		{&s.put.answered, `UPDATE host SET first_seen = min(ifnull(first_seen, ?1), ?1), last_seen = ?1, last_seen_run = ?2, last_verdict = ?3,
			missed = 0, missed_since = NULL, last_run = ?4, base = ?5, traits = ?6 WHERE id = ?7`},
		{&s.put.missed, "UPDATE host SET missed = missed + 1, missed_since = ifnull(missed_since, ?), last_run = ?, base = ? WHERE id = ?"},
		{&s.put.passed, "UPDATE host SET last_run = ?, base = ? WHERE id = ?"},
		{&s.put.piece, "INSERT INTO piece (host, kind, seed, data) VALUES (?, ?, ?, ?)"},
		{&s.put.retire, "UPDATE piece SET last = ? WHERE id = ?"},
		{&s.put.result, "INSERT INTO result (run, host, status, verdict, stage, buckets, total, traits, base, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&s.put.stretch, "SELECT first, last, up_last, boot, machine, lim, total FROM state WHERE host = ? AND namespace = ? AND first <= ? ORDER BY first DESC LIMIT 1"},
		{&s.put.extend, "UPDATE state SET last = ?, up_last = ? WHERE host = ? AND namespace = ? AND first = ?"},
		{&s.put.state, `INSERT OR IGNORE INTO state (host, namespace, first, last, up_first, up_last, boot, machine, own, lim, total)
			VALUES (?1, ?2, ?3, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9)`},
		{&s.put.doubt, "UPDATE state SET doubt = 1 WHERE host = ? AND namespace = ? AND last > ? AND boot = ? AND doubt IS NULL"},
		// The bare columns of an update are those of the row as it was.
		{&s.put.peak, `INSERT INTO peak (day, host, namespace, at, up, boot, buckets, lim, looks) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)
			ON CONFLICT (day, host, namespace) DO UPDATE SET looks = looks + 1,
			at = iif(excluded.buckets > buckets, excluded.at, at), up = iif(excluded.buckets > buckets, excluded.up, up),
			boot = iif(excluded.buckets > buckets, excluded.boot, boot),
			lim = iif(excluded.buckets > buckets, excluded.lim, lim), buckets = max(excluded.buckets, buckets)`},
	} {
		var err error
		if *p.to, err = s.tx.PrepareContext(s.ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

// stretch is the newest one that began before a look.
type stretch struct {
	first, last  int64
	up           *int64 // at last
	boot         string
	machine      any
	limit, total *int64
}

// reading adds one look at a table. Most looks find what the one before found:
// the stretch in which nothing moved becomes longer, and the file does not.
func (s *storing) reading(host int64, r audit.Reading) error {
	at, up := r.At.UnixMilli(), milliseconds(r.UptimeSeconds)
	var old stretch
	err := s.put.stretch.QueryRowContext(s.ctx, host, r.Namespace, at).Scan(&old.first, &old.last, &old.up, &old.boot, &old.machine, &old.limit, &old.total)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return err
	case err == nil && old.holds(r):
		// The uptime has the last word on which look was the later one.
		later := at > old.last
		if up != nil && old.up != nil && *up != *old.up {
			later = *up > *old.up
		}
		if later {
			_, err = s.put.extend.ExecContext(s.ctx, at, up, host, r.Namespace, old.first)
		}
	default:
		err = s.begins(host, r, at, up)
	}
	if err != nil || r.Buckets == nil {
		return err
	}
	_, err = s.put.peak.ExecContext(s.ctx, dayOf(at), host, r.Namespace, at, up, r.BootID, *r.Buckets, r.Limit)
	return err
}

// begins makes a new stretch. What was stored before it and is dated after it, of
// the same boot, cannot be right, unless the answer has waited.
func (s *storing) begins(host int64, r audit.Reading, at int64, up *int64) error {
	if _, err := s.put.doubt.ExecContext(s.ctx, host, r.Namespace, at, r.BootID); err != nil {
		return err
	}
	var own any
	if r.Own {
		own = 1
	}
	_, err := s.put.state.ExecContext(s.ctx, host, r.Namespace, at, up, r.BootID, packMachine(r.MachineID), own, r.Limit, r.OverflowTotal)
	return err
}

// holds reports whether a look found what the stretch has. Other machines have other
// boots.
func (o *stretch) holds(r audit.Reading) bool {
	id := unpackMachine(o.machine)
	return o.boot == r.BootID && (id == r.MachineID || id == "" || r.MachineID == "") && same(o.limit, r.Limit) && same(o.total, r.OverflowTotal)
}

// packMachine halves a machine-id: there is one for each stretch.
func packMachine(id string) any {
	raw, err := hex.DecodeString(id)
	switch {
	case id == "":
		return nil
	case err == nil && hex.EncodeToString(raw) == id:
		return raw
	}
	return id
}

func unpackMachine(column any) string {
	switch id := column.(type) {
	case []byte:
		return hex.EncodeToString(id)
	case string:
		return clean(id)
	}
	return ""
}

// milliseconds keeps an uptime that can be.
func milliseconds(seconds *float64) *int64 {
	const most = 1e10 // three centuries
	if seconds == nil || !(*seconds >= 0 && *seconds < most) {
		return nil
	}
	ms := int64(math.Round(*seconds * 1000))
	return &ms
}

// dayOf is the number of the UTC day of a time in milliseconds; before 1970 it
// counts backwards.
func dayOf(ms int64) int64 {
	const day = int64(24 * time.Hour / time.Millisecond)
	if ms < 0 {
		return (ms+1)/day - 1
	}
	return ms / day
}

func same(a, b *int64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// readSeeds returns the text of every seed. There are few, and one at a time would
// need a second connection while the first is reading.
func readSeeds(ctx context.Context, q interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}) (map[int64][]byte, error) {
	rows, err := q.QueryContext(ctx, "SELECT id, data FROM piece WHERE kind = 'seed'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	seeds := map[int64][]byte{}
	for rows.Next() {
		var id int64
		var data []byte
		if err := rows.Scan(&id, &data); err != nil {
			return nil, err
		}
		if seeds[id], err = (&unpacker{}).unpack(data, nil); err != nil {
			return nil, err
		}
	}
	return seeds, rows.Err()
}
