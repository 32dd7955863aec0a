package diagnose

import (
	"fmt"
	"net/netip"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Per destination and source address, not per host: the same local port serves
// any number of destinations at once.
func ephemeralPortsRule() Rule {
	return Rule{
		ID: "ephemeral-ports", Severity: audit.SeverityWarning,
		Also:  []Grade{fromCritical, {audit.SeverityInfo, "when tcp_tw_reuse lets new connections take such ports over"}},
		Title: "the local ports toward one destination are nearly used up",
		Meaning: "Each TIME_WAIT socket of a connection that this host opened holds a local port toward that destination for 60 s. When none is left, connect() fails with EADDRNOTAVAIL, " +
			"long before the bucket table is full: the default range of 28,232 ports sustains 470 closes a second to one destination.",
		Needs: []string{"net.ipv4.ip_local_port_range", "the TIME_WAIT sockets by destination"},
		Advice: []string{
			"Pool connections or keep them alive toward this destination",
			"Set net.ipv4.tcp_tw_reuse=1 and keep net.ipv4.tcp_timestamps=1, which lets outgoing connections take over such ports after a second",
			"Widen net.ipv4.ip_local_port_range, or use more source or destination addresses",
		},
		Sources: []string{"Linux Documentation/networking/ip-sysctl.rst, ip_local_port_range", "https://vincent.bernat.ch/en/blog/2014-tcp-time-wait-state-linux"},
		check:   ephemeralPorts,
	}
}

// Without destinations (--no-peers) it is silent: a total over all of them says
// nothing about any one.
func ephemeralPorts(in *input) []audit.Finding {
	ports, ok := in.localPorts()
	if !ok || in.facts.Top == nil {
		return nil
	}
	var list []audit.Finding
	for i := range in.facts.Top.Destinations {
		d := &in.facts.Top.Destinations[i]
		ratio := float64(d.Count) / float64(ports)
		if ratio < in.limits.Near {
			continue
		}
		f := audit.Finding{
			Severity: in.nearSeverity(ratio),
			Title: fmt.Sprintf("%s of %s local ports toward %s are in TIME_WAIT (%s)",
				text.Count(d.Count), text.Count(ports), endpoint(d), percent(ratio)),
			Evidence: []audit.Evidence{
				{Text: in.sampled(plural(d.Count, "TIME_WAIT socket") + " toward " + endpoint(d)), Source: "sockets", At: in.facts.Host.Clock},
				{Text: "net.ipv4.ip_local_port_range = " + in.facts.Sysctl["net.ipv4.ip_local_port_range"], Source: "/proc/sys/net/ipv4/ip_local_port_range"},
			},
		}
		// Such ports are free again after a second, so the number is no danger.
		if in.reusesPorts(d.Address) {
			f.Severity = audit.SeverityInfo
			f.Title += ", and tcp_tw_reuse lets new connections take them over"
			f.Advice = []string{"Keep net.ipv4.tcp_tw_reuse and net.ipv4.tcp_timestamps as they are, or pool connections toward this destination"}
		}
		list = append(list, f)
	}
	return list
}

// localPorts is the size of the range; false when it was not read.
func (in *input) localPorts() (int64, bool) {
	fields := strings.Fields(in.facts.Sysctl["net.ipv4.ip_local_port_range"])
	if len(fields) != 2 {
		return 0, false
	}
	low, ok1 := number(fields[0])
	high, ok2 := number(fields[1])
	// The kernel refuses such ranges; believing one would divide by nonsense.
	if !ok1 || !ok2 || low < 0 || high > 65535 || high < low {
		return 0, false
	}
	return high - low + 1, true
}

// reusesPorts: 1 is for every destination, 2 for loopback addresses only, and
// neither without timestamps.
func (in *input) reusesPorts(address string) bool {
	reuse, ok := in.sysctl("net.ipv4.tcp_tw_reuse")
	stamps, known := in.sysctl("net.ipv4.tcp_timestamps")
	if !ok || !known || stamps == 0 {
		return false
	}
	a, err := netip.ParseAddr(address)
	return reuse == 1 || reuse == 2 && err == nil && a.Unmap().IsLoopback()
}

// sampled marks numbers that were scaled up, as audit.Top asks for.
func (in *input) sampled(words string) string {
	if in.facts.Top.Sampled {
		return words + " (scaled up from a sample)"
	}
	return words
}
