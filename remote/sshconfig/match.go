package sshconfig

import (
	"slices"
	"strings"

	ssh_config "github.com/kevinburke/ssh_config"

	"twaudit/internal/text"
)

// patterns is one Host line. The library's own matching is not used: for it a
// question mark may match nothing, and a regular expression per pattern costs
// 25 ms for each host of a large configuration.
type patterns []string

func newPatterns(parsed []*ssh_config.Pattern) patterns {
	p := make(patterns, len(parsed))
	for i, pattern := range parsed {
		p[i] = pattern.String()
	}
	return p
}

// all tells whether p is just *.
func (p patterns) all() bool { return len(p) == 1 && p[0] == "*" }

// literal tells whether p matches exactly the names that it lists.
func (p patterns) literal() bool {
	return !slices.ContainsFunc(p, func(s string) bool { return s[0] == '!' || strings.ContainsAny(s, "*?") })
}

// match tells whether some pattern matches name and no negated one does.
func (p patterns) match(name string) bool { return text.MatchList(p, name) }

// matchList is match for a list with commas, as IgnoreUnknown takes one.
func matchList(list, name string) bool {
	return patterns(strings.Split(strings.ToLower(list), ",")).match(name)
}

// index finds the sections of a host without asking each of them.
type index struct {
	byName map[string][]int // sections that need this very name
	rest   []int            // all others
}

// newIndex files a section under the names of its first condition that lists
// names only; the other conditions are asked when it is found.
func newIndex(sections []section) index {
	x := index{byName: map[string][]int{}}
	for i, s := range sections {
		if len(s.settings) == 0 {
			continue
		}
		literal := slices.IndexFunc(s.conditions, patterns.literal)
		if literal < 0 {
			x.rest = append(x.rest, i)
			continue
		}
		for _, name := range s.conditions[literal] {
			if ids := x.byName[name]; len(ids) == 0 || ids[len(ids)-1] != i {
				x.byName[name] = append(ids, i)
			}
		}
	}
	return x
}

// settings calls visit with what applies to a host, in the order of the files.
func (c *config) settings(name string, visit func(setting) error) error {
	named, rest := c.index.byName[name], c.index.rest
	for len(named)+len(rest) > 0 {
		var next int
		if len(rest) == 0 || (len(named) > 0 && named[0] < rest[0]) {
			next, named = named[0], named[1:]
		} else {
			next, rest = rest[0], rest[1:]
		}
		section := c.sections[next]
		if slices.ContainsFunc(section.conditions, func(p patterns) bool { return !p.match(name) }) {
			continue
		}
		for _, s := range section.settings {
			if err := visit(s); err != nil {
				return err
			}
		}
	}
	return nil
}
