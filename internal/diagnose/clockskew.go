package diagnose

import (
	"fmt"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// tolerated is far beyond what the time of asking costs, and what a host with
// working time synchronisation shows.
const tolerated = time.Minute

// A skewed clock is a finding, never a reason to judge by another clock.
func clockSkewRule() Rule {
	return Rule{
		ID: "clock-skew", Severity: audit.SeverityInfo,
		Also:  []Grade{{audit.SeverityWarning, "from an hour on"}},
		Title: "the host's clock is not ours",
		Meaning: "Times in its log and of its files are by its own clock, and are compared with that clock only, so the verdict stands. " +
			"Reports of several hosts do not line up, and the host's own logs mislead.",
		Needs:   []string{"the host's clock"},
		Advice:  []string{"Start a time service on the host (chrony, systemd-timesyncd, ntpd)"},
		Sources: []string{"chronyd(8)"},
		check:   clockSkew,
	}
}

// The skew includes half of the time that asking took, which tolerated covers.
func clockSkew(in *input) []audit.Finding {
	ms := in.facts.Host.ClockSkewMS
	if ms == nil || abs(*ms) < tolerated.Milliseconds() {
		return nil
	}
	// Beyond 292 years a Duration ends; nobody needs the difference.
	off := time.Duration(min(abs(*ms), 9e15/1000)) * time.Millisecond
	direction := "ahead of"
	if *ms < 0 {
		direction = "behind"
	}
	f := audit.Finding{
		Title:    fmt.Sprintf("the host's clock is %s %s ours", text.Duration(off), direction),
		Evidence: []audit.Evidence{{Text: fmt.Sprintf("%d ms", *ms), Source: "clock", At: in.facts.Host.Clock}},
	}
	if off >= time.Hour {
		f.Severity = audit.SeverityWarning
	}
	return []audit.Finding{f}
}
