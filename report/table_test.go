package report

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

func TestTable_fitsTheTerminal(t *testing.T) {
	t.Parallel()
	for columns := 40; columns <= 240; columns += 3 {
		for _, color := range []bool{false, true} {
			out := string(render(t, sampleRun(), "table", Options{Width: columns, Color: color}))
			for line := range strings.Lines(out) {
				if got := width(strings.TrimSuffix(line, "\n")); got > columns && !isCommand(line) {
					t.Errorf("width %d: a line of %d cells: %q", columns, got, line)
				}
			}
		}
	}
}

func TestTable_colourOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{0, 80} {
		if out := render(t, sampleRun(), "table", Options{Width: columns}); strings.Contains(string(out), "\x1b") {
			t.Errorf("width %d: escape sequences without Color", columns)
		}
		plain := strings.Split(string(render(t, sampleRun(), "table", Options{Width: columns})), "\n")
		painted := strings.Split(string(render(t, sampleRun(), "table", Options{Width: columns, Color: true})), "\n")
		if len(plain) != len(painted) {
			t.Errorf("width %d: %d lines with colour, %d without", columns, len(painted), len(plain))
		}
	}
}

// Scripts count columns and look for words.
func TestTable_pipeRowsAreComplete(t *testing.T) {
	t.Parallel()
	run := sampleRun()
	_, rest, _ := strings.Cut(string(render(t, run, "table", Options{})), "\n\n")
	table, _, _ := strings.Cut(rest, "\n\n")
	rows := strings.Split(table, "\n")
	if len(rows) != len(run.Hosts)+1 {
		t.Fatalf("%d rows for %d hosts", len(rows)-1, len(run.Hosts))
	}
	for i, row := range rows {
		if got, want := len(strings.Fields(row)), len(plainTitles()); got != want {
			t.Errorf("row %d has %d columns, want %d: %q", i, got, want, row)
		}
	}
}

// The verdict of a host may come from a container: then its numbers count.
func TestTable_rowShowsTheNamespaceOfTheVerdict(t *testing.T) {
	t.Parallel()
	own := audit.Namespace{ID: "1", Name: "host", Verdict: audit.VerdictOK}
	bad := audit.Namespace{ID: "2", Buckets: n(90), Limit: n(100), OverflowTotal: n(7), Verdict: audit.VerdictOverflowed}
	for _, c := range []struct {
		name       string
		verdict    audit.Verdict
		namespaces []audit.Namespace
		want       string
		buckets    int64
	}{
		{"the container is bad", audit.VerdictOverflowed, []audit.Namespace{own, bad}, "net:[2]", 90},
		{"the host is as bad", audit.VerdictOverflowed, []audit.Namespace{bad, bad}, "", 5},
		{"none is as bad", audit.VerdictNearLimit, []audit.Namespace{own, bad}, "", 5},
		{"none is known", audit.VerdictOverflowed, nil, "", 5},
	} {
		h := healthyHost("h", 5)
		h.Verdict, h.Facts.Namespaces = c.verdict, c.namespaces
		got := subjectOf(&h)
		if got.namespace != c.want || *got.Buckets != c.buckets {
			t.Errorf("%s: namespace %q with %d buckets, want %q with %d", c.name, got.namespace, *got.Buckets, c.want, c.buckets)
		}
	}
	if got := subjectOf(&audit.HostResult{Verdict: audit.VerdictOK}); got.Buckets != nil {
		t.Errorf("a host without facts has %d buckets", *got.Buckets)
	}
}

func TestCells_absentIsNotZero(t *testing.T) {
	t.Parallel()
	s := &screen{now: sampleEnd}
	nothing := subjectOf(&audit.HostResult{Status: audit.StatusAudited, Facts: &audit.Facts{}})
	zero := healthyHost("h", 0)
	zero.Facts.Log = &audit.Log{OverflowLines: n(0)}
	zeroLimit, silent, log := healthyHost("h", 3), healthyHost("h", 3), healthyHost("h", 3)
	zeroLimit.Facts.TimeWait = audit.TimeWait{Buckets: n(0), Limit: n(0)}
	silent.Facts.TimeWait.OverflowTotal = nil
	log.Facts.TimeWait.OverflowTotal, log.Facts.Log = nil, &audit.Log{OverflowLines: n(0)}
	for _, c := range []struct{ name, got, want string }{
		{"unread counter", s.overflows(nothing), "?"},
		{"counter at zero", s.overflows(subjectOf(&zero)), "0"},
		{"log without a line", s.overflows(subjectOf(&log)), "0 lines"},
		{"neither counter nor log", s.overflows(subjectOf(&silent)), "?"},
		{"unread table", s.fill(nothing), "?/?"},
		{"unread ratio", used(nothing), "?"},
		{"limit of zero", used(subjectOf(&zeroLimit)), "?"},
		{"limit of zero in numbers", s.fill(subjectOf(&zeroLimit)), "0/0"},
		{"unread configuration", s.config(nothing), "?"},
		{"configuration without the key", s.config(subjectOf(&zero)), "none"},
		{"nearly full", used(subject{TimeWait: audit.TimeWait{Ratio: f(0.9999)}}), "99%"},
		{"full", used(subject{TimeWait: audit.TimeWait{Ratio: f(1)}}), "100%"},
		{"more than full", used(subject{TimeWait: audit.TimeWait{Ratio: f(1.29)}}), "129%"},
		{"no overflow", s.last(subjectOf(&zero)), "-"},
		{"no headroom", s.headroom(nothing), "-"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestScreen_number(t *testing.T) {
	t.Parallel()
	s := &screen{}
	for value, want := range map[int64]string{
		0: "0", 9999: "9,999", 99_999: "99,999", 100_000: "100k", 131_072: "131k", 999_499: "999k",
		999_500: "1.00M", 1_234_567: "1.23M", 12_345_678: "12.3M", 999_999_999: "1.00G", -131_072: "-131k",
		math.MaxInt64: "9.22E", math.MinInt64: "-9.22E",
	} {
		if got := s.number(value); got != want {
			t.Errorf("number(%d) = %s, want %s", value, got, want)
		}
	}
	s.Wide = true
	if got := s.number(1_234_567); got != "1,234,567" {
		t.Errorf("wide: %s, want every digit", got)
	}
}

func TestScreen_ago(t *testing.T) {
	t.Parallel()
	s := &screen{now: sampleEnd}
	for d, want := range map[time.Duration]string{
		0: "now", 59 * time.Second: "now", -30 * time.Second: "now", time.Minute: "1m ago",
		26 * 24 * time.Hour: "26d ago", -2 * time.Hour: "in 2h00m",
	} {
		if got := s.ago(sampleEnd.Add(-d)); got != want {
			t.Errorf("ago(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestFoldAndSnip_countCells(t *testing.T) {
	t.Parallel()
	const long = "漢字かな交じり文の長いホスト名 ab \x1b[31mcolourful\x1b[0m 0123456789012345678901234567890123456789 é́́"
	for max := 8; max < 60; max++ {
		lines := fold(long, max)
		for _, line := range lines {
			if width(line) > max {
				t.Errorf("fold to %d: %q has %d cells", max, line, width(line))
			}
		}
		squeeze := strings.NewReplacer(" ", "").Replace
		if got := strings.Join(lines, ""); squeeze(got) != squeeze(long) {
			t.Errorf("fold to %d lost text: %q", max, lines)
		}
		if got := snip("漢字かなweb01.example.net", max); width(got) > max {
			t.Errorf("snip to %d: %q has %d cells", max, got, width(got))
		}
	}
	if got := snip("web01.frankfurt.example.net", 13); got != "web01.…le.net" {
		t.Errorf("snip keeps both ends, got %q", got)
	}
	if got := snipList("alpha, beta, gamma", 10); got != "alpha +2" {
		t.Errorf("snipList keeps whole words and counts the rest, got %q", got)
	}
}

func TestFailures_groupsOfManyHosts(t *testing.T) {
	t.Parallel()
	var hosts []audit.HostResult
	for i := range 1000 {
		hosts = append(hosts, audit.HostResult{Name: fmt.Sprintf("h%04d", i), Status: audit.StatusFailed, Failure: &audit.Failure{
			Stage: audit.StageConnect, Message: fmt.Sprintf("connect to 10.0.%d.%d: refused", i/250, i%250), Hint: "is sshd running?"}})
	}
	hosts = append(hosts, audit.HostResult{Name: "lost", Status: audit.StatusFailed})
	run := &audit.Run{Hosts: hosts, Summary: audit.Summarize(hosts)}
	out := string(render(t, run, "table", Options{Width: 80}))
	if lines := strings.Count(out, "\n"); lines > 20 {
		t.Errorf("%d lines on a terminal for one cause:\n%s", lines, out)
	}
	for _, want := range []string{"Failed: 1,001 hosts", "connect: 1,000 hosts", "and 997 more hosts for other reasons", "h[0001-0099,0102-0999]", "lost: no reason is given"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	if n := strings.Count(out, "is sshd running?"); n != 1 {
		t.Errorf("the hint is said %d times, want once", n)
	}
}

func TestFindings_orderAndFirstThing(t *testing.T) {
	t.Parallel()
	finding := func(rule string, severity audit.Severity) audit.Finding {
		return audit.Finding{Rule: rule, Severity: severity, Title: "title of " + rule, Advice: []string{"mend " + rule}}
	}
	hosts := []audit.HostResult{
		{Name: "a", Status: audit.StatusAudited, Verdict: audit.VerdictOverflowed, Findings: []audit.Finding{
			finding("overflowed", audit.SeverityWarning), finding("syn-flood", audit.SeverityInfo)}},
		{Name: "b", Status: audit.StatusAudited, Verdict: audit.VerdictNearLimit, Findings: []audit.Finding{
			finding("near-limit", audit.SeverityCritical), finding("unknown", audit.SeverityWarning), finding("conntrack-full", audit.SeverityWarning), finding("syn-flood", audit.SeverityCritical)}},
		{Name: "c", Status: audit.StatusAudited, Verdict: audit.VerdictOK, Findings: []audit.Finding{finding("ok", audit.SeverityInfo),
			finding("tw-reuse-useless", audit.SeverityInfo)}},
	}
	run := &audit.Run{Hosts: hosts, Summary: audit.Summarize(hosts), Findings: []audit.Finding{finding("outlier-limit", audit.SeverityWarning)}}
	out := string(render(t, run, "table", Options{Width: 100, All: true}))
	at := -1
	for _, want := range []string{"near-limit on b\n", "syn-flood on 2 hosts: a, b\n    b: title", "overflowed on a\n", "outlier-limit over the fleet\n",
		"conntrack-full on b\n", "tw-reuse-useless on c\n"} {
		next := strings.Index(out, "\n  "+want)
		if next <= at {
			t.Fatalf("%q is missing or not in its place:\n%s", want, out)
		}
		at = next
	}
	for _, unwanted := range []string{"title of ok", "title of unknown"} {
		if strings.Contains(out, unwanted) {
			t.Errorf("lists %q: all is well, or is worse than that", unwanted)
		}
	}
	if !strings.Contains(out, "Do first: b: mend near-limit\n") {
		t.Errorf("the worst severity comes first:\n%s", out)
	}
	if brief := string(render(t, run, "table", Options{Width: 100})); strings.Contains(brief, "tw-reuse-useless on") {
		t.Error("information that needs nobody is shown on a terminal")
	}
}
