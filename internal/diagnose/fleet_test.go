package diagnose

import (
	"slices"
	"strings"
	"testing"

	"twaudit/internal/audit"
)

func hosted(name string, verdict audit.Verdict, limit int64, boot string, groups ...string) audit.HostResult {
	return audit.HostResult{
		Name: name, Groups: groups, Status: audit.StatusAudited, Verdict: verdict,
		Facts: &audit.Facts{Host: audit.HostFacts{MachineID: "m", BootID: boot}, TimeWait: audit.TimeWait{Limit: &limit}},
	}
}

func TestFleet(t *testing.T) {
	t.Parallel()
	run := &audit.Run{Hosts: []audit.HostResult{
		hosted("a", ok, 200, "1", "web"), hosted("b", overflowed, 200, "2", "web"), hosted("c", ok, 200, "3", "web"),
		hosted("d", ok, 99, "4", "web"), hosted("e", ok, 200, "1", "web"), hosted("f", ok, 1, "", "db"),
		{Name: "g", Status: audit.StatusFailed, Failure: &audit.Failure{Stage: audit.StageConnect}},
	}}
	var first []audit.Finding
	for range 2 { // merged and loaded runs go through it again
		Fleet(run)
		if run.Hosts[0].Name != "b" || run.Hosts[1].Name != "g" || run.Summary.Audited != 6 || run.Summary.Failed != 1 {
			t.Fatalf("order or summary: %+v", run.Summary)
		}
		titles := make([]string, 0, len(run.Findings))
		for _, f := range run.Findings {
			titles = append(titles, f.Rule+": "+f.Title)
		}
		want := []string{
			"same-machine-twice: a, e are one machine",
			"outlier-limit: 4 of 5 hosts of group web have a limit of 200; less than half of it: d (99)",
		}
		if !slices.Equal(titles, want) {
			t.Errorf("findings %q, want %q", titles, want)
		}
		if first != nil && len(first) != len(run.Findings) {
			t.Errorf("the second time adds findings")
		}
		first = run.Findings
	}
}

func TestFleet_outlierNeedsAgreement(t *testing.T) {
	t.Parallel()
	hosts := func(limits ...int64) *audit.Run {
		run := &audit.Run{}
		for i, l := range limits {
			run.Hosts = append(run.Hosts, hosted(string(rune('a'+i)), ok, l, ""))
		}
		Fleet(run)
		return run
	}
	for name, tt := range map[string]struct {
		run  *audit.Run
		want int
	}{
		"one of five":           {hosts(200, 200, 200, 200, 99), 1},
		"half is no outlier":    {hosts(200, 200, 200, 200, 100), 0},
		"more is no outlier":    {hosts(200, 200, 200, 200, 900), 0},
		"too few hosts":         {hosts(200, 200, 200, 9), 0},
		"too little agreement":  {hosts(200, 200, 200, 9, 9), 0},
		"a limit of 0 is apart": {hosts(200, 200, 200, 200, 0), 0},
	} {
		if len(tt.run.Findings) != tt.want {
			t.Errorf("%s: %v", name, tt.run.Findings)
		}
	}
}

// Namespaces of one machine have tables of their own: leaving one out would lose it.
func TestFleet_namespacesOfOneMachine(t *testing.T) {
	t.Parallel()
	in := func(name, space string) audit.HostResult {
		h := hosted(name, ok, 200, "1")
		if space != "" {
			h.Facts.Namespaces = []audit.Namespace{{ID: space, Name: "host"}}
		}
		return h
	}
	for want, hosts := range map[string][]audit.HostResult{
		"a, b, c are 3 network namespaces of one machine: Keep":                                               {in("a", "1"), in("b", "2"), in("c", "3")},
		"a, b, c are 2 network namespaces of one machine: Keep, a, c are one machine: Leave out all of these": {in("a", "1"), in("b", "2"), in("c", "1")},
		"a, b, c are one machine: Leave out all of these":                                                     {in("a", "1"), in("b", "1"), in("c", "1")},
		"a, b are one machine: Leave out all of these":                                                        {in("a", "1"), in("b", "")},
	} {
		run := &audit.Run{Hosts: hosts}
		Fleet(run)
		var got []string
		for _, f := range run.Findings {
			got = append(got, f.Title+": "+strings.Join(strings.Fields(f.Advice[0])[:min(5, 1+4*strings.Count(f.Advice[0], "Leave"))], " "))
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
}
