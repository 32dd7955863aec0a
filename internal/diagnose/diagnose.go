package diagnose

import (
	"slices"
	"time"

	"twaudit/internal/audit"
)

// Diagnosis is what Host concludes. Flags, Findings and Gaps are never nil, so
// that they can go into a HostResult as they are.
type Diagnosis struct {
	Verdict    audit.Verdict
	Coverage   audit.Coverage
	Flags      []string          // ids of the rules that fired, sorted, each once
	Findings   []audit.Finding   // worst severity first, then in the order of Rules
	Gaps       []audit.Gap       // those given, and those that judging discovered
	Headroom   *audit.Headroom   // nil when nothing of it could be computed
	Namespaces []audit.Namespace // those of the facts, each with its verdict
	History    *audit.History    // nil without earlier runs
}

// Host judges one host. gaps say what the probe could not read, past what
// earlier runs saw (nil: nothing); zero limits are the default ones. now is our
// clock, and measures the distance to earlier runs only: the age of what the
// host stamped itself (logs, files) is measured by the host's own clock. Nil
// facts are judged unknown. None of the arguments is changed.
func Host(facts *audit.Facts, gaps []audit.Gap, past *audit.Past, limits audit.Limits, now time.Time) Diagnosis {
	in := newInput(facts, gaps, past, limits, now)
	in.judge()
	findings := in.findings()
	return Diagnosis{
		Verdict:    in.verdict,
		Coverage:   in.coverage(),
		Flags:      flags(findings),
		Findings:   findings,
		Gaps:       in.allGaps(),
		Headroom:   in.headroom(),
		Namespaces: in.namespaces(),
		History:    in.history(past, findings),
	}
}

// findings asks every rule.
func (in *input) findings() []audit.Finding {
	list := []audit.Finding{}
	rules := Rules()
	for i := range rules {
		if check := rules[i].check; check != nil {
			list = append(list, rules[i].sign(check(in))...)
		}
	}
	worstFirst(list)
	return list
}

// sign fills in what a finding leaves to its rule.
func (r *Rule) sign(findings []audit.Finding) []audit.Finding {
	for i := range findings {
		f := &findings[i]
		f.Rule = r.ID
		if f.Severity == "" {
			f.Severity = r.Severity
		}
		if f.Advice == nil {
			f.Advice = r.Advice
		}
		if f.Evidence == nil {
			f.Evidence = []audit.Evidence{}
		}
	}
	return findings
}

// worstFirst keeps the order of the rules among equals.
func worstFirst(findings []audit.Finding) {
	slices.SortStableFunc(findings, func(a, b audit.Finding) int { return a.Severity.Rank() - b.Severity.Rank() })
}

// flags lists the rules that fired. A rule may fire several times, for several
// namespaces or files, and is one flag.
func flags(findings []audit.Finding) []string {
	list := make([]string, 0, len(findings))
	for i := range findings {
		list = append(list, findings[i].Rule)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
