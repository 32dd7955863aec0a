package report

import (
	"slices"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Bounds of the rows on a terminal. What is left out is counted below them.
const (
	minAlike   = 3  // hosts that are alike before one row stands for them
	maxRows    = 40 // more than one screen is read by nobody
	maxVerdict = 10 // rows of one verdict, when those of all would be more than that
)

// entry is one row: a host, or several of which nothing but the fill differs.
type entry struct {
	hosts []subject
	more  int // hosts of the same verdict that have no row, said below this one
}

// list makes the rows for hosts. Who asks for an order or for columns looks for
// something that folding may hide: then there is a row for each.
func (s *screen) list(hosts []audit.HostResult) []entry {
	var subjects []subject
	for i := range hosts {
		// Failures have their own section, but also columns.
		if hosts[i].Status == audit.StatusAudited || s.Columns != nil {
			subjects = append(subjects, subjectOf(&hosts[i]))
		}
	}
	if !s.All && s.foldsRows() {
		return s.fold(subjects)
	}
	list := make([]entry, len(subjects))
	for i, h := range subjects {
		list[i].hosts = []subject{h}
	}
	return list
}

// foldsRows reports whether nobody asked for an order or for columns.
func (s *screen) foldsRows() bool {
	return s.Columns == nil && (s.Sort == "" || s.Sort == SortKeys()[0])
}

// brief leaves rows out where a terminal would scroll: in an order that was asked
// for the last ones, else the last ones of each verdict, because a thousand hosts
// that overflowed must not hide one near its limit.
func (s *screen) brief(lists [][]entry) [][]entry {
	if s.All {
		return lists
	}
	total, healthy := 0, func(e entry) bool { return s.foldsRows() && e.verdict() == audit.VerdictOK }
	for _, list := range lists {
		for _, e := range list {
			if !healthy(e) {
				total++
			}
		}
	}
	short := make([][]entry, len(lists))
	for i, list := range lists {
		rows := map[audit.Verdict]int{}
		for _, e := range list {
			v, most := e.verdict(), maxVerdict
			if !s.foldsRows() {
				v, most = "", max(maxRows/len(lists), maxVerdict)
			}
			rows[v]++
			if n := len(short[i]); rows[v] > most && (total > maxRows || healthy(e)) {
				short[i][n-1].more += len(e.hosts)
				continue
			}
			short[i] = append(short[i], e)
		}
	}
	return short
}

// verdict is the same for all hosts of an entry.
func (e entry) verdict() audit.Verdict { return e.hosts[0].Verdict }

// fold puts alike hosts together, the largest number first among those of their
// verdict; all else stays in its order.
func (s *screen) fold(subjects []subject) []entry {
	var groups [][]subject
	at := map[string]int{}
	for _, h := range subjects {
		key := s.likeness(h)
		i, known := at[key]
		if key == "" || !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], h)
	}
	// Two hosts in a row of their own say more than one row for both.
	var list []entry
	for _, group := range groups {
		if len(group) >= minAlike {
			list = append(list, entry{hosts: group})
			continue
		}
		for _, h := range group {
			list = append(list, entry{hosts: []subject{h}})
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int {
		if c := a.verdict().Rank() - b.verdict().Rank(); c != 0 || !foldable(a.hosts[0]) {
			return c
		}
		return len(b.hosts) - len(a.hosts)
	})
	return list
}

// foldable reports whether the numbers of a host may be those of a crowd: worse
// verdicts and cures are each a story of their own.
func foldable(h subject) bool {
	return h.namespace == "" && (h.Verdict == audit.VerdictOK || h.Verdict == audit.VerdictUnknown)
}

// likeness is the same for hosts whose rows differ in their fill only; empty for
// one that is never folded.
func (s *screen) likeness(h subject) string {
	if !foldable(h) {
		return ""
	}
	return strings.Join([]string{string(h.Verdict), string(h.Coverage), whole(h.Limit),
		s.overflows(h), s.last(h), s.configured(h), also(h)}, "\x00")
}

// cells are the row of an entry.
func (s *screen) cells(columns []column, e entry) []string {
	row := make([]string, len(columns))
	for c, column := range columns {
		if len(e.hosts) > 1 && column.joint != nil {
			row[c] = column.joint(e.hosts)
			continue
		}
		row[c] = column.cell(e.hosts[0])
	}
	return row
}

// crowd names hosts where that is short, and counts them else: the summary names
// them.
func (s *screen) crowd(hosts []subject) string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Name
	}
	if folded := text.Fold(names); width(folded) <= nameRoom(s) {
		return folded
	}
	return plural(len(hosts), "host")
}

// extremes are the emptiest table and the fullest; hosts whose fill is unknown are
// neither, and all of them are when no fill is known.
func extremes(hosts []subject) (low, high subject) {
	low, high = hosts[0], hosts[0]
	for _, h := range hosts {
		switch {
		case h.Ratio == nil:
		case high.Ratio == nil:
			low, high = h, h
		case *h.Ratio < *low.Ratio:
			low = h
		case *h.Ratio > *high.Ratio:
			high = h
		}
	}
	return low, high
}

// span is what two hosts at the ends have, or the one thing that both have.
func span(low, high string) string {
	if low == high {
		return high
	}
	return low + "-" + high
}

func usedBy(hosts []subject) string {
	low, high := extremes(hosts)
	return span(strings.TrimSuffix(used(low), "%"), strings.TrimSuffix(used(high), "%")) + strings.TrimLeft(used(high), "0123456789?")
}

// filledBy relies on one limit for all, which alike hosts have.
func (s *screen) filledBy(hosts []subject) string {
	low, high := extremes(hosts)
	return span(s.optional(low.Buckets), s.optional(high.Buckets)) + "/" + s.optional(high.Limit)
}

// leastHeadroom is that of the host with least, and a plus for the others.
func (s *screen) leastHeadroom(hosts []subject) string {
	low := hosts[0]
	for _, h := range hosts {
		if factor := loadFactor(h); factor == nil {
			return "-"
		} else if *factor < *loadFactor(low) {
			low = h
		}
	}
	if words := s.headroom(low); strings.HasPrefix(words, ">") {
		return words
	}
	return s.headroom(low) + "+"
}
