package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"twaudit/internal/text"
)

// Kind is a syntax of inventories.
type Kind string

// The kinds.
const (
	KindAuto      Kind = ""           // decided by the source itself
	KindList      Kind = "list"       // a host a line
	KindCSV       Kind = "csv"        // a table with a header
	KindSSHConfig Kind = "ssh_config" // the aliases of an ssh_config
	KindAnsible   Kind = "ansible"    // whatever Ansible reads: one of those below
	KindINI       Kind = "ini"
	KindYAML      Kind = "yaml"
	KindJSON      Kind = "json" // the answer of a script to --list
	KindDirectory Kind = "directory"
	KindProgram   Kind = "program"           // prints such JSON
	KindCommand   Kind = "ansible-inventory" // a source for that command's plugins
)

// Kinds are the values of --inventory-kind.
func Kinds() []string {
	return []string{
		string(KindList), string(KindCSV), string(KindSSHConfig), string(KindAnsible), string(KindINI), string(KindYAML),
		string(KindJSON), string(KindDirectory), string(KindProgram), string(KindCommand),
	}
}

// input is one source, read.
type input struct {
	data []byte // without a byte order mark
	file string // for messages
	path string // for what must be opened again; empty for standard input
	dir  string // whose group_vars and host_vars belong to it; empty: none
}

// format is a kind that is told by its text.
type format struct {
	kind  Kind
	looks func(data []byte) bool
	read  func(context.Context, *reader, input) ([]Host, []Note, error)
}

// formats are tried in this order; the plain list comes last, because it has
// nothing by which it could be told.
var formats = []format{
	{KindJSON, looksLikeDynamic, func(_ context.Context, _ *reader, in input) ([]Host, []Note, error) {
		return parseDynamic(in.data, in.file, in.dir)
	}},
	{KindCommand, mayBePlugin, func(ctx context.Context, _ *reader, in input) ([]Host, []Note, error) {
		if in.path == "" {
			return nil, nil, fmt.Errorf("inventory %s: the settings of an Ansible plugin: give the file itself with -i, ansible-inventory has to read it", in.file)
		}
		return askAnsible(ctx, in.path)
	}},
	{KindYAML, looksLikeYAML, func(_ context.Context, _ *reader, in input) ([]Host, []Note, error) {
		return parseAnsibleYAML(in.data, in.file, in.dir)
	}},
	{KindSSHConfig, looksLikeSSHConfig, func(_ context.Context, r *reader, in input) ([]Host, []Note, error) {
		return r.aliases(in)
	}},
	{KindINI, mayBeINI, func(_ context.Context, _ *reader, in input) ([]Host, []Note, error) {
		return parseAnsibleINI(in.data, in.file, in.dir)
	}},
	{KindCSV, looksLikeCSV, func(_ context.Context, r *reader, in input) ([]Host, []Note, error) {
		return parseCSV(r, in)
	}},
	{KindList, func([]byte) bool { return true }, func(_ context.Context, r *reader, in input) ([]Host, []Note, error) {
		return parseList(r, in)
	}},
}

// mayBePlugin and mayBeINI spare a long list the look at each of its lines:
// without these words there is nothing to find.
func mayBePlugin(data []byte) bool {
	return bytes.Contains(data, []byte("plugin")) && looksLikePlugin(data)
}

func mayBeINI(data []byte) bool {
	return (bytes.IndexByte(data, '[') >= 0 || bytes.Contains(data, []byte("ansible_"))) && looksLikeINI(data)
}

// ofAnsible are the kinds that KindAnsible chooses from; what is none of the
// others is INI.
func ofAnsible(k Kind) bool {
	return k == KindJSON || k == KindCommand || k == KindYAML || k == KindINI
}

// ParseKind reads the value of a flag. The error lists what is allowed.
func ParseKind(s string) (Kind, error) {
	for _, k := range Kinds() {
		if s == k {
			return Kind(k), nil
		}
	}
	return "", fmt.Errorf("unknown inventory kind %s: it is one of %s", quote(s), strings.Join(Kinds(), ", "))
}

// MaxBytes is how large one inventory may be: 50,000 hosts with labels fit into
// a tenth of it.
const MaxBytes = 64 << 20

var errTooBig = fmt.Errorf("more than %s: is this a list of hosts?", text.Bytes(MaxBytes))

// SSHConfigPrefix begins the path of a Source that is an ssh_config; alone it is
// the one of the request.
const SSHConfigPrefix = "ssh_config:"

// read opens a source and parses it.
func (r *reader) read(ctx context.Context, s Source, stdin io.Reader) ([]Host, []Note, error) {
	if s.Kind != KindAuto {
		if _, err := ParseKind(string(s.Kind)); err != nil {
			return nil, nil, err
		}
	}
	if path, isConfig := strings.CutPrefix(s.Path, SSHConfigPrefix); isConfig {
		if path == "" {
			path = r.sshConfig
		}
		s = Source{Path: path, Kind: KindSSHConfig}
	}
	if s.Path != "-" {
		return r.open(ctx, s)
	}
	if stdin == nil {
		return nil, nil, errors.New("inventory -: there is no standard input")
	}
	in := input{file: "standard input"}
	if err := in.fill(stdin); err != nil {
		return nil, nil, err
	}
	return r.parse(ctx, s.Kind, in)
}

// open reads what has a name: a file, a directory, or a program.
func (r *reader) open(ctx context.Context, s Source) ([]Host, []Note, error) {
	in := input{file: text.CleanMax(s.Path, 200), path: s.Path}
	fault := func(err error) error { return fmt.Errorf("inventory %s: %w", in.file, bare(err)) }
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, nil, fault(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, fault(err)
	case info.IsDir() && (s.Kind == KindAuto || s.Kind == KindAnsible || s.Kind == KindDirectory):
		return readAnsibleDir(ctx, s.Path)
	case s.Kind == KindProgram:
		return runInventory(ctx, s.Path)
	case s.Kind == KindCommand:
		return askAnsible(ctx, s.Path)
	case info.IsDir():
		return nil, nil, fault(fmt.Errorf("is a directory, and no %s", s.Kind))
	case s.Kind == KindDirectory:
		return nil, nil, fault(errors.New("is no directory"))
	case info.Size() > MaxBytes:
		return nil, nil, fmt.Errorf("inventory %s: %s, %w", in.file, text.Bytes(info.Size()), errTooBig)
	}
	if info.Mode().IsRegular() {
		in.dir = filepath.Dir(s.Path)
	}
	in.data = make([]byte, 0, info.Size()+bytes.MinRead)
	if err := in.fill(f); err != nil {
		return nil, nil, err
	}
	if s.Kind == KindAuto && isStuck(info.Mode(), in.data) {
		return nil, nil, errStuck(in.file)
	}
	if (s.Kind == KindAuto || s.Kind == KindAnsible) && isProgram(info.Mode(), in.data) {
		return runInventory(ctx, s.Path)
	}
	return r.parse(ctx, s.Kind, in)
}

// fill reads the text. The bound also holds for a pipe, whose size nobody knows
// beforehand.
func (in *input) fill(from io.Reader) error {
	buffer := bytes.NewBuffer(in.data)
	_, err := buffer.ReadFrom(io.LimitReader(from, MaxBytes+1))
	data := buffer.Bytes()
	switch {
	case err != nil:
		return fmt.Errorf("inventory %s: %w", in.file, bare(err))
	case len(data) > MaxBytes:
		return fmt.Errorf("inventory %s: %w", in.file, errTooBig)
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return fmt.Errorf("inventory %s: the text is in UTF-16: save it in UTF-8", in.file)
	}
	in.data = bytes.TrimPrefix(data, []byte("\ufeff"))
	return nil
}

// parse reads the text as kind, or as what it looks like.
func (r *reader) parse(ctx context.Context, kind Kind, in input) ([]Host, []Note, error) {
	for _, f := range formats {
		switch {
		case kind == f.kind,
			kind == KindAuto && f.looks(in.data),
			kind == KindAnsible && ofAnsible(f.kind) && (f.kind == KindINI || f.looks(in.data)):
			if kind == KindAuto && f.kind == KindList {
				if err := notList(in); err != nil {
					return nil, nil, err
				}
			}
			return f.read(ctx, r, in)
		}
	}
	return nil, nil, fmt.Errorf("inventory %s: %s needs a file or a directory, not a stream", in.file, kind)
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
