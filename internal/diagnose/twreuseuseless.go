package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
)

// Said because tcp_tw_reuse is what most guides offer against TIME_WAIT.
func twReuseUselessRule() Rule {
	return Rule{
		ID: "tw-reuse-useless", Severity: audit.SeverityInfo,
		Title: "tcp_tw_reuse is on where it cannot help",
		Meaning: "It lets an outgoing connection take over the port of a TIME_WAIT socket after a second, and needs TCP timestamps on both sides. " +
			"For connections that clients open to this host it does nothing, and it never makes the bucket table larger.",
		Needs: []string{"net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_timestamps, or the kinds of TIME_WAIT sockets"},
		Advice: []string{
			"Set net.ipv4.tcp_timestamps=1, or drop net.ipv4.tcp_tw_reuse",
		},
		Sources: []string{"Linux Documentation/networking/ip-sysctl.rst, tcp_tw_reuse"},
		check:   twReuseUseless,
	}
}

// Four fifths inbound is a service; below that the setting may help the rest.
func twReuseUseless(in *input) []audit.Finding {
	reuse, ok := in.sysctl("net.ipv4.tcp_tw_reuse")
	if !ok || reuse != 1 {
		return nil // 2 is the default of newer kernels, and nobody's intent
	}
	evidence := []audit.Evidence{{Text: "net.ipv4.tcp_tw_reuse = 1", Source: "/proc/sys/net/ipv4/tcp_tw_reuse", At: in.facts.Host.Clock}}
	if stamps, ok := in.sysctl("net.ipv4.tcp_timestamps"); ok && stamps == 0 {
		return []audit.Finding{{
			Title: "tcp_tw_reuse is on and tcp_timestamps is off, without which it does nothing",
			Evidence: append(evidence, audit.Evidence{
				Text: "net.ipv4.tcp_timestamps = 0", Source: "/proc/sys/net/ipv4/tcp_timestamps", At: in.facts.Host.Clock}),
		}}
	}
	if k, share := in.kindOf(); k == kindInbound && share >= 0.8 {
		return []audit.Finding{{
			Title:    fmt.Sprintf("tcp_tw_reuse is on, and %s of the TIME_WAIT sockets are connections from clients, which it does not touch", percent(share)),
			Evidence: evidence,
			Advice:   []string{"Use keep-alive toward the clients instead: tcp_tw_reuse helps outgoing connections only"},
		}}
	}
	return nil
}
