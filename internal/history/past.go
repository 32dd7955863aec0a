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
// which nothing moved, and the peaks of the days in question. schema is that of the
// file.
func pastQueries(schema int) [3]string {
	state, peak := "up_first, up_last, boot, machine, own IS NOT NULL, doubt IS NOT NULL", "up"
	if schema == 1 {
		state, peak = "NULL, NULL, boot, NULL, 0, 0", "NULL"
	}
	return [3]string{
		"SELECT id, first_seen, last_seen, last_seen_run, last_verdict, missed, missed_since FROM host WHERE name = ?",
		"SELECT namespace, first, last, " + state + ", lim, total FROM state WHERE host = ? ORDER BY namespace, first",
		// The table is ordered by day, so that a run writes into few places; the
		// days are therefore listed first and each is looked up.
		`WITH RECURSIVE days(day) AS (SELECT ?1 UNION ALL SELECT day + 1 FROM days WHERE day < ?2)
		SELECT namespace, at, ` + peak + `, boot, buckets, lim, looks FROM days CROSS JOIN peak ON peak.day = days.day AND peak.host = ?3`,
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
	// A clock that was ahead may have made it tomorrow.
	if err := db.peaks(ctx, id, dayOf(since.UnixMilli()), dayOf(now.UnixMilli())+1, past); err != nil {
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
		var began, ended sql.NullInt64
		var machine any
		if err := rows.Scan(&r.Namespace, &first, &last, &began, &ended, &r.BootID, &machine, &r.Own, &r.Doubtful, &r.Limit, &r.OverflowTotal); err != nil {
			return err
		}
		r.At, r.UptimeSeconds, r.MachineID = time.UnixMilli(first).UTC(), inSeconds(began), unpackMachine(machine)
		past.Readings = append(past.Readings, r)
		if last > first {
			r.At, r.UptimeSeconds = time.UnixMilli(last).UTC(), inSeconds(ended)
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
		var up sql.NullInt64
		if err := rows.Scan(&r.Namespace, &at, &up, &r.BootID, &r.Buckets, &r.Limit, &r.DayLooks); err != nil {
			return err
		}
		r.At, r.UptimeSeconds = time.UnixMilli(at).UTC(), inSeconds(up)
		past.Readings = append(past.Readings, r)
	}
	return rows.Err()
}

// inSeconds is a length in milliseconds that may be absent.
func inSeconds(ms sql.NullInt64) *float64 {
	if !ms.Valid {
		return nil
	}
	s := float64(ms.Int64) / 1000
	return &s
}

// instant is a time in milliseconds that may be absent.
func instant(ms sql.NullInt64) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := time.UnixMilli(ms.Int64).UTC()
	return &t
}
