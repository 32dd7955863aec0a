package audit

import "slices"

// Verdict is the one-word judgement of a host or of a network namespace.
type Verdict string

// The verdicts, worst first. Empty means not judged: the host failed or was
// skipped.
const (
	VerdictOverflowing Verdict = "overflowing" // sockets are being destroyed, now or within Limits.Recent
	VerdictOverflowed  Verdict = "overflowed"  // it happened and is not proven cured
	VerdictNearLimit   Verdict = "near-limit"  // the table is nearly full
	VerdictUnknown     Verdict = "unknown"     // the needed evidence could not be read
	VerdictFixed       Verdict = "fixed"       // it happened and a raise of the limit is proven to have cured it
	VerdictOK          Verdict = "ok"          // the evidence was read and shows nothing
)

// Verdicts lists every verdict, worst first.
var Verdicts = []Verdict{
	VerdictOverflowing, VerdictOverflowed, VerdictNearLimit, VerdictUnknown, VerdictFixed, VerdictOK,
}

// Rank is the place of v in Verdicts: 0 is the worst. A verdict that is none of
// them ranks after all others.
func (v Verdict) Rank() int {
	if i := slices.Index(Verdicts, v); i >= 0 {
		return i
	}
	return len(Verdicts)
}

// Worse reports whether v is worse than w.
func (v Verdict) Worse(w Verdict) bool { return v.Rank() < w.Rank() }

// Severity says how much a finding matters.
type Severity string

// The severities, worst first.
const (
	SeverityCritical Severity = "critical"
	SeverityWarning  Severity = "warning"
	SeverityInfo     Severity = "info"
)

// Rank is 0 for critical, 1 for warning, 2 for info and 3 for anything else.
func (s Severity) Rank() int {
	switch s {
	case SeverityCritical:
		return 0
	case SeverityWarning:
		return 1
	case SeverityInfo:
		return 2
	}
	return 3
}
