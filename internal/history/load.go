package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
)

// Reader gives a stored run as the JSON text that a run is saved as, so that
// what reads a file bounds and cleans this too. It decodes one host at a time.
// Hosts come in the order in which they are known, which is not that of reports.
type Reader struct {
	db    *DB
	rows  *sql.Rows
	seeds map[int64][]byte
	un    unpacker
	text  bytes.Buffer // still to be read
	some  bool         // a host was written
	done  bool
}

// Open gives the text of a run; with a host, that host is its only one.
func (db *DB) Open(ctx context.Context, e *Entry, host string) (*Reader, error) {
	seeds, err := readSeeds(ctx, db.sql)
	if err != nil {
		return nil, db.explain("read", err)
	}
	r := &Reader{db: db, seeds: seeds}
	var head []byte
	if err := db.sql.QueryRowContext(ctx, "SELECT head FROM run WHERE seq = ?", e.Seq).Scan(&head); err != nil {
		return nil, db.explain("read", err)
	}
	// hosts is the last field of a run, and null in its head.
	head, isLast := bytes.CutSuffix(head, []byte(`null}`))
	if !isLast {
		return nil, db.damaged(fmt.Errorf("run %s has no list of hosts", e.Meta.ID))
	}
	r.text.Write(head)
	r.text.WriteString("[")
	query, args := "", []any{e.Seq}
	if host != "" {
		query, args = " AND result.host = (SELECT id FROM host WHERE name = ?)", append(args, host)
	}
	r.rows, err = db.sql.QueryContext(ctx, `SELECT base.seed, base.data, doc FROM result
		LEFT JOIN piece base ON base.id = result.base WHERE run = ?`+query+` ORDER BY result.host`, args...)
	if err != nil {
		return nil, db.explain("read", err)
	}
	return r, nil
}

// Close ends the reading.
func (r *Reader) Close() error { return r.rows.Close() }

func (r *Reader) Read(b []byte) (int, error) {
	for r.text.Len() == 0 {
		if r.done {
			return 0, io.EOF
		}
		if err := r.next(); err != nil {
			return 0, r.db.explain("read", err)
		}
	}
	return r.text.Read(b)
}

// next decodes one more host, or writes the end.
func (r *Reader) next() error {
	if !r.rows.Next() {
		r.done = true
		r.text.WriteString("]}")
		return r.rows.Err()
	}
	var seed sql.NullInt64
	var base, doc []byte
	if err := r.rows.Scan(&seed, &base, &doc); err != nil {
		return err
	}
	if !seed.Valid {
		return r.db.damaged(errors.New("the text of a host is missing"))
	}
	text, err := r.un.unpack(base, r.seeds[seed.Int64])
	if err == nil {
		text, err = r.un.unpack(doc, text)
	}
	if err != nil {
		return r.db.damaged(err)
	}
	if r.some {
		r.text.WriteString(",")
	}
	r.some = true
	r.text.Write(text)
	return nil
}
