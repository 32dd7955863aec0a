package report

import (
	"fmt"
	"math/rand/v2"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// fleet makes a run of so many hosts as a large site has them: a few groups of web,
// cache, proxy and database hosts in three places, most of them fine, with all the
// facts that the probe reads. The same numbers give the same run.
func fleet(hosts int, seed uint64) *audit.Run {
	r := &fleetMaker{Rand: rand.New(rand.NewPCG(seed, 42))}
	run := &audit.Run{
		Schema: audit.Schema, Tool: audit.Tool{Name: "twaudit", Version: "0.3.0", ProbeSHA256: "6ad185250194da3392f75eacc49d0e9f3b7a71f2fd58a3af0d625a61c12ea70d"},
		Meta: audit.Meta{ID: "20261122T181500Z-7c21", StartedAt: sampleEnd.Add(-84 * time.Second), FinishedAt: sampleEnd, Limits: audit.DefaultLimits()},
	}
	for i := range hosts {
		run.Hosts = append(run.Hosts, r.host(i))
	}
	audit.SortHosts(run.Hosts)
	run.Summary = audit.Summarize(run.Hosts)
	return run
}

type fleetMaker struct{ *rand.Rand }

// role is what a group of hosts does, and with which system.
type role struct {
	name, os, kernel string
	limits           []int64 // the first is the common one
	load             float64 // of the limit, typically
	port             int
	log              bool // a kernel without the counter
}

func roles() []role {
	return []role{
		{"web", "Debian GNU/Linux 12 (bookworm)", "6.1.0-28-amd64", []int64{131072, 262144, 16384}, 0.12, 443, false},
		{"api", "Ubuntu 22.04.5 LTS", "5.15.0-125-generic", []int64{262144, 131072}, 0.2, 8443, false},
		{"cache", "Rocky Linux 9.4 (Blue Onyx)", "5.14.0-427.42.1.el9_4.x86_64", []int64{131072, 5000}, 0.06, 6379, false},
		{"proxy", "Debian GNU/Linux 11 (bullseye)", "5.10.0-33-amd64", []int64{65536, 131072}, 0.5, 3128, false},
		{"db", "Red Hat Enterprise Linux 8.10 (Ootpa)", "4.18.0-553.27.1.el8_10.x86_64", []int64{65536}, 0.03, 5432, false},
		{"worker", "Alpine Linux v3.20", "6.6.58-0-lts", []int64{32768, 8192}, 0.15, 9000, false},
		{"legacy", "CentOS release 6.10 (Final)", "2.6.32-754.35.1.el6.x86_64", []int64{65536, 10000}, 0.4, 80, true},
	}
}

func (r *fleetMaker) host(i int) audit.HostResult {
	kind := roles()[min(int(r.ExpFloat64()*2.1), len(roles())-1)]
	site := []string{"ams", "fra", "sin"}[i%3]
	h := audit.HostResult{
		Name: fmt.Sprintf("%s%04d.%s.example.net", kind.name, i, site), Groups: []string{kind.name, site},
		Labels: map[string]string{"rack": fmt.Sprintf("%s-r%02d", site, r.IntN(24)), "service": kind.name},
		Status: audit.StatusAudited, Coverage: audit.CoverageFull, Flags: []string{}, Findings: []audit.Finding{}, Gaps: []audit.Gap{},
		Timing: audit.Timing{ConnectMS: 12 + 80*r.Float64(), ProbeMS: 1010 + 90*r.Float64(), TotalMS: 1040 + 160*r.Float64(), Bytes: 4000 + r.Int64N(4000)},
	}
	if r.Float64() < 0.012 {
		return r.failed(h)
	}
	r.facts(&h, kind)
	r.judge(&h, kind)
	return h
}

func (r *fleetMaker) failed(h audit.HostResult) audit.HostResult {
	failures := []audit.Failure{
		{Stage: audit.StageConnect, Message: "no answer within 10s", Hint: "check that the host is up and that port 22 is open from here"},
		{Stage: audit.StageConnect, Message: "connection refused"},
		{Stage: audit.StageAuth, Message: "it refused every key that was offered (3 of the agent)", Hint: "try: ssh -v " + h.Name},
		{Stage: audit.StageHostKey, Message: "the host key is not known: it offers ssh-ed25519 SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE"},
		{Stage: audit.StageJump, Via: "bastion." + h.Groups[1], Message: "the jump host did not answer"},
		{Stage: audit.StageTimeout, Message: "the probe did not end within 60s"},
	}
	f := failures[r.IntN(len(failures))]
	h.Status, h.Coverage, h.Failure = audit.StatusFailed, "", &f
	return h
}

// facts fills in what a healthy host of the role answers.
func (r *fleetMaker) facts(h *audit.HostResult, kind role) {
	limit := kind.limits[0]
	if len(kind.limits) > 1 && r.Float64() < 0.06 {
		limit = kind.limits[1+r.IntN(len(kind.limits)-1)]
	}
	buckets := int64(float64(limit) * min(kind.load*(0.2+1.1*r.ExpFloat64()), 0.78))
	uptime := time.Duration(1+r.IntN(400*24)) * time.Hour
	closes := float64(buckets) / 60
	total := int64(closes * uptime.Seconds())
	ratio := float64(buckets) / float64(limit)
	h.Facts = &audit.Facts{
		Host: audit.HostFacts{Hostname: h.Name, Kernel: kind.kernel, Arch: "x86_64", OS: kind.os, BootID: r.id(), MachineID: r.id()[:32],
			BootedAt: before(uptime), UptimeSeconds: f(uptime.Seconds()), Clock: before(time.Duration(r.IntN(80)) * time.Second),
			UTCOffset: "+08:00", UID: new(int), MemoryBytes: n(int64(8+r.IntN(120)) << 30), Init: "systemd", ProbeVersion: "1"},
		TimeWait: audit.TimeWait{Buckets: n(buckets), BucketsFirst: n(buckets - r.Int64N(9)), Limit: n(limit), Ratio: &ratio, DefaultLimit: n(131072),
			OverflowTotal: n(0), OverflowDelta: n(0), SampleSeconds: f(1)},
		TCPStates: map[string]int64{"ESTABLISHED": r.Int64N(9000), "TIME_WAIT": buckets - buckets/50, "FIN_WAIT2": buckets / 50, "LISTEN": 4 + r.Int64N(30),
			"SYN_RECV": r.Int64N(4), "CLOSE_WAIT": r.Int64N(20), "LAST_ACK": r.Int64N(90), "FIN_WAIT1": r.Int64N(9), "SYN_SENT": 0, "CLOSING": 0, "CLOSE": 0},
		TCPStatesSource: "ss", Counters: r.counters(total, closes),
		Sockstat: &audit.Sockstat{Inuse: n(r.Int64N(9000)), Inuse6: n(r.Int64N(50)), Orphan: n(0), TW: n(buckets), Alloc: n(r.Int64N(9000)), MemoryPages: n(r.Int64N(4000))},
		Sysctl: map[string]string{"net.core.somaxconn": "4096", "net.ipv4.ip_local_port_range": "32768 60999", "net.ipv4.tcp_fin_timeout": "60",
			"net.ipv4.tcp_max_orphans": "131072", "net.ipv4.tcp_max_syn_backlog": "4096", "net.ipv4.tcp_max_tw_buckets": fmt.Sprint(limit),
			"net.ipv4.tcp_syncookies": "1", "net.ipv4.tcp_timestamps": "1", "net.ipv4.tcp_tw_reuse": "2"},
		Tables: map[string]audit.Usage{"neighbour-ipv4": {Used: n(r.Int64N(400)), Limit: n(1024)}, "neighbour-ipv6": {Used: n(r.Int64N(40)), Limit: n(1024)},
			"orphans": {Used: n(r.Int64N(40)), Limit: n(131072)}, "conntrack": {Used: n(buckets + r.Int64N(4000)), Limit: n(max(262144, buckets*2))}},
		Config: r.config(limit), Top: r.top(buckets, kind.port),
		Namespaces: []audit.Namespace{{ID: "4026531840", Name: "host", Buckets: n(buckets), Limit: n(limit), OverflowTotal: n(0), OverflowDelta: n(0), Verdict: audit.VerdictOK}},
		Log: &audit.Log{OverflowLines: n(0), ForeignLines: n(0), Suppressed: n(0), EventsMin: n(0), EventsMax: n(0),
			Sources: []audit.LogSource{{Path: "/var/log/kern.log", First: before(31 * 24 * time.Hour), Last: before(time.Minute), Kernel: true, SizeBytes: n(r.Int64N(60 << 20))}}},
	}
	h.Headroom = &audit.Headroom{Capacity: f(float64(limit) / 60), CloseRate: f(closes * (0.8 + 0.4*r.Float64())), MeanRate: f(closes),
		LoadFactor: f(1 / max(ratio, 0.001)), NeededLimit: n(buckets * 3 / 2), NeededMemoryBytes: n(buckets * 384)}
}

func (r *fleetMaker) id() string {
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.IntN(65536), r.IntN(65536), r.IntN(65536), r.Uint64()>>16)
}

func (r *fleetMaker) counters(total int64, closes float64) *audit.Counters {
	first, last := map[string]int64{}, map[string]int64{}
	for _, name := range []string{"ActiveOpens", "AttemptFails", "CurrEstab", "EstabResets", "InSegs", "ListenDrops", "ListenOverflows", "OutRsts", "OutSegs",
		"PassiveOpens", "RetransSegs", "SyncookiesFailed", "SyncookiesRecv", "SyncookiesSent", "TCPAbortOnMemory", "TCPReqQFullDrop", "TCPTimeWaitOverflow", "TWKilled"} {
		first[name] = r.Int64N(1 << 30)
		last[name] = first[name] + r.Int64N(300)
	}
	first["TW"], last["TW"] = total, total+int64(closes)
	return &audit.Counters{First: first, Last: last, Seconds: f(1)}
}

func (r *fleetMaker) config(limit int64) *audit.Config {
	config := &audit.Config{Reader: audit.ReaderSystemd, SysctlConfChangedAt: before(time.Duration(1+r.IntN(9000)) * time.Hour),
		ByReader: map[audit.Reader]audit.ReaderResult{audit.ReaderProcps: {}, audit.ReaderSystemd: {}, audit.ReaderBusyBox: {}}}
	if limit == 131072 {
		return config
	}
	path := []string{"/etc/sysctl.d/60-tcp.conf", "/etc/sysctl.d/90-tuning.conf", "/etc/sysctl.conf"}[r.IntN(3)]
	changed := before(time.Duration(1+r.IntN(9000)) * time.Hour)
	line := 1 + r.IntN(60)
	result := audit.ReaderResult{Value: n(limit), Source: fmt.Sprintf("%s:%d", path, line)}
	config.Value, config.Source, config.ChangedAt, config.RuntimeChangedAt = result.Value, result.Source, changed, changed
	config.ByReader[audit.ReaderProcps], config.ByReader[audit.ReaderSystemd] = result, result
	config.Files = []audit.ConfigFile{{Path: path, MTime: changed, CTime: changed, Entries: []audit.ConfigEntry{
		{Line: line, Key: limitKey, Value: fmt.Sprint(limit)}, {Line: line + 2, Key: "net.ipv4.tcp_tw_reuse", Value: "2"}}}}
	return config
}

func (r *fleetMaker) top(buckets int64, port int) *audit.Top {
	top := &audit.Top{LocalPorts: []audit.PortCount{{Port: port, Count: buckets * 9 / 10, Listening: true}, {Port: 22, Count: buckets / 900, Listening: true}},
		Inbound: n(buckets * 9 / 10), Outbound: n(buckets / 10), Internal: n(0), Sampled: buckets > 20000}
	if top.Sampled {
		top.SampledRows = n(20000)
	}
	left := buckets
	for range 8 {
		left /= 2
		top.Peers = append(top.Peers, audit.PeerCount{Address: fmt.Sprintf("10.%d.%d.%d", r.IntN(250), r.IntN(250), 1+r.IntN(250)), Count: left})
		top.Destinations = append(top.Destinations, audit.PeerCount{Address: fmt.Sprintf("10.9.%d.%d", r.IntN(250), 1+r.IntN(250)), Port: 5432, Count: left / 10})
	}
	return top
}

// judge makes some of the hosts sick, with the findings that come of it.
func (r *fleetMaker) judge(h *audit.HostResult, kind role) {
	tw := &h.Facts.TimeWait
	switch p := r.Float64(); {
	case kind.log:
		r.judgeByLog(h, p)
	case p < 0.003:
		*tw.Buckets, *tw.Ratio, *tw.OverflowTotal, *tw.OverflowDelta = *tw.Limit, 1, 90000+r.Int64N(4e6), 1+r.Int64N(900)
		r.find(h, audit.VerdictOverflowing, audit.SeverityCritical, fmt.Sprintf("%d sockets destroyed in 1.0 s, with %s of %[2]s buckets in use (100 %%)", *tw.OverflowDelta, text.Count(*tw.Limit)))
	case p < 0.02:
		*tw.OverflowTotal = 1 + r.Int64N(2e6)
		r.find(h, audit.VerdictOverflowed, audit.SeverityWarning, text.Count(*tw.OverflowTotal)+" sockets destroyed at an unknown time since boot")
	case p < 0.045:
		*tw.Ratio = 0.8 + 0.19*r.Float64()
		*tw.Buckets = int64(*tw.Ratio * float64(*tw.Limit))
		r.find(h, audit.VerdictNearLimit, audit.SeverityWarning, fmt.Sprintf("%s of %s buckets in use (%.0f %%)", text.Count(*tw.Buckets), text.Count(*tw.Limit), 100**tw.Ratio))
	default:
		r.find(h, audit.VerdictOK, audit.SeverityInfo, "no overflow since boot, and 0 between two readings")
	}
	if *tw.Limit < 32768 {
		h.Flags = append(h.Flags, "limit-lowered")
		h.Findings = append(h.Findings, audit.Finding{Rule: "limit-lowered", Severity: audit.SeverityWarning,
			Title: "the limit of " + text.Count(*tw.Limit) + " is below the kernel's default of 131,072", Evidence: []audit.Evidence{}, Advice: []string{"Remove the setting, so that the kernel's default counts again"}})
	}
	h.Facts.Namespaces[0] = audit.Namespace{ID: "4026531840", Name: "host", Buckets: tw.Buckets, Limit: tw.Limit, OverflowTotal: tw.OverflowTotal, OverflowDelta: tw.OverflowDelta, Verdict: h.Verdict}
}

// judgeByLog is for kernels that have no counter.
func (r *fleetMaker) judgeByLog(h *audit.HostResult, p float64) {
	tw, log := &h.Facts.TimeWait, h.Facts.Log
	tw.OverflowTotal, tw.OverflowDelta = nil, nil
	switch {
	case p < 0.1:
		h.Facts.Log = nil
		h.Gaps = []audit.Gap{{Section: "log", Reason: "/var/log/messages: permission denied", Remedy: "Add the login to group adm, or scan with --sudo"}}
		r.find(h, audit.VerdictUnknown, audit.SeverityWarning, "this kernel only logs overflows, and no kernel log could be read")
	case p < 0.3:
		last := before(time.Duration(40+r.IntN(400)) * time.Hour)
		for hour := 120 + r.IntN(60); hour > 0; hour-- {
			if at := last.Add(-time.Duration(hour) * time.Hour).Truncate(time.Hour); at.Hour() > 8 && at.Hour() < 21 && r.IntN(3) > 0 {
				log.Histogram = append(log.Histogram, audit.HourCount{Hour: at, Events: 1 + r.Int64N(700)})
			}
		}
		log.OverflowLines, log.EventsMin, log.EventsMax, log.Suppressed = n(4000), n(4000), n(41822), n(37822)
		log.First, log.Last = &log.Histogram[0].Hour, last
		verdict := audit.VerdictOverflowed
		if p > 0.2 {
			verdict = audit.VerdictFixed
		}
		r.find(h, verdict, audit.SeverityWarning, "the kernel logged 4,000 overflows, and left out up to 37,822 more")
	default:
		r.find(h, audit.VerdictOK, audit.SeverityInfo, "no overflow in 31d of kernel log")
	}
}

func (r *fleetMaker) find(h *audit.HostResult, verdict audit.Verdict, severity audit.Severity, title string) {
	tw := h.Facts.TimeWait
	h.Verdict, h.Flags = verdict, []string{string(verdict)}
	h.Findings = []audit.Finding{{Rule: string(verdict), Severity: severity, Title: title,
		Evidence: []audit.Evidence{
			{Text: fmt.Sprintf("tw %d", *tw.Buckets), Source: "/proc/net/sockstat", At: h.Facts.Host.Clock},
			{Text: fmt.Sprintf("%s = %d", limitKey, *tw.Limit), Source: "/proc/sys/net/ipv4/tcp_max_tw_buckets", At: h.Facts.Host.Clock}},
		Advice: []string{fmt.Sprintf("Raise %s to %s (at most %s of kernel memory, 256 B an entry) in a file of its own in /etc/sysctl.d, and load it with sysctl -p FILE", limitKey, text.Count(*tw.Limit*2), text.Bytes(*tw.Limit*512)),
			"Let clients keep their connections (HTTP keep-alive, a longer keepalive_timeout) or close first"}}}
}
