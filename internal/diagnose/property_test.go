package diagnose

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"twaudit/internal/audit"
)

// maybe draws a value or its absence.
func maybe[T any](t *rapid.T, g *rapid.Generator[T], name string) *T {
	return rapid.Ptr(g, true).Draw(t, name)
}

// counts draws sizes as they are, as they must not be, and at the ends.
var counts = rapid.OneOf(rapid.Int64Range(0, 200), rapid.Int64Range(-3, 300000), rapid.SampledFrom([]int64{0, -1, math.MaxInt64, math.MinInt64}))

// times draws stamps around clock, and absurd ones.
var times = rapid.Custom(func(t *rapid.T) time.Time {
	if rapid.IntRange(0, 20).Draw(t, "absurd") == 0 {
		return rapid.SampledFrom([]time.Time{{}, time.Unix(0, 0), time.Unix(200e9, 0)}).Draw(t, "time")
	}
	return clock.Add(-time.Duration(rapid.Int64Range(-86400, 60*86400).Draw(t, "ago")) * time.Second)
})

var lengths = rapid.OneOf(rapid.Float64Range(0, 1e7), rapid.SampledFrom([]float64{0, 1, math.NaN(), math.Inf(1), -1, 1e300}))

var releases = rapid.OneOf(rapid.SampledFrom([]string{"2.6.32-431.el6", "3.10.0", "5.10.0", "5.17.1", "6.18.44", "unknown", ""}), rapid.String())

var factsGen = rapid.Custom(func(t *rapid.T) *audit.Facts {
	f := &audit.Facts{
		Host: audit.HostFacts{
			Kernel: releases.Draw(t, "kernel"), BootID: rapid.SampledFrom([]string{"", "b", "c"}).Draw(t, "boot"),
			Clock: maybe(t, times, "clock"), BootedAt: maybe(t, times, "booted"), UptimeSeconds: maybe(t, lengths, "uptime"),
			ClockSkewMS: maybe(t, counts, "skew"), Virtualization: rapid.SampledFrom([]string{"", "docker", "openvz"}).Draw(t, "virt"),
		},
		TimeWait: audit.TimeWait{
			Buckets: maybe(t, counts, "buckets"), BucketsFirst: maybe(t, counts, "first"), Limit: maybe(t, counts, "limit"),
			DefaultLimit: maybe(t, counts, "default"), OverflowTotal: maybe(t, counts, "total"),
			OverflowDelta: maybe(t, counts, "delta"), SampleSeconds: maybe(t, lengths, "sample"),
		},
		Sysctl: map[string]string{}, TCPStates: map[string]int64{"SYN_RECV": counts.Draw(t, "syn")},
		Tables: map[string]audit.Usage{"conntrack": {Used: maybe(t, counts, "used"), Limit: maybe(t, counts, "max")}},
	}
	for _, key := range []string{warningsKey, recycleKey, tcpTWTimeoutKey, "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_timestamps", "net.ipv4.ip_local_port_range"} {
		if v := maybe(t, rapid.OneOf(rapid.SampledFrom([]string{"0", "1", "2", "32768 60999", "9 3", "x"}), rapid.String()), key); v != nil {
			f.Sysctl[key] = *v
		}
	}
	f.Log, f.Config = maybe(t, logGen, "log"), maybe(t, configGen, "config")
	f.Counters = maybe(t, countersGen, "counters")
	f.Top = &audit.Top{Inbound: maybe(t, counts, "in"), Outbound: maybe(t, counts, "out"), Destinations: []audit.PeerCount{{Address: rapid.String().Draw(t, "peer"), Port: 1, Count: counts.Draw(t, "n")}}}
	for range rapid.IntRange(0, 3).Draw(t, "namespaces") {
		f.Namespaces = append(f.Namespaces, audit.Namespace{
			ID: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "id"), Name: rapid.SampledFrom([]string{"", "host", "web"}).Draw(t, "name"),
			Buckets: maybe(t, counts, "b"), Limit: maybe(t, counts, "l"), OverflowTotal: maybe(t, counts, "o"), OverflowDelta: maybe(t, counts, "d"),
		})
	}
	return f
})

var logGen = rapid.Custom(func(t *rapid.T) audit.Log {
	l := audit.Log{
		OverflowLines: maybe(t, counts, "lines"), EventsMin: maybe(t, counts, "min"), EventsMax: maybe(t, counts, "max"),
		Suppressed: maybe(t, counts, "suppressed"), First: maybe(t, times, "first"), Last: maybe(t, times, "last"),
		Siblings: map[string]int64{"orphans": counts.Draw(t, "orphans")},
	}
	for range rapid.IntRange(0, 3).Draw(t, "sources") {
		l.Sources = append(l.Sources, audit.LogSource{
			Path:  rapid.SampledFrom([]string{"/var/log/kern.log", "/var/log/kern.log.1", "dmesg", ""}).Draw(t, "path"),
			First: maybe(t, times, "sf"), Last: maybe(t, times, "sl"), Kernel: rapid.Bool().Draw(t, "kernel"),
			Error: rapid.SampledFrom([]string{"", "", "denied"}).Draw(t, "error"), UnreadBytes: maybe(t, counts, "unread"),
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "hours") {
		l.Histogram = append(l.Histogram, audit.HourCount{Hour: times.Draw(t, "hour"), Events: 1})
	}
	if rapid.Bool().Draw(t, "vz") {
		l.Containers = map[string]int64{"101": counts.Draw(t, "ct"), "102": counts.Draw(t, "ct2")}
	}
	return l
})

var configGen = rapid.Custom(func(t *rapid.T) audit.Config {
	c := audit.Config{
		Value: maybe(t, counts, "value"), ChangedAt: maybe(t, times, "changed"), RuntimeChangedAt: maybe(t, times, "runtime"),
		Source: rapid.SampledFrom([]string{"", "/etc/sysctl.conf:2", "kernel command line", ":", "x:y"}).Draw(t, "source"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "files") {
		file := audit.ConfigFile{Path: "/etc/sysctl.conf", Ignored: rapid.SampledFrom([]string{"", "why"}).Draw(t, "ignored")}
		for i := range rapid.IntRange(0, 3).Draw(t, "entries") {
			file.Entries = append(file.Entries, audit.ConfigEntry{
				Line: i + 1, Commented: rapid.Bool().Draw(t, "commented"),
				Key:   rapid.SampledFrom([]string{tcpTWBucketsKey, recycleKey, "net.*", "[", ""}).Draw(t, "key"),
				Value: rapid.SampledFrom([]string{"5000", "10000", "0x400", "", "5k", "-1"}).Draw(t, "text"),
			})
		}
		c.Files = append(c.Files, file)
	}
	return c
})

var countersGen = rapid.Custom(func(t *rapid.T) audit.Counters {
	c := audit.Counters{First: map[string]int64{}, Last: map[string]int64{}, Seconds: maybe(t, lengths, "seconds")}
	for _, name := range []string{"TW", "TWKilled", "TCPTimeWaitOverflow", "ListenOverflows", "SyncookiesSent"} {
		c.First[name], c.Last[name] = counts.Draw(t, name), counts.Draw(t, name+" later")
	}
	return c
})

var pastGen = rapid.Custom(func(t *rapid.T) audit.Past {
	var p audit.Past
	for range rapid.IntRange(0, 4).Draw(t, "readings") {
		p.Readings = append(p.Readings, audit.Reading{
			At: times.Draw(t, "at"), BootID: rapid.SampledFrom([]string{"", "b", "c"}).Draw(t, "boot"), Namespace: rapid.SampledFrom([]string{"", "1"}).Draw(t, "ns"),
			Buckets: maybe(t, counts, "buckets"), Limit: maybe(t, counts, "limit"), OverflowTotal: maybe(t, counts, "total"),
			UptimeSeconds: maybe(t, lengths, "up"), MachineID: rapid.SampledFrom([]string{"", "m", "n"}).Draw(t, "machine"),
			Own: rapid.Bool().Draw(t, "own"), Doubtful: rapid.Bool().Draw(t, "doubtful"),
		})
	}
	return p
})

// TestHost_anyFacts: whatever a host says, the diagnosis is well formed, and is
// no ok without evidence.
func TestHost_anyFacts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, p := factsGen.Draw(t, "facts"), maybe(t, pastGen, "past")
		d := Host(f, nil, p, audit.DefaultLimits(), clock)
		if f := undeclared(d.Findings); f != nil {
			t.Fatalf("%s does not say that it may be %s", f.Rule, f.Severity)
		}
		if _, err := json.Marshal(d); err != nil {
			t.Fatalf("no JSON: %v", err)
		}
		if !slices.Contains(audit.Verdicts, d.Verdict) || !slices.Contains(d.Flags, string(d.Verdict)) && d.Verdict != worstChild(d) {
			t.Fatalf("verdict %q without its finding: %v", d.Verdict, d.Flags)
		}
		// Rows of numbers show the login's own namespace: the flag says where else.
		if len(d.Namespaces) > 0 && d.Namespaces[0].Name == "host" && d.Namespaces[0].Verdict != d.Verdict && !slices.Contains(d.Flags, "container-limit") {
			t.Fatalf("%s comes from another namespace, and no flag says so: %v", d.Verdict, d.Flags)
		}
		for _, finding := range d.Findings {
			if finding.Title == "" || len(finding.Advice) == 0 || finding.Severity.Rank() > 2 {
				t.Fatalf("incomplete: %+v", finding)
			}
		}
		if healthy(d.Verdict) && f.TimeWait.Limit == nil {
			t.Fatalf("%s without a limit", d.Verdict)
		}
		unlogged := f.Log == nil || f.Log.OverflowLines == nil && f.Log.EventsMin == nil && f.Log.Containers == nil
		if healthy(d.Verdict) && nonNegative(f.TimeWait.OverflowTotal) == nil && unlogged {
			t.Fatalf("%s without a counter and without a log", d.Verdict)
		}
		wantSane(t, d.Headroom)
	})
}

func healthy(v audit.Verdict) bool { return v == ok || v == fixed }

func worstChild(d Diagnosis) audit.Verdict {
	worst := audit.Verdict("")
	for _, n := range d.Namespaces {
		if n.Verdict.Worse(worst) {
			worst = n.Verdict
		}
	}
	return worst
}

func wantSane(t *rapid.T, h *audit.Headroom) {
	if h == nil {
		return
	}
	for _, p := range []*float64{h.Capacity, h.CloseRate, h.MeanRate, h.LoadFactor} {
		if p != nil && !(*p >= 0 && *p <= math.MaxFloat64) {
			t.Fatalf("a rate of %v", *p)
		}
	}
	for _, p := range []*int64{h.NeededLimit, h.NeededMemoryBytes} {
		if p != nil && *p < 0 {
			t.Fatalf("a need of %d", *p)
		}
	}
}

// TestHost_lessEvidenceIsNeverBetter: taking evidence away from a host that is
// not healthy must not make it so.
func TestHost_lessEvidenceIsNeverBetter(t *testing.T) {
	t.Parallel()
	takeAway := map[string]edit{
		"log":     noLog,
		"counter": noCounter,
		"limit":   func(f *audit.Facts) { f.TimeWait.Limit = nil },
		"buckets": func(f *audit.Facts) { f.TimeWait.Buckets, f.TimeWait.BucketsFirst = nil, nil },
		"kernel":  kernelIs(""),
		"sources": func(f *audit.Facts) {
			if f.Log != nil {
				f.Log.Sources = nil
			}
		},
	}
	names := []string{"buckets", "counter", "kernel", "limit", "log", "sources"}
	rapid.Check(t, func(t *rapid.T) {
		f := factsGen.Draw(t, "facts")
		f.TimeWait.OverflowDelta = nil
		before := Host(f, nil, nil, audit.DefaultLimits(), clock)
		name := rapid.SampledFrom(names).Draw(t, "taken")
		counter, logs := f.TimeWait.OverflowTotal, f.Log
		takeAway[name](f)
		after := Host(f, nil, nil, audit.DefaultLimits(), clock)
		// Without its counter an old kernel is judged by its log, and without
		// its log a modern one by its counter: either is enough.
		if name == "counter" && logs != nil || name == "log" && counter != nil {
			return
		}
		if healthy(after.Verdict) && !healthy(before.Verdict) {
			t.Fatalf("without %s %s becomes %s", name, before.Verdict, after.Verdict)
		}
	})
}

// TestHost_isPure: the same facts give the same words, and stay as they were.
func TestHost_isPure(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, p := factsGen.Draw(t, "facts"), maybe(t, pastGen, "past")
		f.Host.UptimeSeconds, f.TimeWait.SampleSeconds, f.Counters = nil, nil, nil // JSON knows no NaN
		before, _ := json.Marshal(f)
		first, _ := json.Marshal(Host(f, nil, p, audit.DefaultLimits(), clock))
		second, _ := json.Marshal(Host(f, nil, p, audit.DefaultLimits(), clock))
		after, _ := json.Marshal(f)
		if string(first) != string(second) || string(before) != string(after) {
			t.Fatal("the diagnosis or the facts changed")
		}
	})
}
