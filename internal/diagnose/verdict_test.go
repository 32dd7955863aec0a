package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

const (
	overflowing = audit.VerdictOverflowing
	overflowed  = audit.VerdictOverflowed
	near        = audit.VerdictNearLimit
	unknown     = audit.VerdictUnknown
	fixed       = audit.VerdictFixed
	ok          = audit.VerdictOK
)

// TestHost_verdict pins every verdict and its boundaries. flags are those that
// must be there; a leading ! must not.
func TestHost_verdict(t *testing.T) {
	t.Parallel()
	messages := func(first, last time.Duration) audit.LogSource {
		return audit.LogSource{Path: "/var/log/messages", First: ago(first), Last: ago(last), Kernel: true}
	}
	tests := []struct {
		name  string
		facts *audit.Facts
		past  *audit.Past
		want  audit.Verdict
		flags string
	}{
		// Modern kernels: the counter is the evidence.
		{"counter at zero", modern(), nil, ok, "ok !short-evidence !unknown"},
		{"no facts", nil, nil, unknown, "unknown"},
		{"counter rose between the readings", modern(overflows(40, 40)), nil, overflowing, "overflowing overflowed"},
		{"counter above zero and still", modern(overflows(40, 0)), nil, overflowed, "!overflowing !raised-unproven"},
		{"full table with a still counter", modern(fill(1000, 1000)), nil, near, "!overflowing"},
		{"just near", modern(fill(800, 1000)), nil, near, ""},
		{"just not near", modern(fill(799, 1000)), nil, ok, "!near-limit"},
		{"more buckets than the limit", modern(fill(250, 50)), nil, near, ""},
		{"counter unreadable", modern(noCounter), nil, unknown, "unknown !log-unreadable"},
		{"counter unreadable, log readable and empty", modern(noCounter, overflowLines(0, 0, 0)), nil, unknown, ""},
		{"counter unreadable, table full twice", modern(noCounter, fill(1000, 1000)), nil, overflowing, ""},
		{"counter unreadable, table full once", modern(noCounter, fill(1000, 1000), func(f *audit.Facts) { f.TimeWait.BucketsFirst = nil }), nil, near, "unknown"},
		{"limit unreadable", modern(func(f *audit.Facts) { f.TimeWait.Limit = nil }), nil, unknown, "!limit-zero"},
		{"limit unreadable, counter above zero", modern(overflows(1, 0), func(f *audit.Facts) { f.TimeWait.Limit = nil }), nil, overflowed, ""},
		{"buckets unreadable", modern(func(f *audit.Facts) { f.TimeWait.Buckets, f.TimeWait.BucketsFirst = nil, nil }), nil, unknown, ""},
		{"kernel unknown, counter at zero", modern(kernelIs("unknown")), nil, ok, ""},
		{"booted just now", modern(up(59 * time.Minute)), nil, ok, "short-evidence"},
		{"booted just now and overflowed", modern(up(time.Minute), overflows(1, 0)), nil, overflowed, "!short-evidence"},
		{"booted an hour ago", modern(up(time.Hour)), nil, ok, "!short-evidence"},
		{"counter fell between the readings", modern(overflows(0, -7)), nil, overflowed, "!overflowing"},
		{"counter fell, long after it last moved", modern(overflows(0, -7)), past(run(31*day, 131072, 7)), ok, "!overflowing"},
		{"log lines of an earlier kernel", modern(overflowLines(3, 3*day, 2*day)), nil, overflowed, ""},
		{"a fresh log line against a counter at zero", modern(overflowLines(3, day, time.Minute)), nil, overflowed, "!overflowing"},

		{"a fresh log line against a single reading", modern(overflowLines(3, day, time.Minute), func(f *audit.Facts) { f.TimeWait.OverflowDelta = nil }), nil, overflowed, "!overflowing"},

		// Limits that are no number of buckets.
		{"limit 0", modern(fill(0, 0)), nil, near, "limit-zero"},
		{"limit -1 before 5.17", modern(fill(0, -1)), nil, near, "limit-zero"},
		{"limit -1 since 5.18", modern(kernelIs("6.18.44"), fill(90000, -1)), nil, ok, "limit-zero"},
		{"limit -1 on an unknown kernel", modern(kernelIs(""), fill(90000, -1)), nil, unknown, "limit-zero"},

		// History dates the counter.
		{"rose since a run within --recent", modern(overflows(9, 0)), past(run(59*time.Minute, 131072, 8)), overflowing, ""},
		{"still since a run within --recent", modern(), past(run(59*time.Minute, 131072, 0)), ok, "!overflowing !overflowed"},
		{"rose since a run before --recent", modern(overflows(9, 0)), past(run(61*time.Minute, 131072, 8)), overflowed, "!overflowing"},
		{"unmoved for all of --since", modern(overflows(9, 0)), past(run(30*day, 131072, 9), run(day, 131072, 9)), ok, "!overflowed"},
		{"unmoved for a little less", modern(overflows(9, 0)), past(run(30*day-time.Minute, 131072, 9)), overflowed, ""},
		{"unmoved in another boot", modern(overflows(9, 0)), past(other(run(30*day, 131072, 9), "boot-0")), overflowed, ""},
		{"counter reset within the boot", modern(overflows(0, 0)), past(run(2*day, 131072, 500)), ok, "!overflowing"},
		{"rose in an earlier boot", modern(up(day)), past(other(run(3*day, 131072, 5), "boot-0"), other(run(2*day, 131072, 6), "boot-0")), overflowed, ""},
		{"stood still in an earlier boot", modern(up(day)), past(other(run(3*day, 131072, 5), "boot-0"), other(run(2*day, 131072, 5), "boot-0")), ok, "!overflowed"},
		{"rose without a boot id", modern(up(day)), past(other(run(3*day, 131072, 5), ""), other(run(2*day, 131072, 6), "")), ok, ""},
		{"rose in an earlier boot before --since", modern(up(day)), past(other(run(33*day, 131072, 5), "boot-0"), other(run(32*day, 131072, 6), "boot-0")), ok, ""},
		{"a recorded peak against today's limit", modern(fill(10, 1000)), past(peak(2*day, 900)), near, ""},
		{"a recorded peak before --since", modern(fill(10, 1000)), past(peak(31*day, 900)), ok, ""},
		{"a run from the future", modern(overflows(9, 0)), past(run(-time.Minute, 131072, 8)), overflowed, "!overflowing"},

		// Old kernels: the log is the evidence.
		{"old, quiet log", old(), nil, ok, "ok !log-unreadable"},
		{"old, no log", old(noLog), nil, unknown, "log-unreadable"},
		{"old, log refused", old(func(f *audit.Facts) {
			f.Log = &audit.Log{Sources: []audit.LogSource{{Path: "/var/log/messages", Error: "denied"}}}
		}), nil, unknown, "log-unreadable"},
		{"old, muted", old(sysctls(warningsKey + "=0")), nil, unknown, "!log-unreadable"},
		{"old, log without kernel lines", old(source(audit.LogSource{Path: "/var/log/syslog", First: ago(9 * day), Last: ago(0)})), nil, unknown, ""},
		{"old, log of a day", old(source(messages(day+time.Minute, time.Minute))), nil, ok, ""},
		{"old, log of less than a day", old(source(messages(day, time.Minute))), nil, unknown, ""},
		{"old, log alive", old(source(messages(9*day, day))), nil, ok, ""},
		{"old, log dead", old(source(messages(9*day, day+time.Minute))), nil, unknown, ""},
		{"old, rotated an hour ago", old(source(messages(time.Hour, 0),
			audit.LogSource{Path: "/var/log/messages-20261122.gz", First: ago(8 * day), Last: ago(time.Hour)})), nil, ok, ""},
		{"old, a day between two files", old(source(messages(time.Hour, 0),
			audit.LogSource{Path: "/var/log/messages.1", First: ago(8 * day), Last: ago(day + time.Hour)})), nil, ok, ""},
		{"old, a hole between two files", old(source(messages(time.Hour, 0),
			audit.LogSource{Path: "/var/log/messages.1", First: ago(8 * day), Last: ago(day + 61*time.Minute)})), nil, unknown, ""},
		{"old, behind an empty file", old(source(audit.LogSource{Path: "/var/log/messages", Last: ago(0), Kernel: true, SizeBytes: new(int64(0))},
			audit.LogSource{Path: "/var/log/messages.1", First: ago(8 * day), Last: ago(time.Hour)})), nil, ok, ""},
		{"old, nothing unread", old(source(audit.LogSource{Path: "/var/log/messages", First: ago(9 * day), Last: ago(0), Kernel: true, UnreadBytes: new(int64(0))})), nil, ok, ""},
		{"old, the older half unread", old(source(audit.LogSource{Path: "/var/log/messages", First: ago(9 * day), Last: ago(0), Kernel: true, UnreadBytes: new(int64(1))})), nil, unknown, ""},
		{"old, kernel buffer only", old(source(audit.LogSource{Path: "dmesg", First: ago(9 * day), Last: ago(8 * day), Kernel: true})), nil, ok, ""},
		{"old, inside an OpenVZ container", old(func(f *audit.Facts) { f.Host.Virtualization = "openvz" }), nil, unknown, ""},
		{"old, line within --recent", old(overflowLines(2, 2*time.Hour, 59*time.Minute)), nil, overflowing, ""},
		{"old, line before --recent", old(overflowLines(2, 2*time.Hour, 61*time.Minute)), nil, overflowed, "!overflowing"},
		{"old, line from the future", old(overflowLines(2, 2*time.Hour, -day)), nil, overflowed, "!overflowing"},
		{"old, line within --since", old(overflowLines(2, 31*day, 30*day)), nil, overflowed, ""},
		{"old, line before --since", old(overflowLines(2, 32*day, 31*day)), nil, ok, ""},
		{"old, line without a time", old(func(f *audit.Facts) { f.Log.OverflowLines = new(int64(1)) }), nil, overflowed, ""},
		{"old, words of another program", old(func(f *audit.Facts) { f.Log.ForeignLines = new(int64(9)) }), nil, ok, ""},
		{"old, line of another host", old(func(f *audit.Facts) { f.Log.OtherHosts = map[string]int64{"web2": 9} }), nil, ok, ""},
		{"old, record of an OpenVZ container", old(func(f *audit.Facts) { f.Log.Containers = map[string]int64{"101": 9} }), nil, overflowed, "container-limit"},
		{"old, table full twice", old(fill(500, 500)), nil, overflowing, ""},
		{"old with a counter needs no log", old(noLog, overflows(0, 0)), nil, ok, ""},
		{"kernel unknown, no counter, quiet log", old(kernelIs("unknown")), nil, unknown, ""},

		// Namespaces.
		{"healthy child", modern(namespaces(child("web", 1, 100, 0, 0))), nil, ok, "!container-limit"},
		{"child overflowed", modern(namespaces(child("web", 1, 100, 7, 0))), nil, overflowed, "container-limit !ok"},
		{"child overflowing", modern(namespaces(child("web", 100, 100, 7, 7))), nil, overflowing, "container-limit"},
		{"child near", modern(namespaces(child("web", 81, 100, 0, 0))), nil, near, "container-limit"},
		{"child without a limit is partial, not unknown", modern(namespaces(audit.Namespace{ID: "2", Buckets: new(int64(1)), OverflowTotal: new(int64(0))})), nil, ok, ""},
		{"before 4.11 the child's fill is the host's", modern(kernelIs("3.10.0-1160.el7"), fill(50, 1000), namespaces(child("web", 50, 50, 0, 0))), nil, ok, ""},
		{"before 4.11 in a container", modern(kernelIs("3.10.0"), func(f *audit.Facts) { f.TimeWait.Limit = nil }), nil, unknown, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := judged(t, tt.facts, tt.past)
			if d.Verdict != tt.want {
				t.Errorf("verdict %s, want %s; %+v", d.Verdict, tt.want, d.Findings)
			}
			if !slices.Contains(d.Flags, string(tt.want)) {
				t.Errorf("flags %v lack the verdict's own %s", d.Flags, tt.want)
			}
			wantFlags(t, d.Flags, tt.flags)
		})
	}
}

func wantFlags(t *testing.T, got []string, want string) {
	t.Helper()
	for _, flag := range strings.Fields(want) {
		name, absent := strings.CutPrefix(flag, "!")
		if slices.Contains(got, name) == absent {
			t.Errorf("flags %v, want %s", got, flag)
		}
	}
}

// TestHost_fixed breaks the conditions of a proven cure one by one.
func TestHost_fixed(t *testing.T) {
	t.Parallel()
	const change = 20 * day
	tests := []struct {
		name  string
		facts *audit.Facts
		past  *audit.Past
		want  audit.Verdict
		flags string
	}{
		{"the seed's host", seed(change), nil, fixed, "fixed !overflowed !raised-unproven"},
		{"longer ago than --since", seed(40 * day), nil, ok, "!fixed"},
		{"a: nothing smaller in the file", seed(change, conf("/etc/sysctl.conf", change, assign(10000))), nil, overflowed, "!raised-unproven"},
		{"a: overridden instead of commented out", seed(change, conf("/etc/sysctl.conf", change, assign(5000), assign(10000))), nil, fixed, ""},
		{"a: lowered, not raised", seed(change, raised(20000, 10000, change)), nil, overflowed, "!raised-unproven"},
		{"a: changed before boot", seed(change, up(19*day)), nil, overflowed, "!raised-unproven"},
		{"a: another key's smaller value", seed(change, conf("/etc/sysctl.conf", change, tcpTWBucketsKey+"_ub=5000", assign(10000))), nil, overflowed, "!raised-unproven"},
		{"a: another file's smaller value", seed(change, conf("/etc/sysctl.conf", change, assign(10000)), func(f *audit.Facts) {
			f.Config.Files = append([]audit.ConfigFile{{Path: "/etc/sysctl.d/1.conf", Entries: []audit.ConfigEntry{{Line: 7, Key: tcpTWBucketsKey, Value: "5000"}}}}, f.Config.Files...)
		}), nil, overflowed, "!raised-unproven"},
		{"a: the file is read through a link", seed(change, func(f *audit.Facts) {
			f.Config.Files[0].Path, f.Config.Files[0].Target = "/etc/sysctl.d/99-sysctl.conf", "/etc/sysctl.conf"
		}), nil, fixed, ""},
		{"b: last overflow 2 minutes after the change", seed(change, overflowLines(9, 21*day, change-2*time.Minute)), nil, fixed, ""},
		{"b: later than that", seed(change, overflowLines(9, 21*day, change-2*time.Minute-time.Second)), nil, overflowed, "!raised-unproven"},
		{"b: without a time", seed(change, func(f *audit.Facts) { f.Log.Last = nil }), nil, overflowed, "raised-unproven"},
		{"c: the log ends before the change", seed(change, source(audit.LogSource{Path: "/var/log/kern", First: ago(30 * day), Last: ago(change), Kernel: true})), nil, overflowed, "raised-unproven"},
		{"c: it ends right after it", seed(change, source(audit.LogSource{Path: "/var/log/kern", First: ago(30 * day), Last: ago(change - 23*time.Hour), Kernel: true})), nil, overflowed, "raised-unproven"},
		{"c: it ends when it was quiet for long enough", seed(change, source(audit.LogSource{Path: "/var/log/kern", First: ago(30 * day), Last: ago(change - 25*time.Hour), Kernel: true})), nil, fixed, ""},
		{"c: a file between the change and now is gone", seed(change, source(
			audit.LogSource{Path: "/var/log/kern", First: ago(9 * day), Last: ago(0), Kernel: true},
			audit.LogSource{Path: "/var/log/kern.2", First: ago(30 * day), Last: ago(16 * day), Kernel: true})), nil, overflowed, "raised-unproven"},
		{"c: where its beginning is not known", seed(change, source(audit.LogSource{Path: "/var/log/kern", Last: ago(0), Kernel: true})), nil, overflowed, "raised-unproven"},
		{"b: one without a time", seed(change, func(f *audit.Facts) { f.Log.Undated = new(int64(1)) }), nil, overflowed, "raised-unproven"},
		{"c: muted since", seed(change, sysctls(warningsKey+"=0")), nil, overflowed, "raised-unproven"},
		{"d: another limit runs", seed(change, fill(4000, 5000)), nil, overflowed, "!raised-unproven config-drift"},
		{"d: nearly full again", seed(change, fill(8000, 10000)), nil, overflowed, "near-limit"},
		{"e: changed in the future", seed(-time.Hour, overflowLines(9, 5*day, 4*day)), nil, overflowed, "!raised-unproven"},
		{"f: quiet for a day", seed(day, overflowLines(9, day+5*time.Hour, day)), nil, fixed, ""},
		{"f: quiet for less than a day", seed(day-time.Minute, overflowLines(9, 2*day, day-time.Minute)), nil, overflowed, "raised-unproven"},
		{"f: pauses were longer", seed(3*day, overflowLines(9, 5*day, 3*day)), nil, overflowed, "raised-unproven"},
		{"f: quiet for twice the longest pause", seed(4*day, overflowLines(9, 6*day, 4*day)), nil, fixed, ""},
		{"f: pauses unknown, records too far apart", seed(4*day, overflowLines(9, 7*day, 4*day), func(f *audit.Facts) { f.Log.Histogram = nil }), nil, overflowed, "raised-unproven"},
		{"f: pauses unknown, records close together", seed(4*day, overflowLines(9, 6*day, 4*day), func(f *audit.Facts) { f.Log.Histogram = nil }), nil, fixed, ""},
		{"records of containers are not cured by the host's limit", seed(change, func(f *audit.Facts) { f.Log.Containers = map[string]int64{"101": 1} }), nil, overflowed, ""},

		{"one look at a counter", modern(overflows(9, 0), fill(100, 10000), raised(5000, 10000, change)), nil, overflowed, "raised-unproven"},
		{"counter unmoved since a run after the raise", modern(overflows(9, 0), fill(100, 10000), raised(5000, 10000, change)),
			past(run(2*day, 10000, 9)), fixed, "!overflowed"},
		{"counter unmoved since a run that did not see the limit", modern(overflows(9, 0), fill(100, 10000), raised(5000, 10000, change)),
			past(blind(run(2*day, 10000, 9))), overflowed, "raised-unproven"},
		{"counter unmoved since before the raise", modern(overflows(9, 0), fill(100, 10000), raised(5000, 10000, change)),
			past(blind(run(21*day, 0, 9))), fixed, ""},
		{"lulls between earlier rises were longer", modern(overflows(9, 0), fill(100, 10000), raised(5000, 10000, 3*day)),
			past(run(15*day, 5000, 2), run(14*day, 5000, 3), run(9*day, 5000, 4), run(2*day, 10000, 9)), overflowed, "raised-unproven"},
		{"counter unmoved for less than a day", modern(overflows(9, 0), fill(100, 10000), raised(5000, 10000, change)),
			past(run(23*time.Hour, 10000, 9)), overflowed, "raised-unproven"},
		{"the raise seen by history alone, and kept by no file", modern(overflows(9, 0), fill(100, 10000)),
			past(run(9*day, 5000, 8), run(8*day, 10000, 9)), overflowed, "raised-unproven"},
		{"the raise seen by history, the file keeps it", modern(overflows(9, 0), fill(100, 10000), conf("/etc/sysctl.conf", 50*day, assign(10000))),
			past(run(9*day, 5000, 8), run(8*day, 10000, 9)), fixed, ""},
		{"counter rose again after the raise", modern(overflows(10, 0), fill(100, 10000), raised(5000, 10000, change)),
			past(run(9*day, 10000, 9), run(8*day, 10000, 10)), overflowed, "!raised-unproven"},
		{"a counter at zero watches where a log cannot", modern(fill(100, 10000), overflowLines(9, 21*day, change), raised(5000, 10000, change)), nil, fixed, ""},
		{"a raise of tomorrow, and a counter at zero", modern(fill(100, 10000), overflowLines(9, 21*day, 20*day), raised(5000, 10000, -time.Hour)), nil, overflowed, "!raised-unproven"},
		{"lines of the kernel before, and no counter", modern(noCounter, fill(100, 10000), overflowLines(9, 21*day, change), raised(5000, 10000, change),
			source(audit.LogSource{Path: "/var/log/kern", First: ago(30 * day), Last: ago(0), Kernel: true})), nil, overflowed, "raised-unproven"},
		{"still overflowing", modern(overflows(10, 1), fill(100, 10000), raised(5000, 10000, change)), nil, overflowing, "!raised-unproven"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := judged(t, tt.facts, tt.past)
			if d.Verdict != tt.want {
				t.Errorf("verdict %s, want %s; %+v", d.Verdict, tt.want, d.Findings)
			}
			wantFlags(t, d.Flags, tt.flags)
		})
	}
}

func other(r audit.Reading, boot string) audit.Reading {
	r.BootID = boot
	return r
}

// blind is a run that could not read the limit.
func blind(r audit.Reading) audit.Reading {
	r.Limit = nil
	return r
}

func peak(age time.Duration, buckets int64) audit.Reading {
	return audit.Reading{At: clock.Add(-age), BootID: "boot-1", Buckets: &buckets}
}
