package diagnose

import "twaudit/internal/audit"

// Orphans in FIN_WAIT2 turn into bucket holders when tcp_fin_timeout is 60 s or
// less; only the full sockets are counted here.
func orphansRule() Rule {
	return Rule{
		ID: "orphans", Severity: audit.SeverityWarning,
		Also:  []Grade{fromCritical},
		Title: "there are too many orphaned sockets, or nearly so",
		Meaning: "Orphans are closed by their program and not yet by their peer. Beyond the limit they are reset. " +
			"Unlike TIME_WAIT sockets each holds up to 64 KiB of memory that cannot be swapped.",
		Needs:   []string{"orphan in /proc/net/sockstat and net.ipv4.tcp_max_orphans, or the kernel log"},
		Advice:  []string{"Look at the peers in FIN_WAIT1 and FIN_WAIT2 that never finish, then lower net.ipv4.tcp_orphan_retries or raise net.ipv4.tcp_max_orphans"},
		Sources: []string{"Linux net/ipv4/tcp.c, tcp_check_oom()", "tcp(7), tcp_max_orphans"},
		check: fullness{
			tables: []string{"orphans"}, sibling: "orphans", noun: "orphaned sockets",
			source: "/proc/net/sockstat",
		}.check,
	}
}
