package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"twaudit/internal/text"
)

// choose applies Names, Only, Limit and Exclude, in this order. A pattern of
// Names or Limit that matches nothing is an error: the operator meant a host
// that is not there. An empty result is one, too, and says which step left
// nobody.
func choose(hosts []Host, r Request) ([]Host, []Note, error) {
	if len(hosts) == 0 {
		return nil, nil, errors.New("no hosts: name some, or give an inventory with -i FILE")
	}
	if r.Names == nil && r.Only == nil && r.Limit == nil && r.Exclude == nil {
		return hosts, nil, nil
	}
	s := newSelector(hosts)
	chosen := make(set, len(hosts))
	for i := range chosen {
		chosen[i] = true
	}
	for _, step := range []func(set, Request) error{s.names, s.only, s.limit, s.exclude} {
		if err := step(chosen, r); err != nil {
			return nil, nil, err
		}
	}
	kept := make([]Host, 0, chosen.count())
	for i, in := range chosen {
		if in {
			kept = append(kept, hosts[i])
		}
	}
	return kept, s.notes, nil
}

func (s *selector) names(chosen set, r Request) error {
	return s.narrow(chosen, "host", r.Names)
}

func (s *selector) limit(chosen set, r Request) error {
	return s.narrow(chosen, "--limit", r.Limit)
}

// narrow keeps what patterns select.
func (s *selector) narrow(chosen set, what string, patterns []string) error {
	if patterns == nil {
		return nil
	}
	before := chosen.count()
	found, err := s.all(patterns)
	if err != nil {
		return fmt.Errorf("%s %w", what, err)
	}
	chosen.and(found)
	if chosen.count() == 0 {
		return fmt.Errorf("%s %s: none of the %s selected so far matches", what, quote(strings.Join(patterns, ",")), hostCount(before))
	}
	return nil
}

// exclude leaves hosts out. A pattern that matches nothing costs nothing, but
// the host that was meant is still in: that is said.
func (s *selector) exclude(chosen set, r Request) error {
	for _, pattern := range r.Exclude {
		found, err := s.all([]string{pattern})
		switch {
		case isNobody(err):
			s.note("--exclude %v: it leaves nobody out", err)
			continue
		case err != nil:
			return fmt.Errorf("--exclude %w", err)
		}
		before := chosen.count()
		chosen.without(found)
		if chosen.count() == 0 {
			return fmt.Errorf("no hosts left after --exclude %s: it matches the %s that were", quote(pattern), hostCount(before))
		}
	}
	return nil
}

// only keeps the hosts that a file names.
func (s *selector) only(chosen set, r Request) error {
	if r.Only == nil {
		return nil
	}
	if len(r.Only.Names) == 0 {
		return fmt.Errorf("no hosts: %s names none", r.Only.From)
	}
	found := make(set, len(s.hosts))
	var missing []string
	for _, name := range r.Only.Names {
		if !s.exact(name, found) {
			missing = append(missing, name)
		}
	}
	chosen.and(found)
	folded := text.CleanMax(text.Fold(missing), 300)
	switch {
	case len(missing) == len(r.Only.Names):
		return fmt.Errorf("no hosts: none of %s is in the inventory: %s", r.Only.From, folded)
	case chosen.count() == 0:
		return fmt.Errorf("no hosts: none of %s is selected", r.Only.From)
	case len(missing) > 0:
		s.note("%s of %s: not in the inventory: %s", text.Count(int64(len(missing))), r.Only.From, folded)
	}
	return nil
}

// hostCount is a number of hosts in words.
func hostCount(n int) string {
	if n == 1 {
		return "1 host"
	}
	return text.Count(int64(n)) + " hosts"
}

// all is what one of patterns selects. Those that only keep or leave out, such
// as !web03, count for all the others; alone they start from every host.
func (s *selector) all(patterns []string) (set, error) {
	var adding, narrowing [][]term
	for _, pattern := range patterns {
		list, err := terms(pattern)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(list, func(t term) bool { return t.op == 0 }) {
			adding = append(adding, list)
		} else {
			narrowing = append(narrowing, list)
		}
	}
	found := make(set, len(s.hosts))
	for _, list := range adding {
		part, err := s.eval(list, make(set, len(s.hosts)))
		if err != nil {
			return nil, err
		}
		found.or(part)
	}
	if len(adding) == 0 {
		s.each(found, func(Host) bool { return true })
	}
	return s.eval(slices.Concat(narrowing...), found)
}

// eval applies the terms of one pattern to found, in Ansible's order: first
// what adds, then what keeps, then what leaves out.
func (s *selector) eval(list []term, found set) (set, error) {
	for _, t := range list {
		if t.op != 0 {
			continue
		}
		if err := s.add(t.text, found); err != nil {
			return nil, fmt.Errorf("%s: %w", quote(t.text), err)
		}
	}
	for _, op := range []byte{'&', '!'} {
		for _, t := range list {
			if t.op != op {
				continue
			}
			if err := s.apply(t, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func (s *selector) apply(t term, found set) error {
	part := make(set, len(s.hosts))
	err := s.add(t.text, part)
	before := found.count()
	switch {
	case isNobody(err) && t.op == '!':
		s.note("%s in a pattern: %v", quote("!"+t.text), err)
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", quote(t.text), err)
	case t.op == '&':
		found.and(part)
	default:
		found.without(part)
	}
	if found.count() == 0 {
		return fmt.Errorf("%s: nobody is left of the %s before it", quote(string(t.op)+t.text), hostCount(before))
	}
	return nil
}

// at adds the hosts of @NAME: a group, or the names in a file. A slash makes it
// a file; where group and file have the same name, nobody guesses.
func (s *selector) at(name string, to set) error {
	if strings.Contains(name, "/") {
		return s.file(name, to)
	}
	isGroup := s.group(to, func(group string) bool { return match(name, group) })
	_, err := os.Stat(name)
	switch isFile := err == nil && !s.inFile; {
	case isGroup && isFile:
		return fmt.Errorf("a group and a file have this name: write @./%s for the file, %s for the group", text.CleanMax(name, 80), text.CleanMax(name, 80))
	case isGroup:
		return nil
	case isFile:
		return s.file(name, to)
	}
	return nobody("there is neither a group nor a file of this name")
}

// maxPatterns bounds a file of patterns that are no plain names: each of them is
// compared with every host.
const maxPatterns = 1000

// file adds the hosts that the lines of a file select: a pattern a line, of
// which further words are ignored, so that a list of hosts will do. What matches
// nothing is said, because the hosts of an old list may be gone.
func (s *selector) file(path string, to set) error {
	if s.inFile {
		return errors.New("a file of patterns cannot name another one")
	}
	data, err := readSmall(path)
	if err != nil {
		return bare(err)
	}
	list, err := fileTerms(data, text.CleanMax(path, 200))
	if err != nil {
		return err
	}
	s.inFile = true
	defer func() { s.inFile = false }()
	kept, missing := list[:0], []string(nil)
	scratch := make(set, len(s.hosts))
	for _, t := range list {
		err := s.add(t.text, scratch)
		switch {
		case isNobody(err):
			missing = append(missing, t.text)
		case err != nil:
			return fmt.Errorf("%s: %w", quote(t.text), err)
		default:
			kept = append(kept, t)
		}
	}
	switch {
	case len(kept) == 0:
		return nobody("the inventory has nothing that the file names")
	case len(missing) > 0:
		s.note("%s: not in the inventory: %s", text.CleanMax(path, 200), text.CleanMax(text.Fold(missing), 300))
	}
	found := make(set, len(s.hosts))
	if !slices.ContainsFunc(kept, func(t term) bool { return t.op == 0 }) {
		s.each(found, func(Host) bool { return true })
	}
	if found, err = s.eval(kept, found); err == nil {
		to.or(found)
	}
	return err
}

// fileTerms takes the lines of a file of patterns apart.
func fileTerms(data []byte, file string) ([]term, error) {
	var list []term
	at, costly := Position{File: file}, 0
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) {
		at.Line++
		if bytes.IndexByte(line, 0) >= 0 || !utf8.Valid(line) {
			return nil, fmt.Errorf("%s: binary data: a list of patterns is text in UTF-8", at)
		}
		pattern, _, err := word(strings.TrimSuffix(string(line), "\n"))
		if err != nil || pattern == "" || pattern[0] == '#' {
			continue
		}
		parts, err := terms(pattern)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		if isPattern(pattern) {
			costly++
		}
		if list = append(list, parts...); costly > maxPatterns {
			return nil, fmt.Errorf("%s: more than %s patterns", at, text.Count(maxPatterns))
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s names no host", file)
	}
	return list, nil
}

func (s set) or(other set) {
	for i, in := range other {
		s[i] = s[i] || in
	}
}

func (s set) and(other set) {
	for i, in := range other {
		s[i] = s[i] && in
	}
}

func (s set) without(other set) {
	for i, in := range other {
		s[i] = s[i] && !in
	}
}
