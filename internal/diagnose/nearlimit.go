package diagnose

import (
	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Also when the peak is history: a table that was nearly full last week will be
// so again.
func nearLimitRule() Rule {
	return Rule{
		ID: "near-limit", Severity: audit.SeverityWarning,
		Also:  []Grade{{audit.SeverityCritical, "from the share of --critical on and when the limit leaves no bucket"}},
		Title: "the TIME_WAIT bucket table is nearly full",
		Meaning: "Buckets count TIME_WAIT sockets and the FIN_WAIT2 ones of orphans, IPv4 and IPv6 together. When they reach the limit, every further close is destroyed. " +
			"A full table whose overflow counter stands still is near its limit, not overflowing.",
		Needs:   []string{"tw in /proc/net/sockstat", tcpTWBucketsKey},
		Advice:  []string{"Raise net.ipv4.tcp_max_tw_buckets before it is reached; an entry costs 256 B"},
		Sources: []string{"Linux net/ipv4/inet_timewait_sock.c", "Linux Documentation/networking/ip-sysctl.rst, tcp_max_tw_buckets"},
		check: func(in *input) []audit.Finding {
			return in.each(func(t *table) *audit.Finding { return t.near })
		},
	}
}

// nearLimit looks at the fill now, then at the highest one that history saw,
// both against today's limit.
func (in *input) nearLimit(t *table) *audit.Finding {
	if t.sharesHostTable(in) {
		return nil
	}
	if t.kind == limitNothing {
		return &audit.Finding{
			Severity: audit.SeverityCritical,
			Title:    t.say("a limit of %d leaves no bucket: every close that needs one is destroyed", *t.limit),
			Evidence: t.fillEvidence(in), Advice: in.cure(t),
		}
	}
	if r := t.ratio(); r != nil && *r >= in.limits.Near {
		return &audit.Finding{
			Severity: in.nearSeverity(*r), Title: t.say("%s", t.fill("")),
			Evidence: t.fillEvidence(in), Advice: in.cure(t),
		}
	}
	peak := t.trail.peak
	if peak == nil || t.kind != limitNumber || *peak.Buckets < 0 {
		return nil
	}
	r := float64(*peak.Buckets) / float64(*t.limit)
	if r < in.limits.Near {
		return nil
	}
	at := in.hostTime(peak.At)
	return &audit.Finding{
		Severity: in.nearSeverity(r),
		Title: t.say("%s of %s buckets in use at %s (%s)%s",
			text.Count(*peak.Buckets), text.Count(*t.limit), stamp(at), percent(r), t.fill("; now ")),
		Evidence: append([]audit.Evidence{{Text: "tw " + text.Count(*peak.Buckets), Source: "history", At: &at}}, t.fillEvidence(in)...),
		Advice:   in.cure(t),
	}
}

// nearSeverity holds for other tables too: the same two measures apply to all.
func (in *input) nearSeverity(ratio float64) audit.Severity {
	if ratio >= in.limits.Critical {
		return audit.SeverityCritical
	}
	return audit.SeverityWarning
}

// sharesHostTable is true for another namespace on a kernel with one table for
// all: its fill is the host's, and is judged there.
func (t *table) sharesHostTable(in *input) bool { return !t.own && in.kernel.globalTable() }
