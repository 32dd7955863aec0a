package report

import (
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// ordered are the names of hosts by key.
func ordered(hosts []audit.HostResult, key string) string {
	var names []string
	for _, h := range sorted(hosts, key) {
		names = append(names, h.Name)
	}
	return strings.Join(names, " ")
}

func TestSorted_keys(t *testing.T) {
	t.Parallel()
	host := func(name string, change func(*audit.HostResult)) audit.HostResult {
		h := healthyHost(name, 100)
		h.Facts.TimeWait = audit.TimeWait{}
		h.Headroom, h.Facts.Config, h.Facts.Host.BootedAt = nil, nil, nil
		change(&h)
		return h
	}
	hosts := []audit.HostResult{
		host("d", func(h *audit.HostResult) {}),
		host("b", func(h *audit.HostResult) {
			h.Facts.TimeWait = audit.TimeWait{Buckets: n(10), Limit: n(100), Ratio: f(0.1), OverflowTotal: n(5), OverflowDelta: n(0)}
			h.Facts.Host.BootedAt, h.Headroom = before(time.Hour), &audit.Headroom{LoadFactor: f(9)}
			h.Facts.Config = &audit.Config{ChangedAt: before(time.Minute)}
		}),
		host("a", func(h *audit.HostResult) {
			h.Facts.TimeWait = audit.TimeWait{Buckets: n(20), Limit: n(1000), Ratio: f(0.02), OverflowTotal: n(1), OverflowDelta: n(1)}
			h.Headroom = &audit.Headroom{LoadFactor: f(2)}
		}),
		host("c", func(h *audit.HostResult) {
			h.Facts.TimeWait = audit.TimeWait{Buckets: n(0), Limit: n(0)}
			h.Facts.Log = &audit.Log{OverflowLines: n(3), Last: before(2 * time.Hour)}
			h.Facts.Config = &audit.Config{ChangedAt: before(time.Hour)}
		}),
		{Name: "e", Status: audit.StatusFailed},
	}
	for key, want := range map[string]string{
		"":              "d b a c e",
		"verdict":       "d b a c e",
		"name":          "a b c d e",
		"ratio":         "b a d c e",
		"buckets":       "a b c d e",
		"limit":         "c b a d e",
		"overflows":     "a b c d e",
		"last-overflow": "a b c d e", // now, since boot an hour ago, two hours ago
		"config-change": "b c d a e",
		"headroom":      "a b d c e",
	} {
		if got := ordered(hosts, key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if got := ordered(hosts, "verdict"); got != "d b a c e" {
		t.Errorf("the run itself was sorted: %s", got)
	}
}

// Comparators that disagree with themselves make an order of chance.
func TestSorted_comparatorsAreConsistent(t *testing.T) {
	t.Parallel()
	hosts := sampleRun().Hosts
	for _, o := range orders() {
		if o.compare == nil {
			continue
		}
		for i := range hosts {
			for j := range hosts {
				a, b := subjectOf(&hosts[i]), subjectOf(&hosts[j])
				if there, back := o.compare(a, b), o.compare(b, a); there*back > 0 || (there == 0) != (back == 0) {
					t.Fatalf("%s: %s and %s compare as %d and %d", o.key, a.Name, b.Name, there, back)
				}
			}
		}
	}
}

func TestSections_worstFirstAndEachGroup(t *testing.T) {
	t.Parallel()
	host := func(name string, v audit.Verdict, groups ...string) audit.HostResult {
		return audit.HostResult{Name: name, Status: audit.StatusAudited, Verdict: v, Groups: groups, Labels: map[string]string{"env": "of " + name}}
	}
	hosts := []audit.HostResult{
		host("w1", audit.VerdictOverflowing, "web"), host("n1", audit.VerdictNearLimit), host("d1", audit.VerdictOK, "db", "eu"), host("w2", audit.VerdictOK, "web", "eu"), host("n2", audit.VerdictOK),
	}
	hosts[4].Labels = nil
	show := func(by string) string {
		var words []string
		for _, part := range sections(hosts, by) {
			words = append(words, part.title+"="+ordered(part.hosts, ""))
		}
		return strings.Join(words, "; ")
	}
	if got, want := show(GroupByGroup), "web=w1 w2; =n1 n2; db=d1; eu=d1 w2"; got != want {
		t.Errorf("by group %s, want %s", got, want)
	}
	if got, want := show("env"), "of w1=w1; of n1=n1; of d1=d1; of w2=w2; =n2"; got != want {
		t.Errorf("by label %s, want %s", got, want)
	}
	if got, want := show("none"), "=w1 n1 d1 w2 n2"; got != want {
		t.Errorf("by a label that nobody has %s, want %s", got, want)
	}
	s := &screen{}
	for part, want := range map[int]string{0: "env=of w1: 1 host, 1 overflowing", 4: "without env: 1 host, 1 ok"} {
		if got := s.groupHeading("env", sections(hosts, "env")[part]); got != want {
			t.Errorf("heading %q, want %q", got, want)
		}
	}
}
