package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"twaudit/internal/audit"
)

// Side is a stored run as audit.Compare takes it. A host that failed in it carries what
// was last known of it, by earlier runs of the selection.
func (db *DB) Side(ctx context.Context, e *Entry) (audit.Side, error) {
	side := audit.Side{Meta: e.Meta, Hosts: make([]audit.Sketch, 0, e.Hosts)}
	traits, err := db.traits(ctx, e.Seq)
	if err != nil {
		return side, db.explain("read", err)
	}
	rows, err := db.sql.QueryContext(ctx, `SELECT host.name, host.first_seen, status, ifnull(verdict, ''), ifnull(stage, ''), buckets, total, ifnull(result.traits, 0)
		FROM result JOIN host ON host.id = result.host WHERE run = ? ORDER BY result.host`, e.Seq)
	if err != nil {
		return side, db.explain("read", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s audit.Sketch
		var first sql.NullInt64
		var piece int64
		if err := rows.Scan(&s.Name, &first, &s.Status, &s.Verdict, &s.Stage, &s.Buckets, &s.OverflowTotal, &piece); err != nil {
			return side, db.explain("read", err)
		}
		s.Name, s.FirstSeen, s.Traits = clean(s.Name), instant(first), traits[piece]
		side.Hosts = append(side.Hosts, s)
	}
	if err := rows.Err(); err != nil {
		return side, db.explain("read", err)
	}
	return side, db.explain("read", db.lastKnown(ctx, e, side.Hosts))
}

// lastKnownQuery finds, for each host that failed in run ?1, the newest run before it
// of selection ?2 in which the host answered. The run that asked it last with success,
// whatever for, is where the search begins: a host may have been down for thousands.
const lastKnownQuery = `SELECT host.name, past.verdict, past.buckets, past.total, piece.data
	FROM result AS failed JOIN host ON host.id = failed.host
	JOIN result AS past ON past.host = failed.host AND past.run = (
		SELECT run.seq FROM run CROSS JOIN result AS r ON r.run = run.seq AND r.host = failed.host
		WHERE run.selection = ?2 AND run.seq < ?1 AND run.seq <= (SELECT seq FROM run WHERE id = host.last_seen_run) AND r.status = 'audited'
		ORDER BY run.seq DESC LIMIT 1)
	LEFT JOIN piece ON piece.id = past.traits
	WHERE failed.run = ?1 AND failed.status = 'failed'`

// lastKnown adds to the hosts that failed what was known of them when they answered
// last.
func (db *DB) lastKnown(ctx context.Context, e *Entry, hosts []audit.Sketch) error {
	if e.Failed == 0 || e.Meta.Selection == "" {
		return nil
	}
	rows, err := db.sql.QueryContext(ctx, lastKnownQuery, e.Seq, e.Meta.Selection)
	if err != nil {
		return err
	}
	defer rows.Close()
	known := map[string]*audit.Sketch{}
	for rows.Next() {
		s := &audit.Sketch{Status: audit.StatusAudited}
		var traits []byte
		if err := rows.Scan(&s.Name, &s.Verdict, &s.Buckets, &s.OverflowTotal, &traits); err != nil {
			return err
		}
		if s.Traits, err = readTraits(traits); err != nil {
			return err
		}
		s.Name = clean(s.Name)
		known[s.Name] = s
	}
	for i := range hosts {
		if h := &hosts[i]; h.Status == audit.StatusFailed && !h.CutOff() {
			h.Known = known[h.Name]
		}
	}
	return rows.Err()
}

// readTraits takes none for what has none, as an answer of which nothing is kept.
func readTraits(data []byte) (t audit.Traits, err error) {
	if len(data) > 0 {
		err = json.Unmarshal(data, &t)
	}
	t.BootID, t.MachineID, t.Namespace, t.ConfigSource = clean(t.BootID), clean(t.MachineID), clean(t.Namespace), clean(t.ConfigSource)
	t.Coverage, t.Severity = audit.Coverage(clean(string(t.Coverage))), audit.Severity(clean(string(t.Severity)))
	return t, err
}

// lookBack is how many runs Baseline reads before e.
const lookBack = 10

// Baseline is the side of a run, in which hosts that it was cut off from stand as
// in the newest earlier run of its selection that has a result for them. One
// without any is left out: nothing is known of it.
func (db *DB) Baseline(ctx context.Context, e *Entry) (audit.Side, error) {
	side, err := db.Side(ctx, e)
	if err != nil {
		return side, err
	}
	unknown := map[string]bool{}
	side.Hosts = slices.DeleteFunc(side.Hosts, func(s audit.Sketch) bool {
		if s.CutOff() {
			unknown[s.Name] = true
		}
		return s.CutOff()
	})
	for range lookBack {
		if len(unknown) == 0 {
			break
		}
		if e, err = db.Before(ctx, e.Meta.Selection, e.Seq); err != nil || e == nil {
			return side, err
		}
		if e.Meta.Limits != side.Meta.Limits {
			continue // its verdicts say something else
		}
		earlier, err := db.Side(ctx, e)
		if err != nil {
			return side, err
		}
		for _, s := range earlier.Hosts {
			if unknown[s.Name] && !s.CutOff() {
				side.Hosts = append(side.Hosts, s)
				delete(unknown, s.Name)
			}
		}
	}
	return side, nil
}

// traits reads those that a run refers to.
func (db *DB) traits(ctx context.Context, seq int64) (map[int64]audit.Traits, error) {
	rows, err := db.sql.QueryContext(ctx, "SELECT piece.id, piece.data FROM result JOIN piece ON piece.id = result.traits WHERE run = ?", seq)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[int64]audit.Traits{}
	for rows.Next() {
		var id int64
		var data []byte
		if err := rows.Scan(&id, &data); err != nil {
			return nil, err
		}
		if all[id], err = readTraits(data); err != nil {
			return nil, err
		}
	}
	return all, rows.Err()
}
