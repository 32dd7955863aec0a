package probe

import (
	"regexp"
	"strings"
)

// sysctlName is what a key under /proc/sys looks like. Interface names, which
// may hold anything, are not among those that the script asks for.
var sysctlName = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_-]+)+$`)

// limits reads the settings of the kernel, and the limit of the table in
// particular.
func (p *parser) limits(s *section) error {
	facts := p.facts
	for _, pair := range s.head().pairs {
		if !sysctlName.MatchString(pair.key) || len(pair.key) > 128 {
			continue
		}
		if facts.Sysctl == nil {
			facts.Sysctl = map[string]string{}
		}
		facts.Sysctl[pair.key] = clean(strings.Join(strings.Fields(pair.value), " "))
	}
	limit, ok := facts.Sysctl[limitKey]
	if !ok {
		p.gap("limits", limitKey+" could not be read", "")
		return nil
	}
	n, ok := integer(limit)
	if !ok {
		return syntaxError(limitKey, limit)
	}
	facts.TimeWait.Limit = &n
	facts.TimeWait.DefaultLimit = p.defaultLimit()
	return nil
}

// defaultLimit is half of the hash table for connections. A negative size says
// that a namespace shares the machine's table, from which its default is
// computed all the same.
func (p *parser) defaultLimit() *int64 {
	entries := p.sysctlInt("net.ipv4.tcp_ehash_entries")
	if entries == nil || *entries == 0 {
		return nil
	}
	half := max(*entries, -*entries) / 2
	if half <= 0 {
		return nil
	}
	return &half
}

// sysctlInt is a setting that is one number; nil when it is absent or is none.
func (p *parser) sysctlInt(name string) *int64 {
	if n, ok := integer(p.facts.Sysctl[name]); ok {
		return &n
	}
	return nil
}
