package audit

import (
	"cmp"
	"slices"
	"testing"
)

func audited(name string, v Verdict) HostResult {
	return HostResult{Name: name, Status: StatusAudited, Verdict: v}
}

// worstFirst is every kind of host in the order of a report.
func worstFirst() []HostResult {
	return []HostResult{
		audited("b", VerdictOverflowing),
		audited("a", VerdictOverflowed),
		audited("c", VerdictOverflowed),
		audited("a", VerdictNearLimit),
		audited("z", VerdictUnknown),
		{Name: "a", Status: StatusFailed, Failure: &Failure{Stage: StageTimeout}},
		{Name: "b", Status: StatusFailed},
		audited("a", VerdictFixed),
		audited("a", VerdictOK),
		audited("h10", VerdictOK),
		audited("h2", VerdictOK),
		audited("a", "of a later version"),
		{Name: "a", Status: StatusSkipped},
	}
}

func TestCompareHosts_bothDirections(t *testing.T) {
	t.Parallel()
	hosts := worstFirst()
	for i := range hosts {
		for j := range hosts {
			if got, want := cmp.Compare(CompareHosts(&hosts[i], &hosts[j]), 0), cmp.Compare(i, j); got != want {
				t.Errorf("%s %s/%s against %s %s/%s: %d, want %d", hosts[i].Name, hosts[i].Status, hosts[i].Verdict,
					hosts[j].Name, hosts[j].Status, hosts[j].Verdict, got, want)
			}
		}
	}
}

func TestSortHosts(t *testing.T) {
	t.Parallel()
	got := worstFirst()
	slices.Reverse(got)
	SortHosts(got)
	for i, want := range worstFirst() {
		if got[i].Name != want.Name || got[i].Verdict != want.Verdict || got[i].Status != want.Status {
			t.Errorf("place %d: %s %s %s, want %s %s %s", i, got[i].Name, got[i].Status, got[i].Verdict, want.Name, want.Status, want.Verdict)
		}
	}
}

func TestSummarize(t *testing.T) {
	t.Parallel()
	s := Summarize(worstFirst())
	if s.Hosts != 13 || s.Audited != 10 || s.Failed != 2 || s.Skipped != 1 {
		t.Errorf("got %+v, want 13 hosts: 10 audited, 2 failed, 1 skipped", s)
	}
	if s.Hosts != s.Audited+s.Failed+s.Skipped {
		t.Errorf("the statuses of %+v do not add up", s)
	}
	if s.Verdicts[VerdictOverflowed] != 2 || s.Verdicts[VerdictOK] != 3 {
		t.Errorf("verdicts %v, want 2 overflowed and 3 ok", s.Verdicts)
	}
	if len(s.Failures) != 1 || s.Failures[StageTimeout] != 1 {
		t.Errorf("failures %v, want the one stage that occurred", s.Failures)
	}
	empty := Summarize(nil)
	for _, v := range Verdicts {
		if n, listed := empty.Verdicts[v]; !listed || n != 0 {
			t.Errorf("verdict %s of no hosts: %d, listed %v; want 0, listed", v, n, listed)
		}
	}
	if empty.Failures == nil {
		t.Error("failures of no hosts are nil, which JSON shows as null")
	}
}

func TestVerdict_order(t *testing.T) {
	t.Parallel()
	order := append(slices.Clone(Verdicts), "", "nonsense")
	for i, a := range order {
		for j, b := range order {
			want := i < j && i < len(Verdicts)
			if got := a.Worse(b); got != want {
				t.Errorf("%q.Worse(%q) = %v, want %v", a, b, got, want)
			}
		}
	}
}

func TestSeverity_order(t *testing.T) {
	t.Parallel()
	for want, s := range []Severity{SeverityCritical, SeverityWarning, SeverityInfo, "nonsense"} {
		if got := s.Rank(); got != want {
			t.Errorf("%s ranks %d, want %d", s, got, want)
		}
	}
}
