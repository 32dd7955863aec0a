package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// verdict has a sign of fixed width in front, so that the words stand in a column
// and the sign alone tells for whom there is no colour. The star says that an ok
// was given without having seen everything.
func (s *screen) verdict(h subject) string {
	sign, hue := mark(h.Verdict)
	return s.paint(hue, fmt.Sprintf("%-2s %s", sign, plainVerdict(h.HostResult)))
}

// used is the fill of the table in per cent, rounded down: 100% is a full table.
// "?" is not known or, for a limit of zero or less, without meaning.
func used(h subject) string {
	if h.Ratio == nil {
		return "?"
	}
	const rounding = 1e-9 // 0.29 x 100 is 28.999…
	return strconv.FormatFloat(math.Floor(100**h.Ratio+rounding), 'f', 0, 64) + "%"
}

// bar draws the same in seven cells.
func (s *screen) bar(h subject) string {
	const cells = 7
	if h.Ratio == nil {
		return strings.Repeat(" ", cells)
	}
	return s.filled(*h.Ratio, cells, fillHue(*h.Ratio))
}

// fillHue warns of a table that is nearly full.
func fillHue(ratio float64) hue {
	switch {
	case ratio >= 0.95:
		return red
	case ratio >= 0.80:
		return yellow
	}
	return green
}

// filled draws a share of cells.
func (s *screen) filled(ratio float64, cells int, h hue) string {
	full := int(min(max(ratio, 0), 1)*float64(cells) + 0.5)
	return s.paint(h, strings.Repeat("█", full)) + s.paint(faint, strings.Repeat("░", cells-full))
}

func (s *screen) overflows(h subject) string {
	return overflowWords(h, s.number, func(growing string) string { return s.paint(boldRed, growing) })
}

// overflowWords are the connections destroyed, by the counter and, on kernels
// without one, by the lines in the log. stress marks what happens now.
func overflowWords(h subject, number func(int64) string, stress func(string) string) string {
	var words []string
	if h.OverflowTotal != nil {
		words = append(words, number(*h.OverflowTotal))
	}
	if h.OverflowDelta != nil && *h.OverflowDelta > 0 {
		words = append(words, stress("+"+number(*h.OverflowDelta)))
	}
	// A log without a line says nothing beside a counter.
	if _, _, log := loginParts(h); log.OverflowLines != nil && (*log.OverflowLines > 0 || h.OverflowTotal == nil) {
		words = append(words, number(*log.OverflowLines)+" lines")
	}
	if len(words) == 0 {
		return "?"
	}
	return strings.Join(words, " ")
}

// loginParts are the parts of the host when its row shows the namespace of the
// login: the log does not say in which namespace a line was caused, and sysctl
// files reach only the first.
func loginParts(h subject) (audit.Facts, audit.Config, audit.Log) {
	if h.namespace != "" {
		return audit.Facts{}, audit.Config{}, audit.Log{}
	}
	return parts(h.HostResult)
}

// config is what the files say and since when, which is not what runs: that is
// the limit. "none" is the usual case, the default of the kernel.
func (s *screen) config(h subject) string {
	_, config, _ := loginParts(h)
	if config.Value == nil || config.ChangedAt == nil {
		return s.configured(h)
	}
	return s.configured(h) + ", " + s.ago(*config.ChangedAt)
}

// configured is config without the time.
func (s *screen) configured(h subject) string { return configuredWords(h, "-", s.number) }

// configuredWords are the value that the files of the host set; none stands for a
// namespace, which no file reaches.
func configuredWords(h subject, none string, number func(int64) string) string {
	facts, config, _ := loginParts(h)
	switch {
	case h.namespace != "":
		return none
	case facts.Config == nil:
		return "?"
	case config.Value == nil:
		return "none"
	}
	return number(*config.Value)
}

func (s *screen) headroom(h subject) string { return roomWords(h, "-", "x") }

// roomWords are how much of this load the limit sustains: below 1x the table fills.
// It was estimated for the namespace of the login only.
func roomWords(h subject, none, times string) string {
	if h.namespace != "" || h.Headroom == nil || h.Headroom.LoadFactor == nil {
		return none
	}
	factor := *h.Headroom.LoadFactor
	if h.Headroom.LowerBound {
		return "<" + strconv.FormatFloat(math.Ceil(factor*10)/10, 'f', 1, 64) + times
	}
	switch {
	case factor >= 100:
		return ">99" + times
	case factor >= 10:
		return strconv.FormatFloat(factor, 'f', 0, 64) + times
	}
	return strconv.FormatFloat(factor, 'f', 1, 64) + times
}

// number is exact below 100,000, and where that is asked for or width is no
// matter, else short: 131k, 1.23M.
func (s *screen) number(n int64) string {
	if s.Wide || s.exact || (-100_000 < n && n < 100_000) {
		return text.Count(n)
	}
	value, unit := float64(n), ""
	for _, unit = range []string{"k", "M", "G", "T", "P", "E"} {
		value /= 1000
		if -999.5 < value && value < 999.5 {
			break
		}
	}
	digits := 0
	for size := max(value, -value); size < 99.95 && digits < 2; size *= 10 {
		digits++
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + unit
}

// countOf is "?" for what was not read.
func countOf(n *int64) string {
	if n == nil {
		return "?"
	}
	return text.Count(*n)
}

// fill may show a limit of zero or less, which has no ratio but has to be seen.
func (s *screen) fill(h subject) string {
	return s.optional(h.Buckets) + "/" + s.optional(h.Limit)
}

func (s *screen) optional(n *int64) string {
	if n == nil {
		return "?"
	}
	return s.number(*n)
}
