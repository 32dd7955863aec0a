// Package report turns a finished run into bytes: one file for each format. The
// JSON form is the run itself and Read loads it again; every other format is a
// function of it.
//
// Renderers add no judgement, read no clock and look at no environment: times
// that are relative count from the end of the run, and what kind of place the
// bytes go to is said in Options. Text was cleaned where it entered the program;
// renderers only escape it for their format. Start with Render.
package report

import (
	"fmt"
	"io"
	"strings"

	"twaudit/internal/audit"
)

// Options say what the place that a report goes to can show. The zero value is
// right for a file or a pipe.
type Options struct {
	Width int  // columns of the terminal; 0 is a pipe: plain rows, complete and stable
	Color bool // escape sequences for colours may be written
	All   bool // also on a terminal, a row for every host and every finding
	Wide  bool // also on a terminal, every column, however long the rows get

	// What the reader of the table asked for; other formats have one form.
	Sort    string   // one of SortKeys; empty is their first
	Columns []string // of ColumnNames, in this order; nil are those of the place
	GroupBy string   // GroupByGroup, or the key of a label; empty: no groups

	// Show is the command that shows one host of this run, with ShowHost in the
	// place of its name; empty: none is offered.
	Show string
}

// renderer writes run, which it must not change.
type renderer func(w io.Writer, run *audit.Run, o Options) error

// formats lists every format, as users are shown them.
func formats() []struct {
	name   string
	render renderer
} {
	return []struct {
		name   string
		render renderer
	}{
		{"table", renderTable},
		{"csv", renderCSV},
		{"html", renderHTML},
		{"json", renderJSON},
		{"jsonl", renderLines},
		{"markdown", renderMarkdown},
		{"prom", renderProm},
	}
}

// Formats are the names that Render takes, in the order to show them.
func Formats() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// Render writes run in a format. The hosts of run are in the order of
// audit.CompareHosts, and stay as they are. The same run gives the same bytes.
func Render(w io.Writer, run *audit.Run, format string, o Options) error {
	for _, f := range formats() {
		if f.name == format {
			return f.render(w, run, o)
		}
	}
	return fmt.Errorf("unknown format %q: choose one of %s", format, strings.Join(Formats(), ", "))
}
