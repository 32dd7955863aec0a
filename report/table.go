package report

import (
	"io"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// renderTable writes the report that people read first: what was found in
// numbers, what to do first, the hosts, why some could not be asked, and what
// the findings advise.
func renderTable(w io.Writer, run *audit.Run, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	s := &screen{Options: o, now: run.Meta.FinishedAt}
	if s.terminal() {
		s.overview(run)
	} else {
		s.summary(run)
	}
	s.hosts(run)
	s.failures(run.Hosts)
	s.findings(run)
	s.unreads(run.Hosts)
	for i, note := range run.Notes {
		if i == 0 {
			s.heading("Notes")
		}
		s.line("  ", note)
	}
	_, err := w.Write(s.Bytes())
	return err
}

// summary is what remains in memory of a reader who stops here: how many, how bad,
// whether that is all, and the one thing to begin with.
func (s *screen) summary(run *audit.Run) {
	s.counted(run)
	var verdicts []string
	for _, v := range audit.Verdicts {
		if n := run.Summary.Verdicts[v]; n > 0 {
			_, hue := mark(v)
			verdicts = append(verdicts, s.paint(hue, text.Count(int64(n))+" "+string(v)))
		}
	}
	if len(verdicts) > 0 {
		s.line("", strings.Join(verdicts, ", "))
	}
	if first := firstThing(run); first.words != "" {
		words := first.words
		if first.host != "" {
			words = first.host + ": " + words
		}
		s.line(s.paint(bold, "Do first: "), words)
	}
}

// lasted is how long the run took. Several runs that were merged took no time
// together: they are said to lie between two times of day.
func lasted(m *audit.Meta) string {
	if m.Merged < 2 {
		return "took " + text.Duration(m.FinishedAt.Sub(m.StartedAt))
	}
	begin, end, clock := m.StartedAt.In(m.FinishedAt.Location()), m.FinishedAt, "15:04"
	if begin.Format(time.DateOnly) != end.Format(time.DateOnly) {
		clock = "2006-01-02 15:04"
	}
	return plural(m.Merged, "run") + ", " + begin.Format(clock) + " to " + end.Format(clock)
}

// plural also writes large numbers for people.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return text.Count(int64(n)) + " " + noun + "s"
}
