package history

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"twaudit/internal/audit"
)

// puts are the statements that store hosts.
type puts struct {
	host, answered, missed, passed, piece, retire, result *sql.Stmt
	stretch, extend, state, peak                          *sql.Stmt
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
		{&s.put.stretch, "SELECT first, last, boot, lim, total FROM state WHERE host = ? AND namespace = ? AND first <= ? ORDER BY first DESC LIMIT 1"},
		{&s.put.extend, "UPDATE state SET last = ? WHERE host = ? AND namespace = ? AND first = ?"},
		{&s.put.state, "INSERT OR IGNORE INTO state (host, namespace, first, last, boot, lim, total) VALUES (?, ?, ?, ?, ?, ?, ?)"},
		// The bare columns of an update are those of the row as it was.
		{&s.put.peak, `INSERT INTO peak (day, host, namespace, at, boot, buckets, lim, looks) VALUES (?, ?, ?, ?, ?, ?, ?, 1)
			ON CONFLICT (day, host, namespace) DO UPDATE SET looks = looks + 1,
			at = iif(excluded.buckets > buckets, excluded.at, at), boot = iif(excluded.buckets > buckets, excluded.boot, boot),
			lim = iif(excluded.buckets > buckets, excluded.lim, lim), buckets = max(excluded.buckets, buckets)`},
	} {
		var err error
		if *p.to, err = s.tx.PrepareContext(s.ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

// reading adds one look at a table. Most looks find what the one before found:
// the stretch in which nothing moved becomes longer, and the file does not.
func (s *storing) reading(host int64, r audit.Reading) error {
	at := r.At.UnixMilli()
	var first, last int64
	var boot string
	var limit, total *int64
	err := s.put.stretch.QueryRowContext(s.ctx, host, r.Namespace, at).Scan(&first, &last, &boot, &limit, &total)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return err
	case err == nil && boot == r.BootID && same(limit, r.Limit) && same(total, r.OverflowTotal):
		if at > last {
			_, err = s.put.extend.ExecContext(s.ctx, at, host, r.Namespace, first)
		}
	default:
		_, err = s.put.state.ExecContext(s.ctx, host, r.Namespace, at, at, r.BootID, r.Limit, r.OverflowTotal)
	}
	if err != nil || r.Buckets == nil {
		return err
	}
	_, err = s.put.peak.ExecContext(s.ctx, dayOf(at), host, r.Namespace, at, r.BootID, *r.Buckets, r.Limit)
	return err
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
