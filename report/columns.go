package report

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	pretty "github.com/jedib0t/go-pretty/v6/text"

	"twaudit/internal/audit"
)

// column is one column of the hosts on a terminal.
type column struct {
	title string
	cell  func(subject) string
	right bool // numbers
	rank  int  // the order in which columns get their room; those that get none are left out
	least int  // cells below which the column is of no use; 0: it is never shortened
	short func(s string, max int) string
	joint func([]subject) string // of hosts that are alike; nil: as of the first
}

const columnGap = "  "

// The titles of columns that a legend explains.
const (
	titleLast     = "LAST"
	titleHeadroom = "HEADROOM"
	titleConfig   = "CONFIG"
	titleAlso     = "ALSO"
)

// roomy is the width from which cells need not be brief.
const roomy = 100

// nameRoom is what the name of a host has at least: names differ at their ends.
func nameRoom(s *screen) int { return max(15, s.Width/5) }

// terminalColumns are ordered for reading, ranked by what a person needs who has
// only 60 cells: who, how bad, how full, how much, when.
func terminalColumns(s *screen) []column {
	if names := s.chosen(); names != nil {
		return chosenColumns(s, names)
	}
	columns := []column{
		{title: "   VERDICT", cell: s.verdict, rank: 0},
		{title: "HOST", cell: func(h subject) string { return h.Name }, rank: 1, least: nameRoom(s), short: snip, joint: s.crowd},
		{title: "USED", cell: used, right: true, rank: 2, joint: usedBy},
		{title: "", cell: s.bar, rank: 5, joint: func(hosts []subject) string { _, high := extremes(hosts); return s.bar(high) }},
		{title: "BUCKETS/LIMIT", cell: s.fill, rank: 7, joint: s.filledBy},
		{title: "OVERFLOWS", cell: s.overflows, rank: 3},
		{title: titleLast, cell: s.last, right: true, rank: 4},
		{title: titleHeadroom, cell: s.headroom, right: true, rank: 8, joint: s.leastHeadroom},
		{title: titleConfig, cell: s.config, rank: 9, joint: func(hosts []subject) string { return s.configured(hosts[0]) }},
		{title: titleAlso, cell: also, rank: 10, least: 14, short: snipList},
	}
	// Beside the share, the limit says all that buckets and limit do.
	if s.Width < roomy && !s.Wide {
		columns[4] = column{title: "LIMIT", cell: func(h subject) string { return s.optional(h.Limit) }, right: true, rank: 6}
	}
	return columns
}

// also is what else is to be said of a host.
func also(h subject) string {
	words := flags(h.HostResult)
	if h.namespace != "" {
		words = append([]string{"in " + h.namespace}, words...)
	}
	return strings.Join(words, ", ")
}

// alsoLegend says how much each rule of the column weighs, in one line, and where
// it is explained; empty: there is none.
func (s *screen) alsoLegend(lists [][]entry) string {
	weights := map[string]audit.Severity{}
	for _, list := range lists {
		for _, e := range list {
			h := e.hosts[0].HostResult
			named := flags(h)
			for _, f := range h.Findings {
				if known, ok := weights[f.Rule]; slices.Contains(named, f.Rule) && (!ok || f.Severity.Rank() < known.Rank()) {
					weights[f.Rule] = f.Severity
				}
			}
		}
	}
	if len(weights) == 0 {
		return ""
	}
	rules := slices.SortedFunc(maps.Keys(weights), func(a, b string) int {
		return cmp.Or(weights[a].Rank()-weights[b].Rank(), strings.Compare(a, b))
	})
	for i, rule := range rules {
		rules[i] = rule + " (" + string(weights[rule]) + ")"
	}
	rest := "; --all shows, `twaudit rules NAME` explains"
	if s.All {
		rest = "; `twaudit rules NAME` explains"
	}
	return "ALSO: " + snipList(strings.Join(rules, ", "), max(24, s.Width-len("   ALSO: ")-len(rest))) + rest
}

// snipList shortens a list by whole elements and says how many are missing.
func snipList(list string, max int) string {
	if width(list) <= max {
		return list
	}
	elements := strings.Split(list, ", ")
	for n := len(elements) - 1; n > 0; n-- {
		short := strings.Join(elements[:n], ", ") + " +" + strconv.Itoa(len(elements)-n)
		if width(short) <= max {
			return short
		}
	}
	return snip(elements[0], max)
}

// draw renders rows as the lines of a table, the header first, with the room that
// fit gave to each column.
func (s *screen) draw(columns []column, rows [][]string, room []int) []string {
	t := table.NewWriter()
	t.SetStyle(bare())
	t.SuppressTrailingSpaces()
	var header table.Row
	var configs []table.ColumnConfig
	for c, column := range columns {
		if room[c] <= 0 {
			continue
		}
		header = append(header, s.paint(faint, column.title))
		config := table.ColumnConfig{Number: len(header)}
		if column.right {
			config.Align, config.AlignHeader = pretty.AlignRight, pretty.AlignRight
		}
		configs = append(configs, config)
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(header)
	for _, row := range rows {
		var cells table.Row
		for c, cell := range row {
			switch {
			case room[c] <= 0:
				continue
			case columns[c].short != nil && width(cell) > room[c]:
				cell = columns[c].short(cell, room[c])
			}
			cells = append(cells, cell)
		}
		t.AppendRow(cells)
	}
	return strings.Split(t.Render(), "\n")
}

// noRoom is for a column that has something to say and is left out.
const noRoom = -1

// fit gives each column its room in cells, 0 for those that have nothing to say.
// First every column gets what it needs at least, by rank, while there is room;
// then those that were shortened share the rest, by rank too.
func (s *screen) fit(columns []column, rows [][]string) []int {
	want := wanted(columns, rows)
	if s.Wide {
		return want
	}
	room, order := make([]int, len(columns)), make([]int, len(columns))
	for c := range columns {
		order[c] = c
	}
	slices.SortFunc(order, func(a, b int) int { return columns[a].rank - columns[b].rank })
	// The last column has no gap behind it.
	rest := s.Width + len(columnGap)
	for _, c := range order {
		need := want[c]
		if least := columns[c].least; least > 0 {
			need = min(need, least)
		}
		switch required := columns[c].rank <= 1; {
		case need == 0:
		case required || need+len(columnGap) <= rest:
			room[c] = need
			rest -= need + len(columnGap)
		default:
			room[c] = noRoom
		}
	}
	for _, c := range order {
		if room[c] > 0 && rest > 0 {
			more := min(want[c]-room[c], rest)
			room[c] += more
			rest -= more
		}
	}
	return room
}

// wanted is what each column would fill: 0 for one with nothing to say, which
// would only take room from the others.
func wanted(columns []column, rows [][]string) []int {
	want := make([]int, len(columns))
	for c, column := range columns {
		empty := true
		for _, row := range rows {
			want[c] = max(want[c], width(row[c]))
			empty = empty && row[c] == ""
		}
		if !empty {
			want[c] = max(want[c], width(column.title))
		}
	}
	return want
}

// bare is a table without lines, whose words stay as they are: the default of
// go-pretty writes headers in capitals.
func bare() table.Style {
	style := table.StyleDefault
	style.Box = table.BoxStyle{PaddingRight: columnGap}
	style.Color = table.ColorOptions{}
	style.Format = table.FormatOptions{}
	style.Options = table.OptionsNoBordersAndSeparators
	return style
}
