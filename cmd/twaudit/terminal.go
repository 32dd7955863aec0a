package main

import (
	"os"
	"strconv"

	"golang.org/x/term"

	"twaudit/report"
)

// defaultWidth, in columns, is for a terminal that does not tell its own.
const defaultWidth = 80

// isTerminal reports whether stream is a terminal that understands more than
// lines.
func (a *App) isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && a.Env("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// width of a terminal in columns. COLUMNS wins: who sets it means it.
func (a *App) width(stream any) int {
	if n, err := strconv.Atoi(a.Env("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if file, ok := stream.(*os.File); ok {
		if w, _, err := term.GetSize(int(file.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return defaultWidth
}

// style is how a result is shown in a place. Only a terminal gets a width and
// colour: whatever reads a pipe or a file gets full rows, always the same, but for
// the order, groups and columns that were asked for.
func (a *App) style(p *place, look report.Options) report.Options {
	plain := report.Options{Sort: look.Sort, Columns: look.Columns, GroupBy: look.GroupBy}
	if p.isFile() {
		return plain
	}
	file, ok := p.w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return plain
	}
	look.Width = a.width(p.w)
	look.Color = a.isTerminal(p.w) && a.Env("NO_COLOR") == ""
	return look
}

// showProgress begins to show a run, as stderr permits. The caller closes the
// reporter, which then leaves the terminal as it was.
func (a *App) showProgress(m *mission) *reporter {
	meter := newMeter(len(m.jobs), a.Now)
	switch {
	case !m.progress:
		return &reporter{meter: meter}
	// Live rows on the same screen and a bar would tear each other.
	case a.isTerminal(a.Stderr) && !m.outputs.liveOn(a.isTerminal):
		r := barReporter(meter, a.Stderr, a.width(a.Stderr))
		a.setBar(r.bar)
		return r
	default:
		every := a.progress
		if every == 0 {
			every = plainEvery
		}
		return plainReporter(meter, every, a.sayUnasked)
	}
}

// setBar says through which bar messages go; nil is none.
func (a *App) setBar(b *bar) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bar = b
}
