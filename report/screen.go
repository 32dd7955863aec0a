package report

import (
	"bytes"
	"strings"
	"time"

	pretty "github.com/jedib0t/go-pretty/v6/text"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// screen collects the text of the table format. It paints by itself: the colour
// switch of go-pretty is one for the whole process.
type screen struct {
	bytes.Buffer
	Options
	now   time.Time // when the run finished
	exact bool      // numbers are never shortened
}

// terminal reports whether people look at it; else it is a pipe or a file.
func (s *screen) terminal() bool { return s.Width > 0 }

// full reports whether nothing is left out for brevity.
func (s *screen) full() bool { return s.All || !s.terminal() }

// hue is the parameter of the escape sequence that selects a colour.
type hue string

// The base colours, which the operator's own scheme keeps readable on any
// background.
const (
	bold    hue = "1"
	faint   hue = "2"
	red     hue = "31"
	boldRed hue = "1;31"
	green   hue = "32"
	yellow  hue = "33"
	magenta hue = "35"
	cyan    hue = "36"
)

// paint resets at the end, so that no colour leaks into what others print.
func (s *screen) paint(h hue, words string) string {
	if !s.Color || words == "" {
		return words
	}
	return "\x1b[" + string(h) + "m" + words + "\x1b[0m"
}

// maxLines bounds what one sentence takes of a screen: a host may have written it.
const maxLines = 12

// line writes words behind first, folded to the width; further lines begin
// below the end of first.
func (s *screen) line(first, words string) {
	hang := width(first)
	if most := maxLines * s.Width; !s.full() && len(words) > most && width(words) > most {
		words = s.paint(faint, chop(words, most)+"…") // the paint ends any that was cut
	}
	for i, part := range fold(words, s.Width-hang) {
		if i > 0 {
			first = strings.Repeat(" ", hang)
		}
		s.WriteString(strings.TrimRight(first+part, " ") + "\n")
	}
}

// heading begins a section.
func (s *screen) heading(words string) {
	s.WriteString("\n" + s.paint(bold, words) + "\n")
}

// ago is the time from t to the end of the run, "now" within a minute of it.
func (s *screen) ago(t time.Time) string {
	d := s.now.Sub(t)
	switch {
	case d < -time.Minute:
		return "in " + text.Duration(-d) // a clock is wrong, or lies
	case d < time.Minute:
		return "now"
	}
	return text.Duration(d) + " ago"
}

// width is the number of terminal cells of s: a wide character has two, an
// escape sequence none.
func width(s string) int { return pretty.StringWidthWithoutEscSequences(s) }

// fold breaks s at blanks into lines of at most max cells, and longer words
// where they meet the edge. Below 8 cells it does not fold: max is then the
// rest of no width at all.
func fold(s string, max int) []string {
	if max < 8 || width(s) <= max {
		return []string{s}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case width(line)+1+width(word) <= max:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
		for width(line) > max {
			head := chop(line, max)
			lines, line = append(lines, head), line[len(head):]
		}
	}
	return append(lines, line)
}

// chop is the longest beginning of s that has at most max cells, at least one
// character, and no part of an escape sequence of ours.
func chop(s string, max int) string {
	cells, escape := 0, false
	for i, r := range s {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		default:
			if cells += pretty.RuneWidth(r); cells > max && i > 0 {
				return s[:i]
			}
		}
	}
	return s
}

// snip shortens s to max cells and keeps both ends: names of hosts differ at
// the one or at the other.
func snip(s string, max int) string {
	if width(s) <= max || max < 1 {
		return s
	}
	const dots = "…"
	max -= width(dots) // two cells where the locale is East Asian
	runes := []rune(s)
	head, tail := "", ""
	for i, j := 0, len(runes)-1; i <= j; {
		if next := head + string(runes[i]); width(next)+width(tail) <= max {
			head, i = next, i+1
		} else {
			break
		}
		if next := string(runes[j]) + tail; i <= j && width(head)+width(next) <= max {
			tail, j = next, j-1
		}
	}
	return head + dots + tail
}

// mark is a sign and a colour for a verdict: the sign reads without colour.
func mark(v audit.Verdict) (string, hue) {
	switch v {
	case audit.VerdictOverflowing:
		return "!!", boldRed
	case audit.VerdictOverflowed:
		return "!", red
	case audit.VerdictNearLimit:
		return "~", yellow
	case audit.VerdictUnknown:
		return "?", magenta
	case audit.VerdictFixed:
		return "+", cyan
	case audit.VerdictOK:
		return "", green
	}
	return "x", magenta
}
