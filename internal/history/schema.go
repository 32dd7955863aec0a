package history

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// applicationID marks a SQLite file as ours, in its header: "twau".
const applicationID = 0x74776175

// schema1 makes the tables; the file explains them.
//
//go:embed schema1.sql
var schema1 string

// schema2 adds what tells when a look was besides its date.
//
//go:embed schema2.sql
var schema2 string

// migrations bring a file from one schema version to the next. None of them ever
// changes once it was released.
func migrations() []string { return []string{schema1, schema2} }

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
