package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// GroupByGroup is the value of Options.GroupBy for the groups of the inventory;
// any other is the key of a label.
const GroupByGroup = "group"

// section are the hosts of one group or of one value of a label, in the order of
// the run.
type section struct {
	title string // empty: the hosts that are in none
	hosts []audit.HostResult
}

// sections puts hosts into groups, those with the worst host first. A host that
// is in several groups is in each of them.
func sections(hosts []audit.HostResult, by string) []section {
	byTitle := map[string]*section{}
	for i := range hosts {
		titles := hosts[i].Groups
		if by != GroupByGroup {
			titles = nil
			if value, labelled := hosts[i].Labels[by]; labelled {
				titles = []string{value}
			}
		}
		if len(titles) == 0 {
			titles = []string{""}
		}
		for _, title := range titles {
			s := byTitle[title]
			if s == nil {
				s = &section{title: title}
				byTitle[title] = s
			}
			s.hosts = append(s.hosts, hosts[i])
		}
	}
	var list []section
	for _, title := range slices.Sorted(maps.Keys(byTitle)) {
		list = append(list, *byTitle[title])
	}
	slices.SortStableFunc(list, func(a, b section) int {
		return cmp.Or(compareWorst(a.hosts, b.hosts), boolRank(a.title == "")-boolRank(b.title == ""))
	})
	return list
}

// compareWorst compares by the worst host that each has; names do not count.
func compareWorst(a, b []audit.HostResult) int {
	worst := func(hosts []audit.HostResult) audit.HostResult {
		w := slices.MinFunc(hosts, func(x, y audit.HostResult) int { return audit.CompareHosts(&x, &y) })
		w.Name = ""
		return w
	}
	x, y := worst(a), worst(b)
	return audit.CompareHosts(&x, &y)
}

// heading is the title of a section with its numbers.
func (s *screen) groupHeading(by string, part section) string {
	title := by + " " + part.title
	switch {
	case part.title == "" && by == GroupByGroup:
		title = "in no group"
	case part.title == "":
		title = "without " + by
	case by != GroupByGroup:
		title = by + "=" + part.title
	}
	var counts []string
	for _, k := range tallies(part.hosts) {
		counts = append(counts, s.paint(k.hue, text.Count(int64(len(k.names)))+" "+k.what))
	}
	return s.paint(bold, title) + ": " + plural(len(part.hosts), "host") + ", " + strings.Join(counts, ", ")
}
