package report

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// ShowHost stands for the name of the host in Options.Show.
const ShowHost = "HOST"

// tally is a number of hosts that are alike in verdict or status.
type tally struct {
	sign  string
	hue   hue
	what  string
	names []string
}

// overview is what remains in memory of a reader who stops here: how many, how bad
// and who, whether that is all, and the one thing to begin with.
func (s *screen) overview(run *audit.Run) {
	if run.Summary.Hosts == 0 {
		s.line("", s.paint(bold, "No hosts")+": the run had none to audit")
	} else {
		s.counted(run)
	}
	list := tallies(run.Hosts)
	digits, words := 0, 0
	for _, k := range list {
		digits, words = max(digits, len(text.Count(int64(len(k.names))))), max(words, len(k.what))
	}
	for i, k := range list {
		if i == 0 {
			s.WriteString("\n")
		}
		first := fmt.Sprintf("%-2s %*s %-*s", k.sign, digits, text.Count(int64(len(k.names))), words, k.what)
		s.line(s.paint(k.hue, first)+"  ", s.roll(k.names, s.Width-width(first)-2, 2))
	}
	s.advise(run)
}

// counted says whether the run saw the whole fleet.
func (s *screen) counted(run *audit.Run) {
	sum := run.Summary
	parts := []string{text.Count(int64(sum.Audited)) + " audited"}
	if sum.Failed > 0 {
		parts = append(parts, s.paint(boldRed, text.Count(int64(sum.Failed))+" failed"))
	}
	if sum.Skipped > 0 {
		parts = append(parts, text.Count(int64(sum.Skipped))+" not begun")
	}
	s.line("", fmt.Sprintf("%s: %s (%s, %s)", s.paint(bold, plural(sum.Hosts, "host")), strings.Join(parts, ", "),
		run.Meta.FinishedAt.Format(time.RFC3339), lasted(&run.Meta)))
	if run.Meta.Partial {
		s.line("", s.paint(yellow, "The run ended early: this report is partial."))
	}
}

// tallies are the verdicts and the other ends that hosts had, worst first.
func tallies(hosts []audit.HostResult) []tally {
	var list []tally
	for _, v := range audit.Verdicts {
		sign, hue := mark(v)
		list = append(list, tally{sign: sign, hue: hue, what: string(v)})
	}
	sign, _ := mark("")
	list = append(list, tally{sign: sign, hue: boldRed, what: "failed"}, tally{hue: faint, what: "not begun"})
	for i := range hosts {
		h := &hosts[i]
		k := &list[len(list)-1]
		switch h.Status {
		case audit.StatusAudited:
			// A verdict of a later version is no ok.
			rank := h.Verdict.Rank()
			if rank == len(audit.Verdicts) {
				rank = audit.VerdictUnknown.Rank()
			}
			k = &list[rank]
		case audit.StatusFailed:
			k = &list[len(list)-2]
		}
		k.names = append(k.names, h.Name)
	}
	var there []tally
	for _, k := range list {
		if len(k.names) > 0 {
			there = append(there, k)
		}
	}
	return there
}

// roll names hosts, folded, in at most so many lines of so many cells, and counts
// the ones for which there is no room.
func (s *screen) roll(names []string, cells, lines int) string {
	fits := func(words string) bool { return width(words) <= cells || len(fold(words, cells)) <= lines }
	items := foldedItems(names)
	if whole := strings.Join(items, ", "); s.All || fits(whole) {
		return whole
	}
	words, named := "", 0
	for i, item := range items {
		named += size(item)
		next := strings.Join(items[:i+1], ", ") + " and " + plural(len(names)-named, "more host")
		if !fits(next) {
			break
		}
		words = next
	}
	if words != "" {
		return words
	}
	// One bracket holds more than there is room for. By halves: folding a fleet
	// name by name would take as many times as it has hosts.
	begin := func(n int) string {
		return strings.Join(foldedItems(names[:n]), ", ") + " and " + plural(len(names)-n, "more host")
	}
	n := sort.Search(len(names)-1, func(n int) bool { return !fits(begin(n + 1)) })
	if n == 0 {
		return snip(names[0], cells) + " and " + plural(len(names)-1, "more host")
	}
	return begin(n)
}

// foldedItems are names folded, each item with brackets of its own: lines may
// break between them.
func foldedItems(names []string) []string {
	var items []string
	folded, from, inside := text.Fold(names), 0, false
	for i, r := range folded {
		switch {
		case r == '[':
			inside = true
		case r == ']':
			inside = false
		case r == ',' && !inside:
			items, from = append(items, folded[from:i]), i+1
		}
	}
	return append(items, folded[from:])
}

// size is the number of names in an item; one that does not expand is a name.
func size(item string) int {
	if names, err := text.Expand(item, maxHosts); err == nil {
		return len(names)
	}
	return 1
}

// advise says what to begin with, and where more of that is said, as a paragraph
// of its own.
func (s *screen) advise(run *audit.Run) {
	first := firstThing(run)
	switch {
	case run.Summary.Audited == 0 && run.Summary.Failed > 0:
		first.words = s.whyNone(run)
	case first.words != "":
	case nothingToDo(run):
		s.WriteString("\n")
		s.line("", s.paint(green, "Nothing to do:")+" no host overflows or is near its limit")
		return
	default:
		return
	}
	s.WriteString("\n")
	name := ""
	if first.host != "" {
		name = first.host + ": "
	}
	s.line(s.paint(bold, "Do first: "), name+first.words)
	if command := s.showCommand(first.host); command != "" {
		s.line(s.paint(bold, "Why, and what else: "), s.paint(cyan, command))
	}
}

// whyNone is the cause that most hosts of a run without any answer failed of: it
// is more often here than there.
func (s *screen) whyNone(run *audit.Run) string {
	stages, _ := failedStages(run.Hosts)
	worst := stages[0].reasons[0]
	words := "no host could be audited: find out why"
	if len(worst.hosts) > 1 {
		words += " " + plural(len(worst.hosts), "host") + " failed alike"
	}
	return words + " (" + string(stages[0].name) + ": " + worst.message + ")"
}

// showCommand is empty for a name that cannot be pasted, or that would be a flag.
func (s *screen) showCommand(host string) string {
	word := text.ShellWord(host)
	if s.Show == "" || word == "" || strings.HasPrefix(word, "-") {
		return ""
	}
	return strings.Replace(s.Show, ShowHost, word, 1)
}

// thing is what to do, on a host or, without one, about the fleet or the run.
type thing struct{ host, words string }

// firstThing is the advice of the worst finding there is: about the first host,
// which is the worst, or about the fleet. Where no host is known to be in trouble
// it is the cause that keeps most of them from being known.
func firstThing(run *audit.Run) thing {
	for _, severity := range []audit.Severity{audit.SeverityCritical, audit.SeverityWarning} {
		for i := range run.Hosts {
			for _, f := range run.Hosts[i].Findings {
				if f.Severity == severity && len(f.Advice) > 0 {
					return thing{run.Hosts[i].Name, f.Advice[0]}
				}
			}
		}
		for _, f := range run.Findings {
			if f.Severity == severity && len(f.Advice) > 0 {
				return thing{"", f.Advice[0]}
			}
		}
	}
	// No host is known to be in trouble, but some are not known at all.
	if n := run.Summary.Failed; n > 0 {
		return thing{"", "find out why " + plural(n, "host") + " could not be audited: see below"}
	}
	return thing{}
}

// nothingToDo reports whether the run saw every host whole and found that none
// needs anybody. Less than that must not be said in few words.
func nothingToDo(run *audit.Run) bool {
	return len(run.Hosts) > 0 && !slices.ContainsFunc(run.Hosts, func(h audit.HostResult) bool {
		return h.Status != audit.StatusAudited || h.Coverage == audit.CoveragePartial ||
			h.Verdict != audit.VerdictOK && h.Verdict != audit.VerdictFixed
	})
}
