package probe

import (
	"strings"

	"twaudit/internal/audit"
)

// tables joins the fill of other kernel tables with their limits, which stand
// in three sections.
func (p *parser) tables(s *section) error {
	usage := map[string]audit.Usage{
		"neighbour-ipv4": {Used: s.head().count("neighbour4"), Limit: p.sysctlInt("net.ipv4.neigh.default.gc_thresh3")},
		"neighbour-ipv6": {Used: s.head().count("neighbour6"), Limit: p.sysctlInt("net.ipv6.neigh.default.gc_thresh3")},
		"conntrack":      p.conntrack(),
	}
	if sockets := p.facts.Sockstat; sockets != nil {
		usage["orphans"] = audit.Usage{Used: sockets.Orphan, Limit: p.sysctlInt("net.ipv4.tcp_max_orphans")}
		usage["tcp-memory-pages"] = audit.Usage{Used: sockets.MemoryPages, Limit: p.memoryLimit()}
	}
	for name, u := range usage {
		if u.Used == nil {
			delete(usage, name)
		}
	}
	if len(usage) > 0 {
		p.facts.Tables = usage
	}
	return nil
}

// conntrack has had two places in its life.
func (p *parser) conntrack() audit.Usage {
	u := audit.Usage{
		Used:  p.sysctlInt("net.netfilter.nf_conntrack_count"),
		Limit: p.sysctlInt("net.netfilter.nf_conntrack_max"),
	}
	if u.Used == nil {
		u.Used = p.sysctlInt("net.ipv4.netfilter.ip_conntrack_count")
		u.Limit = p.sysctlInt("net.ipv4.netfilter.ip_conntrack_max")
	}
	return u
}

// memoryLimit is the last of the three numbers of tcp_mem: beyond it the kernel
// refuses memory.
func (p *parser) memoryLimit() *int64 {
	words := strings.Fields(p.facts.Sysctl["net.ipv4.tcp_mem"])
	if len(words) != 3 {
		return nil
	}
	return count(words[2])
}
