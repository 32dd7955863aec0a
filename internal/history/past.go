package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"twaudit/internal/audit"
)

// farthest is how far back peaks are looked for, whatever is asked: one step for
// each day.
const farthest = 400 * 24 * time.Hour

// pastQueries are asked for each host of a run: who it is, the stretches in
// which nothing moved, and the peaks of the days in question.
func pastQueries() [3]string {
	return [3]string{
		"SELECT id, first_seen, last_seen, last_seen_run, last_verdict, missed, missed_since FROM host WHERE name = ?",
		"SELECT namespace, first, last, boot, lim, total FROM state WHERE host = ? ORDER BY namespace, first",
		// The table is ordered by day, so that a run writes into few places; the
		// days are therefore listed first and each is looked up.
		`WITH RECURSIVE days(day) AS (SELECT ?1 UNION ALL SELECT day + 1 FROM days WHERE day < ?2)
		SELECT namespace, at, boot, buckets, lim, looks FROM days CROSS JOIN peak ON peak.day = days.day AND peak.host = ?3`,
	}
}

// Past is what the runs so far know of a host; nil when none asked it. Peaks are
// those of the time since then, all else goes back as far as the history does.
// Equal looks are given as the first and the last of them.
func (db *DB) Past(ctx context.Context, name string, since, now time.Time) (*audit.Past, error) {
	var id int64
	var first, last, missedSince sql.NullInt64
	var run, verdict sql.NullString
	past := &audit.Past{}
	err := db.past[0].QueryRowContext(ctx, name).Scan(&id, &first, &last, &run, &verdict, &past.Missed, &missedSince)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, db.explain("read", err)
	}
	past.FirstSeen, past.LastSeen, past.MissedSince = instant(first), instant(last), instant(missedSince)
	past.LastRun, past.LastVerdict = clean(run.String), audit.Verdict(clean(verdict.String))
	if err := db.states(ctx, id, past); err != nil {
		return nil, db.explain("read", err)
	}
	if oldest := now.Add(-farthest); since.Before(oldest) {
		since = oldest
	}
	if err := db.peaks(ctx, id, dayOf(since.UnixMilli()), dayOf(now.UnixMilli()), past); err != nil {
		return nil, db.explain("read", err)
	}
	slices.SortStableFunc(past.Readings, func(a, b audit.Reading) int { return a.At.Compare(b.At) })
	return past, nil
}

func (db *DB) states(ctx context.Context, id int64, past *audit.Past) error {
	rows, err := db.past[1].QueryContext(ctx, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r audit.Reading
		var first, last int64
		if err := rows.Scan(&r.Namespace, &first, &last, &r.BootID, &r.Limit, &r.OverflowTotal); err != nil {
			return err
		}
		r.At = time.UnixMilli(first).UTC()
		past.Readings = append(past.Readings, r)
		if last > first {
			r.At = time.UnixMilli(last).UTC()
			past.Readings = append(past.Readings, r)
		}
	}
	return rows.Err()
}

func (db *DB) peaks(ctx context.Context, id, from, to int64, past *audit.Past) error {
	rows, err := db.past[2].QueryContext(ctx, from, to, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r audit.Reading
		var at int64
		if err := rows.Scan(&r.Namespace, &at, &r.BootID, &r.Buckets, &r.Limit, &r.DayLooks); err != nil {
			return err
		}
		r.At = time.UnixMilli(at).UTC()
		past.Readings = append(past.Readings, r)
	}
	return rows.Err()
}

// instant is a time in milliseconds that may be absent.
func instant(ms sql.NullInt64) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := time.UnixMilli(ms.Int64).UTC()
	return &t
}
