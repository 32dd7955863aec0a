package report

import (
	"fmt"
	"time"

	"twaudit/internal/audit"
)

// sampleRun is a fleet as an operator has it: every verdict, every status, a
// bad namespace inside a good host, kernels with a log and kernels with a
// counter. The hosts are in the order of every report.
func sampleRun() *audit.Run {
	hosts := append(sickHosts(), failedHosts()...)
	for i := range 14 {
		hosts = append(hosts, healthyHost(fmt.Sprintf("app%02d", i+1), int64(900+137*i)))
	}
	hosts = append(hosts, containerHost())
	audit.SortHosts(hosts)
	return &audit.Run{
		Schema: audit.Schema,
		Tool:   audit.Tool{Name: "twaudit", Version: "0.1.0", ProbeSHA256: "9f2c5b"},
		Meta: audit.Meta{
			ID: "20261122T181500Z-4f1d", StartedAt: sampleEnd.Add(-12400 * time.Millisecond), FinishedAt: sampleEnd,
			Partial: true, Limits: audit.DefaultLimits(),
		},
		Summary: audit.Summarize(hosts),
		Findings: []audit.Finding{{
			Rule: "outlier-limit", Severity: audit.SeverityWarning,
			Title:    "2 of 20 hosts have a limit far below the 131,072 of the others: old-db1, web07",
			Evidence: []audit.Evidence{{Text: "limit 131,072 on 17 hosts, 10,000 on 2", Source: "/proc/sys/net/ipv4/tcp_max_tw_buckets"}},
			Advice:   []string{"remove the setting that lowers net.ipv4.tcp_max_tw_buckets on these hosts"},
		}},
		Notes: []string{"the run was interrupted: 2 hosts were not begun"},
		Hosts: hosts,
	}
}

var (
	sampleZone = time.FixedZone("", 8*3600)
	sampleEnd  = time.Date(2026, 11, 22, 18, 15, 0, 0, time.UTC)
)

func before(d time.Duration) *time.Time {
	t := sampleEnd.Add(-d).In(sampleZone)
	return &t
}

func n(v int64) *int64     { return &v }
func f(v float64) *float64 { return &v }

func healthyHost(name string, buckets int64) audit.HostResult {
	ratio := float64(buckets) / 131072
	return audit.HostResult{
		Name: name, Groups: []string{"app", "eu"}, Labels: map[string]string{"rack": "r12"},
		Status: audit.StatusAudited, Verdict: audit.VerdictOK, Coverage: audit.CoverageFull, Flags: []string{},
		Findings: []audit.Finding{{Rule: "ok", Severity: audit.SeverityInfo, Title: "no overflow in 41 days of uptime",
			Evidence: []audit.Evidence{{Text: "TCPTimeWaitOverflow 0", Source: "/proc/net/netstat", At: before(2 * time.Second)}}, Advice: []string{}}},
		Gaps:     []audit.Gap{},
		Timing:   audit.Timing{ConnectMS: 18.4, ProbeMS: 1041.2, TotalMS: 1062, Bytes: 9312},
		Headroom: &audit.Headroom{Capacity: f(2184.5), MeanRate: f(float64(buckets) / 60), LoadFactor: f(131072 / float64(buckets)), NeededLimit: n(buckets * 3 / 2)},
		Facts: &audit.Facts{
			Host: audit.HostFacts{Hostname: name, Kernel: "6.1.0-28-amd64", OS: "Debian GNU/Linux 12 (bookworm)", BootID: "b-" + name,
				BootedAt: before(41 * 24 * time.Hour), Clock: before(2 * time.Second), UTCOffset: "+08:00", MemoryBytes: n(16 << 30)},
			TimeWait: audit.TimeWait{Buckets: n(buckets), Limit: n(131072), Ratio: &ratio, DefaultLimit: n(131072),
				OverflowTotal: n(0), OverflowDelta: n(0), SampleSeconds: f(1)},
			TCPStates: map[string]int64{"ESTABLISHED": 212, "TIME_WAIT": buckets, "LISTEN": 9, "SYN_RECV": 0}, TCPStatesSource: "ss",
			Config: &audit.Config{Reader: audit.ReaderProcps, SysctlConfChangedAt: before(300 * 24 * time.Hour)},
		},
	}
}

// judged is a healthy host that is judged otherwise.
func judged(name string, verdict audit.Verdict, finding audit.Finding, more ...string) audit.HostResult {
	h := healthyHost(name, 3000)
	h.Verdict = verdict
	h.Flags = append([]string{string(verdict)}, more...)
	finding.Rule = string(verdict)
	h.Findings = []audit.Finding{finding}
	return h
}

func sickHosts() []audit.HostResult {
	web := judged("web07", audit.VerdictOverflowing, audit.Finding{Severity: audit.SeverityCritical,
		Title:    "412 sockets were destroyed within 1.0 s: the table is full with 10,000 of 10,000 buckets",
		Evidence: []audit.Evidence{{Text: "TCPTimeWaitOverflow rose from 1,234,155 to 1,234,567", Source: "/proc/net/netstat", At: before(2 * time.Second)}},
		Advice: []string{"raise net.ipv4.tcp_max_tw_buckets to 52,080, which costs 12.7 MiB of memory at most",
			"keep client connections alive longer on port 443"}},
		"config-drift", "limit-lowered", "not-persistent")
	web.Findings = append(web.Findings, audit.Finding{Rule: "limit-lowered", Severity: audit.SeverityWarning,
		Title: "/etc/sysctl.d/90-tuning.conf:4 lowers the limit from 131,072 to 10,000", Advice: []string{"remove /etc/sysctl.d/90-tuning.conf:4"}})
	web.Headroom = &audit.Headroom{Capacity: f(166.7), CloseRate: f(578.7), MeanRate: f(166.7), LoadFactor: f(0.288), NeededLimit: n(52080), NeededMemoryBytes: n(52080 * 256)}
	web.Facts.TimeWait = audit.TimeWait{Buckets: n(10000), BucketsFirst: n(10000), Limit: n(10000), Ratio: f(1), DefaultLimit: n(131072), OverflowTotal: n(1234567), OverflowDelta: n(412), SampleSeconds: f(1)}
	web.Facts.Config = &audit.Config{Value: n(131072), Source: "/etc/sysctl.d/99-local.conf:1", ChangedAt: before(3 * time.Hour), Reader: audit.ReaderProcps,
		Files: []audit.ConfigFile{{Path: "/etc/sysctl.d/99-local.conf", MTime: before(3 * time.Hour)}}}

	lb := judged("lb-eu-1.example.net", audit.VerdictOverflowed, audit.Finding{Severity: audit.SeverityWarning,
		Title:  "8,711 sockets were destroyed since boot 12 days ago (725 a day), and no cure is proven",
		Advice: []string{"raise net.ipv4.tcp_max_tw_buckets to 262,144, which costs 64.0 MiB of memory at most"}})
	lb.Facts.TimeWait = audit.TimeWait{Buckets: n(101210), Limit: n(131072), Ratio: f(0.7722), OverflowTotal: n(8711), OverflowDelta: n(0), SampleSeconds: f(1)}
	lb.Facts.Host.BootedAt = before(12 * 24 * time.Hour)
	lb.Headroom.LoadFactor = f(1.295)

	pod := judged("k8s-node3", audit.VerdictOverflowed, audit.Finding{Severity: audit.SeverityWarning,
		Title:  "in the network namespace of nginx-7f9c4: 96,200 sockets were destroyed since boot 41 days ago (2,346 a day)",
		Advice: []string{"set net.ipv4.tcp_max_tw_buckets in the pod (securityContext.sysctls): the files of the host do not reach it"}}, "container-limit")
	pod.Facts.Namespaces = []audit.Namespace{
		{ID: "4026531840", Name: "host", Buckets: n(3000), Limit: n(131072), OverflowTotal: n(0), Verdict: audit.VerdictOK},
		{ID: "4026532711", PID: 8812, Name: "nginx-7f9c4", Buckets: n(2011), Limit: n(2048), OverflowTotal: n(96200), OverflowDelta: n(0), Verdict: audit.VerdictOverflowed}}

	near := judged("cache2", audit.VerdictNearLimit, audit.Finding{Severity: audit.SeverityCritical,
		Title:  "the table is 97 % full with 127,140 of 131,072 buckets",
		Advice: []string{"raise net.ipv4.tcp_max_tw_buckets to 196,608, which costs 48.0 MiB of memory at most"}}, "ephemeral-ports")
	near.Facts.TimeWait = audit.TimeWait{Buckets: n(127140), Limit: n(131072), Ratio: f(0.97), OverflowTotal: n(0), OverflowDelta: n(0), SampleSeconds: f(1)}
	near.Headroom.LoadFactor = f(1.03)

	return append([]audit.HostResult{web, lb, pod, near}, oldKernels()...)
}

// oldKernels have no counter, only a log.
func oldKernels() []audit.HostResult {
	cured := judged("old-web1", audit.VerdictFixed, audit.Finding{Severity: audit.SeverityInfo,
		Title:    "the overflow ended when the limit was raised from 5,000 to 10,000 at 2026-11-03T02:23:00+08:00, by /etc/sysctl.conf:41",
		Evidence: []audit.Evidence{{Text: "TCP: time wait bucket table overflow", Source: "/var/log/kern", At: before(20 * 24 * time.Hour)}}, Advice: []string{}})
	old := judged("old-db1", audit.VerdictOverflowed, audit.Finding{Severity: audit.SeverityWarning,
		Title:  "the kernel logged 312 overflows, the last one 5 hours ago, and left out up to 37,822 more",
		Advice: []string{"raise net.ipv4.tcp_max_tw_buckets to 15,000, which costs 3.7 MiB of memory at most"}}, "syn-flood")
	blind := judged("old-db2", audit.VerdictUnknown, audit.Finding{Severity: audit.SeverityWarning,
		Title: "this kernel only logs overflows, and no kernel log could be read", Advice: []string{"let the login read /var/log/kern.log, by the group adm or --sudo"}}, "log-unreadable")
	blind.Gaps = []audit.Gap{{Section: "log", Reason: "/var/log/kern.log: permission denied", Remedy: "add the login to the group adm"}}
	hosts := []audit.HostResult{cured, old, blind}
	for i := range hosts {
		h := &hosts[i]
		h.Facts.Host.Kernel, h.Facts.Host.OS = "2.6.32-431.el6.x86_64", "CentOS release 6.5 (Final)"
		h.Facts.TimeWait = audit.TimeWait{Buckets: n(7450), Limit: n(10000), Ratio: f(0.745)}
		h.Facts.Config = &audit.Config{Value: n(10000), Source: "/etc/sysctl.conf:41", ChangedAt: before(20 * 24 * time.Hour), SysctlConfChangedAt: before(20 * 24 * time.Hour), Reader: audit.ReaderProcps,
			Files: []audit.ConfigFile{{Path: "/etc/sysctl.conf", MTime: before(20 * 24 * time.Hour), Entries: []audit.ConfigEntry{
				{Line: 40, Key: "net.ipv4.tcp_max_tw_buckets", Value: "5000", Commented: true}, {Line: 41, Key: "net.ipv4.tcp_max_tw_buckets", Value: "10000"}}}}}
		h.Headroom = &audit.Headroom{Capacity: f(166.7), MeanRate: f(124.2), LoadFactor: f(1.34)}
	}
	hosts[0].Facts.Log = &audit.Log{OverflowLines: n(7450), Suppressed: n(240), EventsMin: n(7450), EventsMax: n(7690), First: before(24 * 24 * time.Hour), Last: before(20*24*time.Hour - 35*time.Second),
		Histogram: []audit.HourCount{{Hour: before(24 * 24 * time.Hour).Truncate(time.Hour), Events: 7450}},
		Sources:   []audit.LogSource{{Path: "/var/log/kern", Lines: 7450, First: before(40 * 24 * time.Hour), Last: before(time.Minute), Kernel: true}}}
	hosts[1].Facts.Log = &audit.Log{OverflowLines: n(312), Suppressed: n(37822), EventsMin: n(312), EventsMax: n(38134), First: before(9 * 24 * time.Hour), Last: before(5 * time.Hour)}
	return hosts
}

func containerHost() audit.HostResult {
	h := healthyHost("docker1", 4100)
	h.Coverage = audit.CoveragePartial
	h.Gaps = []audit.Gap{{Section: "namespaces", Reason: "3 containers belong to other users", Remedy: "run with --sudo"}}
	return h
}

func failedHosts() []audit.HostResult {
	fail := func(name string, failure audit.Failure) audit.HostResult {
		return audit.HostResult{Name: name, Groups: []string{"db"}, Status: audit.StatusFailed, Failure: &failure, Timing: audit.Timing{TotalMS: 10000}}
	}
	silent := audit.Failure{Stage: audit.StageConnect, Message: "no answer within 10s", Hint: "check that the host is up and that port 22 is open from here"}
	hosts := []audit.HostResult{
		fail("web09", audit.Failure{Stage: audit.StageHostKey, Message: "the host key changed: it offers ssh-ed25519 SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE",
			Hint: "compare the fingerprint out of band, then: ssh-keygen -R web09 -f /home/ops/.ssh/known_hosts && ssh web09"}),
		fail("dmz1", audit.Failure{Stage: audit.StageJump, Via: "bastion", Message: "the jump host did not let us in", Hint: "try: ssh bastion"}),
		{Name: "zz1", Status: audit.StatusSkipped}, {Name: "zz2", Status: audit.StatusSkipped},
	}
	for i := range 6 {
		hosts = append(hosts, fail(fmt.Sprintf("db%02d", i+1), silent))
	}
	return append(hosts, fail("db07", audit.Failure{Stage: audit.StageConnect, Message: "connection refused", Hint: silent.Hint}))
}
