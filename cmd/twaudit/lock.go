package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"twaudit/internal/text"
)

// lockTry is how often a lock is asked for again.
const lockTry = 100 * time.Millisecond

// holdLock makes sure that no other scan of the selection with --lock runs, until
// its result is called. The lock ends with the process, however that ends.
func (a *App) holdLock(ctx context.Context, flags *scanFlags, selection string) (func(), error) {
	if !flags.lock && flags.waitLock == 0 {
		return func() {}, nil
	}
	path, err := a.historyPath(flags.history)
	if err != nil {
		return nil, &usageError{fmt.Errorf("--lock: %w", err), "set one of them, or name a file with --history: the lock is beside it"}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, notOurs(err)
	}
	file, err := os.OpenFile(path+"."+selection+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, notOurs(err)
	}
	if err := awaitLock(ctx, file, time.Duration(flags.waitLock)); err != nil {
		file.Close()
		return nil, err
	}
	a.sign(file)
	return func() { file.Close() }, nil
}

// sign writes into a lock who holds it, for the message of those who do not get it.
// The words of an earlier holder say nothing: only a held lock is read.
func (a *App) sign(file *os.File) {
	words := fmt.Sprintf("process %d since %s\n", os.Getpid(), a.Now().UTC().Format(time.RFC3339))
	if err := file.Truncate(0); err == nil {
		_, _ = file.WriteAt([]byte(words), 0) // on a full disk the message is poorer
	}
}

// holder is what the holder of a lock wrote into it; empty when it wrote nothing.
func holder(file *os.File) string {
	words := make([]byte, 100)
	n, _ := file.ReadAt(words, 0) // what is there, however short
	line, _, _ := strings.Cut(string(words[:n]), "\n")
	return text.CleanMax(line, len(words))
}

// notOurs adds to an error about a file or directory of another user whose it is.
func notOurs(err error) error {
	if owned := whose(err); owned != "" {
		return &hintedError{err, owned + ": run as the user whose history it is, give it to this one with chown, or name another file with --history"}
	}
	return err
}

// whose says whom that belongs to which err had no permission for; empty when it is
// another error.
func whose(err error) string {
	var denied *fs.PathError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &denied) {
		return ""
	}
	path := denied.Path
	info, err := os.Stat(path)
	for err != nil && path != filepath.Dir(path) { // what is in a closed directory cannot be looked at
		path = filepath.Dir(path)
		info, err = os.Stat(path)
	}
	if err != nil {
		return denied.Path + " is another user's"
	}
	owner, ok := ownerOf(info)
	if !ok || owner == os.Geteuid() {
		return path + " does not let this user in"
	}
	return fmt.Sprintf("%s belongs to %s, and this is %s", path, nameOf(owner), nameOf(os.Geteuid()))
}

// nameOf is the name of a user, or the number of one without a name.
func nameOf(uid int) string {
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return text.CleanMax(found.Username, 40)
	}
	return "uid " + strconv.Itoa(uid)
}

// awaitLock returns nil when the lock is ours.
func awaitLock(ctx context.Context, file *os.File, patience time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(lockTry)
	defer ticker.Stop()
	for {
		if got, err := tryLock(file); err != nil {
			return fmt.Errorf("lock %s: %w", file.Name(), err)
		} else if got {
			return nil
		}
		select {
		case <-ticker.C:
		case <-waiting.Done():
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return lockedError(file, patience)
		}
	}
}

// lockedError says who is in the way.
func lockedError(file *os.File, waited time.Duration) error {
	words := "another scan of the same selection is running"
	if who := holder(file); who != "" {
		words += ": " + who
	}
	words += fmt.Sprintf(" (lock %s)", file.Name())
	hint := "wait for it with --wait-lock 10m; the lock ends with that process, and removing the file frees nothing"
	if waited > 0 {
		words += "; waited " + text.Duration(waited)
		hint = "wait longer, or bound such a run with --deadline; the lock ends with that process, and removing the file frees nothing"
	}
	return &hintedError{errors.New(words), hint}
}
