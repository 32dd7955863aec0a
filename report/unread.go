package report

import (
	"cmp"
	"slices"

	"twaudit/internal/audit"
)

// unread is one gap with the hosts that have it.
type unread struct {
	audit.Gap
	hosts []string
}

// unreads says what was not read and what would allow it: a verdict is worth
// what it rests on. The gaps of a host that is unknown are its finding already.
func (s *screen) unreads(hosts []audit.HostResult) {
	gaps := gatherGaps(hosts)
	for i, g := range gaps {
		if i == 0 {
			s.heading("Not read")
		}
		if i == maxFindings && !s.full() {
			s.line("  ", s.paint(faint, "and "+plural(len(gaps)-i, "more gap")+": --all shows them"))
			return
		}
		where := " on " + g.hosts[0]
		if len(g.hosts) > 1 {
			where = " on " + plural(len(g.hosts), "host") + ": " + s.names(g.hosts)
		}
		s.line("  ", g.Section+where)
		s.line("    ", g.Reason)
		if g.Remedy != "" {
			s.line("    "+s.paint(cyan, "> "), g.Remedy)
		}
	}
}

// gatherGaps joins equal gaps; those of most hosts come first.
func gatherGaps(hosts []audit.HostResult) []*unread {
	var list []*unread
	known := map[audit.Gap]*unread{}
	for i := range hosts {
		for _, gap := range hosts[i].Gaps {
			if hosts[i].Verdict == audit.VerdictUnknown {
				continue
			}
			g := known[gap]
			if g == nil {
				g = &unread{Gap: gap}
				known[gap] = g
				list = append(list, g)
			}
			if !slices.Contains(g.hosts[max(0, len(g.hosts)-1):], hosts[i].Name) {
				g.hosts = append(g.hosts, hosts[i].Name)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *unread) int {
		return cmp.Or(len(b.hosts)-len(a.hosts), cmp.Compare(a.Section, b.Section), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}
