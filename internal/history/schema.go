package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// applicationID marks a SQLite file as ours, in its header: "twau".
const applicationID = 0x74776175

// migrations bring a file from one schema version to the next: the first makes
// the tables, and none of them ever changes once it was released.
//
// Times are Unix milliseconds. A run's seq is the order in which runs were
// stored, whatever the clock said. Absent numbers are NULL.
//
//	run     a run without its hosts; head is its JSON
//	host    one for each name ever seen; base and traits are the current pieces
//	piece   text that many results refer to: see pieces.go. last is the seq of the
//	        last run that may refer to it, NULL while it is current
//	result  one host of one run; doc is its JSON, as a difference from base
//	state   stretches in which boot, namespace, limit (lim) and counter (total) stood still
//	peak    the fullest look at a table on a UTC day
func migrations() []string {
	return []string{`
CREATE TABLE run (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	started INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	selection TEXT NOT NULL,
	label TEXT NOT NULL,
	hosts INTEGER NOT NULL,
	head BLOB NOT NULL
);
CREATE INDEX run_selection ON run(selection, seq);
CREATE TABLE host (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	first_seen INTEGER,
	last_seen INTEGER,
	last_seen_run TEXT,
	last_verdict TEXT,
	missed INTEGER NOT NULL DEFAULT 0,
	missed_since INTEGER,
	last_run INTEGER NOT NULL,
	base INTEGER,
	traits INTEGER
);
CREATE TABLE piece (
	id INTEGER PRIMARY KEY,
	host INTEGER,
	kind TEXT NOT NULL,
	seed INTEGER,
	data BLOB NOT NULL,
	last INTEGER
);
CREATE INDEX piece_last ON piece(last) WHERE last IS NOT NULL;
CREATE INDEX piece_host ON piece(host);
CREATE INDEX piece_seed ON piece(id) WHERE kind = 'seed';
CREATE TABLE result (
	run INTEGER NOT NULL,
	host INTEGER NOT NULL,
	status TEXT NOT NULL,
	verdict TEXT,
	stage TEXT,
	buckets INTEGER,
	total INTEGER,
	traits INTEGER,
	base INTEGER NOT NULL,
	doc BLOB,
	PRIMARY KEY (run, host)
) WITHOUT ROWID;
CREATE TABLE state (
	host INTEGER NOT NULL,
	namespace TEXT NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	boot TEXT NOT NULL,
	lim INTEGER,
	total INTEGER,
	PRIMARY KEY (host, namespace, first)
) WITHOUT ROWID;
CREATE TABLE peak (
	day INTEGER NOT NULL,
	host INTEGER NOT NULL,
	namespace TEXT NOT NULL,
	at INTEGER NOT NULL,
	boot TEXT NOT NULL,
	buckets INTEGER NOT NULL,
	lim INTEGER,
	looks INTEGER NOT NULL,
	PRIMARY KEY (day, host, namespace)
) WITHOUT ROWID;
`}
}

// magic begins every SQLite file.
var magic = []byte("SQLite format 3\x00")

// inspect looks at a file before SQLite does, which would gladly add its tables
// to a file of somebody else. An empty file is one that was just made.
func inspect(path string) (os.FileInfo, error) {
	// Without O_NONBLOCK the open of a named pipe would wait for ever.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: %w", path, ErrForeign)
	}
	header := make([]byte, 72)
	n, err := io.ReadFull(file, header)
	ours := bytes.Equal(header[68:72], []byte("twau"))
	switch {
	case errors.Is(err, io.EOF):
		return info, nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, err
	case bytes.Equal(header[:16], magic) && (ours || n < len(header)):
		return info, nil // SQLite says what is wrong with a short one
	// A file system that lost its power may give back zeros.
	case len(bytes.Trim(header, "\x00")) == 0:
		return nil, &DamagedError{path, info, errors.New("it holds zeros")}
	case ours:
		return nil, &DamagedError{path, info, errors.New("its header is not that of SQLite")}
	}
	return nil, fmt.Errorf("%s: %w", path, ErrForeign)
}

// migrate brings an open file to the version that steps lead to, in one
// transaction. Without write an older file is refused: who only reads must not
// change it.
func migrate(ctx context.Context, db *sql.DB, steps []string, write bool) error {
	have, err := version(ctx, db)
	switch {
	case err != nil:
		return err
	case have > len(steps):
		return &NewerError{Have: have, Know: len(steps)}
	case have == len(steps):
		return nil
	case !write && have == 0:
		return errors.New("it holds no runs yet")
	case !write:
		return fmt.Errorf("it has schema %d, and this twaudit reads schema %d: the next scan brings it up to date", have, len(steps))
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Only an empty file can still be told to give back what pruning frees, and
	// not within a transaction.
	if _, err := conn.ExecContext(ctx, "PRAGMA auto_vacuum = INCREMENTAL"); err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	// Another process may have been here before the lock was ours.
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	for ; have < len(steps); have++ {
		if _, err := tx.ExecContext(ctx, steps[have]); err != nil {
			return fmt.Errorf("migrate from schema %d: %w", have, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}

func version(ctx context.Context, db *sql.DB) (have int, err error) {
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have)
	return have, err
}
