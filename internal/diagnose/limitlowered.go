package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// The most copied bad advice on this subject is tcp_max_tw_buckets=5000.
func limitLoweredRule() Rule {
	return Rule{
		ID: "limit-lowered", Severity: audit.SeverityWarning,
		Also:  []Grade{{audit.SeverityInfo, "when the table neither overflowed nor is nearly full"}},
		Title: "the limit is lower than the kernel would have chosen",
		Meaning: "The kernel's default is half the size of its hash of established connections, which follows the machine's memory. Many guides lower it to 5000 or so. " +
			"That saves next to nothing and makes the table overflow early; the kernel's own documentation warns against it.",
		Needs:   []string{tcpTWBucketsKey, "the size of the kernel's TCP hash table"},
		Advice:  []string{"Remove the setting, so that the kernel's default counts again"},
		Sources: []string{"Linux Documentation/networking/ip-sysctl.rst, tcp_max_tw_buckets", "Linux net/ipv4/tcp_ipv4.c, tcp_sk_init()"},
		check:   limitLowered,
	}
}

// Without a known default it is silent: 5000 may be all that a small machine's
// kernel would choose.
func limitLowered(in *input) []audit.Finding {
	t, normal := in.own, in.facts.TimeWait.DefaultLimit
	// Some kernels round the half up: one below the default is the default.
	if t.kind != limitNumber || normal == nil || *t.limit >= *normal-1 {
		return nil
	}
	f := audit.Finding{
		Title:    fmt.Sprintf("the limit of %s is below the kernel's default of %s", text.Count(*t.limit), text.Count(*normal)),
		Evidence: in.own.limitEvidence(in),
		Severity: audit.SeverityInfo,
	}
	// A lowered limit that was never reached is a remark, not a warning.
	if in.own.verdict.Worse(audit.VerdictUnknown) {
		f.Severity = audit.SeverityWarning
	}
	cost := ""
	if *normal < 1<<40 {
		cost = ", which costs " + text.Bytes(*normal*bytesPerEntry) + " at most"
	}
	if c := in.conf; c != nil && c.value == *t.limit {
		f.Title += ", set by " + c.source
		f.Evidence = append(f.Evidence, in.configEvidence()...)
		f.Advice = []string{fmt.Sprintf("Remove %s and set %s now%s", c.source, text.Count(*normal), cost)}
	} else {
		f.Advice = []string{fmt.Sprintf("Set %s to %s%s", tcpTWBucketsKey, text.Count(*normal), cost)}
	}
	// One limit is set once: where it has to be raised anyway, to no less than the
	// default, that says more.
	if step := in.step(t); f.Severity == audit.SeverityWarning && step != "" {
		f.Advice = []string{step}
	}
	return []audit.Finding{f}
}

// limitEvidence is the running limit alone; nil when it was not read.
func (t *table) limitEvidence(in *input) []audit.Evidence {
	list := t.fillEvidence(in)
	if t.limit == nil {
		return nil
	}
	return list[len(list)-1:]
}
