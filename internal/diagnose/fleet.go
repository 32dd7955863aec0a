package diagnose

import "twaudit/internal/audit"

// Fleet finishes a run: it puts the hosts into the order of every report,
// counts them, and replaces run.Findings by what the rules about the fleet say.
// Doing it twice changes nothing, so merged and loaded runs may go through it
// again.
func Fleet(run *audit.Run) {
	audit.SortHosts(run.Hosts)
	run.Summary = audit.Summarize(run.Hosts)
	run.Findings = []audit.Finding{}
	rules := Rules()
	for i := range rules {
		if check := rules[i].fleet; check != nil {
			run.Findings = append(run.Findings, rules[i].sign(check(run))...)
		}
	}
	worstFirst(run.Findings)
}
