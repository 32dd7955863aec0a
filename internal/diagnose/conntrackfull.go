package diagnose

import "twaudit/internal/audit"

// Containers see nf_conntrack_max read-only and the machine's own value.
func conntrackFullRule() Rule {
	return Rule{
		ID: "conntrack-full", Severity: audit.SeverityWarning,
		Also:    []Grade{fromCritical},
		Title:   "the connection tracking table is full or nearly so",
		Meaning: "A full table drops new connections outright, which harms far more than a full bucket table. Its log lines share the rate limit with ours and can hide them.",
		Needs:   []string{"nf_conntrack_count and nf_conntrack_max, or the kernel log"},
		Advice: []string{
			"Raise net.netfilter.nf_conntrack_max (and the hash size with it)",
			"Shorten net.netfilter.nf_conntrack_tcp_timeout_time_wait, or exempt the busy ports from tracking",
		},
		Sources: []string{"Linux net/netfilter/nf_conntrack_core.c", "Linux Documentation/networking/nf_conntrack-sysctl.rst"},
		check: fullness{
			tables: []string{"conntrack"}, sibling: "conntrack", noun: "tracked connections",
			source: "/proc/sys/net/netfilter/nf_conntrack_count",
		}.check,
	}
}
