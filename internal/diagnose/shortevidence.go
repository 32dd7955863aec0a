package diagnose

import (
	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// It marks an ok that rests on little, and never changes the verdict.
func shortEvidenceRule() Rule {
	return Rule{
		ID: "short-evidence", Severity: audit.SeverityInfo,
		Title:   "nothing was seen, over a short time only",
		Meaning: "The overflow counter begins again at boot. Shortly after one it proves little about an ordinary day.",
		Needs:   []string{"TCPTimeWaitOverflow in /proc/net/netstat", "the uptime"},
		Advice:  []string{"Scan again when the host has been under its usual load"},
		Sources: []string{"proc(5)"},
		check:   shortEvidence,
	}
}

// A log has its own measure (24 h, see silence): this is for counters.
func shortEvidence(in *input) []audit.Finding {
	t := in.own
	if in.verdict != audit.VerdictOK || t.total == nil {
		return nil
	}
	if fell := in.fell(t); fell > 0 {
		return []audit.Finding{{
			Title:    "the overflow counter began again between the two readings",
			Evidence: []audit.Evidence{{Text: "TCPTimeWaitOverflow fell by " + text.Count(fell), Source: t.netstat(), At: in.facts.Host.Clock}},
		}}
	}
	up, ok := in.uptime()
	if !ok || up >= in.limits.Recent {
		return nil
	}
	return []audit.Finding{{
		Title:    "the evidence covers " + text.Duration(up) + " of uptime only",
		Evidence: []audit.Evidence{{Text: "up for " + text.Duration(up), Source: "/proc/uptime", At: in.facts.Host.BootedAt}},
	}}
}

// fell is what the counter lost between the two readings; 0 when it did not fall.
func (in *input) fell(t *table) int64 {
	if t.delta != nil && *t.delta < 0 {
		return abs(*t.delta)
	}
	// Of another namespace the probe keeps the higher reading.
	var first *int64
	if c := in.facts.Counters; t.own && c != nil {
		if n, ok := c.First["TCPTimeWaitOverflow"]; ok && c.Last != nil {
			first = &n
		}
	}
	if first == nil || t.total == nil || *first <= *t.total {
		return 0
	}
	return *first - *t.total
}
