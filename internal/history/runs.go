package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Entry is one stored run, without its hosts.
type Entry struct {
	Seq   int64 // order of storing, which is the order of runs whatever clocks said
	Meta  audit.Meta
	Label string // what was asked for, in words
	audit.Summary
}

const entryColumns = "SELECT seq, label, head FROM run "

// Runs lists the stored runs, newest first.
func (db *DB) Runs(ctx context.Context) ([]Entry, error) {
	rows, err := db.sql.QueryContext(ctx, entryColumns+"ORDER BY seq DESC")
	if err != nil {
		return nil, db.explain("read", err)
	}
	defer rows.Close()
	var list []Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, db.explain("read", err)
		}
		list = append(list, *e)
	}
	return list, db.explain("read", rows.Err())
}

func scanEntry(row interface{ Scan(...any) error }) (*Entry, error) {
	var e Entry
	var head []byte
	if err := row.Scan(&e.Seq, &e.Label, &head); err != nil {
		return nil, err
	}
	var run audit.Run
	if err := json.Unmarshal(head, &run); err != nil {
		return nil, fmt.Errorf("run %d: %w", e.Seq, err)
	}
	e.Meta, e.Summary, e.Label = run.Meta, run.Summary, clean(e.Label)
	e.Meta.ID = clean(e.Meta.ID)
	return &e, nil
}

// clean makes words inert that are shown: the file may have come from elsewhere,
// and what is in it came from hosts.
func clean(s string) string { return text.CleanMax(s, 4096) }

// NoRunError is a run that the history does not have.
type NoRunError struct{ Arg, Reason string }

func (e *NoRunError) Error() string {
	return fmt.Sprintf("no run %q in the history: %s", e.Arg, e.Reason)
}

// Latest is the name of the newest run.
const Latest = "latest"

// back is a run counted from the newest one: -1 is the one before it.
var back = regexp.MustCompile(`^(?:latest)?-([0-9]{1,9})$`)

// Find returns the run that arg names: its id or an unambiguous beginning of it,
// latest, or -N for the Nth before the newest. Its error is a NoRunError when
// there is none.
func (db *DB) Find(ctx context.Context, arg string) (*Entry, error) {
	n := "0"
	switch m := back.FindStringSubmatch(arg); {
	case m != nil:
		n = m[1]
	case arg != Latest:
		return db.byID(ctx, arg)
	}
	offset, err := strconv.Atoi(n)
	if err != nil {
		return nil, err
	}
	e, err := scanEntry(db.sql.QueryRowContext(ctx, entryColumns+"ORDER BY seq DESC LIMIT 1 OFFSET ?", offset))
	if errors.Is(err, sql.ErrNoRows) {
		if m := back.FindString(arg); m != "" {
			arg = strings.TrimPrefix(m, Latest) // as it is typed mostly
		}
		return nil, &NoRunError{arg, "it does not go back so far"}
	}
	return e, db.explain("read", err)
}

func (db *DB) byID(ctx context.Context, arg string) (*Entry, error) {
	rows, err := db.sql.QueryContext(ctx, entryColumns+"WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id = ?1 DESC LIMIT 2", arg)
	if err != nil {
		return nil, db.explain("read", err)
	}
	defer rows.Close()
	var found []*Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, db.explain("read", err)
		}
		found = append(found, e)
	}
	switch {
	case rows.Err() != nil:
		return nil, db.explain("read", rows.Err())
	case len(found) == 0 || strings.TrimSpace(arg) == "":
		return nil, &NoRunError{arg, "no id begins so"}
	case len(found) > 1 && found[0].Meta.ID != arg:
		return nil, &NoRunError{arg, "several begin so, such as " + found[0].Meta.ID + " and " + found[1].Meta.ID}
	}
	return found[0], nil
}

// Before returns the newest run that was stored before seq and asked for the
// same selection; before 0 means the newest of all. nil when there is none.
func (db *DB) Before(ctx context.Context, selection string, seq int64) (*Entry, error) {
	if seq == 0 {
		seq = 1 << 62
	}
	e, err := scanEntry(db.sql.QueryRowContext(ctx, entryColumns+"WHERE selection = ? AND seq < ? ORDER BY seq DESC LIMIT 1", selection, seq))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return e, db.explain("read", err)
}

// Newest returns the newest run that holds a host; a NoRunError when none does.
func (db *DB) Newest(ctx context.Context, host string) (*Entry, error) {
	e, err := scanEntry(db.sql.QueryRowContext(ctx, entryColumns+"WHERE seq = (SELECT last_run FROM host WHERE name = ?)", host))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &NoRunError{Latest, fmt.Sprintf("none holds host %q", host)}
	}
	return e, db.explain("read", err)
}

// Names are the hosts of a run, sorted.
func (db *DB) Names(ctx context.Context, e *Entry) ([]string, error) {
	rows, err := db.sql.QueryContext(ctx, "SELECT name FROM result JOIN host ON host.id = result.host WHERE run = ? ORDER BY name", e.Seq)
	if err != nil {
		return nil, db.explain("read", err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, db.explain("read", err)
		}
		names = append(names, clean(name))
	}
	return names, db.explain("read", rows.Err())
}

// Size is what the runs take, in bytes, without what the file has free.
func (db *DB) Size(ctx context.Context) (int64, error) {
	var size int64
	err := db.sql.QueryRowContext(ctx, `SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&size)
	return size, db.explain("read", err)
}

// Keep says what pruning leaves. A zero field limits nothing.
type Keep struct {
	Since time.Time // runs that began before are removed
	Runs  int       // but never the newest so many
	Bytes int64     // beyond it the oldest go, all but the newest one
}

// Prune removes the oldest runs, and returns how many. What is known of hosts
// goes back no farther than the runs that stay.
func (db *DB) Prune(ctx context.Context, keep Keep) (int, error) {
	p := &pruning{ctx: ctx, db: db}
	total, err := p.byAge(keep)
	for err == nil && keep.Bytes > 0 {
		var size int64
		if size, err = db.Size(ctx); err != nil || size <= keep.Bytes {
			break
		}
		var gone int
		if gone, err = p.tenth(); gone == 0 {
			break
		}
		total += gone
	}
	if err == nil && total > 0 {
		_, err = db.sql.ExecContext(ctx, "PRAGMA incremental_vacuum")
	}
	return total, db.explain("prune", err)
}
