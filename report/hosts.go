package report

import (
	"slices"
	"strings"

	"twaudit/internal/audit"
)

// maxGroups is how many groups a terminal shows, those with the worst host first.
const maxGroups = 50

// subject is what the row of a host shows: the table of the network namespace
// that its verdict comes from.
type subject struct {
	*audit.HostResult
	audit.TimeWait
	namespace string // empty: the one of the login
	space     string // Namespace.ID of that; empty: the one of the login
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
		s.namespace, s.space = n.Name, n.ID
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

// hosts draws the rows of hosts, in groups where that is asked for, and explains
// below the table what needs it there, and nothing else.
func (s *screen) hosts(run *audit.Run) {
	list := sorted(run.Hosts, s.Sort)
	if !s.terminal() {
		s.plainTable(list)
		return
	}
	parts := []section{{hosts: list}}
	if s.GroupBy != "" {
		parts = sections(list, s.GroupBy)
	}
	var lists [][]entry
	for i, part := range parts {
		if i == maxGroups && !s.All {
			break
		}
		lists = append(lists, s.list(part.hosts))
	}
	lists = s.brief(lists)
	columns := terminalColumns(s)
	var rows [][]string
	for _, list := range lists {
		for _, e := range list {
			rows = append(rows, s.cells(columns, e))
		}
	}
	if len(rows) == 0 && s.GroupBy == "" {
		return
	}
	room := s.fit(columns, rows)
	s.rows(parts, lists, s.draw(columns, rows, room))
	s.legend(columns, room, lists)
}

// rows writes the drawn lines, the header first, with the titles of groups and the
// numbers of hosts without a row between them.
func (s *screen) rows(parts []section, lists [][]entry, lines []string) {
	s.WriteString("\n" + lines[0] + "\n")
	lines = lines[1:]
	left := false
	for i, list := range lists {
		if s.GroupBy != "" {
			s.line("", s.groupHeading(s.GroupBy, parts[i]))
		}
		for _, e := range list {
			s.WriteString(lines[0] + "\n")
			lines = lines[1:]
			if e.more == 0 {
				continue
			}
			what := string(e.verdict())
			if !s.foldsRows() {
				what = "in this order"
			}
			s.line("   ", s.paint(faint, "and "+plural(e.more, "more host")+" "+what))
			left = true
		}
	}
	if groups := len(parts) - len(lists); groups > 0 {
		s.line("", s.paint(faint, "and "+plural(groups, "more group")))
		left = true
	}
	if left {
		s.line("   ", s.paint(faint, "--all shows every host"))
	}
}

// legend explains the signs that occur in the rows, and no others.
func (s *screen) legend(columns []column, room []int, lists [][]entry) {
	partial, undated, byRuns, full := false, false, false, false
	for _, list := range lists {
		for _, e := range list {
			partial = partial || e.hosts[0].Coverage == audit.CoveragePartial
			if strings.HasPrefix(s.last(e.hosts[0]), "<") {
				undated = true
				byRuns = byRuns || !lastOverflow(e.hosts[0]).sinceBoot
			}
			full = full || strings.HasPrefix(s.headroom(e.hosts[0]), "<")
		}
	}
	shown := func(title string) bool {
		i := slices.IndexFunc(columns, func(c column) bool { return c.title == title })
		return i >= 0 && room[i] > 0
	}
	rules := s.alsoLegend(lists)
	var missing []string
	for c, column := range columns {
		if room[c] == noRoom && column.title != "" {
			missing = append(missing, strings.TrimSpace(column.title))
		}
	}
	for _, note := range []struct {
		said  bool
		words string
	}{
		{partial, "* namespaces or containers were found that could not be read"},
		{undated && shown(titleLast), "< at an unknown time since " + sinceWhat(byRuns)},
		{shown(titleHeadroom), "HEADROOM is how many times this load the limit sustains: below 1x the table fills" + atMost(full)},
		{shown(titleConfig), "CONFIG is the limit that files set, and when that file changed; none: no file sets it"},
		{shown(titleAlso) && rules != "", rules},
		{len(missing) > 0, "no room for " + strings.Join(missing, ", ") + " here: --wide shows all columns"},
	} {
		if note.said {
			s.line("   ", s.paint(faint, note.words))
		}
	}
}

// sinceWhat explains the sign of a time that has no exact one.
func sinceWhat(byRuns bool) string {
	if byRuns {
		return "then: an earlier run, or the boot"
	}
	return "boot, that long ago"
}

// atMost explains the sign of a room that has no lower end.
func atMost(said bool) string {
	if said {
		return "; < the table was full, and the load higher than could be seen"
	}
	return ""
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
