package diagnose

import "twaudit/internal/audit"

// TIME_WAIT entries live in their own slab and do not count as TCP memory.
func tcpMemoryRule() Rule {
	return Rule{
		ID: "tcp-memory", Severity: audit.SeverityWarning,
		Also:  []Grade{fromCritical},
		Title: "TCP's buffers use all the memory they may, or nearly so",
		Meaning: "Above the limit the kernel shrinks windows and drops packets and sockets. TIME_WAIT sockets hold no buffers and do not cause it. " +
			"Kernels before 4 say \"Out of socket memory\" for too many orphans too.",
		Needs:   []string{"mem in /proc/net/sockstat and net.ipv4.tcp_mem, or the kernel log"},
		Advice:  []string{"Look for connections with large queues in ss -tm, then raise net.ipv4.tcp_mem (pages: minimum, pressure, maximum) if the memory is there"},
		Sources: []string{"Linux net/ipv4/tcp.c, tcp_check_oom()", "tcp(7), tcp_mem"},
		check: fullness{
			tables: []string{"tcp-memory-pages"}, sibling: "tcp-memory", noun: "pages of TCP memory",
			source: "/proc/net/sockstat",
		}.check,
	}
}
