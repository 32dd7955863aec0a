package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// It is here because the message about the bucket table is widely taken for a
// sign of an attack, which it is not.
func synFloodRule() Rule {
	return Rule{
		ID: "syn-flood", Severity: audit.SeverityWarning,
		Also:  []Grade{{audit.SeverityInfo, "when only the kernel log speaks of it"}},
		Title: "a queue of half-open connections is full: a SYN flood, or a backlog that is too small",
		Meaning: "A spoofed SYN flood leaves no TIME_WAIT at all, since no handshake completes: it does not explain a full bucket table. " +
			"The number of SYN_RECV sockets is bounded by the listeners' backlogs and says little about the size of an attack; so does the number of log lines, one for each listener. Only the counters measure it.",
		Needs: []string{"two readings of SyncookiesSent and TCPReqQFullDrop in /proc/net/netstat, the SYN_RECV sockets, or the kernel log"},
		Advice: []string{
			"Check where the SYNs come from: many sources toward one port are an attack, few are a load test or a retrying client",
			"Keep net.ipv4.tcp_syncookies=1, and raise the service's backlog with net.core.somaxconn and net.ipv4.tcp_max_syn_backlog if the load is wanted",
		},
		Sources: []string{"Linux net/ipv4/tcp_input.c, tcp_syn_flood_action()", "RFC 4987"},
		check:   synFlood,
	}
}

// synFlood trusts the counters; the states count only where there are no two
// readings of them, and the log says that it happened, not when or how much.
func synFlood(in *input) []audit.Finding {
	cookies, drops := in.rise("SyncookiesSent"), in.rise("TCPReqQFullDrop")
	if n := sum(cookies, drops); n > 0 {
		return []audit.Finding{{
			Title:    fmt.Sprintf("%s answered with a cookie or dropped between the two readings%s", plural(n, "SYN"), in.halfOpen(", with ")),
			Evidence: []audit.Evidence{{Text: "SyncookiesSent and TCPReqQFullDrop rose by " + text.Count(n), Source: "/proc/net/netstat", At: in.facts.Host.Clock}},
		}}
	}
	halfOpen, open := in.facts.TCPStates["SYN_RECV"], in.facts.TCPStates["ESTABLISHED"]
	if cookies == nil && drops == nil && halfOpen >= 256 && halfOpen > open {
		return []audit.Finding{{
			Title:    fmt.Sprintf("%s sockets in SYN_RECV against %s established", text.Count(halfOpen), text.Count(open)),
			Evidence: []audit.Evidence{{Text: "SYN_RECV " + text.Count(halfOpen), Source: in.facts.TCPStatesSource, At: in.facts.Host.Clock}},
		}}
	}
	if lines := in.sibling("syn-flood"); lines > 0 {
		return []audit.Finding{{
			Severity: audit.SeverityInfo,
			Title:    "the kernel logged possible SYN flooding in " + plural(lines, "line") + ", not under way now",
			Evidence: []audit.Evidence{{Text: plural(lines, "line") + " (one for each listener, whatever the size)", Source: "kernel log"}},
		}}
	}
	return nil
}

// halfOpen is empty when the states were not listed: none listed is not none.
func (in *input) halfOpen(prefix string) string {
	n, ok := in.facts.TCPStates["SYN_RECV"]
	if !ok {
		return ""
	}
	return prefix + plural(n, "socket") + " in SYN_RECV"
}

// sibling is the number of log lines about another table; 0 without a log.
func (in *input) sibling(name string) int64 {
	if in.facts.Log == nil {
		return 0
	}
	return in.facts.Log.Siblings[name]
}

// sum adds what is known.
func sum(values ...*int64) int64 {
	var total int64
	for _, v := range values {
		if v != nil {
			total += *v
		}
	}
	return total
}
