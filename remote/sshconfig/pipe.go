package sshconfig

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Bounds on a pipe, which may have neither a writer nor an end.
const (
	maxPipe      = 16 << 20
	pipePatience = 10 * time.Second
)

// open opens a regular file, or a pipe where named allows one: a shell makes one
// of -F <(command). f is nil for /dev/null, in which nothing stands. Devices are
// refused, since to read one may take for ever.
func open(s source, named bool) (f *os.File, pipe bool, _ error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, false, err
	}
	null, err := os.Stat(os.DevNull)
	if err == nil && os.SameFile(null, info) {
		return nil, false, nil
	}
	pipe = info.Mode()&os.ModeNamedPipe != 0
	switch {
	case info.IsDir():
		return nil, false, &os.PathError{Op: "open", Path: s.path, Err: syscall.EISDIR}
	case !info.Mode().IsRegular() && !(pipe && named):
		return nil, false, &Error{place{File: s.path}, "not a regular file", "write the configuration into a file"}
	}
	f, err = os.OpenFile(s.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	return f, pipe, err
}

// readPipe never returns nothing without an error: a pipe without a writer looks
// like an empty one, and hosts would be reached in other ways than was meant.
func readPipe(s source, f *os.File) ([]byte, error) {
	if err := f.SetReadDeadline(time.Now().Add(pipePatience)); err != nil {
		return nil, fmt.Errorf("read ssh configuration: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPipe+1))
	switch {
	case err != nil:
		return nil, &Error{place{File: s.path}, "the pipe does not end: " + err.Error(), "write the configuration into a file"}
	case len(data) == 0:
		return nil, &Error{place{File: s.path}, "nothing came out of the pipe", "write the configuration into a file"}
	case len(data) > maxPipe:
		return nil, &Error{place{File: s.path}, "the pipe gives more than 16 MiB", "write the configuration into a file"}
	}
	return data, nil
}
