package report

import (
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// The kinds of a host that has no verdict. The others are the verdicts.
const (
	kindFailed  = "failed"
	kindSkipped = "skipped"
)

// kinds lists what a host can be on the page, in the order of every report. Each
// has a glyph and a colour of its own.
func kinds() []string {
	return []string{"overflowing", "overflowed", "near-limit", "unknown", kindFailed, "fixed", "ok", kindSkipped}
}

// kindOf is the kind of a host. A verdict of a later version is unknown to this
// one, never fine.
func kindOf(h *audit.HostResult) string {
	switch {
	case h.Status == audit.StatusFailed:
		return kindFailed
	case h.Status != audit.StatusAudited:
		return kindSkipped
	case slices.Contains(audit.Verdicts, h.Verdict):
		return string(h.Verdict)
	}
	return string(audit.VerdictUnknown)
}

// countKinds counts from the hosts themselves: a summary that somebody edited
// must not contradict the table below it.
func countKinds(hosts []audit.HostResult) map[string]int {
	counts := map[string]int{}
	for i := range hosts {
		counts[kindOf(&hosts[i])]++
	}
	return counts
}

// htmlLede is the run in one sentence, the worst first. It calls nothing fine
// that was not judged.
func htmlLede(run *audit.Run, counts map[string]int) string {
	hosts := len(run.Hosts)
	unjudged := counts["unknown"] + counts[kindFailed] + counts[kindSkipped]
	of := func(n int) string { return text.Count(int64(n)) + " of " + plural(hosts, "host") }
	words := ""
	// Words for what is unjudged are appended at the end, unless they are all there is.
	switch {
	case hosts == 0:
		return "no host was audited: the run holds none"
	case counts[kindFailed]+counts[kindSkipped] == hosts:
		return "none of " + plural(hosts, "host") + " could be audited"
	case counts["overflowing"] > 0:
		words = destroying(run, of(counts["overflowing"]), counts["overflowing"])
	case counts["overflowed"] > 0:
		words = "sockets were destroyed on " + of(counts["overflowed"]) + ", and no cure is proven"
	case counts["near-limit"] > 0:
		words = of(counts["near-limit"]) + " " + isAre(counts["near-limit"]) + " near the limit; no overflow was found"
	case unjudged > 0:
		return "no overflow was found on " + of(hosts-unjudged) + "; the rest could not be judged"
	default:
		return "no overflow was found on " + plural(hosts, "host")
	}
	if unjudged > 0 {
		words += "; " + text.Count(int64(unjudged)) + " could not be judged"
	}
	return words
}

// destroying is about the hosts that overflow: in the present only for those that
// this run saw doing it.
func destroying(run *audit.Run, which string, overflowing int) string {
	now := countNow(run)
	switch recent := recentWords(run); {
	case now == overflowing:
		return which + " " + isAre(now) + " destroying sockets now"
	case now == 0:
		return which + " destroyed sockets within " + recent
	default:
		return which + " destroyed sockets within " + recent + ", " + text.Count(int64(now)) + " of them now"
	}
}

// countNow counts the overflowing hosts that this run saw destroying sockets.
func countNow(run *audit.Run) int {
	n := 0
	for i := range run.Hosts {
		if h := &run.Hosts[i]; kindOf(h) == string(audit.VerdictOverflowing) && destroyingNow(h) {
			n++
		}
	}
	return n
}

// recentWords are what the run took for now. Of merged runs it is that of the first.
func recentWords(run *audit.Run) string {
	if run.Meta.Limits.Recent <= 0 {
		return "what counted as recent"
	}
	return strings.TrimSuffix(text.Duration(run.Meta.Limits.Recent), "00m") + " of the run"
}

// overflowingNote is the same for the headline number.
func overflowingNote(run *audit.Run, overflowing int) string {
	if now := countNow(run); now < overflowing {
		return text.Count(int64(now)) + " now, else within " + recentWords(run)
	}
	return "destroying sockets now"
}

// isAre is the verb for so many hosts.
func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// htmlPartial is said above everything else: all numbers below it are too small.
func htmlPartial(run *audit.Run) string {
	if !run.Meta.Partial {
		return ""
	}
	counts, ended := countKinds(run.Hosts), 0
	for i := range run.Hosts {
		f := run.Hosts[i].Failure
		if f != nil && (f.Stage == audit.StageInterrupted || f.Stage == audit.StageDeadline) {
			ended++
		}
	}
	var words []string
	if n := counts[kindSkipped]; n > 0 {
		words = append(words, wasWere(n)+" never asked")
	}
	if ended > 0 {
		words = append(words, wasWere(ended)+" cut off")
	}
	if len(words) == 0 {
		return "This run ended early."
	}
	return "This run ended early: " + strings.Join(words, ", ") + ". What they have is in no number below."
}

// wasWere is the beginning of a sentence about hosts that nobody could help.
func wasWere(n int) string {
	if n == 1 {
		return "1 host was"
	}
	return text.Count(int64(n)) + " hosts were"
}

// htmlCard is one headline number. Kinds are the values of the filter behind it.
type htmlCard struct {
	Kind   string // whose glyph it wears; empty: none
	Label  string
	Number string
	Note   string
	Kinds  string // comma-separated; empty: no filter
	Zero   bool   // shown in grey, and no link: there is nothing behind it
}

// htmlCards are the headline numbers, the worst first. A number of zero is shown too:
// that nobody overflows is news.
func htmlCards(run *audit.Run, counts map[string]int) []htmlCard {
	card := func(kind, label, note string, kinds ...string) htmlCard {
		n := 0
		for _, k := range kinds {
			n += counts[k]
		}
		return htmlCard{Kind: kind, Label: label, Number: text.Count(int64(n)), Note: note, Kinds: strings.Join(kinds, ","), Zero: n == 0}
	}
	// Every host is in exactly one of the cards after the first.
	audited := len(run.Hosts) - counts[kindFailed] - counts[kindSkipped]
	return []htmlCard{
		{Label: "hosts", Number: text.Count(int64(len(run.Hosts))), Note: text.Count(int64(audited)) + " audited"},
		card("overflowing", "overflowing", overflowingNote(run, counts["overflowing"]), "overflowing"),
		card("overflowed", "overflowed", "it happened, no cure proven", "overflowed"),
		card("near-limit", "near the limit", "from "+percentWords(run.Meta.Limits.Near)+" of it", "near-limit"),
		card("unknown", "not judged", notJudged(counts), "unknown", kindFailed, kindSkipped),
		card("ok", "fine", fineNote(counts), "fixed", "ok"),
	}
}

// notJudged tells apart what the one number holds.
func notJudged(counts map[string]int) string {
	var words []string
	for _, k := range []string{"unknown", kindFailed, kindSkipped} {
		if counts[k] > 0 {
			words = append(words, text.Count(int64(counts[k]))+" "+k)
		}
	}
	if len(words) == 0 {
		return "none is without a verdict"
	}
	return strings.Join(words, ", ")
}

// fineNote says of how many hosts that are fine a cure is proven, which is not the
// same as never having been ill.
func fineNote(counts map[string]int) string {
	if n := counts["fixed"]; n > 0 {
		return text.Count(int64(n)) + " of them cured"
	}
	return "nothing found, evidence read"
}

// htmlKind is one part of the bar of all hosts. X and Width are per cent.
//
// Percent is rounded for people; the bar has the exact shares.
type htmlKind struct {
	Kind     string
	Count    string
	Percent  string
	Meaning  string
	X, Width string
}

// htmlKinds lists the kinds that occur, with their places in a bar of all hosts.
func htmlKinds(counts map[string]int, hosts int) []htmlKind {
	var list []htmlKind
	x := 0.0
	for _, kind := range kinds() {
		n := counts[kind]
		if n == 0 {
			continue
		}
		share := 100 * float64(n) / float64(hosts)
		list = append(list, htmlKind{
			Kind: kind, Count: text.Count(int64(n)), Percent: shareWords(n, hosts), Meaning: meaning(kind),
			X: strconv.FormatFloat(x, 'f', 3, 64), Width: strconv.FormatFloat(share, 'f', 3, 64),
		})
		x += share
	}
	return list
}

// shareWords never rounds something to nothing, nor nearly all to all.
func shareWords(n, of int) string {
	percent := 100 * float64(n) / float64(of)
	switch {
	case percent > 0 && percent < 0.1:
		return "<0.1 %"
	case percent > 99.9 && percent < 100:
		return ">99.9 %"
	case percent == 100 || percent >= 10 && percent < 99.5:
		return strconv.FormatFloat(percent, 'f', 0, 64) + " %"
	}
	return strconv.FormatFloat(percent, 'f', 1, 64) + " %"
}

// meaning explains a kind to a reader who has no manual.
func meaning(kind string) string {
	switch kind {
	case "overflowing":
		return "sockets are being destroyed, or were shortly before the run"
	case "overflowed":
		return "it happened, and is not proven cured"
	case "near-limit":
		return "the table is nearly full"
	case "unknown":
		return "the needed evidence could not be read"
	case kindFailed:
		return "could not be audited"
	case "fixed":
		return "it happened, and a raise of the limit cured it"
	case "ok":
		return "the evidence was read and shows nothing"
	}
	return "never asked: the run ended first"
}
