package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// DiffFormats are the names that Diff takes.
func DiffFormats() []string { return []string{"table", "json", "markdown"} }

// Diff writes what changed between two runs. The same diff gives the same bytes.
func Diff(w io.Writer, d *audit.Diff, format string, o Options) error {
	switch format {
	case "table":
		return diffTable(w, d, o)
	case "markdown":
		return diffMarkdown(w, d)
	case "json":
		object, err := encode(tidy(*d), "", indent)
		if err != nil {
			return fmt.Errorf("encode diff: %w", err)
		}
		_, err = w.Write(append(object, '\n'))
		return err
	}
	return fmt.Errorf("unknown format %q: choose one of %s", format, strings.Join(DiffFormats(), ", "))
}

// diffTable has a row for each change, those that matter most first.
func diffTable(w io.Writer, d *audit.Diff, o Options) error {
	s := &screen{Options: o}
	s.line("", s.paint(bold, diffTitle(d)))
	if len(d.Hosts) > 0 {
		s.line("  ", diffSentence(d))
	}
	s.line("  from ", diffRun(&d.Old))
	s.line("  to   ", diffRun(&d.New))
	if !d.SameSelection {
		s.onlyIn("  only in the old run: ", d.OnlyOld)
		s.onlyIn("  only in the new run: ", d.OnlyNew)
	}
	names, kinds := 4, 6
	for i := range d.Hosts {
		names = max(names, width(s.diffName(&d.Hosts[i])))
		for _, c := range d.Hosts[i].Changes {
			kinds = max(kinds, len(c.Kind))
		}
	}
	for i := range d.Hosts {
		h := &d.Hosts[i]
		if i == 0 {
			s.WriteString("\n" + s.paint(bold, pad("HOST", names)+"  "+pad("CHANGE", kinds)+"  WHAT") + "\n")
		}
		name := s.diffName(h)
		for _, c := range h.Changes {
			// A pipe gets the name in every row, so that rows can be searched.
			s.line(pad(name, names)+"  "+s.paint(changeHue(h, c.Kind), pad(string(c.Kind), kinds))+"  ", c.Text)
			if s.terminal() {
				name = ""
			}
		}
	}
	for i, note := range d.Notes {
		if i == 0 {
			s.heading("Notes")
		}
		s.line("  ", note)
	}
	_, err := w.Write(s.Bytes())
	return err
}

// onlyIn names the hosts that were not compared because one run lacks them.
func (s *screen) onlyIn(first string, names []string) {
	switch {
	case len(names) == 0:
	case s.terminal():
		s.line(first, s.roll(names, s.Width-width(first), 2))
	default:
		s.line(first, text.Fold(names))
	}
}

// diffName leaves room for the rest of the row.
func (s *screen) diffName(h *audit.HostDiff) string {
	if !s.terminal() {
		return h.Name
	}
	return snip(h.Name, max(16, s.Width/3))
}

// changeHue is red for what got worse with the host, green for what got better.
func changeHue(h *audit.HostDiff, kind audit.ChangeKind) hue {
	switch kind {
	case audit.ChangeWorse:
		return boldRed
	case audit.ChangeNew, audit.ChangeCameBack:
		if h.Worse {
			return boldRed
		}
		return cyan
	case audit.ChangeBetter:
		return green
	case audit.ChangeOverflow, audit.ChangeGone, audit.ChangeReinstalled:
		return yellow
	}
	return cyan
}

// diffTitle is what the exit status says. It counts the hosts that were looked
// at in both runs and, where a host can be new, those.
func diffTitle(d *audit.Diff) string {
	looked := d.Compared
	for i := range d.Hosts {
		if d.Hosts[i].Old == nil {
			looked++
		}
	}
	of := " of " + plural(looked, "host")
	switch {
	case d.Worse > 0:
		return text.Count(int64(d.Worse)) + of + " got worse"
	case len(d.Hosts) > 0:
		return "none" + of + " got worse"
	}
	return plural(looked, "host") + " compared, nothing changed"
}

// diffSentence counts the hosts by what changed.
func diffSentence(d *audit.Diff) string {
	var parts []string
	for _, kind := range audit.ChangeKinds {
		if n := d.Summary[kind]; n > 0 {
			parts = append(parts, text.Count(int64(n))+" "+diffWord(kind))
		}
	}
	return strings.Join(parts, ", ")
}

// diffWord is a kind of change behind a number.
func diffWord(kind audit.ChangeKind) string {
	switch kind {
	case audit.ChangeCameBack:
		return "came back"
	case audit.ChangeOverflow:
		return "with destroyed sockets"
	case audit.ChangeLimit:
		return "with another limit"
	case audit.ChangeFile:
		return "with a changed file"
	}
	return string(kind)
}

// diffRun names one of the runs.
func diffRun(s *audit.DiffSide) string {
	words := fmt.Sprintf("run %s, %s, %s", s.ID, s.StartedAt.Format("2006-01-02 15:04:05 -07:00"), plural(s.Hosts, "host"))
	if s.Partial {
		words += ", ended early"
	}
	return words
}

// diffMarkdown is for a ticket or a chat: the beginning of the same list, and how
// much more there is.
func diffMarkdown(w io.Writer, d *audit.Diff) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## TIME_WAIT audit: %s\n\n", diffTitle(d))
	if len(d.Hosts) > 0 {
		fmt.Fprintf(&b, "%s. ", diffSentence(d))
	}
	fmt.Fprintf(&b, "From %s to %s.\n", d.Old.StartedAt.UTC().Format(mdTime), d.New.StartedAt.UTC().Format(mdTime))
	for _, side := range []struct {
		which string
		names []string
	}{{"old", d.OnlyOld}, {"new", d.OnlyNew}} {
		if !d.SameSelection && len(side.names) > 0 {
			fmt.Fprintf(&b, "Only in the %s run: %s.\n", side.which, mdSentenceOf(text.CleanMax(text.Fold(side.names), mdOnly)))
		}
	}
	shown := d.Hosts[:min(len(d.Hosts), mdDiffHosts)]
	for i := range shown {
		h := &shown[i]
		if i == 0 {
			b.WriteString("\n| Host | Change | What |\n|---|---|---|\n")
		}
		var kinds, words []string
		for _, c := range h.Changes {
			if !slices.Contains(kinds, string(c.Kind)) {
				kinds = append(kinds, string(c.Kind))
			}
			words = append(words, c.Text)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", mdHost(h.Name), strings.Join(kinds, ", "), mdSentenceOf(strings.Join(words, "; ")))
	}
	if more := len(d.Hosts) - len(shown); more > 0 {
		fmt.Fprintf(&b, "\nand %s\n", plural(more, "more host"))
	}
	for i, note := range d.Notes {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "- %s\n", mdSentenceOf(note))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Of the Markdown form: it has to fit into a message.
const (
	mdDiffHosts = 40
	mdOnly      = 300 // bytes of names that only one run has
	mdTime      = time.DateTime + " UTC"
)
