package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
)

// recycleKey is gone since 4.12, and lives on in files.
const recycleKey = "net.ipv4.tcp_tw_recycle"

// Critical while it runs: unlike an overflow it breaks connections of users.
func twRecycleRule() Rule {
	return Rule{
		ID: "tw-recycle", Severity: audit.SeverityCritical,
		Also:  []Grade{{audit.SeverityWarning, "when it is off and a file turns it on"}, {audit.SeverityInfo, "when the kernel no longer has it"}},
		Title: "tcp_tw_recycle is on, or a file still sets it",
		Meaning: "It drops connections of clients that share an address behind NAT, at random and without a trace. Since 4.10 it cannot work, and since 4.12 it is gone: " +
			"a line that still sets it makes sysctl -p fail.",
		Needs:   []string{recycleKey + ", or the sysctl files"},
		Advice:  []string{"Set " + recycleKey + "=0 now and remove it from every file"},
		Sources: []string{"Linux commit 4396e46187ca", "https://vincent.bernat.ch/en/blog/2014-tcp-time-wait-state-linux"},
		check:   twRecycle,
	}
}

// One finding is enough: removing the key everywhere is the remedy for all lines.
func twRecycle(in *input) []audit.Finding {
	if n, ok := in.sysctl(recycleKey); ok && n != 0 {
		return []audit.Finding{{
			Title:    fmt.Sprintf("%s is %d: clients behind NAT are dropped at random", recycleKey, n),
			Evidence: []audit.Evidence{{Text: fmt.Sprintf("%s = %d", recycleKey, n), Source: "/proc/sys/net/ipv4/tcp_tw_recycle", At: in.facts.Host.Clock}},
		}}
	}
	for _, s := range in.settings(recycleKey) {
		if s.entry.Commented || s.file.Ignored != "" {
			continue
		}
		switch {
		case in.kernel.atLeast(4, 12, 0):
			return []audit.Finding{recycleLine(&s, audit.SeverityInfo, "sets a key that this kernel no longer has, so that sysctl -p fails",
				"Remove the line")}
		case s.value != 0 && in.kernel.known:
			return []audit.Finding{recycleLine(&s, audit.SeverityWarning, fmt.Sprintf("turns %s on at the next load or boot", recycleKey),
				"Remove the line before it is loaded")}
		}
	}
	return nil
}

// recycleLine is a finding about a line of a file.
func recycleLine(s *setting, severity audit.Severity, what, advice string) audit.Finding {
	return audit.Finding{
		Severity: severity, Title: s.where() + " " + what, Advice: []string{advice},
		Evidence: []audit.Evidence{{Text: s.entry.Key + " = " + s.entry.Value, Source: s.where(), At: s.file.MTime}},
	}
}
