package main

import (
	"fmt"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/sshtest"
)

// demoHost is one host of the demo: what it is, and what an audit has to find.
type demoHost struct {
	name, role string // web01.demo is host 01 of the role web
	group      string
	verdict    audit.Verdict // expected; empty: the audit fails
	failure    audit.Stage   // … at this stage
	fault      sshtest.Fault
	absent     bool // nobody listens
	demoSystem
}

// demoSystem are the numbers that an answer is made of. Zero is none, or not
// told.
type demoSystem struct {
	Kernel, OS, OSID string
	Zone             int // seconds east of UTC
	UpDays           int

	Limit, Buckets, KernelDefault int64
	Established                   int64
	OverflowTotal, OverflowDelta  int64
	ClosesPerSecond               int64
	Port                          int   // of the service
	OutboundPercent               int64 // of the TIME_WAIT sockets

	ConfPath           string
	Configured, Before int64 // in the file; commented out before it
	ConfChanged        time.Duration

	Container                                            string
	ContainerLimit, ContainerBuckets, ContainerOverflows int64

	Old       bool // prints overflows, and has no counter for them
	LogPath   string
	LogDenied bool
	LogColon  string // ": " where the log daemon doubles the colon
	LogNamed  bool   // lines carry the host's name
	BurstDays []int  // overflows so many days before ConfChanged, the last one 0
}

const day = 24 * time.Hour

// demoPatterns are the hosts of a demo of 12, in the order in which a smaller
// one takes them. The first is a real host: its numbers, file and log are from
// the notes of the person who looked at it by hand.
func demoPatterns() []demoHost {
	return []demoHost{
		{role: "legacy", group: "legacy", verdict: audit.VerdictFixed, demoSystem: demoSystem{
			Kernel: "2.6.32-220.23.2.el6.x86_64", OS: "CentOS release 6.2 (Final)", Zone: 8 * 3600, UpDays: 45,
			Limit: 10000, Buckets: 7450, KernelDefault: 180000, Established: 56, ClosesPerSecond: 120, Port: 80,
			ConfPath: "/etc/sysctl.conf", Configured: 10000, Before: 5000, ConfChanged: 20 * day,
			Old: true, LogPath: "/var/log/kern", LogColon: ": ", BurstDays: []int{3, 2, 1, 0},
		}},
		{role: "pay", group: "shop", verdict: audit.VerdictOverflowing, demoSystem: demoSystem{
			Kernel: "6.1.0-28-amd64", OS: "Debian GNU/Linux 12 (bookworm)", OSID: "debian", UpDays: 96,
			Limit: 16384, Buckets: 16384, KernelDefault: 131072, Established: 1804,
			OverflowTotal: 1204337, OverflowDelta: 412, ClosesPerSecond: 273, Port: 443,
			ConfPath: "/etc/sysctl.d/60-tcp.conf", Configured: 16384, ConfChanged: 400 * day,
		}},
		{role: "proxy", group: "edge", verdict: audit.VerdictNearLimit, demoSystem: demoSystem{
			Kernel: "4.18.0-553.el8_10.x86_64", OS: "Rocky Linux 8.10 (Green Obsidian)", OSID: "rocky", UpDays: 61,
			Limit: 32768, Buckets: 28836, KernelDefault: 131072, Established: 5120, ClosesPerSecond: 480,
			Port: 3128, OutboundPercent: 81,
			ConfPath: "/etc/sysctl.d/90-proxy.conf", Configured: 32768, ConfChanged: 310 * day,
		}},
		{role: "web", group: "web", verdict: audit.VerdictOK, demoSystem: demoSystem{
			Kernel: "6.8.0-51-generic", OS: "Ubuntu 24.04.1 LTS", OSID: "ubuntu", UpDays: 33,
			Limit: 131072, Buckets: 9120, KernelDefault: 131072, Established: 730, ClosesPerSecond: 152, Port: 443,
			ConfPath: "/etc/sysctl.conf", ConfChanged: 200 * day,
		}},
		{role: "lost", group: "web", failure: audit.StageConnect, absent: true},
		{role: "moved", group: "web", failure: audit.StageHostKey, fault: sshtest.FaultWrongKey},
		{role: "api", group: "shop", verdict: audit.VerdictOverflowed, demoSystem: demoSystem{
			Kernel: "5.14.0-503.14.1.el9_5.x86_64", OS: "AlmaLinux 9.5 (Teal Serval)", OSID: "almalinux", UpDays: 143,
			Limit: 65536, Buckets: 21310, KernelDefault: 131072, Established: 911,
			OverflowTotal: 88412, ClosesPerSecond: 355, Port: 8443, OutboundPercent: 12,
			ConfPath: "/etc/sysctl.d/70-api.conf", Configured: 65536, ConfChanged: 260 * day,
		}},
		{role: "node", group: "containers", verdict: audit.VerdictOverflowed, demoSystem: demoSystem{
			Kernel: "5.15.0-126-generic", OS: "Ubuntu 22.04.5 LTS", OSID: "ubuntu", UpDays: 27,
			Limit: 262144, Buckets: 1180, KernelDefault: 262144, Established: 340, ClosesPerSecond: 20, Port: 6443,
			ConfPath: "/etc/sysctl.d/99-node.conf", Configured: 262144, ConfChanged: 120 * day,
			Container: "checkout", ContainerLimit: 8192, ContainerBuckets: 6011, ContainerOverflows: 51230,
		}},
		{role: "mail", group: "mail", verdict: audit.VerdictFixed, demoSystem: demoSystem{
			Kernel: "2.6.32-754.35.1.el6.x86_64", OS: "CentOS release 6.10 (Final)", UpDays: 210,
			Limit: 65536, Buckets: 3302, KernelDefault: 262144, Established: 120, ClosesPerSecond: 55, Port: 25,
			ConfPath: "/etc/sysctl.conf", Configured: 65536, Before: 8192, ConfChanged: 9 * day,
			Old: true, LogPath: "/var/log/messages", LogNamed: true, BurstDays: []int{2, 1, 0},
		}},
		{role: "olddb", group: "legacy", verdict: audit.VerdictUnknown, demoSystem: demoSystem{
			Kernel: "2.6.18-419.el5", OS: "CentOS release 5.11 (Final)", UpDays: 402,
			Limit: 180000, Buckets: 2240, KernelDefault: 180000, Established: 210, ClosesPerSecond: 37, Port: 3306,
			ConfPath: "/etc/sysctl.conf", ConfChanged: 900 * day,
			Old: true, LogPath: "/var/log/messages", LogDenied: true,
		}},
		{role: "cache", group: "shop", verdict: audit.VerdictOverflowed, demoSystem: demoSystem{
			Kernel: "6.12.1-arch1-1", OS: "Arch Linux", OSID: "arch", UpDays: 40,
			Limit: 131072, Buckets: 30211, KernelDefault: 131072, Established: 640,
			OverflowTotal: 9977, ClosesPerSecond: 503, Port: 6379,
			ConfPath: "/etc/sysctl.d/60-tcp.conf", Configured: 131072, Before: 32768, ConfChanged: 3 * day,
		}},
		{role: "app", group: "web", verdict: audit.VerdictOK, demoSystem: demoSystem{
			Kernel: "6.1.119-129.201.amzn2023.x86_64", OS: "Amazon Linux 2023.6", OSID: "amzn", UpDays: 12,
			Limit: 131072, Buckets: 4410, KernelDefault: 131072, Established: 205, ClosesPerSecond: 73, Port: 8080,
			OutboundPercent: 40, ConfPath: "/etc/sysctl.conf", ConfChanged: 200 * day,
		}},
	}
}

// maxDemoHosts keeps the listeners of a demo below what most systems let one
// process open.
const maxDemoHosts = 1000

// demoFleet names n hosts: each pattern once, then mostly healthy ones, as in a
// fleet of this size.
func demoFleet(n int) []demoHost {
	patterns := demoPatterns()
	byRole := map[string]demoHost{}
	for _, p := range patterns {
		byRole[p.role] = p
	}
	further := []string{"web", "app", "web", "node", "web", "app", "proxy", "web", "app", "cache", "web", "mail"}
	numbers := map[string]int{}
	var fleet []demoHost
	for i := range n {
		var h demoHost
		if i < len(patterns) {
			h = patterns[i]
		} else {
			h = byRole[further[(i-len(patterns))%len(further)]]
		}
		numbers[h.role]++
		h.name = fmt.Sprintf("%s%02d.demo", h.role, numbers[h.role])
		if h.verdict == audit.VerdictOK {
			// Healthy hosts differ; the others keep the numbers that their verdict rests on.
			h.Buckets -= int64(i) * 37 % (h.Buckets / 2)
		}
		fleet = append(fleet, h)
	}
	return fleet
}
