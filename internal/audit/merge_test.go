package audit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shard is a run of hosts on one machine each, which is named after the host.
func shard(id string, startedHour int, hosts ...HostResult) *Run {
	started := time.Date(2026, 11, 22, startedHour, 0, 0, 0, time.UTC)
	for i := range hosts {
		if hosts[i].Status == StatusAudited && hosts[i].Facts == nil {
			hosts[i].Facts = &Facts{Host: HostFacts{MachineID: "machine of " + hosts[i].Name}}
		}
	}
	return &Run{Schema: Schema, Tool: Tool{Name: "twaudit", Version: "1.0", ProbeSHA256: "aa"},
		Meta:    Meta{ID: id, StartedAt: started, FinishedAt: started.Add(time.Minute), Limits: DefaultLimits()},
		Summary: Summarize(hosts), Findings: []Finding{{Rule: "of one part"}}, Notes: []string{}, Hosts: hosts}
}

func TestMerge_keepsEveryHostAndCountsAgain(t *testing.T) {
	t.Parallel()
	eu := shard("eu", 3, audited("web1", VerdictOK), audited("web2", VerdictOverflowed))
	us := shard("us", 1, audited("db1", VerdictOverflowing), HostResult{Name: "db2", Status: StatusFailed, Failure: &Failure{Stage: StageAuth}})
	us.Meta.Partial = true
	got := Merge([]*Run{eu, us})
	var names []string
	for _, h := range got.Hosts {
		names = append(names, h.Name)
	}
	if want := []string{"db1", "web2", "db2", "web1"}; !slices.Equal(names, want) {
		t.Errorf("hosts %v, want %v", names, want)
	}
	if diff := cmp.Diff(Summarize(got.Hosts), got.Summary); diff != "" || got.Summary.Hosts != 4 {
		t.Errorf("summary %+v: %s", got.Summary, diff)
	}
	if !got.Meta.StartedAt.Equal(us.Meta.StartedAt) || !got.Meta.FinishedAt.Equal(eu.Meta.FinishedAt) || !got.Meta.Partial || len(got.Findings) != 0 {
		t.Errorf("meta %+v, findings %v", got.Meta, got.Findings)
	}
	if want := []string{"merged of 2 runs: us, eu"}; !slices.Equal(got.Notes, want) {
		t.Errorf("notes %q, want %q", got.Notes, want)
	}
	if diff := cmp.Diff(got, Merge([]*Run{us, eu})); diff != "" {
		t.Errorf("the order in which runs are given shows:\n%s", diff)
	}
	if len(eu.Hosts) != 2 || eu.Hosts[0].Name != "web1" || eu.Findings == nil {
		t.Errorf("a run was changed: %+v", eu)
	}
}

func TestMerge_oneRunStaysAsItIs(t *testing.T) {
	t.Parallel()
	run := shard("eu", 3, audited("web1", VerdictOK))
	if got := Merge([]*Run{run}); got != run {
		t.Errorf("got %+v", got)
	}
}

func TestMerge_saysWhatIsTwice(t *testing.T) {
	t.Parallel()
	alias := audited("web1.example.net", VerdictOK)
	alias.Facts = &Facts{Host: HostFacts{MachineID: "machine of web1"}}
	notes := Merge([]*Run{shard("eu", 1, audited("web1", VerdictOK), audited("web2", VerdictOK)), shard("us", 2, audited("web2", VerdictOK), alias)}).Notes
	for _, want := range []string{
		"in more than one of the runs, and counted each time: web2",
		"one machine id under several names, which is one machine counted each time, or clones of one: web1 = web1.example.net",
	} {
		if !slices.Contains(notes, want) {
			t.Errorf("notes %q lack %q", notes, want)
		}
	}
}

func TestMerge_notesAndMeasures(t *testing.T) {
	t.Parallel()
	a, b := shard("a", 1), shard("b", 2)
	a.Notes, b.Notes = []string{"said by all", "said by one"}, []string{"said by all"}
	b.Meta.Limits.Near, b.Tool.Version, b.Tool.ProbeSHA256 = 0.5, "2.0", "bb"
	got := Merge([]*Run{a, b})
	want := []string{"merged of 2 runs: a, b", "the runs judged by different measures; those shown are of run a", "said by all", "run a: said by one"}
	if diff := cmp.Diff(want, got.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if got.Tool.Version != "1.0, 2.0" || got.Tool.ProbeSHA256 != "" || got.Meta.Limits != a.Meta.Limits {
		t.Errorf("tool %+v, limits %+v", got.Tool, got.Meta.Limits)
	}
}

func TestMerge_manyNamesStayAShortNote(t *testing.T) {
	t.Parallel()
	var hosts []HostResult
	for i := range 1000 {
		hosts = append(hosts, audited(strings.Repeat("x", 1+i), VerdictOK))
	}
	notes := Merge([]*Run{shard("a", 1, hosts...), shard("b", 2, hosts...)}).Notes
	if last := notes[len(notes)-1]; !strings.HasSuffix(last, " and 980 more") || strings.Count(last, ", ") != 20 {
		t.Errorf("note %.200q", last)
	}
}
