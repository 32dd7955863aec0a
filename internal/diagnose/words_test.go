package diagnose

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

func TestHost_titleTellsTheEvidence(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		facts *audit.Facts
		past  *audit.Past
		rule  string
		words []string
	}{
		{"fixed", seed(20 * day), nil, "fixed", []string{"raised from 5,000 to 10,000 at 2026-11-02 12:00 (/etc/sysctl.conf:2)", "last overflow 2026-11-02 12:00", "quiet for 19d"}},
		{"the nearest old value before the new one", seed(20*day, conf("/etc/sysctl.conf", 20*day, "#"+assign(2000), "#"+assign(5000), assign(10000), "#"+assign(3000))), nil, "fixed", []string{"raised from 5,000 to"}},
		{"else the first after it", seed(20*day, conf("/etc/sysctl.conf", 20*day, assign(10000), "#"+assign(3000), "#"+assign(2000), "#"+assign(0))), nil, "fixed", []string{"raised from 3,000 to"}},
		{"a raise between two runs, dated by the file", modern(overflows(9, 0), fill(100, 10000), conf("/etc/sysctl.conf", 9*day-time.Hour, assign(10000))),
			past(run(9*day, 5000, 8), run(8*day, 10000, 9)), "fixed", []string{"raised from 5,000 to 10,000 at 2026-11-13 13:00 (/etc/sysctl.conf:1)"}},
		{"a raise between two runs", modern(overflows(9, 0), fill(100, 10000), conf("/etc/sysctl.conf", 7*day, assign(10000))),
			past(run(9*day, 5000, 8), run(8*day, 10000, 9)), "fixed", []string{"raised from 5,000 to 10,000 at 2026-11-14 12:00 (history)"}},
		{"unknown time", modern(overflows(400, 0)), nil, "overflowed", []string{"400 sockets destroyed at an unknown time in 40d of uptime (10 a day)"}},
		{"rare", modern(overflows(4, 0)), nil, "overflowed", []string{"less than one a day"}},
		{"between two runs", modern(overflows(9, 0)), past(run(3*day, 131072, 2), run(2*day, 131072, 9)), "overflowed", []string{"7 sockets destroyed between 2026-11-19 12:00 and 2026-11-20 12:00"}},
		{"in the log", old(overflowLines(9, 3*day, 2*day)), nil, "overflowed", []string{"9 overflow records in the kernel log from 2026-11-19 12:00 to 2026-11-20 12:00"}},
		{"rate", modern(overflows(40, 40), fill(1000, 1000)), nil, "overflowing", []string{"40 sockets destroyed in 1.0 s (40/s), with 1,000 of 1,000 buckets in use (100 %)"}},
		{"ok by uptime", modern(), nil, "ok", []string{"no overflow in 40d of uptime; 100 of 131,072 buckets in use (0.1 %)"}},
		{"ok by log", old(), nil, "ok", []string{"no overflow in 9d of /var/log/messages"}},
		{"ok by log, after an old record", old(overflowLines(2, 32*day, 31*day)), nil, "ok", []string{"no overflow since 2026-10-22 12:00 in /var/log/messages"}},
		{"ok by history", modern(overflows(9, 0)), past(run(31*day, 131072, 9)), "ok", []string{"no overflow since 2026-10-22 12:00, 9 before"}},
		{"a missing limit", modern(func(f *audit.Facts) { f.TimeWait.Limit = nil }), nil, "unknown", []string{"cannot judge: net.ipv4.tcp_max_tw_buckets could not be read"}},
		{"which namespace", modern(namespaces(child("web", 1, 100, 7, 0))), nil, "overflowed", []string{"namespace web (net:[2]): 7 sockets"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := judged(t, tt.facts, tt.past)
			d.wantTitle(t, tt.rule, tt.words...)
		})
	}
}

func TestHost_adviceFollowsTheKind(t *testing.T) {
	t.Parallel()
	kinds := func(in, out, internal int64) edit {
		return func(f *audit.Facts) {
			f.Top = &audit.Top{Inbound: &in, Outbound: &out, Internal: &internal,
				LocalPorts:   []audit.PortCount{{Port: 443, Count: in, Listening: true}},
				Destinations: []audit.PeerCount{{Address: "192.0.2.9", Port: 6379, Count: out}}}
		}
	}
	normal := func(f *audit.Facts) { f.TimeWait.DefaultLimit = new(int64(262144)) }
	for want, facts := range map[string]*audit.Facts{
		"92 % of the TIME_WAIT sockets are connections to port 443": modern(overflows(9, 9), kinds(92, 8, 0)),
		"Pool connections or keep them alive toward 192.0.2.9:6379": modern(overflows(9, 9), kinds(8, 92, 0)),
		"Use unix sockets or keep-alive between the programs":       modern(overflows(9, 9), kinds(0, 8, 92)),
		"Find out which side closes first":                          modern(overflows(9, 9), kinds(40, 40, 20)),
		"to 262,144 (at most 64.0 MiB of kernel memory":             modern(overflows(9, 9), fill(5000, 5000), normal),
		"in /etc/sysctl.conf:2, and load it":                        modern(overflows(9, 9), fill(5000, 5000), raised(1, 5000, day)),
		"Look for memory pressure":                                  modern(overflows(9, 9), fill(2000, 5000)),
		"Treat it as low harm":                                      modern(overflows(9, 9)),
		"Leave tcp_tw_recycle off":                                  modern(overflows(9, 9)),
		"Raise the limit further: the raise from 5,000 to 10,000":   seed(20*day, overflowLines(9, 21*day, 5*day)),
		"in namespace web (net:[2]), which files of the host do not reach: nsenter -t 77 -n sysctl -w net.ipv4.tcp_max_tw_buckets=780": modern(namespaces(child("web", 100, 100, 7, 7))),
		"Set net.core.warnings=1, so that this kernel prints":                                                                          old(sysctls(warningsKey + "=0")),
		"Audit the hardware node, whose kernel log names the container":                                                                old(func(f *audit.Facts) { f.Host.Virtualization = "openvz" }),
	} {
		d := judged(t, facts, nil)
		var all []string
		for _, f := range d.Findings {
			all = append(all, f.Advice...)
		}
		if !slices.ContainsFunc(all, func(a string) bool { return strings.Contains(a, want) }) {
			t.Errorf("no advice says %q: %q", want, all)
		}
		for _, a := range all {
			wantVerb(t, a)
		}
	}
}

// TestHost_limitOfANamespace: how a limit gets into a namespace depends on what
// made it.
func TestHost_limitOfANamespace(t *testing.T) {
	t.Parallel()
	kind := func(kind, name string) *audit.Facts {
		n := child(name, 100, 100, 7, 7)
		n.Kind = kind
		return modern(namespaces(n))
	}
	inside := func(what string) *audit.Facts {
		return modern(fill(99, 100), func(f *audit.Facts) { f.Host.Virtualization = what })
	}
	unread := child("web", 0, 0, 7, 0)
	unread.Limit, unread.Buckets = nil, nil
	for _, c := range []struct {
		facts       *audit.Facts
		title, want string
	}{
		{kind("docker", "docker:77aa"), "docker:77aa (net:[2]) (limit 100)", "docker run --sysctl"},
		{kind("podman", "podman:77aa"), "", "podman run --sysctl"},
		{kind("pod", "pod:1/2"), "", "--allowed-unsafe-sysctls"},
		{kind("lxc", "container:web"), "", "lxc.sysctl.net.ipv4.tcp_max_tw_buckets"},
		{kind("nspawn", "container:web"), "", "a sysctl file inside the container"},
		{kind("container", "crio:77aa"), "", "the engine that runs the container"},
		{kind("netns", "blue"), "", "ip netns exec blue sysctl -w"},
		{kind("netns", "$(reboot)"), "", "ip netns exec NAME sysctl -w"},
		{kind("unit", "worker.service"), "", "nsenter -t 77 -n sysctl -w net.ipv4.tcp_max_tw_buckets=780 now, and at each start of worker.service"},
		{kind("process", "worker"), "", "nsenter -t 77 -n sysctl -w net.ipv4.tcp_max_tw_buckets=780 now, and in what makes the namespace"},
		{inside("kubepods"), "this kubepods container (limit 100)", "securityContext.sysctls"},
		{inside("systemd-nspawn"), "", "a sysctl file inside the container"},
		{inside("oci"), "", "the engine that runs the container"},
		{modern(namespaces(unread)), "namespace web (net:[2]) (limit not read)", "nsenter -t 77"},
		{modern(kernelIs("3.10.0"), namespaces(unread)), "the machine, which shares its table with namespace web", " on the machine itself"},
		{modern(kernelIs("3.10.0"), fill(99, 100), func(f *audit.Facts) { f.Host.Virtualization = "docker" }), "", " on the machine itself"},
	} {
		d := judged(t, c.facts, nil)
		d.wantTitle(t, "container-limit", c.title)
		advice := d.find("container-limit").Advice
		if len(advice) != 1 || !strings.Contains(advice[0], c.want) {
			t.Errorf("advice %q lacks %q", advice, c.want)
		}
		for _, a := range advice {
			wantVerb(t, a)
		}
	}
}

func TestHost_nearSeverity(t *testing.T) {
	t.Parallel()
	for buckets, want := range map[int64]audit.Severity{949: audit.SeverityWarning, 950: audit.SeverityCritical, 2000: audit.SeverityCritical} {
		d := judged(t, modern(fill(buckets, 1000)), nil)
		if got := d.find("near-limit").Severity; got != want {
			t.Errorf("%d of 1000 is %s, want %s", buckets, got, want)
		}
	}
}

// TestHost_clock: a host whose clock is wrong judges its own log by it.
func TestHost_clock(t *testing.T) {
	t.Parallel()
	year := 365 * day
	late := func(f *audit.Facts) { f.Host.Clock, f.Host.ClockSkewMS = ago(year), new(-year.Milliseconds()) }
	fresh := old(overflowLines(3, year+day, year+time30), late, source(audit.LogSource{Path: "/var/log/messages", First: ago(year + 5*day), Last: ago(year), Kernel: true}))
	if d := judged(t, fresh, nil); d.Verdict != overflowing {
		t.Errorf("a line from half an hour ago by the host's clock: %s", d.Verdict)
	}
	if d := judged(t, old(overflowLines(3, 2*year, year+40*day), late), nil); d.Verdict == overflowing || d.Verdict == overflowed {
		t.Errorf("a line from 40 days ago by the host's clock: %s", d.Verdict)
	}
	// Earlier runs are by our clock: one of half an hour ago is recent.
	if d := judged(t, modern(overflows(9, 0), late), past(run(time30, 131072, 8))); d.Verdict != overflowing {
		t.Errorf("a rise since a run half an hour ago: %s", d.Verdict)
	}
}

const time30 = day / 48

func TestHost_gapsAndCoverage(t *testing.T) {
	t.Parallel()
	locked := []audit.Gap{{Section: "namespaces", Reason: "denied", Remedy: "run as root or with --sudo"}}
	d := Host(modern(), locked, nil, audit.DefaultLimits(), clock)
	if d.Verdict != ok || d.Coverage != audit.CoveragePartial || len(d.Gaps) != 1 {
		t.Errorf("unread namespaces: %s, %s, %v", d.Verdict, d.Coverage, d.Gaps)
	}
	d = Host(modern(namespaces(audit.Namespace{ID: "2", Buckets: new(int64(1)), OverflowTotal: new(int64(0))})), nil, nil, audit.DefaultLimits(), clock)
	if d.Coverage != audit.CoveragePartial || len(d.Gaps) != 1 || d.Gaps[0].Section != "namespaces" || d.Namespaces[1].Verdict != unknown {
		t.Errorf("a namespace without its limit: %s, %v, %v", d.Coverage, d.Gaps, d.Namespaces)
	}
	if d = Host(modern(), nil, nil, audit.DefaultLimits(), clock); d.Coverage != audit.CoverageFull || len(d.Gaps) != 0 {
		t.Errorf("healthy: %s, %v", d.Coverage, d.Gaps)
	}
	// One table and one log for all: the child has the verdict of the host.
	shared := namespaces(audit.Namespace{ID: "2", PID: 7})
	if d = Host(old(shared), nil, nil, audit.DefaultLimits(), clock); d.Coverage != audit.CoverageFull || d.Namespaces[1].Verdict != ok {
		t.Errorf("old kernel: %s, %v", d.Coverage, d.Namespaces)
	}
	if d = Host(old(shared, noLog), nil, nil, audit.DefaultLimits(), clock); d.Namespaces[1].Verdict != unknown {
		t.Errorf("old kernel without a log: %v", d.Namespaces)
	}
	// What the probe said of a section stands, remedy and all.
	said := []audit.Gap{{Section: "log", Reason: "denied", Remedy: "add the login to group adm"}}
	d = Host(old(noLog), said, nil, audit.DefaultLimits(), clock)
	if len(d.Gaps) != 1 || d.find("unknown").Advice[0] != "Add the login to group adm" {
		t.Errorf("gaps %v, advice %v", d.Gaps, d.find("unknown").Advice)
	}
}

// TestHost_loadAdvice: what brings a setting into force depends on who sets it.
func TestHost_loadAdvice(t *testing.T) {
	t.Parallel()
	by := func(path, kind string) edit {
		return func(f *audit.Facts) {
			conf(path, day)(f)
			f.Config.Files[0].Kind = kind
			f.Config.Files[0].Entries = []audit.ConfigEntry{{Line: 1, Key: tcpTWBucketsKey, Value: "9000"}}
		}
	}
	reader := func(path string, r audit.Reader) edit {
		return func(f *audit.Facts) {
			conf(path, day, assign(9000))(f)
			f.Config.Reader = r
		}
	}
	cmdline := func(f *audit.Facts) {
		by("/proc/cmdline", "cmdline")(f)
		f.Config.Value, f.Config.Source = new(int64(9000)), "/proc/cmdline:1"
	}
	for want, facts := range map[string]*audit.Facts{
		"(run its line as root)":                modern(by("/etc/rc.local", "script")),
		"(systemctl restart tuned)":             modern(by("/etc/tuned/x/tuned.conf", "tuned")),
		"(ufw reload)":                          modern(by("/etc/ufw/sysctl.conf", "ufw")),
		"(it takes a boot)":                     modern(cmdline),
		"(systemctl restart systemd-sysctl)":    modern(reader("/etc/sysctl.d/1.conf", audit.ReaderSystemd)),
		"(sysctl -p)":                           modern(reader("/etc/sysctl.conf", audit.ReaderBusyBox)),
		"sysctl.conf:1 and load it (sysctl -p)": modern(reader("/etc/sysctl.conf", audit.ReaderProcps)),
		"(sysctl -p /etc/sysctl.d/1.conf)":      modern(reader("/etc/sysctl.d/1.conf", audit.ReaderProcps)),
	} {
		d := judged(t, facts, nil)
		d.wantTitle(t, "config-drift", "9,000")
		if a := d.find("config-drift").Advice[0]; !strings.Contains(a, want) {
			t.Errorf("advice %q lacks %q", a, want)
		}
	}
}

func TestHost_history(t *testing.T) {
	t.Parallel()
	d := judged(t, modern(overflows(9, 0)), past(run(3*day, 131072, 9), run(2*day, 131072, 9)))
	h := d.History
	if h == nil || !h.FirstSeen.Equal(*ago(3 * day)) || !h.LastSeen.Equal(*ago(2 * day)) || !slices.Equal(h.Notes, []string{"9 overflows before 2026-11-19 12:00, none since"}) {
		t.Errorf("%+v", h)
	}
	d = judged(t, modern(), past(run(2*day, 131072, 500)))
	if len(d.History.Notes) != 1 || !strings.Contains(d.History.Notes[0], "fell from 500") {
		t.Errorf("%q", d.History.Notes)
	}
	d = judged(t, modern(), past(other(run(2*day, 131072, 500), "boot-0")))
	if len(d.History.Notes) != 1 || !strings.Contains(d.History.Notes[0], "was booted after") {
		t.Errorf("%q", d.History.Notes)
	}
}

func TestHost_headroom(t *testing.T) {
	t.Parallel()
	tw := func(first, last int64) edit {
		return func(f *audit.Facts) {
			f.Counters = &audit.Counters{First: map[string]int64{"TW": first, "TWKilled": 0}, Last: map[string]int64{"TW": last, "TWKilled": 0}, Seconds: new(2.0)}
		}
	}
	grew := func(from, to int64) edit {
		return func(f *audit.Facts) { f.TimeWait.BucketsFirst, f.TimeWait.Buckets = &from, &to }
	}
	none := math.NaN()
	tests := []struct {
		name                                   string
		facts                                  *audit.Facts
		capacity, closes, mean, factor, needed float64
	}{
		{"new kernels count entries", modern(kernelIs("5.18.0"), fill(600, 6000), tw(100, 160)), 100, 30, 10, 100.0 / 30, 900},
		{"short-lived entries are entries", modern(kernelIs("5.18.0"), fill(600, 6000), tw(100, 160), func(f *audit.Facts) { f.Counters.Last["TWKilled"] = 20 }), 100, 40, 10, 2.5, 900},
		{"older ones count expiries", modern(fill(600, 6000), grew(580, 600), tw(100, 160)), 100, 40, 10, 2.5, 900},
		{"refused closes are closes, and need room", modern(kernelIs("6.1.0"), fill(6000, 6000), overflows(9, 20), tw(100, 160)), 100, 40, 100, 1, (6000 + 60*20) * 1.5},
		{"a limit of another lifetime", modern(sysctls(tcpTWTimeoutKey+"=30"), fill(600, 6000)), 200, none, 20, 10, 900},
		{"no counters", modern(fill(600, 6000)), 100, none, 10, 10, 900},
		{"a counter that fell", modern(kernelIs("6.1.0"), fill(600, 6000), tw(160, 100)), 100, none, 10, 10, 900},
		{"full, and refused closes cannot be counted", old(fill(6000, 6000), tw(100, 160)), 100, none, 100, 1, 9000},
		{"no limit", modern(kernelIs("6.1.0"), fill(600, -1)), none, none, 10, none, 900},
		{"limit 0", modern(fill(0, 0)), none, none, 0, none, 0},
		{"nothing closes", modern(fill(0, 6000)), 100, none, 0, none, 0},
	}
	for _, tt := range tests {
		h := judged(t, tt.facts, nil).Headroom
		for name, pair := range map[string][2]float64{
			"capacity": {tt.capacity, value(h.Capacity)}, "close rate": {tt.closes, value(h.CloseRate)},
			"mean rate": {tt.mean, value(h.MeanRate)}, "load factor": {tt.factor, value(h.LoadFactor)},
			"needed limit": {tt.needed, float64(*h.NeededLimit)}, "memory": {tt.needed * 256, float64(*h.NeededMemoryBytes)},
		} {
			if want, got := pair[0], pair[1]; want != got && !(math.IsNaN(want) && math.IsNaN(got)) {
				t.Errorf("%s: %s is %v, want %v", tt.name, name, got, want)
			}
		}
	}
}

// value is NaN for what could not be computed.
func value(p *float64) float64 {
	if p == nil {
		return math.NaN()
	}
	return *p
}

// TestHost_manyNamespaces: a machine with hundreds of sick containers still has
// a report that can be read.
func TestHost_manyNamespaces(t *testing.T) {
	t.Parallel()
	d := judged(t, modern(namespaces(slices.Repeat([]audit.Namespace{child("web", 1, 100, 7, 0)}, 200)...)), nil)
	n := 0
	for _, f := range d.Findings {
		if f.Rule == "overflowed" {
			n++
			if last := strings.Contains(f.Title, "likewise 183 further namespaces"); last != (n == maxNamespaces+1) {
				t.Errorf("finding %d: %s", n, f.Title)
			}
		}
	}
	if n != maxNamespaces+1 || len(d.Namespaces) != 201 {
		t.Errorf("%d findings, %d namespaces", n, len(d.Namespaces))
	}
	d.wantTitle(t, "container-limit", "and 195 more")
}
