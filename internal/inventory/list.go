package inventory

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"twaudit/internal/text"
)

// Bounds of a plain list, each far beyond any use.
const (
	maxLine  = 64 << 10
	maxHosts = 1 << 20
)

// Parse reads a plain list: one host a line as [user@]host[:port], an IPv6
// address with a port in brackets, then any number of key=value labels, of
// which groups=a,b names groups. Blank lines, comments from # (at the start or
// after a blank) to the end of the line, CRLF and a byte order mark are fine.
// file is only for messages. A host that stands there twice is returned twice:
// Load merges.
func Parse(r io.Reader, file string) ([]Host, []Note, error) {
	counted := &countingReader{r: r}
	lines := bufio.NewScanner(counted)
	lines.Buffer(make([]byte, 0, 16<<10), maxLine)
	var hosts []Host
	at := Position{File: file}
	for lines.Scan() {
		at.Line++
		line := lines.Bytes()
		if at.Line == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		host, found, err := parseLine(line, at)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", at, err)
		}
		if !found {
			continue
		}
		if hosts = append(hosts, host); len(hosts) > maxHosts {
			return nil, nil, fmt.Errorf("%s: more than %s hosts", at, text.Count(maxHosts))
		}
	}
	at.Line++
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, nil, fmt.Errorf("%s: a line of more than %s: is this a list of hosts?", at, text.Bytes(maxLine))
	case err != nil:
		return nil, nil, fmt.Errorf("inventory %s: %w", file, bare(err))
	case len(hosts) == 0:
		return nil, nil, fmt.Errorf("empty inventory: %s names no host; write one host a line, such as root@web1:2222", file)
	}
	return hosts, nil, nil
}

// parseLine reports false for a line without a host.
func parseLine(line []byte, at Position) (Host, bool, error) {
	if bytes.IndexByte(line, 0) >= 0 || !utf8.Valid(line) {
		return Host{}, false, errors.New("binary data: an inventory is text in UTF-8")
	}
	name, rest := word(string(line))
	if name == "" || name[0] == '#' {
		return Host{}, false, nil
	}
	target, err := parseTarget(name)
	if err != nil {
		return Host{}, false, fmt.Errorf("host %s: %w", quote(name), err)
	}
	host := Host{Name: name, Target: target, At: at}
	for {
		var label string
		if label, rest = word(rest); label == "" || label[0] == '#' {
			return host, true, nil
		}
		if err := host.label(label); err != nil {
			return Host{}, false, err
		}
	}
}

// word cuts the first word off s. Only blanks, tabs and a carriage return part
// words: any other white space belongs to the word, whose check then names it.
func word(s string) (first, rest string) {
	const blanks = " \t\r"
	s = strings.TrimLeft(s, blanks)
	end := strings.IndexAny(s, blanks)
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}

// label adds one key=value word.
func (h *Host) label(word string) error {
	key, value, found := strings.Cut(word, "=")
	if !found {
		return fmt.Errorf("second word %s is no label: write key=value, or one host a line", quote(word))
	}
	if !isKey(key) {
		return fmt.Errorf("label %s: the name before = is made of letters, digits, '_', '-', '.' and '/'", quote(word))
	}
	if key != "groups" {
		if h.Labels == nil {
			h.Labels = map[string]string{}
		}
		if _, twice := h.Labels[key]; twice {
			return fmt.Errorf("label %s: %s has a value already", quote(word), key)
		}
		h.Labels[key] = text.Clean(value)
		return nil
	}
	for group := range strings.SplitSeq(value, ",") {
		if !isKey(group) {
			return fmt.Errorf("label %s: a group is made of letters, digits, '_', '-', '.' and '/'", quote(word))
		}
		h.Groups = append(h.Groups, group)
	}
	slices.Sort(h.Groups)
	h.Groups = slices.Compact(h.Groups)
	return nil
}

func isKey(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-./", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// countingReader ends a stream that is larger than an inventory may be, such as
// a pipe whose size nobody knows beforehand.
type countingReader struct {
	r    io.Reader
	seen int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.seen += int64(n); c.seen > MaxBytes {
		return 0, errTooBig
	}
	return n, err
}
