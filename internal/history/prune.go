package history

import (
	"context"
	"database/sql"
)

// pruning removes runs from the old end only: what they alone refer to is then
// known by the run that it last served, and nothing has to be counted.
type pruning struct {
	ctx context.Context
	db  *DB
}

// byAge removes the runs before keep.Since.
func (p *pruning) byAge(keep Keep) (int, error) {
	if keep.Since.IsZero() {
		return 0, nil
	}
	// Up to the first young one: a clock that was set back for a while must not
	// make its neighbours old.
	return p.remove(`SELECT min(
			ifnull((SELECT min(seq) - 1 FROM run WHERE started >= ?), 1 << 62),
			ifnull((SELECT seq FROM run ORDER BY seq DESC LIMIT 1 OFFSET ?), 0))`,
		keep.Since.UnixMilli(), max(keep.Runs, 1))
}

// tenth removes the oldest tenth of the runs, but not the last one.
func (p *pruning) tenth() (int, error) {
	return p.remove(`SELECT ifnull(max(seq), 0) FROM (SELECT seq FROM run ORDER BY seq
		LIMIT (SELECT max(1, count(*) / 10) * (count(*) > 1) FROM run))`)
}

// remove removes the runs up to the seq that query finds.
func (p *pruning) remove(query string, args ...any) (int, error) {
	tx, err := p.db.sql.BeginTx(p.ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // after Commit it does nothing
	var seq int64
	if err := tx.QueryRowContext(p.ctx, query, args...).Scan(&seq); err != nil || seq == 0 {
		return 0, err
	}
	result, err := tx.ExecContext(p.ctx, "DELETE FROM run WHERE seq <= ?", seq)
	if err != nil {
		return 0, err
	}
	gone, err := result.RowsAffected()
	if err != nil {
		return 0, err
	}
	if err := p.sweep(tx, seq); err != nil {
		return 0, err
	}
	return int(gone), tx.Commit()
}

// sweep removes what only runs up to seq knew.
func (p *pruning) sweep(tx *sql.Tx, seq int64) error {
	for _, statement := range []string{
		"DELETE FROM result WHERE run <= ?1",
		"DELETE FROM piece WHERE last <= ?1 AND kind <> 'seed'",
		"DELETE FROM piece WHERE host IN (SELECT id FROM host WHERE last_run <= ?1) AND kind <> 'seed'",
		"DELETE FROM state WHERE host IN (SELECT id FROM host WHERE last_run <= ?1)",
		"DELETE FROM peak WHERE host IN (SELECT id FROM host WHERE last_run <= ?1)",
		"DELETE FROM host WHERE last_run <= ?1",
		// What stays begins with the oldest run that stays.
		"DELETE FROM state WHERE last < (SELECT min(started) FROM run WHERE seq > ?1)",
		"DELETE FROM peak WHERE day < (SELECT min(started) / 86400000 FROM run WHERE seq > ?1)",
	} {
		if _, err := tx.ExecContext(p.ctx, statement, seq); err != nil {
			return err
		}
	}
	return nil
}
