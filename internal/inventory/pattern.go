package inventory

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"twaudit/internal/text"
)

// term is one piece of a pattern.
type term struct {
	op   byte // '&' keeps only what matches, '!' leaves it out; 0 adds it
	text string
}

// terms takes a pattern apart: at commas, and before :& and :!. A single colon
// parts nothing, because host:2222 is a host. Commas in brackets belong to their
// term, in a ~regex also those in braces and parentheses.
func terms(pattern string) ([]term, error) {
	var list []term
	depth, from := 0, 0
	add := func(end int) error {
		t := term{text: strings.TrimSpace(pattern[from:end])}
		if t.text != "" && (t.text[0] == '&' || t.text[0] == '!') {
			t.op, t.text = t.text[0], strings.TrimSpace(t.text[1:])
		}
		if t.text == "" {
			return fmt.Errorf("%s: a part of the pattern is empty", quote(pattern))
		}
		list = append(list, t)
		return nil
	}
	for i := 0; i < len(pattern); i++ {
		regex := strings.HasPrefix(strings.TrimLeft(pattern[from:i], " &!"), "~")
		switch c := pattern[i]; {
		case c == '\\' && regex:
			i++
		case c == '[' || regex && (c == '(' || c == '{'):
			depth++
		case c == ']' || regex && (c == ')' || c == '}'):
			depth = max(depth-1, 0)
		case depth == 0 && (c == ',' || c == ':' && isOperator(pattern[i+1:])):
			if err := add(i); err != nil {
				return nil, err
			}
			from = i + 1
		}
	}
	return list, add(len(pattern))
}

func isOperator(s string) bool { return s != "" && (s[0] == '&' || s[0] == '!') }

// isPattern reports whether a word can only be meant to select: no host has such
// a name.
func isPattern(word string) bool {
	return word != "" && strings.IndexByte("@~!&", word[0]) >= 0 || strings.ContainsAny(word, "*?=") ||
		strings.Contains(word, ":&") || strings.Contains(word, ":!")
}

// set says of each host whether it is in.
type set []bool

func (s set) count() int {
	n := 0
	for _, in := range s {
		if in {
			n++
		}
	}
	return n
}

// selector matches patterns against hosts. It is filled once, so that a file
// with thousands of names costs no walk over all hosts each.
type selector struct {
	hosts  []Host
	named  map[string][]int // by name, and by the name that ssh is given
	groups map[string][]int
	notes  []Note
	inFile bool // reading a file of patterns
}

func newSelector(hosts []Host) *selector {
	s := &selector{hosts: hosts, named: make(map[string][]int, len(hosts)), groups: map[string][]int{}}
	for i, h := range hosts {
		s.named[h.Name] = append(s.named[h.Name], i)
		if h.Target.Alias != h.Name {
			s.named[h.Target.Alias] = append(s.named[h.Target.Alias], i)
		}
		for _, group := range h.Groups {
			s.groups[group] = append(s.groups[group], i)
		}
	}
	return s
}

func (s *selector) note(format string, args ...any) {
	s.notes = append(s.notes, Note(fmt.Sprintf(format, args...)))
}

// nobodyError is a term that matches no host. What that means depends on where
// it stands.
type nobodyError struct{ why string }

func (e *nobodyError) Error() string { return e.why }

func nobody(format string, args ...any) error {
	return &nobodyError{fmt.Sprintf(format, args...)}
}

func isNobody(err error) bool {
	var none *nobodyError
	return errors.As(err, &none)
}

// add adds the hosts that match one term; a nobodyError when none does.
func (s *selector) add(t string, to set) error {
	found := false
	var err error
	switch name, isGroup := strings.CutPrefix(t, "@"); {
	case isGroup:
		return s.at(name, to)
	case t[0] == '~':
		found, err = s.regex(t[1:], to)
	// Before hosts and groups: one that is called all would hide the others.
	case t == "all":
		found = s.each(to, func(Host) bool { return true })
	case t == "ungrouped":
		found = s.each(to, func(h Host) bool { return len(h.Groups) == 0 })
	case s.exact(t, to):
		return nil
	case strings.Contains(t, "="):
		return s.label(t, to)
	case text.HasRange(t):
		return s.ranges(t, to)
	case strings.Contains(t, "/"):
		found = s.within(t, to)
	case strings.ContainsAny(t, "*?"):
		found = s.glob(t, to)
	}
	if err == nil && !found {
		err = s.unknown(t)
	}
	return err
}

// unknown says that no name is t, and what the operator may have meant.
func (s *selector) unknown(t string) error {
	const why = "no host or group of the inventory has this name"
	if name, _, indexed := strings.Cut(t, "["); indexed && s.groups[name] != nil {
		return nobody("%s: [] holds a range of names, and no positions in the group %s", why, quote(name))
	}
	first, rest, isUnion := strings.Cut(t, ":")
	if isUnion && s.known(first) && s.known(rest) {
		return nobody("%s: both of them are %s", why, text.CleanMax(first+","+rest, 160))
	}
	return nobody(why)
}

// known reports whether t is the name of a host or group, or matches one.
func (s *selector) known(t string) bool {
	scratch := make(set, len(s.hosts))
	return s.exact(t, scratch) || strings.ContainsAny(t, "*?") && s.glob(t, scratch)
}

// each adds the hosts that match; false: there are none.
func (s *selector) each(to set, matches func(Host) bool) bool {
	found := false
	for i, h := range s.hosts {
		if matches(h) {
			to[i], found = true, true
		}
	}
	return found
}

// exact adds the host or group that has just this name.
func (s *selector) exact(t string, to set) bool {
	hosts, members := s.named[t], s.groups[t]
	for _, i := range hosts {
		to[i] = true
	}
	for _, i := range members {
		to[i] = true
	}
	return hosts != nil || members != nil
}

// glob adds what matches with * and ?.
func (s *selector) glob(t string, to set) bool {
	return s.every(to, func(name string) bool { return match(t, name) })
}

// every adds the hosts that have a name, or are in a group, that matches.
func (s *selector) every(to set, matches func(string) bool) bool {
	found := s.each(to, func(h Host) bool {
		return matches(h.Name) || h.Target.Alias != h.Name && matches(h.Target.Alias)
	})
	return s.group(to, matches) || found
}

// group adds the members of the groups whose name matches.
func (s *selector) group(to set, matches func(string) bool) bool {
	found := false
	for group, members := range s.groups { // all add to the same set
		if matches(group) {
			found = true
			for _, i := range members {
				to[i] = true
			}
		}
	}
	return found
}

// regex matches from the beginning of a name, as Ansible does.
func (s *selector) regex(pattern string, to set) (bool, error) {
	re, err := regexp.Compile("^(?:" + pattern + ")")
	if err != nil {
		return false, fmt.Errorf("no regular expression: %s", text.CleanMax(err.Error(), 200))
	}
	return s.every(to, re.MatchString), nil
}

// within adds the hosts whose address is in a network.
func (s *selector) within(t string, to set) bool {
	prefix, err := netip.ParsePrefix(t)
	if err != nil {
		return false
	}
	return s.each(to, func(h Host) bool {
		addr, err := netip.ParseAddr(h.Target.Alias)
		return err == nil && prefix.Contains(addr)
	})
}

// label adds the hosts with key=value, in which the value may hold * and ?.
func (s *selector) label(t string, to set) error {
	key, want, _ := strings.Cut(t, "=")
	if positive, negated := strings.CutSuffix(key, "!"); negated {
		return fmt.Errorf("write '!%s=%s'", text.CleanMax(positive, 80), text.CleanMax(want, 80))
	}
	known := false
	found := s.each(to, func(h Host) bool {
		value, has := h.Labels[key]
		known = known || has
		return has && match(want, value)
	})
	switch {
	case !known:
		return nobody("no host of the inventory has a label %s", quote(key))
	case !found:
		return nobody("no host of the inventory has this value of the label %s", quote(key))
	}
	return nil
}

// ranges adds the names that web[01-03] stands for. Those that are not there are
// said, as long as one is.
func (s *selector) ranges(t string, to set) error {
	all, err := text.Expand(t, maxHosts)
	if err != nil {
		return err
	}
	var missing []string
	for _, name := range all {
		if !s.exact(name, to) && !(strings.ContainsAny(name, "*?") && s.glob(name, to)) {
			missing = append(missing, name)
		}
	}
	switch {
	case len(missing) == len(all):
		return s.unknown(t)
	case len(missing) > 0:
		s.note("%s: the inventory has no %s", quote(t), text.CleanMax(text.Fold(missing), 300))
	}
	return nil
}

// match knows * and ? alone: brackets are part of an IPv6 address. It needs
// time in proportion to the product of both lengths at worst.
func match(pattern, s string) bool {
	p, i, star, from := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
