package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	pretty "github.com/jedib0t/go-pretty/v6/text"
)

// column is one column of the hosts on a terminal.
type column struct {
	title string
	cell  func(subject) string
	right bool // numbers
	rank  int  // the order in which columns get their room; those that get none are left out
	least int  // cells below which the column is of no use; 0: it is never shortened
	short func(s string, max int) string
}

const columnGap = "  "

// terminalColumns are ordered for reading, ranked by what a person needs who has
// only 60 cells: who, how bad, how full, how much, when.
func terminalColumns(s *screen) []column {
	name := func(h subject) string { return h.Name }
	return []column{
		{title: "   VERDICT", cell: s.verdict, rank: 0},
		{title: "HOST", cell: name, rank: 1, least: max(12, s.Width/4), short: snip},
		{title: "USED", cell: used, right: true, rank: 2},
		{title: "", cell: s.bar, rank: 7},
		{title: "BUCKETS/LIMIT", cell: s.fill, rank: 5},
		{title: "OVERFLOWS", cell: s.overflows, rank: 3},
		{title: "LAST", cell: s.last, right: true, rank: 4},
		{title: "HEADROOM", cell: s.headroom, right: true, rank: 8},
		{title: "CONFIG", cell: s.config, rank: 9},
		{title: "ALSO", cell: also, rank: 6, least: 14, short: snipList},
	}
}

// also is what else is to be said of a host.
func also(h subject) string {
	words := flags(h.HostResult)
	if h.namespace != "" {
		words = append([]string{"in " + h.namespace}, words...)
	}
	return strings.Join(words, ", ")
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

// draw renders rows as a table that fits the width.
func (s *screen) draw(columns []column, rows [][]string) string {
	room := s.fit(columns, rows)
	t := table.NewWriter()
	t.SetStyle(bare())
	t.SuppressTrailingSpaces()
	var header table.Row
	var configs []table.ColumnConfig
	for c, column := range columns {
		if room[c] == 0 {
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
			case room[c] == 0:
				continue
			case columns[c].short != nil && width(cell) > room[c]:
				cell = columns[c].short(cell, room[c])
			}
			cells = append(cells, cell)
		}
		t.AppendRow(cells)
	}
	return t.Render() + "\n"
}

// fit gives each column its room in cells, 0 for the ones that are left out.
// First every column gets what it needs at least, by rank, while there is room;
// then those that were shortened share the rest, by rank too.
func (s *screen) fit(columns []column, rows [][]string) []int {
	want, room := make([]int, len(columns)), make([]int, len(columns))
	order := make([]int, len(columns))
	for c, column := range columns {
		want[c], order[c] = width(column.title), c
		empty := true
		for _, row := range rows {
			want[c] = max(want[c], width(row[c]))
			empty = empty && row[c] == ""
		}
		// A column with nothing to say would only take room from the others.
		if empty {
			want[c] = 0
		}
	}
	if s.Wide {
		return want
	}
	slices.SortFunc(order, func(a, b int) int { return columns[a].rank - columns[b].rank })
	// The last column has no gap behind it.
	rest := s.Width + len(columnGap)
	for _, c := range order {
		need := want[c]
		if least := columns[c].least; least > 0 {
			need = min(need, least)
		}
		if required := columns[c].rank <= 1; need > 0 && (required || need+len(columnGap) <= rest) {
			room[c] = need
			rest -= need + len(columnGap)
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
