package report

import (
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// endedHost is a host whose counter rose between two earlier runs, and not since.
func endedHost() audit.HostResult {
	h := judged("web1", audit.VerdictOverflowing, audit.Finding{Severity: audit.SeverityCritical, Title: "1,541 sockets destroyed", Advice: []string{"Wait"}})
	h.Facts.TimeWait.OverflowTotal = n(1541)
	h.History = &audit.History{LastRise: &audit.Rise{From: before(9 * time.Minute), To: *before(5 * time.Minute), Sockets: 1541, UnmovedLooks: 3}}
	return h
}

// What history bounds is said in every format, and what ended is not called now.
func TestLast_boundedByHistory(t *testing.T) {
	t.Parallel()
	run := &audit.Run{Schema: audit.Schema, Meta: audit.Meta{FinishedAt: sampleEnd, Limits: audit.DefaultLimits()}, Hosts: []audit.HostResult{endedHost()}}
	run.Summary = audit.Summarize(run.Hosts)
	for _, c := range []struct {
		format string
		o      Options
		want   string
	}{
		{"table", Options{Width: 160}, "5m-9m ago"},
		{"table", Options{}, "2026-11-23T02:10:00+08:00"},
		{"csv", Options{}, ",2026-11-23T02:10:00+08:00,"},
		{"markdown", Options{}, "| 5m to 9m ago |"},
		{"html", Options{}, "5m to 9m ago"},
		{"html", Options{}, "<h1>1 of 1 host destroyed sockets within 1h of the run</h1>"},
		{"prom", Options{}, `twaudit_last_overflow_timestamp_seconds{host="web1"} 1795371000`},
	} {
		if got := string(render(t, run, c.format, c.o)); !strings.Contains(got, c.want) {
			t.Errorf("%s lacks %q", c.format, c.want)
		}
	}
	page := hostPage(t, run, "web1", Options{})
	for _, want := range []string{"1,541 sockets destroyed since boot, the last of them between 2026-11-23 02:06:00 and 2026-11-23 02:10:00", "audited; 1,541 sockets destroyed since 2026-11-23 02:06:00"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	// One that goes on is counted apart from those that are over.
	more := endedHost()
	more.Name, more.Facts.TimeWait.OverflowDelta = "web2", n(4)
	run.Hosts = append(run.Hosts, more)
	if got, want := htmlLede(run, countKinds(run.Hosts)), "2 of 2 hosts destroyed sockets within 1h of the run, 1 of them now"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLast_words(t *testing.T) {
	t.Parallel()
	rise := func(from *time.Time, to time.Time) func(*audit.HostResult) {
		return func(h *audit.HostResult) { h.History.LastRise = &audit.Rise{From: from, To: to, Sockets: 3} }
	}
	inside := func(h *audit.HostResult) {
		h.History = &audit.History{NamespaceRises: map[string]audit.Rise{"7": {From: before(time.Hour), To: *before(time.Hour / 2)}}}
		h.Facts.Namespaces = []audit.Namespace{{ID: "1", Name: "host", Verdict: audit.VerdictOK}, {ID: "7", Name: "pod", OverflowTotal: n(3), Verdict: audit.VerdictOverflowing}}
	}
	for want, change := range map[string]func(*audit.HostResult){
		"5m-9m ago":     func(*audit.HostResult) {},
		"5m ago":        rise(nil, *before(5 * time.Minute)),
		"<9m":           rise(before(9*time.Minute), *before(2 * time.Second)),
		"8m ago":        rise(before(8*time.Minute+2*time.Second), *before(8 * time.Minute)),
		"2m ago":        func(h *audit.HostResult) { h.Facts.Log = &audit.Log{Last: before(2 * time.Minute)} },
		"30m-1h00m ago": inside,
		"<41d":          func(h *audit.HostResult) { h.History = nil },
	} {
		h := endedHost()
		change(&h)
		s := &screen{Options: Options{Width: 160}, now: sampleEnd}
		if got := s.last(subjectOf(&h)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The page names the limit that the advice names, says that a full table hides
// load, and never calls 0 safe.
func TestHost_headroomAfterAnOverflow(t *testing.T) {
	t.Parallel()
	for want, room := range map[string]audit.Headroom{
		"room for               <0.1x the load that it overflowed under":                                    {LoadFactor: f(0.04), LowerBound: true, OverflowRate: f(770.5), OverflowSeconds: f(2)},
		"room for               <1.0x this load: the table was full":                                        {LoadFactor: f(1), LowerBound: true},
		"a limit of at least 72,345, 17.7 MiB of memory at most\n":                                          {NeededLimit: n(72345), AdvisedLimit: n(72345), LowerBound: true},
		"a limit of 131,072, 32.0 MiB of memory at most, the kernel's default; the load needs at least 750": {NeededLimit: n(750), AdvisedLimit: n(131072), LowerBound: true},
		"a limit of 131,072, 32.0 MiB of memory at most\n":                                                  {NeededLimit: n(0), AdvisedLimit: n(131072)},
	} {
		h := endedHost()
		h.Headroom = &room
		if page := hostPage(t, &audit.Run{Hosts: []audit.HostResult{h}}, h.Name, Options{}); !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	h := endedHost()
	h.Headroom = &audit.Headroom{NeededLimit: n(0)}
	if page := hostPage(t, &audit.Run{Hosts: []audit.HostResult{h}}, h.Name, Options{}); strings.Contains(page, "to be safe") {
		t.Error("0 is no limit to advise")
	}
}
