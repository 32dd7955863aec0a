package probe

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bounds of an answer. A host may send anything; an honest one stays far below.
const (
	maxLine         = 16_384  // bytes of a line that are looked at
	maxSectionLines = 40_000  // lines of a section
	maxSectionBytes = 4 << 20 // bytes of a section
	maxGaps         = 64
)

const markPrefix = "twaudit-probe "

// frame is an answer taken apart into sections.
type frame struct {
	version  string
	sections map[string]*section
}

// section is one section; the first block is what stands before any "= " line.
type section struct {
	name   string
	blocks []*block
	gaps   []string // "WHAT REASON", as sent
	lines  int
	bytes  int
	cut    bool // it was longer than we read
}

// block is a part of a section that was opened by "= NAME ARGS".
type block struct {
	name  string
	args  string
	pairs []pair
	raw   []string
}

// pair is one "key VALUE" line.
type pair struct{ key, value string }

// readFrame finds begin and end and what stands between them.
func readFrame(raw []byte, nonce string) (*frame, error) {
	rest, nonce, version, ok := findBegin(raw, nonce)
	if !ok {
		return nil, ErrNoBegin
	}
	if want := strconv.Itoa(Version); version != want {
		return nil, &VersionError{Got: clean(version), Want: want}
	}
	f := &frame{version: version, sections: map[string]*section{}}
	mark := []byte(markPrefix + nonce + " ")
	var current *section
	size := len(rest)
	for len(rest) > 0 {
		var line []byte
		line, rest = cutLine(rest)
		if words, ok := bytes.CutPrefix(line, mark); ok {
			verb, name, _ := strings.Cut(strings.TrimSpace(string(words)), " ")
			switch verb {
			case "end":
				return f, nil
			case "section":
				current = f.open(name)
			}
			continue
		}
		current.add(line)
	}
	e := &IncompleteError{Bytes: size}
	if current != nil {
		e.Section = clean(current.name)
	}
	return nil, e
}

// findBegin skips whatever a login profile printed. The mark is looked for at
// the begin of lines only.
func findBegin(raw []byte, nonce string) (rest []byte, found, version string, ok bool) {
	for len(raw) > 0 {
		var line []byte
		line, raw = cutLine(raw)
		words := strings.Fields(string(bytes.TrimPrefix(line, []byte(markPrefix))))
		if !bytes.HasPrefix(line, []byte(markPrefix)) || len(words) != 3 || words[1] != "begin" {
			continue
		}
		if words[0] == nonce || nonce == "" && isNonce(words[0]) {
			return raw, words[0], words[2], true
		}
	}
	return nil, "", "", false
}

func isNonce(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// cutLine takes the first line off, without its end and no longer than maxLine.
func cutLine(raw []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(raw, []byte{'\n'})
	if len(line) > maxLine {
		line = line[:maxLine]
	}
	return line, rest
}

// open begins a section. One that comes twice goes on where it stopped: the
// script never does that, and a host that lies gains nothing by it.
func (f *frame) open(name string) *section {
	if s := f.sections[name]; s != nil || len(f.sections) > 32 {
		return s
	}
	s := &section{name: name, blocks: []*block{{}}}
	f.sections[name] = s
	return s
}

// add files one line of the section. A nil section drops it.
func (s *section) add(line []byte) {
	if s == nil {
		return
	}
	s.lines, s.bytes = s.lines+1, s.bytes+len(line)
	if s.lines > maxSectionLines || s.bytes > maxSectionBytes {
		s.cut = true
		return
	}
	last := s.blocks[len(s.blocks)-1]
	if raw, ok := bytes.CutPrefix(line, []byte{'|'}); ok {
		last.raw = append(last.raw, strings.TrimRight(string(raw), "\r"))
		return
	}
	key, value, _ := strings.Cut(strings.TrimRight(string(line), " \r"), " ")
	switch key {
	case "":
	case "=":
		name, args, _ := strings.Cut(value, " ")
		s.blocks = append(s.blocks, &block{name: name, args: args})
	case "gap":
		s.gaps = append(s.gaps, value)
	default:
		last.pairs = append(last.pairs, pair{key, value})
	}
}

// head is what stands before the first block.
func (s *section) head() *block { return s.blocks[0] }

// block is the first one of that name; nil when there is none.
func (s *section) block(name string) *block {
	for _, b := range s.blocks[1:] {
		if b.name == name {
			return b
		}
	}
	return nil
}

// pairs are the "key VALUE" lines of all blocks: some are sent after a block
// without being a part of it.
func (s *section) pairs() []pair {
	var all []pair
	for _, b := range s.blocks {
		all = append(all, b.pairs...)
	}
	return all
}

// value is the first line with that key in any block; empty without one.
func (s *section) value(key string) string {
	for _, b := range s.blocks {
		if v, ok := b.value(key); ok {
			return clean(v)
		}
	}
	return ""
}

// value is what the first line with that key holds, and whether there is one.
func (b *block) value(key string) (string, bool) {
	for _, p := range b.pairs {
		if p.key == key {
			return p.value, true
		}
	}
	return "", false
}

func (b *block) text(key string) string {
	v, _ := b.value(key)
	return clean(v)
}

func (b *block) yes(key string) bool {
	v, _ := b.value(key)
	return v == "yes"
}

// count is a number that cannot be negative; nil when it is absent or is none.
func (b *block) count(key string) *int64 {
	v, _ := b.value(key)
	return count(v)
}

// century bounds times in seconds: what claims more is none.
const century = 100 * 365 * 24 * 3600

// seconds is a time with decimals; nil when it is absent or is none.
func (b *block) seconds(key string) *float64 {
	v, _ := b.value(key)
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f >= century {
		return nil
	}
	return &f
}

// integer reads a decimal number. One that does not fit is none: the largest
// that does would be a number that nobody read.
func integer(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func count(s string) *int64 {
	if n, ok := integer(s); ok && n >= 0 {
		return &n
	}
	return nil
}

// syntaxError quotes what could not be read.
func syntaxError(what, got string) error {
	return fmt.Errorf("%s: %q", what, clean(got))
}
