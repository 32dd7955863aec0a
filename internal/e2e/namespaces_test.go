package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNamespaces audits machines with TIME_WAIT tables of their own, filled and
// overflowed by real connections, through the built program.
func TestNamespaces(t *testing.T) {
	l := newLab(t)
	l.build(t)
	healthy := l.addHost(t, "healthy", nil)
	overflowing := l.addHost(t, "overflowing", nil)
	overflowed := l.addHost(t, "overflowed", nil)
	near := l.addHost(t, "near", nil)
	runtime := l.addHost(t, "runtime", nil)
	stale := l.addHost(t, "stale", func(h *host) { h.write(t, "stale", "") })
	raised := l.addHost(t, "raised", func(h *host) {
		h.write(t, "etc/sysctl.conf", "#net.ipv4.tcp_max_tw_buckets=100\nnet.ipv4.tcp_max_tw_buckets=2000\n")
	})

	overflowing.limit(t, 50)
	overflowed.limit(t, 100)
	near.limit(t, 200)
	raised.limit(t, 100)
	runtime.container(t, 40, 120)

	// Buckets drain after 60 s: fill right before the scan.
	healthy.closes(t, 20)
	stale.closes(t, 20)
	raised.closes(t, 150)
	raised.limit(t, 2000)
	overflowed.closes(t, 300)
	near.closes(t, 170)
	overflowing.keepClosing(t)
	waitFor(t, "the table of overflowing is full", func() bool { return overflowing.overflows(t) > 100 })

	config := l.sshFiles(t)
	names := "# the lab\nhealthy\noverflowing\noverflowed\nnear groups=edge rack=7\nruntime\nstale\nraised\n"
	inventory := filepath.Join(l.dir, "inventory")
	must(t, os.WriteFile(inventory, []byte(names), 0o600))

	now := time.Now()
	out, messages, status := l.audit(t, "scan", "-F", config, "-i", inventory, "-f", "json=-")
	if status != 1 {
		t.Errorf("exit status %d, want 1\n%s", status, messages)
	}
	hosts := parseRun(t, out)
	for name, expectations := range namespaceHosts {
		hosts[name].checkAll(t, name, strings.Split(strings.TrimSpace(expectations), "\n"), now)
	}

	t.Run("unprivileged", func(t *testing.T) {
		out, messages, status := l.audit(t, "scan", "-F", config, "-l", "audit", "-f", "json=-", "--fail-on", "overflowing", "healthy", "runtime")
		if status != 0 {
			t.Errorf("exit status %d, want 0: nothing overflows as far as this user can see\n%s", status, messages)
		}
		hosts := parseRun(t, out)
		hosts["healthy"].checkAll(t, "healthy", []string{"verdict ok", "facts.host.uid 1000", "facts.time_wait.buckets >= 15"}, now)
	})
}

// overflows reads TCPTimeWaitOverflow in the namespace of h.
func (h *host) overflows(t *testing.T) int64 {
	t.Helper()
	return counter(t, h.ns, "TcpExt", "TCPTimeWaitOverflow")
}

// namespaceHosts is what is expected of each host. One connection over the limit
// is one overflow, and sockets that the scan's own login leaves behind cannot
// take a bucket of a full table: the numbers are exact where the table is full.
var namespaceHosts = map[string]string{
	"healthy": `
status audited
verdict ok
coverage full
facts.host.hostname healthy
facts.host.uid 0
facts.time_wait.buckets >= 20
facts.time_wait.limit >= 1000
facts.time_wait.overflow_total 0
facts.time_wait.overflow_delta 0`,
	"overflowing": `
verdict overflowing
facts.time_wait.limit 50
facts.time_wait.buckets 50
facts.time_wait.overflow_delta >= 1
flags has overflowing`,
	"overflowed": `
verdict overflowed
facts.time_wait.limit 100
facts.time_wait.buckets 100
facts.time_wait.overflow_total >= 200
facts.time_wait.overflow_total <= 203
facts.time_wait.overflow_delta 0
flags has overflowed`,
	"near": `
verdict near-limit
groups has edge
labels.rack 7
facts.time_wait.limit 200
facts.time_wait.buckets >= 170
facts.time_wait.ratio >= 0.85
facts.time_wait.overflow_total 0`,
	"runtime": `
verdict overflowed
facts.time_wait.overflow_total 0
facts.namespaces.0.name host
facts.namespaces.0.verdict ok
facts.namespaces.1.limit 40
facts.namespaces.1.buckets 40
facts.namespaces.1.overflow_total 80
facts.namespaces.1.verdict overflowed
flags has container-limit`,
	"stale": `
status audited
verdict ok
coverage partial
facts.tcp_states.TIME_WAIT >= 20
facts.top.internal >= 20
facts.namespaces.1.name stale
facts.namespaces.1.limit absent`,
	"raised": `
verdict overflowed
flags has raised-unproven
facts.time_wait.limit 2000
facts.time_wait.overflow_total 50
facts.config.value 2000
facts.config.source /etc/sysctl.conf:2
facts.config.files.0.path /etc/sysctl.conf
facts.config.files.0.entries.0.commented true`,
}
