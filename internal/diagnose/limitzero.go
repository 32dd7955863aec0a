package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
)

// The two special limits look alike and do the opposite of each other on the
// same kernel, and -1 changed its meaning between kernels.
func limitZeroRule() Rule {
	return Rule{
		ID: "limit-zero", Severity: audit.SeverityCritical,
		Also:  []Grade{{audit.SeverityWarning, "when it may mean no limit"}},
		Title: "the limit is zero or negative, which does not mean what it seems to",
		Meaning: "Zero means no bucket at all: every close that needs one overflows. A negative limit is compared as a huge unsigned number since kernel 5.18, " +
			"so the table is unlimited; before about 5.17 the comparison was signed and every close overflowed.",
		Needs:   []string{tcpTWBucketsKey, "the kernel's release, for a negative limit"},
		Advice:  []string{"Set " + tcpTWBucketsKey + " to a positive number, or remove the setting"},
		Sources: []string{"Linux net/ipv4/inet_timewait_sock.c, inet_twsk_alloc()"},
		check: func(in *input) []audit.Finding {
			return in.each(in.limitZero)
		},
	}
}

// On kernels with one table for all namespaces only the host's limit exists.
func (in *input) limitZero(t *table) *audit.Finding {
	if t.limit == nil || *t.limit > 0 || t.sharesHostTable(in) {
		return nil
	}
	f := &audit.Finding{Evidence: t.limitEvidence(in)}
	if t.own {
		f.Evidence = append(f.Evidence, in.configEvidence()...)
	}
	switch t.kind {
	case limitNothing:
		if step := in.step(t); step != "" {
			f.Advice = []string{step}
		}
		f.Title = t.say("a limit of %d lets no socket into TIME_WAIT: every such close overflows", *t.limit)
	case limitNone:
		f.Severity = audit.SeverityWarning
		f.Title = t.say("a limit of %d means no limit on this kernel, and the opposite on kernels before about 5.17", *t.limit)
	default:
		f.Severity = audit.SeverityWarning
		f.Title = t.say("a limit of %d means no limit or no bucket, depending on the kernel%s", *t.limit, in.release(" "))
	}
	return f
}

// release is the kernel's release in brackets after prefix; empty when unknown.
func (in *input) release(prefix string) string {
	if in.facts.Host.Kernel == "" {
		return ""
	}
	return fmt.Sprintf("%s(%s)", prefix, in.facts.Host.Kernel)
}
