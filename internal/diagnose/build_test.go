package diagnose

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// clock is the hosts' time, and ours unless a test says otherwise.
var clock = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// ago is a time before clock.
func ago(d time.Duration) *time.Time { return new(clock.Add(-d)) }

// edit changes one thing about a host.
type edit func(*audit.Facts)

// modern is a healthy host whose kernel counts overflows.
func modern(edits ...edit) *audit.Facts {
	f := &audit.Facts{
		Host: audit.HostFacts{Kernel: "5.10.0-23-amd64", BootID: "boot-1", MachineID: "m-1", Clock: ago(0), BootedAt: ago(40 * day)},
		TimeWait: audit.TimeWait{
			Buckets: new(int64(100)), BucketsFirst: new(int64(100)), Limit: new(int64(131072)),
			OverflowTotal: new(int64(0)), OverflowDelta: new(int64(0)), SampleSeconds: new(1.0),
		},
		Sysctl: map[string]string{},
	}
	for _, e := range edits {
		e(f)
	}
	return f
}

// old is a healthy host whose kernel only logs them.
func old(edits ...edit) *audit.Facts {
	base := func(f *audit.Facts) {
		f.Host.Kernel = "2.6.32-431.el6.x86_64"
		f.TimeWait.OverflowTotal, f.TimeWait.OverflowDelta = nil, nil
		f.Sysctl[warningsKey] = "1"
		f.Log = &audit.Log{OverflowLines: new(int64(0)), Sources: []audit.LogSource{
			{Path: "/var/log/messages", First: ago(10 * day), Last: ago(time.Minute), Kernel: true},
		}}
	}
	return modern(append([]edit{base}, edits...)...)
}

// seed is the host that the project grew from: an old kernel, 5000 commented out above
// 10000 in a file that changed in the minute of the last overflow.
func seed(change time.Duration, edits ...edit) *audit.Facts {
	whole := audit.LogSource{Path: "/var/log/messages", First: ago(change + 10*day), Last: ago(time.Minute), Kernel: true}
	base := []edit{fill(7450, 10000), overflowLines(56, change+5*time.Hour, change-35*time.Second), raised(5000, 10000, change), source(whole)}
	return old(append(base, edits...)...)
}

func kernelIs(release string) edit { return func(f *audit.Facts) { f.Host.Kernel = release } }

func up(d time.Duration) edit { return func(f *audit.Facts) { f.Host.BootedAt = ago(d) } }

func sysctls(pairs ...string) edit {
	return func(f *audit.Facts) {
		for _, p := range pairs {
			key, value, _ := strings.Cut(p, "=")
			f.Sysctl[key] = value
		}
	}
}

// fill sets both readings.
func fill(buckets, limit int64) edit {
	return func(f *audit.Facts) {
		f.TimeWait.Buckets, f.TimeWait.BucketsFirst, f.TimeWait.Limit = &buckets, &buckets, &limit
	}
}

func overflows(total, delta int64) edit {
	return func(f *audit.Facts) { f.TimeWait.OverflowTotal, f.TimeWait.OverflowDelta = &total, &delta }
}

func noCounter(f *audit.Facts) { f.TimeWait.OverflowTotal, f.TimeWait.OverflowDelta = nil, nil }

func noLog(f *audit.Facts) { f.Log = nil }

// overflowLines puts n records between two ages into the log.
func overflowLines(n int64, first, last time.Duration) edit {
	return func(f *audit.Facts) {
		if f.Log == nil {
			f.Log = &audit.Log{}
		}
		f.Log.OverflowLines, f.Log.EventsMin = &n, &n
		f.Log.First, f.Log.Last = ago(first), ago(last)
		f.Log.Histogram = []audit.HourCount{
			{Hour: ago(first).Truncate(time.Hour), Events: 1}, {Hour: ago(last).Truncate(time.Hour), Events: n - 1},
		}
	}
}

// source replaces the log's sources.
func source(s ...audit.LogSource) edit { return func(f *audit.Facts) { f.Log.Sources = s } }

// conf makes the lines the only sysctl file; a leading # is a comment. The last
// uncommented line of our key wins.
func conf(path string, age time.Duration, lines ...string) edit {
	return func(f *audit.Facts) {
		file := audit.ConfigFile{Path: path, MTime: ago(age)}
		f.Config = &audit.Config{Reader: audit.ReaderProcps}
		for i, l := range lines {
			body := strings.TrimPrefix(l, "#")
			key, value, _ := strings.Cut(body, "=")
			file.Entries = append(file.Entries, audit.ConfigEntry{Line: i + 1, Key: key, Value: value, Commented: body != l})
			if n, ok := number(value); ok && body == l && key == tcpTWBucketsKey {
				f.Config.Value, f.Config.ChangedAt = &n, ago(age)
				f.Config.Source = (&setting{file: &file, entry: file.Entries[i]}).where()
			}
		}
		f.Config.Files = []audit.ConfigFile{file}
	}
}

// raised is a sysctl.conf that still holds the old value, commented out.
func raised(from, to int64, age time.Duration) edit {
	return conf("/etc/sysctl.conf", age, "#"+assign(from), assign(to))
}

func assign(n int64) string { return tcpTWBucketsKey + "=" + strconv.FormatInt(n, 10) }

// namespaces adds the login's own and then the given ones.
func namespaces(list ...audit.Namespace) edit {
	return func(f *audit.Facts) {
		f.Namespaces = append([]audit.Namespace{{ID: "1", PID: 1, Name: "host"}}, list...)
	}
}

func child(name string, buckets, limit, total, delta int64) audit.Namespace {
	return audit.Namespace{ID: "2", PID: 77, Name: name, Buckets: &buckets, Limit: &limit, OverflowTotal: &total, OverflowDelta: &delta}
}

// run is an earlier look at the login's own namespace.
func run(age time.Duration, limit, total int64) audit.Reading {
	return audit.Reading{At: clock.Add(-age), BootID: "boot-1", Limit: &limit, OverflowTotal: &total, Buckets: new(int64(10))}
}

func past(readings ...audit.Reading) *audit.Past { return &audit.Past{Readings: readings} }

// judged is Host with the default limits at clock.
func judged(t *testing.T, f *audit.Facts, p *audit.Past) Diagnosis {
	t.Helper()
	d := Host(f, nil, p, audit.DefaultLimits(), clock)
	if f := undeclared(d.Findings); f != nil {
		t.Errorf("%s does not say that it may be %s", f.Rule, f.Severity)
	}
	return d
}

// undeclared is a finding with a severity that its rule does not declare; nil when
// there is none.
func undeclared(findings []audit.Finding) *audit.Finding {
	rules := Rules()
	for i := range findings {
		f := &findings[i]
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == f.Rule && r.May(f.Severity) }) {
			return f
		}
	}
	return nil
}

// find returns the first finding of a rule; nil without one.
func (d *Diagnosis) find(rule string) *audit.Finding {
	i := slices.IndexFunc(d.Findings, func(f audit.Finding) bool { return f.Rule == rule })
	if i < 0 {
		return nil
	}
	return &d.Findings[i]
}

// wantTitle fails unless the rule fired with a title that holds all of words.
func (d *Diagnosis) wantTitle(t *testing.T, rule string, words ...string) {
	t.Helper()
	f := d.find(rule)
	if f == nil {
		t.Fatalf("%s is silent; flags %v", rule, d.Flags)
	}
	for _, w := range words {
		if !strings.Contains(f.Title, w) {
			t.Errorf("%s says %q, which lacks %q", rule, f.Title, w)
		}
	}
}
