package inventory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"twaudit/internal/text"
)

// Kind is a syntax of inventories.
type Kind string

// The kinds.
const (
	KindAuto Kind = "" // decided by the text itself
	KindList Kind = "list"
)

// kind is one syntax: how its text is told from the others' and read.
type kind struct {
	name  Kind
	parse func(r io.Reader, file string) ([]Host, []Note, error)
}

// kinds are tried in this order; the plain list comes last, because it has
// nothing by which it could be told.
var kinds = []kind{
	{KindList, Parse},
}

// ParseKind reads the value of a flag. The error lists what is allowed.
func ParseKind(s string) (Kind, error) {
	var names []string
	for _, k := range kinds {
		if s == string(k.name) {
			return k.name, nil
		}
		names = append(names, string(k.name))
	}
	return "", fmt.Errorf("unknown inventory kind %s: it is one of %s", quote(s), strings.Join(names, ", "))
}

// MaxBytes is how large one inventory may be: 50,000 hosts with labels fit into
// a tenth of it.
const MaxBytes = 64 << 20

var errTooBig = fmt.Errorf("more than %s: is this a list of hosts?", text.Bytes(MaxBytes))

// read opens a source and parses it.
func (s Source) read(stdin io.Reader) ([]Host, []Note, error) {
	if s.Path == "-" {
		if stdin == nil {
			return nil, nil, errors.New("inventory -: there is no standard input")
		}
		return s.parse(stdin, "standard input")
	}
	name := text.CleanMax(s.Path, 200)
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("inventory %s: %w", name, bare(err))
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("inventory %s: %w", name, bare(err))
	case info.IsDir():
		return nil, nil, fmt.Errorf("inventory %s: is a directory: name the file in it", name)
	case info.Size() > MaxBytes:
		return nil, nil, fmt.Errorf("inventory %s: %s, %w", name, text.Bytes(info.Size()), errTooBig)
	}
	return s.parse(f, name)
}

func (s Source) parse(r io.Reader, file string) ([]Host, []Note, error) {
	for _, k := range kinds {
		if s.Kind == k.name || s.Kind == KindAuto {
			return k.parse(r, file)
		}
	}
	_, err := ParseKind(string(s.Kind))
	return nil, nil, err
}

// bare drops the path that the caller has named already.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// quote shows text that somebody else wrote, bounded.
func quote(s string) string { return `"` + text.CleanMax(s, 80) + `"` }
