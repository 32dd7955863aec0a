package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"twaudit/internal/text"
)

// section is a header such as [web], [web:vars] or [web:children].
var section = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)

// iniReader reads one file of Ansible's INI.
type iniReader struct {
	t       *tree
	from    origin
	line    int
	group   *group
	content string // of the section: hosts, vars or children

	declared map[*group]bool
	pending  []pending
}

// pending is a group that is used before, or without, a section of its own.
type pending struct {
	group *group
	line  int
	by    string // the header of the section that uses it
}

// readINI adds one file to the tree. As for Ansible, what stands before the first
// section is in no group, and groups that earlier files declared are declared.
func (t *tree) readINI(data []byte, from origin) error {
	r := &iniReader{t: t, from: from, group: t.groups["ungrouped"], content: "hosts", declared: map[*group]bool{}}
	for _, g := range t.listed { // by an earlier file
		r.declared[g] = true
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	for raw := range bytes.Lines(data) {
		r.line++
		line, err := textLine(raw)
		if err == nil && line != "" {
			err = r.read(line)
		}
		if err != nil {
			return positioned(from.at(r.line), err)
		}
	}
	for _, p := range r.pending {
		if !r.declared[p.group] {
			return fmt.Errorf("%s: section %s names the group %s, which does not exist: add a section [%s]",
				from.at(p.line), quote(p.by), quote(p.group.name), text.CleanMax(p.group.name, 60))
		}
	}
	return nil
}

// textLine is a line without blanks around it; empty for comments, which may be
// in any encoding.
func textLine(raw []byte) (string, error) {
	if len(raw) > maxLine {
		return "", fmt.Errorf("a line of more than %s: is this an inventory?", text.Bytes(maxLine))
	}
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] == '#' || raw[0] == ';' {
		return "", nil
	}
	if bytes.IndexByte(raw, 0) >= 0 || !utf8.Valid(raw) {
		return "", errors.New("binary data: an inventory is text in UTF-8")
	}
	return string(raw), nil
}

// placedError knows its position already.
type placedError struct{ error }

func (e placedError) Unwrap() error { return e.error }

// positioned puts the line in front of an error, unless it has one.
func positioned(at Position, err error) error {
	var placed placedError
	if errors.As(err, &placed) {
		return placed.error
	}
	return fmt.Errorf("%s: %w", at, err)
}

// read takes one line that is neither blank nor comment. A host may begin with a
// bracket too, as [2001:db8::1]:22 does.
func (r *iniReader) read(line string) error {
	if header := section.FindStringSubmatch(line); header != nil {
		return r.begin(line, header[1], header[2])
	}
	if line[0] == '[' && line[len(line)-1] == ']' {
		return fmt.Errorf("section %s: write [GROUP], [GROUP:vars] or [GROUP:children] without blanks", quote(line))
	}
	switch r.content {
	case "vars":
		return r.variable(line)
	case "children":
		return r.child(line)
	}
	return r.host(line)
}

// begin opens a section. One of variables needs a group that exists, but that may
// be declared further down.
func (r *iniReader) begin(line, name, content string) (err error) {
	if r.content = content; content == "" {
		r.content = "hosts"
	}
	if r.group, err = r.t.group(name, r.from.at(r.line)); err != nil {
		return placedError{err}
	}
	switch r.content {
	case "hosts", "children":
		r.declared[r.group] = true
	case "vars":
		r.pending = append(r.pending, pending{r.group, r.line, line})
	default:
		name = text.CleanMax(name, 60)
		return fmt.Errorf("section %s: %s is unknown: write [%s], [%s:vars] or [%s:children]", quote(line), quote(content), name, name, name)
	}
	return nil
}

// variable reads a line of [GROUP:vars]: all after = is the value, with its
// blanks, and a comment only where Python would see one.
func (r *iniReader) variable(line string) error {
	name, v, found := strings.Cut(line, "=")
	if !found {
		return fmt.Errorf("%s: a variable is written NAME=VALUE", quote(line))
	}
	if err := r.t.groupVar(r.group, strings.TrimSpace(name), pythonValue(strings.TrimSpace(v)), r.from.at(r.line)); err != nil {
		return placedError{err}
	}
	return nil
}

// child reads a line of [GROUP:children].
func (r *iniReader) child(line string) error {
	name, _, _ := strings.Cut(line, "#")
	name = strings.TrimSpace(name)
	if name == "" || strings.ContainsFunc(name, unicode.IsSpace) || strings.ContainsAny(name, ":]") {
		return fmt.Errorf("%s: a section of children holds one group a line", quote(line))
	}
	at := r.from.at(r.line)
	child, err := r.t.group(name, at)
	if err != nil {
		return placedError{err}
	}
	r.pending = append(r.pending, pending{child, r.line, "[" + r.group.name + ":children]"})
	if err := r.t.contain(r.group, child, at); err != nil {
		return placedError{err}
	}
	return nil
}

// host reads a line of hosts: a pattern, and variables that all its hosts get.
// Quotes are those of a shell first, and then those of Python.
func (r *iniReader) host(line string) error {
	words, err := shellWords(line, true)
	switch {
	case err != nil:
		return fmt.Errorf("host line %s: %w", quote(line), err)
	case len(words) == 0:
		return nil
	case words[0] == "---":
		return fmt.Errorf("%s begins a YAML file, but this is read as INI: name it .yml or use --inventory-kind", quote(words[0]))
	}
	members, err := r.t.named(words[0], r.group, r.from, r.line)
	if err != nil {
		return placedError{err}
	}
	for _, word := range words[1:] {
		name, v, found := strings.Cut(word, "=")
		if !found {
			return fmt.Errorf("second word %s is no variable: write NAME=VALUE, or one host a line", quote(word))
		}
		for _, m := range members {
			r.t.keep(&m.vars, name, pythonValue(v), r.from.at(r.line))
		}
	}
	return nil
}

// portPattern is a host with its port: one in brackets, or a name that may hold
// ranges.
var portPattern = regexp.MustCompile(`^(?:\[(.+)\]|((?:[\pL\pN_.-]|\[[^\]]*\])*)):([0-9]+)$`)

// splitPattern cuts the port off a host of Ansible's; 0 when it has none. What
// Ansible does not take for host and port stays whole.
func splitPattern(s string) (name string, port int, err error) {
	parts := portPattern.FindStringSubmatch(s)
	switch {
	case s == "":
		return "", 0, errors.New("the host name is missing")
	case parts == nil && s[len(s)-1] == ':' && !strings.HasSuffix(s, "::"):
		return "", 0, errors.New("after ':' the port is missing")
	case parts == nil:
		return s, 0, nil
	}
	port, err = number(parts[3])
	if err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("port %s is no number from 1 to 65535", quote(parts[3]))
	}
	return parts[1] + parts[2], port, nil
}

// quotedText is a Python string without escapes, and a comment that may follow.
var quotedText = regexp.MustCompile(`^(?:"([^"\\]*)"|'([^'\\]*)')\s*(?:#.*)?$`)

// pythonValue reads a value as Ansible does: as a literal of Python where it is
// one, else as the text it is.
func pythonValue(s string) scalar {
	if parts := quotedText.FindStringSubmatch(s); parts != nil {
		return scalar{text: parts[1] + parts[2]}
	}
	bare, _, _ := strings.Cut(s, "#")
	bare = strings.TrimSpace(bare)
	switch bare {
	case "None":
		return scalar{form: null}
	case "True", "False":
		return scalar{text: bare}
	}
	// A leading zero is an error of Python, so that Ansible takes the text.
	octal := len(bare) > 1 && bare[0] == '0' && bare[1] >= '0' && bare[1] <= '9'
	if n, err := strconv.ParseInt(bare, 0, 64); err == nil && !octal {
		return scalar{text: strconv.FormatInt(n, 10)}
	}
	return scalar{text: s}
}
