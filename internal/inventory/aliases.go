package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"twaudit/internal/text"
	"twaudit/remote"
)

// Bounds on what an ssh_config may include; the depth is OpenSSH's.
const (
	maxDepth = 16
	maxFiles = 4096
)

// looksLikeSSHConfig asks for a Host, Match or Include as first setting. A list
// has no second word without '='.
func looksLikeSSHConfig(data []byte) bool {
	for line := range bytes.Lines(data[:min(len(data), maxLine)]) {
		keyword, args := directive(string(line))
		switch keyword {
		case "":
			continue
		case "host", "match", "include":
			return len(args) > 0 && !strings.Contains(string(line), "=")
		}
		return false
	}
	return false
}

// directive takes a line of ssh_config apart: the keyword in small letters, and
// its words. Words that nobody closes are none.
func directive(line string) (keyword string, args []string) {
	line = strings.TrimSpace(line)
	end := strings.IndexAny(line, " \t=\"")
	if end <= 0 || line[0] == '#' {
		return "", nil
	}
	keyword = strings.ToLower(line[:end])
	rest := strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	for rest != "" && rest[0] != '#' {
		stop := " \t"
		if rest[0] == '"' {
			stop, rest = `"`, rest[1:]
		}
		end := strings.IndexAny(rest, stop)
		if end < 0 {
			if stop == `"` {
				return keyword, args
			}
			end = len(rest)
		}
		args = append(args, rest[:end])
		rest = strings.TrimLeft(strings.TrimPrefix(rest[end:], `"`), " \t")
	}
	return keyword, args
}

// aliasReader collects the aliases of an ssh_config and of what it includes.
type aliasReader struct {
	home  string
	files int
	seen  map[string]bool
	hosts []Host
	notes []Note
}

// aliases reads the names that a Host line of an ssh_config gives in full:
// those with wildcards and those behind a '!' name no host. They are hosts as
// `ssh -F FILE ALIAS` reaches them, unless one other file holds for all; settings
// are not read here. An Include counts where it holds for every host.
func (r *reader) aliases(in input) ([]Host, []Note, error) {
	a := &aliasReader{home: r.home, seen: map[string]bool{}}
	if err := a.text(in.data, in.file, 0); err != nil {
		return nil, nil, err
	}
	if len(a.hosts) == 0 {
		return nil, nil, fmt.Errorf("empty inventory: %s has no Host line with a name that is no pattern", in.file)
	}
	switch {
	case in.path == "" && r.oneConfig, in.path != "" && sameFile(in.path, r.sshConfig):
	case in.path == "":
		a.note("%s: only the aliases of this ssh_config are used: settings need a file, as -i ssh_config:FILE", in.file)
	case r.oneConfig:
		a.note("%s: only the aliases of this ssh_config are used: the settings are those of -F %s", in.file, text.CleanMax(r.sshConfig, 200))
	default:
		for i := range a.hosts {
			a.hosts[i].SSH.Config = in.path
		}
	}
	return a.hosts, a.notes, nil
}

// sameFile reports whether two paths lead to one file.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

func (a *aliasReader) text(data []byte, file string, depth int) error {
	always := true // what follows holds for every host
	at := Position{File: file}
	for line := range bytes.Lines(data) {
		at.Line++
		if bytes.IndexByte(line, 0) >= 0 || !utf8.Valid(line) {
			return fmt.Errorf("%s: binary data: an ssh_config is text in UTF-8", at)
		}
		keyword, args := directive(string(line))
		switch {
		case keyword == "match":
			always = len(args) == 1 && strings.EqualFold(args[0], "all")
		case keyword == "host":
			always = len(args) == 1 && args[0] == "*"
			if err := a.named(args, at); err != nil {
				return err
			}
		case keyword == "include" && always:
			if err := a.include(args, at, depth); err != nil {
				return err
			}
		case keyword == "include":
			a.note("%s: the aliases of this Include are left out: it holds for some hosts only", at)
		}
	}
	return nil
}

func (a *aliasReader) note(format string, args ...any) {
	a.notes = append(a.notes, Note(fmt.Sprintf(format, args...)))
}

// named takes the words of a Host line.
func (a *aliasReader) named(words []string, at Position) error {
	for _, name := range words {
		if strings.ContainsAny(name, "*?!") || a.seen[name] {
			continue
		}
		a.seen[name] = true
		// ssh takes user@host and URLs apart before it looks for a Host line,
		// which then never matches.
		if CheckName(name) != nil {
			a.note("%s: the alias %s is left out: ssh takes no such name", at, quote(name))
			continue
		}
		if len(a.hosts) == maxHosts {
			return fmt.Errorf("%s: more than %s hosts", at, text.Count(maxHosts))
		}
		a.hosts = append(a.hosts, Host{Name: name, Target: remote.Target{Alias: name}, At: at})
	}
	return nil
}

// include reads further files, as ssh finds those of a user: in ~/.ssh unless
// the path says otherwise. What is not there is no fault.
func (a *aliasReader) include(words []string, at Position, depth int) error {
	for _, path := range words {
		switch {
		case strings.HasPrefix(path, "~/"):
			path = filepath.Join(a.home, path[2:])
		case !filepath.IsAbs(path):
			path = filepath.Join(a.home, ".ssh", path)
		}
		names, err := filepath.Glob(path)
		if err != nil {
			return fmt.Errorf("%s: Include %s: %w", at, quote(path), err)
		}
		slices.Sort(names)
		for _, name := range names {
			// As for glob(3), a wildcard matches no leading dot.
			if strings.HasPrefix(filepath.Base(name), ".") && !strings.HasPrefix(filepath.Base(path), ".") {
				continue
			}
			if a.files++; depth == maxDepth || a.files > maxFiles {
				return fmt.Errorf("%s: too many Include: look for a file that includes itself", at)
			}
			data, err := readSmall(name)
			switch {
			case errors.Is(err, errNoFile):
				continue
			case err != nil:
				return fmt.Errorf("%s: Include %s: %w", at, quote(name), bare(err))
			}
			if err := a.text(data, text.CleanMax(name, 200), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// errNoFile is for what Include passes over: directories, devices, pipes.
var errNoFile = errors.New("no regular file")

// readSmall reads a regular file, and opens nothing that could block.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err == nil && len(data) > MaxBytes {
		err = errTooBig
	}
	return data, err
}
