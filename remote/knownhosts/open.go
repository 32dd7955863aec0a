package knownhosts

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

var (
	errIrregular = errors.New("not a regular file")
	errNull      = errors.New("it keeps nothing")
)

// Open opens a regular file for reading. Anything else is an error: to open a
// pipe, or to read a device, may take for ever. It may still block where the
// file system does.
func Open(file string) (*os.File, error) {
	info, err := os.Stat(file)
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return nil, err
	}
	// Not to wait for a pipe that came in its place.
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = regular(info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func regular(info fs.FileInfo) error {
	switch {
	case info.Mode().IsRegular():
		return nil
	case isNull(info):
		return errNull
	case info.IsDir():
		return syscall.EISDIR
	}
	return errIrregular
}

// isNull is for the usual way to say that no file is wanted.
func isNull(info fs.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(null, info)
}

// Keeps is nil when a line that is appended to file will be read by Load. The
// file need not exist.
func Keeps(file string) error {
	f, err := Open(file)
	if err == nil {
		return f.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}
