package diagnose

import (
	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// The span in its title is the claim: ok since boot, or as far as a log reaches.
func okRule() Rule {
	return Rule{
		ID: "ok", Severity: audit.SeverityInfo,
		Title:   "the evidence that this kernel gives was read and shows no overflow",
		Meaning: "The title names the span that the evidence covers: nothing is claimed beyond it.",
		Needs:   []string{"TCPTimeWaitOverflow, or on kernels before 2.6.38 a live kernel log that reaches back 24 h", "tw in /proc/net/sockstat", tcpTWBucketsKey},
		Advice:  []string{"Keep the limit as it is"},
		Sources: []string{"Linux commit 67631510a318"},
		check:   okFinding,
	}
}

// okFinding speaks for the host, not for one namespace of a sick one.
func okFinding(in *input) []audit.Finding {
	if in.verdict != audit.VerdictOK {
		return nil
	}
	t := in.own
	f := audit.Finding{Evidence: t.fillEvidence(in)}
	if t.total != nil {
		f.Title = in.countedSpan(t)
		f.Evidence = append([]audit.Evidence{{Text: "TCPTimeWaitOverflow is " + text.Count(*t.total), Source: t.netstat(), At: in.facts.Host.Clock}}, f.Evidence...)
	} else {
		f.Title = in.loggedSpan()
	}
	f.Title += t.fill("; ")
	return []audit.Finding{f}
}

// countedSpan is called with a counter that is zero, or that history knows to
// have stood still for all of --since.
func (in *input) countedSpan(t *table) string {
	if *t.total > 0 {
		title := "no overflow since the counter last moved"
		if still := t.still(); still != nil {
			title = "no overflow since " + stamp(in.hostTime(still.At)) + ", " + text.Count(*t.total) + " before"
		}
		return title
	}
	if up, ok := in.uptime(); ok {
		return "no overflow in " + text.Duration(up) + " of uptime"
	}
	return "no overflow since boot"
}

// loggedSpan names the log and how far it speaks; older records stay visible.
func (in *input) loggedSpan() string {
	span, path, _ := in.silence()
	if in.logged() > 0 && in.facts.Log.Last != nil {
		return "no overflow since " + stamp(*in.facts.Log.Last) + " in " + path
	}
	return "no overflow in " + text.Duration(span) + " of " + path
}
