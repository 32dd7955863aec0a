package diagnose

import (
	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// ListenOverflows rises for a full accept queue only; ListenDrops would count
// every other reason too, and SYNs that were never answered.
func acceptQueueRule() Rule {
	return Rule{
		ID: "accept-queue", Severity: audit.SeverityWarning,
		Also:  []Grade{{audit.SeverityInfo, "when none was dropped between the two readings"}},
		Title: "connections were dropped because a program did not accept them in time",
		Meaning: "The handshake was complete and the listener's queue was full. It is a slow or stuck program, or a small backlog, and neither a SYN flood nor the bucket table. " +
			"The kernel logs nothing for it.",
		Needs: []string{"ListenOverflows in /proc/net/netstat"},
		Advice: []string{
			"Find the listener whose Recv-Q is at its Send-Q in ss -ltn, and see why it accepts slowly",
			"Raise that program's backlog together with net.core.somaxconn if the bursts are wanted",
		},
		Sources: []string{"Linux net/ipv4/tcp_ipv4.c, tcp_v4_syn_recv_sock()", "listen(2)"},
		check:   acceptQueue,
	}
}

// A rise between the readings is worth a warning. A total since boot may be as
// old as the boot, and is a remark.
func acceptQueue(in *input) []audit.Finding {
	total := in.counter("ListenOverflows")
	if total == nil || *total == 0 {
		return nil
	}
	f := audit.Finding{
		Severity: audit.SeverityInfo,
		Title:    plural(*total, "connection") + " dropped at a full accept queue since boot",
		Evidence: []audit.Evidence{{Text: "ListenOverflows is " + text.Count(*total), Source: "/proc/net/netstat", At: in.facts.Host.Clock}},
	}
	if n := in.rise("ListenOverflows"); n != nil && *n > 0 {
		f.Severity = audit.SeverityWarning
		f.Title = plural(*n, "connection") + " dropped at a full accept queue between the two readings, " + text.Count(*total) + " since boot"
	}
	return []audit.Finding{f}
}
