package sshconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	ssh_config "github.com/kevinburke/ssh_config"
)

// Bounds on what is read. OpenSSH has only the first; the others keep a
// wildcard Include from eating the machine.
const (
	maxDepth = 16
	maxFiles = 4096
	maxBytes = 64 << 20
)

// config is all files, flat: a section of an included file applies when the
// section around the Include does, too.
type config struct {
	sections []section
	index    index

	places         map[string]place // first line of each keyword of ours
	lists          []setting        // lists with a value that holds a blank, one value a line
	beyond         []beyond         // in file order
	unknown        []unknown        // in file order
	ignoresUnknown bool             // some section holds IgnoreUnknown
	piped          []byte           // see Options
}

// section is a run of settings for the hosts that all its conditions match.
type section struct {
	conditions []patterns
	settings   []setting
}

type setting struct {
	place
	keyword string
	value   string
	order   int  // among all settings of all files
	user    bool // from the user's files; OpenSSH drops duplicates only within one kind
}

// loader builds a config.
type loader struct {
	options Options
	config  *config
	order   int
	files   int
	bytes   int64
}

// source is one file on its way in.
type source struct {
	path       string
	user       bool // relative Includes live in ~/.ssh, not beside the system file
	checkOwner bool
	depth      int
	conditions []patterns
}

// load reads what ssh would read. Missing and unreadable files are fine where
// they are for ssh.
func load(o Options) (*config, error) {
	l := &loader{options: o, config: &config{places: map[string]place{}}}
	if err := l.commandLine(); err != nil {
		return nil, err
	}
	var err error
	switch {
	case isNone(o.File):
	case o.File != "":
		err = l.file(source{path: o.File, user: true})
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EISDIR) {
			return nil, fmt.Errorf("read ssh configuration: %w", err)
		}
	default:
		if o.Home != "" {
			err = l.file(source{path: o.userFile(), user: true, checkOwner: true})
		}
		if err == nil || isUnreadable(err) {
			err = l.file(source{path: o.systemFile()})
		}
	}
	if err != nil && !isUnreadable(err) {
		return nil, err
	}
	l.config.index = newIndex(l.config.sections)
	return l.config, nil
}

// isUnreadable is for files that ssh passes over in silence.
func isUnreadable(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ENOTDIR)
}

// commandLine reads Options.Settings as a file of its own before all others.
func (l *loader) commandLine() error {
	for _, text := range l.options.Settings {
		parsed := lexLine(text, place{})
		switch useOf(parsed.keyword) {
		case host, match, include:
			return &Error{place{File: commandLine}, parsed.keyword + " is not possible here", ""}
		}
		if strings.ContainsAny(text, "\n\x00") {
			return &Error{place{File: commandLine}, "a setting must be one line", ""}
		}
	}
	return l.text(source{path: commandLine, user: true}, []byte(strings.Join(l.options.Settings, "\n")))
}

// file reads one file and what it includes. Its errors, when a file cannot be
// opened, are those of the file system.
func (l *loader) file(s source) error {
	if l.files++; s.depth > maxDepth || l.files > maxFiles {
		return &Error{place{File: s.path}, "too many Include", "look for a file that includes itself"}
	}
	named := s.depth == 0 && s.path == l.options.File
	if named && l.options.piped != nil {
		l.config.piped = l.options.piped
		return l.text(s, l.config.piped)
	}
	f, pipe, err := open(s, named)
	if f == nil || err != nil {
		return err
	}
	defer f.Close()
	if pipe {
		if l.config.piped, err = readPipe(s, f); err != nil {
			return err
		}
		return l.text(s, l.config.piped)
	}
	if err := checkOwner(f, s); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxBytes-l.bytes+1))
	if err != nil {
		return err
	}
	if l.bytes += int64(len(data)); l.bytes > maxBytes {
		return &Error{place{File: s.path}, "the configuration is larger than 64 MiB", ""}
	}
	return l.text(s, data)
}

// checkOwner refuses, as ssh does, a file that others may have written.
func checkOwner(f *os.File, s source) error {
	info, err := f.Stat()
	if err != nil || !s.checkOwner {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	foreign := ok && owner.Uid != 0 && int(owner.Uid) != os.Getuid()
	if foreign || info.Mode().Perm()&0o022 != 0 {
		return &Error{place{File: s.path}, "bad owner or permissions: others may write to it", "chown it to yourself and run chmod go-w on it"}
	}
	return nil
}

// text guards and parses a file, and appends its sections.
func (l *loader) text(s source, data []byte) error {
	g, err := guard(s.path, data)
	if err != nil {
		return err
	}
	l.config.beyond = append(l.config.beyond, g.beyond...)
	parsed, err := ssh_config.Decode(bytes.NewReader(g.plain.Bytes()))
	if err != nil {
		return &Error{place{File: s.path}, "not understood: " + err.Error(), ""}
	}
	for _, host := range parsed.Hosts {
		conditions := s.conditions
		if p := newPatterns(host.Patterns); !p.all() {
			conditions = append(slices.Clip(conditions), p)
		}
		if err := l.nodes(s, g, conditions, host.Nodes); err != nil {
			return err
		}
	}
	l.remember(g)
	return nil
}

// nodes appends the lines of one section. An Include splits it: what follows
// belongs to the section again, whatever the included file ended with.
func (l *loader) nodes(s source, g *guarded, conditions []patterns, nodes []ssh_config.Node) error {
	at := l.begin(conditions)
	for _, node := range nodes {
		kv, ok := node.(*ssh_config.KV)
		if !ok {
			continue
		}
		l.order++
		switch kv.Key {
		case unknownLine:
			bad := g.lines[atoi(kv.Value)]
			l.config.unknown = append(l.config.unknown, unknown{bad.place, bad.keyword, l.order})
		case includeLine:
			if err := l.include(s, conditions, g.lines[atoi(kv.Value)]); err != nil {
				return err
			}
			at = l.begin(conditions)
		default:
			where := place{s.path, kv.Pos().Line}
			if s.path == commandLine {
				where.Line = 0
			}
			section := &l.config.sections[at]
			section.settings = append(section.settings, setting{where, kv.Key, kv.Value, l.order, s.user})
			l.config.ignoresUnknown = l.config.ignoresUnknown || kv.Key == "ignoreunknown"
		}
	}
	return nil
}

// begin opens a section and returns its index: a pointer would not outlive the
// next append.
func (l *loader) begin(conditions []patterns) int {
	l.config.sections = append(l.config.sections, section{conditions: conditions})
	return len(l.config.sections) - 1
}

// atoi reads an index that the guard wrote.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// include reads the files that an Include names, word by word, each in the order
// of their names. A file may come in several times: its settings then depend on
// the section around it.
func (l *loader) include(s source, conditions []patterns, at line) error {
	for _, path := range at.args {
		switch {
		case path[0] == '~' && !s.user:
			return at.refused("must not lead home in a system file")
		case path[0] == '~':
			path = filepath.Join(l.options.Home, path[1:])
		case !filepath.IsAbs(path) && s.user:
			path = filepath.Join(l.options.Home, ".ssh", path)
		case !filepath.IsAbs(path):
			path = filepath.Join(filepath.Dir(l.options.systemFile()), path)
		}
		for _, name := range glob(path) {
			err := l.file(source{name, s.user, true, s.depth + 1, conditions})
			switch {
			case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.EISDIR):
			case errors.Is(err, fs.ErrPermission):
				return at.refused("names a file that cannot be read")
			case err != nil:
				return err
			}
		}
	}
	return nil
}

// glob is glob(3): unlike filepath.Glob, its wildcards match no leading dot,
// which leaves out the backups of editors.
func glob(pattern string) []string {
	names, _ := filepath.Glob(pattern) // only wildcards get here, so no pattern is bad
	wanted := strings.Split(filepath.Clean(pattern), "/")
	names = slices.DeleteFunc(names, func(name string) bool {
		for i, part := range strings.Split(filepath.Clean(name), "/") {
			if strings.HasPrefix(part, ".") && i < len(wanted) && !strings.HasPrefix(wanted[i], ".") {
				return true
			}
		}
		return false
	})
	slices.Sort(names)
	return names
}

// remember keeps what is needed to explain and to complete answers of ssh -G.
func (l *loader) remember(g *guarded) {
	for _, line := range g.lines {
		u := useOf(line.keyword)
		if _, seen := l.config.places[line.keyword]; !seen && u > ignore {
			l.config.places[line.keyword] = line.place
		}
		if u == list && slices.ContainsFunc(line.args, func(s string) bool { return strings.Contains(s, " ") }) {
			l.config.lists = append(l.config.lists, setting{line.place, line.keyword, strings.Join(line.args, "\n"), 0, false})
		}
	}
}
