package report

import (
	"slices"
	"strings"

	"twaudit/internal/audit"
)

// maxHealthy is how many hosts without anything to say get a row on a terminal.
const maxHealthy = 10

// subject is what the row of a host shows: the table of the network namespace
// that its verdict comes from.
type subject struct {
	*audit.HostResult
	audit.TimeWait
	namespace string // empty: the one of the login
}

// subjectOf finds the namespace that is as bad as the host. The login's own is
// preferred, because more is known of it.
func subjectOf(h *audit.HostResult) subject {
	s := subject{HostResult: h}
	if h.Facts == nil {
		return s
	}
	s.TimeWait = h.Facts.TimeWait
	as := func(n audit.Namespace) bool { return n.Verdict == h.Verdict }
	if len(h.Facts.Namespaces) == 0 || as(h.Facts.Namespaces[0]) {
		return s
	}
	if i := slices.IndexFunc(h.Facts.Namespaces, as); i > 0 {
		n := h.Facts.Namespaces[i]
		s.TimeWait = audit.TimeWait{Buckets: n.Buckets, Limit: n.Limit, OverflowTotal: n.OverflowTotal, OverflowDelta: n.OverflowDelta}
		s.Ratio = ratioOf(&n)
		s.namespace = n.Name
		if s.namespace == "" {
			s.namespace = "net:[" + n.ID + "]"
		}
	}
	return s
}

// ratioOf is nil where there is nothing to divide, or to divide by.
func ratioOf(n *audit.Namespace) *float64 {
	if n.Buckets == nil || n.Limit == nil || *n.Limit <= 0 {
		return nil
	}
	ratio := float64(*n.Buckets) / float64(*n.Limit)
	return &ratio
}

// hosts draws the audited hosts in their order, and explains below the table the
// signs that occur in it, and no others.
func (s *screen) hosts(hosts []audit.HostResult) {
	if !s.terminal() {
		s.plainRows(hosts)
		return
	}
	columns := terminalColumns(s)
	var rows [][]string
	folded, partial, undated := 0, false, false
	for i := range hosts {
		h := &hosts[i]
		if h.Status != audit.StatusAudited {
			continue // failures have their own section
		}
		if !s.All && healthy(h) {
			if folded++; folded > maxHealthy {
				continue
			}
		}
		row, subject := make([]string, len(columns)), subjectOf(h)
		for c := range columns {
			row[c] = columns[c].cell(subject)
		}
		partial = partial || h.Coverage == audit.CoveragePartial
		undated = undated || strings.HasPrefix(s.last(subject), "<")
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return
	}
	s.WriteString("\n" + s.draw(columns, rows))
	if folded > maxHealthy {
		s.line("   ", s.paint(faint, "and "+plural(folded-maxHealthy, "more host")+" that are ok: a file or a pipe shows them all"))
	}
	if partial {
		s.line("   ", s.paint(faint, "* namespaces or containers were found that could not be read"))
	}
	if undated {
		s.line("   ", s.paint(faint, "< at an unknown time since boot, that long ago"))
	}
}

// healthy reports whether a host may be folded into the number of such hosts.
func healthy(h *audit.HostResult) bool {
	return h.Verdict == audit.VerdictOK && h.Coverage != audit.CoveragePartial && len(flags(h)) == 0
}

// flags are the rules that fired beside the ones that verdicts are named after:
// a milder verdict beside the given one says nothing that the numbers do not.
func flags(h *audit.HostResult) []string {
	var rest []string
	for _, flag := range h.Flags {
		if !slices.Contains(audit.Verdicts, audit.Verdict(flag)) {
			rest = append(rest, flag)
		}
	}
	return rest
}
