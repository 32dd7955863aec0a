package report

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"twaudit/internal/audit"
)

// plainTitles head the rows for pipes and files: one value in each column, none
// empty, exact numbers, times in RFC 3339, every host.
func plainTitles() table.Row {
	return table.Row{"VERDICT", "HOST", "NAMESPACE", "BUCKETS", "LIMIT", "USED", "OVERFLOWS", "DELTA", "LINES", "LAST",
		"CONFIG", "CHANGED", "HEADROOM", "ALSO"}
}

// plainTable has failed and skipped hosts too: whoever greps for a host finds it.
// Groups are a column of their own in front, and a host in several has a row in
// each.
func (s *screen) plainTable(hosts []audit.HostResult) {
	if len(hosts) == 0 {
		return
	}
	titles, row := plainTitles(), plainRow
	if names := s.chosen(); names != nil {
		titles, row = chosenTitles(names), func(h subject) table.Row { return chosenRow(names, h) }
	}
	t := table.NewWriter()
	t.SetStyle(bare())
	t.SuppressTrailingSpaces()
	if s.GroupBy == "" {
		t.AppendHeader(titles)
		for i := range hosts {
			t.AppendRow(row(subjectOf(&hosts[i])))
		}
	} else {
		t.AppendHeader(append(table.Row{strings.ToUpper(s.GroupBy)}, titles...))
		for _, part := range sections(hosts, s.GroupBy) {
			title := table.Row{dash(strings.Join(strings.Fields(part.title), "_"))}
			for i := range part.hosts {
				t.AppendRow(append(title, row(subjectOf(&part.hosts[i]))...))
			}
		}
	}
	s.WriteString("\n" + t.Render() + "\n")
}

// dash stands for what is absent, so that the columns of a row can be counted.
func dash(cell string) string {
	if cell == "" {
		return "-"
	}
	return cell
}

func chosenTitles(names []named) table.Row {
	var row table.Row
	for _, c := range names {
		row = append(row, strings.ToUpper(c.name))
	}
	return row
}

// chosenRow may have blanks in a cell: what was asked for is not changed.
func chosenRow(names []named, h subject) table.Row {
	var row table.Row
	for _, c := range names {
		row = append(row, dash(c.plain(h)))
	}
	return row
}

// plainRow writes "-" for what is absent, so that the columns of a row can be
// counted by blanks; no verdict, flag or number of ours has one in it.
func plainRow(h subject) table.Row {
	_, config, log := loginParts(h)
	loadFactor := ""
	if h.Headroom != nil && h.namespace == "" {
		loadFactor = decimal(h.Headroom.LoadFactor, 2)
	}
	row := table.Row{plainVerdict(h.HostResult), h.Name, h.namespace, whole(h.Buckets), whole(h.Limit), used(h),
		whole(h.OverflowTotal), whole(h.OverflowDelta), whole(log.OverflowLines), moment(lastBound(h)),
		whole(config.Value), moment(config.ChangedAt), loadFactor, plainAlso(h.HostResult)}
	for i, cell := range row {
		if cell == "" || cell == "?" {
			row[i] = "-"
		}
	}
	return row
}

// plainVerdict is the verdict, or the status of a host that has none.
func plainVerdict(h *audit.HostResult) string {
	switch {
	case h.Status != audit.StatusAudited:
		return string(h.Status)
	case h.Coverage == audit.CoveragePartial:
		return string(h.Verdict) + "*"
	}
	return string(h.Verdict)
}

// plainAlso is the stage for a host that failed; the message has blanks and stands
// below.
func plainAlso(h *audit.HostResult) string {
	if h.Failure != nil {
		return string(h.Failure.Stage)
	}
	return strings.Join(flags(h), ",")
}
