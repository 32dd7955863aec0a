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
			"That count includes other messages and misses some of ours: it is a bound at best.",
		Needs:   []string{"a kernel log with overflow records"},
		Advice:  []string{"Read the number of log lines as proof that it happened, not as its size"},
		Sources: []string{"Linux lib/ratelimit.c", "Linux net/core/utils.c"},
		check:   logSaturated,
	}
}

// The probe counts only suppressed messages whose window holds a record of ours.
func logSaturated(in *input) []audit.Finding {
	log := in.facts.Log
	if log == nil || nonNegative(log.Suppressed) == nil || *log.Suppressed == 0 {
		return nil
	}
	title := fmt.Sprintf("%s suppressed beside %s", plural(*log.Suppressed, "message"), plural(in.logged(), "overflow record"))
	if log.EventsMin != nil && log.EventsMax != nil && *log.EventsMax > *log.EventsMin {
		title = fmt.Sprintf("between %s and about %s overflows were behind the log's records (%s suppressed)",
			text.Count(*log.EventsMin), text.Count(*log.EventsMax), text.Count(*log.Suppressed))
	}
	return []audit.Finding{{Title: title, Evidence: in.loggedEvidence()}}
}
