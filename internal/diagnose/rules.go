package diagnose

import (
	"slices"

	"twaudit/internal/audit"
)

// Rule is one thing that twaudit can find, in the words that the report, the
// command line and the documentation share.
type Rule struct {
	ID       string         // lower-kebab, stable for ever
	Severity audit.Severity // the usual one
	Title    string         // what it says when it fires, without numbers
	Meaning  string         // why it matters
	Needs    []string       // what must be readable; the rule is silent without it
	Also     []Grade        // what a finding may have instead of the usual severity
	Advice   []string       // each starts with a verb; for a finding that brings none of its own
	Sources  []string       // where the knowledge comes from

	// check judges one host. Findings without rule, severity or advice get the
	// rule's own. Nil for a rule about the fleet.
	check func(*input) []audit.Finding
	// fleet judges a whole run. Nil for a rule about one host.
	fleet func(*audit.Run) []audit.Finding
}

// Grade is a severity, and When it is that of a finding: words that follow it in a
// sentence.
type Grade struct {
	Severity audit.Severity
	When     string
}

// fromCritical is the grade of all rules about a share of a limit.
var fromCritical = Grade{audit.SeverityCritical, "from the share of --critical on"}

// Usually is the severity of the rule in a word or two.
func (r *Rule) Usually() string {
	if len(r.Also) == 0 {
		return string(r.Severity)
	}
	return "usually " + string(r.Severity)
}

// Severities says which severity a finding has and when; empty for a rule that
// knows one.
func (r *Rule) Severities() string {
	if len(r.Also) == 0 {
		return ""
	}
	words := r.Usually()
	for _, g := range r.Also {
		words += ", " + string(g.Severity) + " " + g.When
	}
	return words
}

// May reports whether a finding of the rule can have this severity.
func (r *Rule) May(severity audit.Severity) bool {
	return severity == r.Severity || slices.ContainsFunc(r.Also, func(g Grade) bool { return g.Severity == severity })
}

// Rules lists every rule, in the order in which findings of one severity are
// shown. Verdicts come first, worst first.
func Rules() []Rule {
	return []Rule{
		overflowingRule(),
		overflowedRule(),
		nearLimitRule(),
		unknownRule(),
		fixedRule(),
		okRule(),
		raisedUnprovenRule(),
		shortEvidenceRule(),
		limitZeroRule(),
		limitLoweredRule(),
		containerLimitRule(),
		ephemeralPortsRule(),
		configDriftRule(),
		configNotLoadedRule(),
		configIgnoredRule(),
		configConflictRule(),
		notPersistentRule(),
		twRecycleRule(),
		twReuseUselessRule(),
		synFloodRule(),
		acceptQueueRule(),
		conntrackFullRule(),
		neighbourTableRule(),
		tcpMemoryRule(),
		orphansRule(),
		logUnreadableRule(),
		logSaturatedRule(),
		clockSkewRule(),
		sameMachineTwiceRule(),
		outlierLimitRule(),
	}
}
