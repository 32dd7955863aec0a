package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// newFileMode is the mode of files that did not exist: a report says where a
// fleet is weak.
const newFileMode fs.FileMode = 0o600

// place is where an output goes. A regular file is written under a temporary
// name beside it and renamed by commit, so that a reader never sees half a
// report; standard output, devices and pipes are written directly.
type place struct {
	name     string      // as the user wrote it, for messages
	target   string      // the file behind it, links followed; empty for stdout
	info     os.FileInfo // of what stands there; nil when nothing does
	w        io.Writer
	file     *os.File // to be closed; nil for stdout
	renaming bool     // file is temporary and becomes target
}

// openPlace opens path for writing, or takes stdout for "-" and for every other
// name of the same file. On an error the place is nil.
func openPlace(path string, stdout io.Writer) (*place, error) {
	p := &place{name: path}
	stdoutInfo := statStream(stdout)
	info, err := os.Stat(path)
	switch {
	case path == stdoutPath, err == nil && stdoutInfo != nil && os.SameFile(info, stdoutInfo) && !isNull(info):
		p.name, p.w, p.info = "standard output", stdout, stdoutInfo
		return p, nil
	case err == nil && info.IsDir():
		return nil, unwritable(path, errors.New("is a directory"))
	case err == nil && !info.Mode().IsRegular():
		p.info, p.target = info, path
		return p, p.openDirect(path)
	case err == nil:
		p.info = info
	case !errors.Is(err, fs.ErrNotExist):
		return nil, unwritable(path, err)
	}
	return p, p.openTemporary(path)
}

// statStream tells where a stream leads; nil for one without a file.
func statStream(w io.Writer) os.FileInfo {
	if file, ok := w.(*os.File); ok {
		if info, err := file.Stat(); err == nil {
			return info
		}
	}
	return nil
}

// openDirect opens a device or a pipe. Without O_NONBLOCK the open of a named
// pipe that nobody reads would wait for ever.
func (p *place) openDirect(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if errors.Is(err, syscall.ENXIO) {
		err = errors.New("nobody reads this pipe")
	}
	if err != nil {
		return unwritable(path, err)
	}
	p.file, p.w = file, file
	return nil
}

// openTemporary creates the temporary file beside the target. That it can be
// created shows that the rename will work too: both need the directory.
func (p *place) openTemporary(path string) error {
	target, err := followLinks(path)
	if err != nil {
		return unwritable(path, err)
	}
	mode := newFileMode
	if p.info != nil {
		// A rename needs no right to the file itself, but the user may have
		// taken that right away on purpose.
		existing, err := os.OpenFile(target, os.O_WRONLY, 0)
		if err != nil {
			return unwritable(path, err)
		}
		existing.Close()
		mode = p.info.Mode().Perm()
	}
	file, err := createTemporary(target)
	if err != nil {
		return unwritable(path, err)
	}
	p.target, p.file, p.w, p.renaming = target, file, file, true
	if err := file.Chmod(mode); err != nil {
		p.discard()
		return unwritable(path, err)
	}
	return nil
}

// publish lets everybody read a file that did not exist before.
func (p *place) publish() error {
	if !p.renaming || p.info != nil {
		return nil
	}
	if err := p.file.Chmod(0o644); err != nil {
		return unwritable(p.name, err)
	}
	return nil
}

// followLinks is the absolute name of the file that path leads to, which need
// not exist. A rename onto a symbolic link would replace the link.
func followLinks(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range 40 { // as many as Linux follows
		next, err := os.Readlink(path)
		if err != nil { // no link, or nothing there
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			return filepath.Join(dir, filepath.Base(path)), err
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	return "", syscall.ELOOP
}

// unwritable is err about path; the path is left out of a PathError, which may
// name our temporary file instead.
func unwritable(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &usageError{fmt.Errorf("output %s cannot be written: %w", path, err), ""}
}

// same reports whether both places are one. The null device may be named often.
func (p *place) same(q *place) bool {
	if p.info != nil && q.info != nil {
		return os.SameFile(p.info, q.info) && !isNull(p.info)
	}
	return p.info == nil && q.info == nil && p.target == q.target
}

// isNull reports whether info is the null device: writing there is always fine.
func isNull(info os.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(null, info)
}

// isFile reports whether the place is a regular file or one to be.
func (p *place) isFile() bool { return p.renaming }

func (p *place) Write(b []byte) (int, error) { return p.w.Write(b) }

// commit makes what was written the content of the place.
func (p *place) commit() error {
	if p.file == nil {
		return nil
	}
	if !p.renaming {
		return p.file.Close()
	}
	// Without the sync a crash after the rename can leave an empty file on
	// file systems that delay allocation. Closed before the rename, the file would
	// look stale to another run.
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := os.Rename(p.file.Name(), p.target); err != nil {
		return err
	}
	p.renaming = false
	return p.file.Close()
}

// discard gives the place up and leaves what stood there before. After commit,
// and on a nil place, it does nothing.
func (p *place) discard() {
	if p == nil || p.file == nil {
		return
	}
	if p.renaming {
		os.Remove(p.file.Name())
	}
	p.renaming = false
	p.file.Close() // already closed after commit
}
