package diagnose

import "twaudit/internal/audit"

// It tells the operator who has just raised the limit that the scan has seen it,
// and why it does not say fixed.
func raisedUnprovenRule() Rule {
	return Rule{
		ID: "raised-unproven", Severity: audit.SeverityInfo,
		Title: "the limit was raised, but no evidence yet says that this cured it",
		Meaning: "A counter cannot tell when it last rose, so one look at a modern kernel cannot prove a cure; nor can a log that has been quiet for less than a day, " +
			"or for less than twice the longest earlier pause.",
		Needs:   []string{"the file that sets " + tcpTWBucketsKey + " and its change time, or an earlier run with a lower limit"},
		Advice:  []string{"Scan again after a day under the usual load: a counter that has not moved proves the cure"},
		Sources: []string{"sysctl.d(5)"},
		check: func(in *input) []audit.Finding {
			return in.each(in.raisedUnproven)
		},
	}
}

// raisedUnproven is for tables that stay overflowed for want of proof, not for
// those whose overflow is known to be younger than the raise.
func (in *input) raisedUnproven(t *table) *audit.Finding {
	r := t.raise
	if r == nil || t.overflowed == nil || r.at.After(in.clock) || t.limit == nil || *t.limit != r.to || in.overflowAfter(t, r) {
		return nil
	}
	return &audit.Finding{Title: t.say("limit raised %s; a later scan can prove it", r.words()), Evidence: r.evidence}
}
