package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"twaudit/internal/audit"
)

const oneDay = 24 * time.Hour

// fullHost is a host of which everything is known that a page can show: it
// overflowed, was mended by hand, and rebooted meanwhile.
func fullHost() audit.HostResult {
	h := judged("shop-db1", audit.VerdictOverflowed, audit.Finding{Severity: audit.SeverityWarning,
		Title:    "the kernel logged 212 overflows, the last one 20 days ago, and no cure is proven",
		Evidence: []audit.Evidence{{Text: "212 overflow records", Source: "/var/log/messages", At: before(20 * oneDay)}, {Text: "no source"}, {Text: "no place", At: before(oneDay)}},
		Advice:   []string{"raise net.ipv4.tcp_max_tw_buckets to 15,000, which costs 3.7 MiB of memory at most", "scan again"}}, "config-ignored")
	h.Findings = append(h.Findings,
		audit.Finding{Rule: "near-limit", Severity: audit.SeverityWarning, Title: "83 % full", Advice: []string{"raise it before it is full"}},
		audit.Finding{Rule: "config-ignored", Severity: audit.SeverityWarning, Title: "/etc/sysctl.d/tw.cnf is not read", Advice: []string{"rename it to end in .conf", "scan again"}})
	h.Gaps = []audit.Gap{{Section: "namespaces", Reason: "3 containers belong to other users", Remedy: "run with --sudo"}, {Section: "log", Reason: "dmesg: not permitted"}}
	h.Coverage = audit.CoveragePartial
	uid := 1004
	f := h.Facts
	f.Host.UID, f.Host.Arch, f.Host.Virtualization, f.Host.Hostname = &uid, "x86_64", "openvz", "db1.internal"
	f.Host.Kernel, f.Host.OS = "2.6.32-042stab120.11", "CentOS release 6.5 (Final)"
	f.Host.BootedAt = before(22 * oneDay)
	f.TimeWait = audit.TimeWait{Buckets: n(8300), Limit: n(10000), Ratio: f64(0.83)}
	f.Tables = map[string]audit.Usage{"orphans": {Used: n(12), Limit: n(65536)}, "conntrack": {Used: n(262144), Limit: n(262144)}, "neighbour-ipv4": {Used: n(40)}}
	f.Sysctl = map[string]string{"net.ipv4.ip_local_port_range": "32768 60999"}
	f.Config = &audit.Config{Value: n(10000), Source: "/etc/sysctl.conf:41", ChangedAt: before(20*oneDay - time.Minute), SysctlConfChangedAt: before(20*oneDay - time.Minute), RuntimeChangedAt: before(20*oneDay - 2*time.Minute),
		Files: []audit.ConfigFile{
			{Path: "/etc/sysctl.d/tw.cnf", MTime: before(90 * oneDay), Ignored: "its name does not end in .conf", Entries: []audit.ConfigEntry{{Line: 1, Key: limitKey, Value: "262144"}}},
			{Path: "/etc/sysctl.d/90-net.conf", MTime: before(80 * oneDay), Entries: []audit.ConfigEntry{{Line: 1, Key: "net.ipv4.tcp_tw_reuse", Value: "1"}}},
			{Path: "/etc/sysctl.conf", Target: "/srv/etc/sysctl.conf", MTime: before(20*oneDay - time.Minute), Entries: []audit.ConfigEntry{
				{Line: 40, Key: limitKey, Value: "5000", Commented: true}, {Line: 41, Key: limitKey, Value: "10000"}}}}}
	f.Log = &audit.Log{OverflowLines: n(212), ForeignLines: n(2), Suppressed: n(1800), EventsMin: n(212), EventsMax: n(2012), First: before(24*oneDay + 10*time.Minute), Last: before(20 * oneDay),
		Histogram: []audit.HourCount{{Hour: *before(24*oneDay + 15*time.Minute), Events: 100}, {Hour: *before(23 * oneDay), Events: 12}, {Hour: *before(20*oneDay + 15*time.Minute), Events: 100}},
		Sources: []audit.LogSource{{Path: "/var/log/messages", Lines: 212, First: before(40 * oneDay), Last: before(time.Hour), Kernel: true, UnreadBytes: n(3 << 20)},
			{Path: "/var/log/syslog", Last: before(time.Hour)}, {Path: "dmesg", Error: "not permitted"}}}
	f.Top = &audit.Top{Sampled: true, SampledRows: n(20000), Inbound: n(6000), Outbound: n(2000), Internal: n(300),
		LocalPorts:   []audit.PortCount{{Port: 3306, Count: 6000, Listening: true}, {Port: 41112, Count: 3}},
		Peers:        []audit.PeerCount{{Address: "2001:db8:77:12:aaaa:bbbb:cccc:dddd", Count: 5100}, {Address: "198.51.100.7", Count: 900}},
		Destinations: []audit.PeerCount{{Address: "2001:db8::5", Port: 6379, Count: 2000}}}
	f.OpenVZ = &audit.OpenVZ{Beancounters: []audit.Beancounter{{UID: "101", Resource: "numtcpsock", Held: 360, Limit: 360, FailCnt: 77}, {UID: "102", Resource: "kmemsize", Held: 1, Limit: 2}}}
	f.Namespaces = []audit.Namespace{
		{ID: "4026531840", Name: "host", Buckets: n(8300), Limit: n(10000), Verdict: audit.VerdictOverflowed},
		{ID: "4026532711", PID: 8812, Buckets: n(17), Limit: n(0), OverflowTotal: n(3), OverflowDelta: n(1), Verdict: audit.VerdictOverflowing}}
	h.History = &audit.History{FirstSeen: before(30 * oneDay), Notes: []string{"the limit was 5,000 in the run of 2026-11-01"}}
	return h
}

func f64(v float64) *float64 { return &v }

// hostPage is the page of one host of run.
func hostPage(t *testing.T, run *audit.Run, name string, o Options) string {
	t.Helper()
	i := slices.IndexFunc(run.Hosts, func(h audit.HostResult) bool { return h.Name == name })
	if i < 0 {
		t.Fatalf("no host %q", name)
	}
	var out bytes.Buffer
	if err := Host(&out, run, &run.Hosts[i], o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// fullRun is the sample fleet with the full host in it.
func fullRun() *audit.Run {
	run := sampleRun()
	run.Hosts = append(run.Hosts, fullHost())
	return run
}

func TestHost_golden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, host string
		o          Options
	}{
		{"host.txt", "shop-db1", Options{}},
		{"host-60.txt", "shop-db1", Options{Width: 60}},
		{"host-color.txt", "web07", Options{Width: 80, Color: true}},
		{"host-cured.txt", "old-web1", Options{Width: 100}},
		{"host-namespaces.txt", "k8s-node3", Options{Width: 80}},
		{"host-failed.txt", "dmz1", Options{Width: 60}},
	} {
		golden(t, c.file, []byte(hostPage(t, fullRun(), c.host, c.o)))
	}
}

func TestHost_fitsTheTerminal(t *testing.T) {
	t.Parallel()
	run := fullRun()
	for columns := narrowest; columns <= 200; columns += 7 {
		for i := range run.Hosts {
			checkPageWidth(t, hostPage(t, run, run.Hosts[i].Name, Options{Width: columns, Color: columns%2 == 0}), columns)
		}
	}
}

func checkPageWidth(t *testing.T, page string, columns int) {
	t.Helper()
	for line := range strings.Lines(page) {
		if got := width(strings.TrimSuffix(line, "\n")); got > columns && !isCommand(line) {
			t.Errorf("width %d: a line of %d cells: %q", columns, got, line)
		}
	}
}

func TestHost_colourOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{0, 80} {
		plain := hostPage(t, fullRun(), "shop-db1", Options{Width: columns})
		if strings.Contains(plain, "\x1b") {
			t.Errorf("width %d: escape sequences without Color", columns)
		}
		painted := hostPage(t, fullRun(), "shop-db1", Options{Width: columns, Color: true})
		if strings.Count(plain, "\n") != strings.Count(painted, "\n") || plain == painted {
			t.Errorf("width %d: colour changes the lines, or nothing", columns)
		}
	}
}

func TestHost_hostileTextIsInert(t *testing.T) {
	t.Parallel()
	for _, evil := range hostileTexts() {
		t.Run(strconv.QuoteToASCII(evil), func(t *testing.T) {
			t.Parallel()
			run := hostileRun(t, &audit.Run{Schema: audit.Schema, Hosts: append(failedHosts(), fullHost())}, evil)
			for i := range run.Hosts {
				for _, columns := range []int{0, 60, 99} {
					page := hostPage(t, run, run.Hosts[i].Name, Options{Width: columns})
					inert(t, "page", []byte(page))
					checkForged(t, "page", []byte(page))
					if columns > 0 {
						checkPageWidth(t, page, columns)
					}
				}
			}
		})
	}
}

// What was not read has no number, and above all not 0.
func TestHost_absentIsNotZero(t *testing.T) {
	t.Parallel()
	run := &audit.Run{Hosts: []audit.HostResult{
		{Name: "bare", Status: audit.StatusAudited, Verdict: audit.VerdictUnknown, Facts: &audit.Facts{}},
		{Name: "mute", Status: audit.StatusFailed}, {Name: "late", Status: audit.StatusSkipped},
		{Name: "none", Status: audit.StatusAudited, Verdict: audit.VerdictUnknown},
	}}
	for _, name := range []string{"bare", "none"} {
		page := hostPage(t, run, name, Options{})
		_, below, _ := strings.Cut(page, "asked: ")
		if strings.ContainsAny(below, "0123456789") {
			t.Errorf("numbers of a host without any:\n%s", page)
		}
		for _, want := range []string{"? of ? buckets in use", "could not be read", "TIME_WAIT buckets"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: %q is missing:\n%s", name, want, page)
			}
		}
	}
	if page := hostPage(t, run, "mute", Options{}); page != "mute: failed\n  no reason is given\n" {
		t.Errorf("a failure without a reason: %q", page)
	}
	if page := hostPage(t, run, "late", Options{}); page != "late: skipped\n  the run ended before this host was asked\n" {
		t.Errorf("a skipped host: %q", page)
	}
}

// A limit that is no number, or was not read, divides nothing.
func TestAgainst(t *testing.T) {
	t.Parallel()
	p := newPage(&audit.Run{}, &audit.HostResult{}, Options{})
	for _, c := range []struct {
		used, limit *int64
		want        string
		share       float64 // -1: none
	}{
		{n(5), n(10), "5 of 10 (50 %)", 0.5}, {n(0), n(10), "0 of 10 (0 %)", 0}, {n(20), n(10), "20 of 10 (200 %)", 2},
		{n(5), n(0), "5 of 0", -1}, {n(5), n(-1), "5 of -1", -1}, {nil, n(10), "? of 10", -1}, {n(5), nil, "5 of ?", -1}, {nil, nil, "? of ?", -1},
	} {
		g := p.against("x", c.used, c.limit)
		share := -1.0
		if g.share != nil {
			share = *g.share
		}
		if g.numbers != c.want || share != c.share {
			t.Errorf("%q with a share of %v, want %q with %v", g.numbers, share, c.want, c.share)
		}
	}
}

// What decides about a cure is whether the file changed before or after.
func TestHost_timelineIsInOrder(t *testing.T) {
	t.Parallel()
	order := func(changed time.Duration) []string {
		run := fullRun()
		h := &run.Hosts[len(run.Hosts)-1]
		h.Facts.Config.Files[2].MTime = before(changed)
		page := hostPage(t, run, h.Name, Options{})
		at := map[int]string{}
		for _, what := range []string{"booted", "first overflow", "last overflow", "/etc/sysctl.conf changed", "asked:", "100 overflows in one day", "first audited", "messages begins"} {
			at[strings.Index(page, what)] = what
		}
		var list []string
		for _, i := range slices.Sorted(func(yield func(int) bool) {
			for i := range at {
				if !yield(i) {
					return
				}
			}
		}) {
			list = append(list, at[i])
		}
		return list
	}
	early, late := order(20*oneDay+time.Second), order(20*oneDay-time.Second)
	if slices.Index(early, "last overflow") < slices.Index(early, "/etc/sysctl.conf changed") {
		t.Errorf("changed before the last overflow: %q", early)
	}
	if slices.Index(late, "last overflow") > slices.Index(late, "/etc/sysctl.conf changed") || late[len(late)-1] != "asked:" {
		t.Errorf("changed after the last overflow: %q", late)
	}
}

// A saved answer is shown as of the time when the host was asked.
func TestHost_relativeTimesCountFromTheHostsClock(t *testing.T) {
	t.Parallel()
	run := fullRun()
	run.Meta.FinishedAt = run.Meta.FinishedAt.Add(12 * oneDay)
	page := hostPage(t, run, "shop-db1", Options{})
	for _, want := range []string{", 12d before this run", "21d ago ├ booted", "UTC+08:00"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing:\n%s", want, page)
		}
	}
	run.Hosts[len(run.Hosts)-1].Facts.Host.ClockSkewMS = n(-12 * 86_400_000)
	if page := hostPage(t, run, "shop-db1", Options{}); strings.Contains(page, "before this run") {
		t.Error("a wrong clock is taken for an old answer")
	}
}

func TestHost_eachAdviceOnce(t *testing.T) {
	t.Parallel()
	page := hostPage(t, fullRun(), "shop-db1", Options{})
	if got := strings.Count(page, "scan again"); got != 1 {
		t.Errorf("an advice of two findings is given %d times", got)
	}
	run := fullRun()
	run.Hosts[len(run.Hosts)-1].Facts.Namespaces = nil
	if page := hostPage(t, run, "shop-db1", Options{}); strings.Contains(page, "before it is full") || !strings.Contains(page, "83 % full") {
		t.Error("a milder verdict has to be shown, and its advice has not")
	}
}

func TestHost_manyNamespacesOnATerminal(t *testing.T) {
	t.Parallel()
	h := fullHost()
	for i := range 200 {
		h.Facts.Namespaces = append(h.Facts.Namespaces, audit.Namespace{ID: "7", Name: fmt.Sprintf("pod-%03d", i), Verdict: audit.VerdictOK})
	}
	run := &audit.Run{Hosts: []audit.HostResult{h}}
	short, whole := hostPage(t, run, h.Name, Options{Width: 80}), hostPage(t, run, h.Name, Options{})
	if strings.Count(short, "pod-") != maxNamespaces-2 || !strings.Contains(short, "and 172 more namespaces") {
		t.Errorf("a terminal shows %d pods", strings.Count(short, "pod-"))
	}
	if strings.Count(whole, "pod-") != 200 {
		t.Errorf("a pipe shows %d pods", strings.Count(whole, "pod-"))
	}
	if i, j := strings.Index(short, "overflowing  net:[4026532711]"), strings.Index(short, "pod-000"); i < 0 || i > j {
		t.Error("the worst namespace is not above the others")
	}
}

func TestHostJSON_isTheObjectOfTheRun(t *testing.T) {
	t.Parallel()
	run := fullRun()
	var whole struct{ Hosts []map[string]any }
	if err := json.Unmarshal(render(t, run, "json", Options{}), &whole); err != nil {
		t.Fatal(err)
	}
	for i := range run.Hosts {
		var out bytes.Buffer
		var one map[string]any
		if err := HostJSON(&out, &run.Hosts[i]); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out.Bytes(), &one); err != nil || !bytes.HasSuffix(out.Bytes(), []byte("}\n")) {
			t.Fatalf("%s: %v", run.Hosts[i].Name, err)
		}
		if diff := cmp.Diff(whole.Hosts[i], one); diff != "" {
			t.Errorf("%s differs from the run:\n%s", run.Hosts[i].Name, diff)
		}
	}
}

func TestHost_withoutAVerdict(t *testing.T) {
	t.Parallel()
	for stage, want := range map[audit.Stage]string{
		audit.StageConnect: "failed at connect via j1", audit.StageInterrupted: "cut off, the run was interrupted via j1", audit.StageTimeout: "failed, its time was used up via j1",
	} {
		h := audit.HostResult{Status: audit.StatusFailed, Failure: &audit.Failure{Stage: stage, Via: "j1"}}
		if got := endWords(&h); got != want {
			t.Errorf("%s: %q, want %q", stage, got, want)
		}
	}
}
