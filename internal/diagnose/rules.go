package diagnose

import "twaudit/internal/audit"

// Rule is one thing that twaudit can find, in the words that the report, the
// command line and the documentation share.
type Rule struct {
	ID       string         // lower-kebab, stable for ever
	Severity audit.Severity // the usual one; a finding may say otherwise
	Title    string         // what it says when it fires, without numbers
	Meaning  string         // why it matters
	Needs    []string       // what must be readable; the rule is silent without it
	Advice   []string       // each starts with a verb; for a finding that brings none of its own
	Sources  []string       // where the knowledge comes from

	// check judges one host. Findings without rule, severity or advice get the
	// rule's own. Nil for a rule about the fleet.
	check func(*input) []audit.Finding
	// fleet judges a whole run. Nil for a rule about one host.
	fleet func(*audit.Run) []audit.Finding
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
