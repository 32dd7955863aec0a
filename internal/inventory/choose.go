package inventory

import (
	"errors"
	"fmt"
	"slices"
)

// choose applies Names, Limit and Exclude, in this order. A pattern of Names or
// Limit that matches nothing is an error: the operator meant a host that is not
// there.
func choose(hosts []Host, r Request) ([]Host, error) {
	if len(hosts) == 0 {
		return nil, errors.New("no hosts: name some, or give an inventory with -i FILE")
	}
	for _, step := range []struct {
		what     string
		patterns []string
	}{{"host", r.Names}, {"--limit", r.Limit}} {
		if step.patterns == nil {
			continue
		}
		kept, err := keep(hosts, step.patterns)
		if err != nil {
			return nil, fmt.Errorf("%s %w", step.what, err)
		}
		hosts = kept
	}
	if r.Exclude != nil {
		hosts = slices.DeleteFunc(slices.Clone(hosts), func(h Host) bool {
			return slices.ContainsFunc(r.Exclude, h.matches)
		})
	}
	if len(hosts) == 0 {
		return nil, errors.New("no hosts left after --exclude")
	}
	return hosts, nil
}

func keep(hosts []Host, patterns []string) ([]Host, error) {
	used := make([]bool, len(patterns))
	var kept []Host
	for _, h := range hosts {
		matched := false
		for i, p := range patterns {
			if h.matches(p) {
				used[i], matched = true, true
			}
		}
		if matched {
			kept = append(kept, h)
		}
	}
	for i, p := range patterns {
		if !used[i] {
			return nil, fmt.Errorf("%s: no host or group of the inventory has this name", quote(p))
		}
	}
	return kept, nil
}

// matches reports whether pattern names the host, its bare host name, or one of
// its groups.
func (h Host) matches(pattern string) bool {
	return match(pattern, h.Name) || match(pattern, h.Target.Alias) ||
		slices.ContainsFunc(h.Groups, func(g string) bool { return match(pattern, g) })
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
