package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Ten lines in five seconds is all that the rate limit lets through: the number
// of lines says for how long, never how badly.
func logSaturatedRule() Rule {
	return Rule{
		ID: "log-saturated", Severity: audit.SeverityInfo,
		Title: "the kernel suppressed log lines, so their number says little",
		Meaning: "The kernel prints at most ten such lines in five seconds, for all network messages together, and counts the rest as suppressed. " +
			"That count includes other messages and misses some of ours: it is a bound at best. Where no record of ours stands beside it, a storm of other messages may have hidden ours.",
		Needs:   []string{"a kernel log with overflow records, or on kernels without a counter any kernel log"},
		Advice:  []string{"Read the number of log lines as proof that it happened, not as its size"},
		Sources: []string{"Linux lib/ratelimit.c", "Linux net/core/utils.c"},
		check:   logSaturated,
	}
}

// The probe tells suppressed messages whose window holds a record of ours from the
// others.
func logSaturated(in *input) []audit.Finding {
	log := in.facts.Log
	if log == nil {
		return nil
	}
	if nonNegative(log.Suppressed) == nil || *log.Suppressed == 0 {
		return in.hiddenByOthers(log)
	}
	title := fmt.Sprintf("%s suppressed beside %s", plural(*log.Suppressed, "message"), plural(in.logged(), "overflow record"))
	if log.EventsMin != nil && log.EventsMax != nil && *log.EventsMax > *log.EventsMin {
		title = fmt.Sprintf("between %s and about %s overflows were behind the log's records (%s suppressed)",
			text.Count(*log.EventsMin), text.Count(*log.EventsMax), text.Count(*log.Suppressed))
	}
	return []audit.Finding{{Title: title, Evidence: in.loggedEvidence()}}
}

// hiddenByOthers is the caveat of an ok that rests on the silence of a log. Counts
// that nobody can attribute prove nothing, so they change no verdict.
func (in *input) hiddenByOthers(log *audit.Log) []audit.Finding {
	n := nonNegative(log.Unattributed)
	if in.own.verdict != audit.VerdictOK || in.own.total != nil || n == nil || *n == 0 {
		return nil
	}
	words := plural(*n, "message") + " suppressed beside no overflow record"
	return []audit.Finding{{
		Title:    words + ": what they said is not known",
		Evidence: []audit.Evidence{{Text: words, Source: "kernel log"}},
		Advice:   []string{"See what else the kernel logged at that time: a full connection tracking or neighbour table hides overflows"},
	}}
}
