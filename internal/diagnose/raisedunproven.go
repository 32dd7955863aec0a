package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
)

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
	if !in.unproven(t) {
		return nil
	}
	f := &audit.Finding{Title: t.say("limit raised %s; a later scan can prove it", t.raise.words()), Evidence: t.raise.evidence}
	if wait := in.waitAdvice(t); wait != "" {
		f.Advice = []string{wait}
	}
	return f
}

// unproven reports whether the limit that runs was raised, and no overflow is
// known to be younger.
func (in *input) unproven(t *table) bool {
	r := t.raise
	return r != nil && t.overflowed != nil && !r.at.After(in.clock) && t.limit != nil && *t.limit == r.to && !in.overflowAfter(t, r)
}

// waitAdvice is for a raise that nothing yet says was too little: a further one
// would be a guess. Empty where that does not hold.
func (in *input) waitAdvice(t *table) string {
	if ratio := t.ratio(); !in.unproven(t) || t.near != nil || ratio == nil || *ratio >= in.limits.Near {
		return ""
	}
	of := ""
	if !t.own {
		of = " of " + t.label
	}
	return fmt.Sprintf("Wait, and scan again after a day under the usual load: the limit%s was raised %s, and a counter that has not moved by then proves the cure", of, t.raise.words())
}
