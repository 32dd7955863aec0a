package main

import (
	"slices"
	"strconv"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/text"
)

// column is one column of a small table that is made to fit a terminal.
type column struct {
	title string
	least int                               // cells that are enough; 0: it is never shortened
	short func(cell string, max int) string // nil with a least of 0
	drop  int                               // the lowest above 0 is left out first; 0: it stays
}

const columnGap = "  "

// cells is the room that s takes on a terminal.
func cells(s string) int { return pretty.StringWidthWithoutEscSequences(s) }

// fit is the room for each column in a table of at most width cells, 0 for those
// that are left out. Columns that can be shortened give way first, then the others
// go in their order; what room is left then is for the first that lacks it.
func fit(columns []column, rows [][]string, width int) []int {
	want, room, need := make([]int, len(columns)), make([]int, len(columns)), -len(columnGap)
	var order []int
	for c, column := range columns {
		want[c] = cells(column.title)
		for _, row := range rows {
			want[c] = max(want[c], cells(row[c]))
		}
		room[c] = want[c]
		if column.least > 0 {
			room[c] = min(want[c], column.least)
		}
		need += room[c] + len(columnGap)
		if column.drop > 0 {
			order = append(order, c)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return columns[a].drop - columns[b].drop })
	for _, c := range order {
		if need > width {
			need -= room[c] + len(columnGap)
			room[c] = 0
		}
	}
	for c := range room {
		if more := min(want[c]-room[c], width-need); room[c] > 0 && more > 0 {
			room[c] += more
			need += more
		}
	}
	return room
}

// fitted is the table with that room, its titles first, and the titles that it has
// no room for.
func fitted(columns []column, rows [][]string, room []int) (lines []string, missing []string) {
	title := make([]string, len(columns))
	for c := range columns {
		if title[c] = columns[c].title; room[c] == 0 {
			missing = append(missing, title[c])
		}
	}
	for _, row := range append([][]string{title}, rows...) {
		line := ""
		for c, cell := range row {
			switch {
			case room[c] == 0:
				continue
			case cells(cell) > room[c] && columns[c].short != nil:
				cell = columns[c].short(cell, room[c])
			}
			line += cell + strings.Repeat(" ", max(0, room[c]-cells(cell))) + columnGap
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines, missing
}

// shortMiddle keeps both ends of what is longer than max cells: paths begin alike,
// and what follows them tells them apart.
func shortMiddle(s string, max int) string {
	runes := []rune(s)
	for head, tail := len(runes)/2, len(runes)/2; cells(s) > max && head+(len(runes)-tail) > 0; {
		if head >= len(runes)-tail {
			head--
		} else {
			tail++
		}
		s = string(runes[:head]) + "…" + string(runes[tail:])
	}
	return s
}

// shortList keeps the first elements and counts the others.
func shortList(list string, max int) string {
	elements := strings.Split(list, ", ")
	for n := len(elements) - 1; n > 0; n-- {
		if short := strings.Join(elements[:n], ", ") + " +" + strconv.Itoa(len(elements)-n); cells(short) <= max {
			return short
		}
	}
	return shortMiddle(list, max)
}
