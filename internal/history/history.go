// Package history keeps finished runs in one SQLite file, and tells what earlier
// runs know of a host. A run is stored whole and once, in one transaction: a
// process that is killed at any moment leaves the file with every run that was
// stored, and without the one that was not.
//
// It does not judge, and makes no run: what a host's past means is for diagnose,
// what two runs differ in for audit.Compare. It never touches a file that is not
// its own. Start with Open, then DB.Store and DB.Past.
package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite" // also the driver of database/sql, named sqlite
	lib "modernc.org/sqlite/lib"

	"twaudit/internal/audit"
)

// busy is how long to wait for another process that writes. Storing a run of
// ten thousand hosts takes a second or two.
const busy = 30 * time.Second

// dirMode is that of what we make, and files have 0600: a history says where a fleet
// is weak.
const dirMode fs.FileMode = 0o700

// Options say how to open a history. The zero value opens it for storing runs.
type Options struct {
	// Existing opens only what is there, with what rights there are: for reading.
	Existing bool
	// Encode is the JSON form of a host; nil is that of encoding/json.
	Encode func(*audit.HostResult) ([]byte, error)

	unsynced bool // nothing waits for the disk: for tests, which no power failure can spoil
}

// DB is an open history. It is safe for several goroutines, and the file for
// several processes.
type DB struct {
	sql    *sql.DB
	info   os.FileInfo  // of the file that was opened
	past   [3]*sql.Stmt // see pastQueries
	path   string
	encode func(*audit.HostResult) ([]byte, error)
}

// Open opens the history in the file at path; without Existing it makes file and
// directory where they are missing. Its errors are those of the file system
// (fs.ErrNotExist with Existing), ErrForeign, a NewerError, or a DamagedError.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if !o.Existing {
		if err := create(ctx, path); err != nil {
			return nil, err
		}
	}
	info, err := inspect(path)
	if err != nil {
		return nil, err
	}
	mode := "rw"
	if o.Existing && !writable(path) {
		mode = "ro"
	}
	handle, err := sql.Open("sqlite", dsn(path, mode, o.unsynced))
	if err != nil {
		return nil, fmt.Errorf("open history %s: %w", path, err)
	}
	// More would only wait for each other.
	handle.SetMaxOpenConns(runtime.GOMAXPROCS(0))
	db := &DB{sql: handle, info: info, path: path, encode: o.Encode}
	if db.encode == nil {
		db.encode = func(h *audit.HostResult) ([]byte, error) { return json.Marshal(h) }
	}
	if err := db.prepare(ctx, !o.Existing); err != nil {
		handle.Close()
		return nil, db.explain("open", err)
	}
	return db, nil
}

// Path is the absolute name of the file.
func (db *DB) Path() string { return db.path }

// Close gives the file back.
func (db *DB) Close() error { return db.sql.Close() }

// dsn names the file with what every connection needs. Transactions take the
// write lock when they begin: one that reads first and then wants to write
// meets "database is locked" at once, whatever the timeout.
//
// The journal is SQLite's rollback journal, not its write-ahead log: that needs
// shared memory, which network homes do not have, and a directory that may be
// written to even for reading. Our transactions are few and short.
func dsn(path, mode string, unsynced bool) string {
	file := url.URL{Scheme: "file", Path: path}
	values := url.Values{"mode": {mode}, "_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")",
		"trusted_schema(0)",  // a file that somebody else made may hold views and triggers
		"cell_size_check(1)", // damage is found where it is met, not later
		"cache_size(-16384)", // 16 MiB
		"temp_store(2)",      // nothing of it goes to /tmp
		"journal_mode(DELETE)",
	}}
	if unsynced {
		values.Add("_pragma", "synchronous(OFF)")
	}
	return file.String() + "?" + values.Encode()
}

// prepare brings the tables to today's form and readies what is asked for each
// host.
func (db *DB) prepare(ctx context.Context, write bool) error {
	have, err := version(ctx, db.sql)
	if err != nil {
		return err
	}
	// Who may only read does so from a file of schema 1 too.
	if write || have != 1 {
		have = len(migrations())
		err = migrate(ctx, db.sql, migrations(), write)
	}
	if err != nil {
		return err
	}
	for i, query := range pastQueries(have) {
		if db.past[i], err = db.sql.PrepareContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// create makes directory and file where they are missing. The file gets its name
// when it has its tables: who opens it meanwhile would take the half of it for a
// stranger's, and who is killed meanwhile leaves nothing under its name.
func create(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a directory: %w", path, ErrForeign)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return err
	}
	tidy(path)
	content, err := initial(ctx)
	if err != nil {
		return fmt.Errorf("make history %s: %w", path, err)
	}
	return place(path, content)
}

// place writes a file under another name first. A link fails where another process
// was faster, and a rename would replace what that has stored.
func place(path string, content []byte) error {
	// CreateTemp gives 0600; SQLite would give what umask leaves.
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+unborn)
	if err != nil {
		return fmt.Errorf("make history %s: %w", path, bare(err))
	}
	defer os.Remove(file.Name())
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("make history %s: %w", path, bare(err))
	}
	err = os.Link(file.Name(), path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(file.Name(), path) // some file systems have no links
}

// bare leaves out a name that the reader never gave.
func bare(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// unborn ends the name of a history that is not whole yet.
const unborn = ".new-"

// tidy removes what was left by processes that were killed while they made the
// history, which takes milliseconds.
func tidy(path string) {
	entries, _ := os.ReadDir(filepath.Dir(path)) // or they stay
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.Mode().IsRegular() && strings.HasPrefix(entry.Name(), filepath.Base(path)+unborn) && time.Since(info.ModTime()) > time.Minute {
			_ = os.Remove(filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
}

// initial is the content of a history without runs. It is made in memory: in a
// file it would have a journal, which a kill would leave.
func initial(ctx context.Context) (content []byte, err error) {
	db, err := sql.Open("sqlite", "file::memory:?_txlock=immediate")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each has a memory of its own
	if err := migrate(ctx, db, migrations(), true); err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		content, err = c.(interface{ Serialize() ([]byte, error) }).Serialize()
		return err
	})
	return content, err
}

// writable reports whether the file may be written to. Its directory may still
// refuse the journal.
func writable(path string) bool {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	file.Close()
	return true
}

// ErrForeign is a file that is no history of ours. It is left alone.
var ErrForeign = errors.New("it is no history of twaudit")

// NewerError is a history of a later version of this program, which is left
// alone.
type NewerError struct {
	Path       string
	Have, Know int // schema versions
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("history %s has schema %d, and this twaudit knows %d: a newer version wrote it", e.Path, e.Have, e.Know)
}

// DamagedError is a file of ours that can no longer be read, or not for as long
// as its disk is broken. SetAside makes room for a new one.
type DamagedError struct {
	Path string
	info os.FileInfo
	err  error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("history %s is damaged: %v", e.Path, e.err) }
func (e *DamagedError) Unwrap() error { return e.err }

// explain names the file and recognises damage.
func (db *DB) explain(operation string, err error) error {
	var newer *NewerError
	var damaged *DamagedError
	var failed *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &newer):
		newer.Path = db.path
		return newer
	case errors.As(err, &damaged):
		return err
	case errors.As(err, &failed) && (failed.Code()&0xff == lib.SQLITE_CORRUPT || failed.Code()&0xff == lib.SQLITE_NOTADB):
		return db.damaged(err)
	}
	return fmt.Errorf("%s history %s: %w", operation, db.path, err)
}

func (db *DB) damaged(err error) *DamagedError { return &DamagedError{db.path, db.info, err} }

// SetAside renames a damaged history, and the journal that belongs to it, so
// that a new one can begin and nothing is lost that a specialist may still read.
// It returns the new name; an empty one when what stands there is another file by
// now, because another process did the same.
func SetAside(damaged *DamagedError, now time.Time) (string, error) {
	path := damaged.Path
	if info, err := os.Stat(path); err != nil || !os.SameFile(info, damaged.info) {
		return "", nil
	}
	aside := path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	for i := 2; ; i++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		}
		aside = fmt.Sprintf("%s.damaged-%s-%d", path, now.UTC().Format("20060102T150405Z"), i)
	}
	// First the journal: left behind, it would be played back into the new file.
	if err := os.Rename(path+"-journal", aside+"-journal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return aside, os.Rename(path, aside)
}
