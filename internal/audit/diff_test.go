package audit

import (
	"slices"
	"strings"
	"testing"
	"time"
)

var diffTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// sketched is an audited host of the older run.
func sketched(edits ...func(*Sketch)) Sketch {
	s := Sketch{Name: "web1", Status: StatusAudited, Verdict: VerdictOK, OverflowTotal: new(int64(5)), Traits: Traits{
		BootID: "boot", MachineID: "machine", Namespace: "1", Limit: new(int64(5000)),
		ConfigRead: true, ConfigValue: new(int64(5000)), ConfigSource: "/etc/sysctl.conf:1", ConfigChangedAt: new(diffTime), SysctlConfChangedAt: new(diffTime),
	}}
	for _, e := range edits {
		e(&s)
	}
	return s
}

func judgedAs(v Verdict) func(*Sketch) { return func(s *Sketch) { s.Verdict = v } }

func named(name, machine string) func(*Sketch) {
	return func(s *Sketch) { s.Name, s.MachineID = name, machine }
}

func failedAt(stage Stage) func(*Sketch) {
	return func(s *Sketch) { *s = Sketch{Name: s.Name, Status: StatusFailed, Stage: stage} }
}

func counted(n int64) func(*Sketch) {
	return func(s *Sketch) { s.Verdict, s.OverflowTotal = VerdictOverflowed, &n }
}

func seenBefore(s *Sketch) { s.FirstSeen = new(diffTime.Add(-time.Hour)) }

// changesOf writes a diff in short: name, ! when something got worse, kinds.
func changesOf(d *Diff) string {
	var list []string
	for _, h := range d.Hosts {
		words := h.Name
		if h.Worse {
			words += "!"
		}
		for _, c := range h.Changes {
			words += " " + string(c.Kind)
		}
		list = append(list, words)
	}
	return strings.Join(list, "; ")
}

func TestCompare(t *testing.T) {
	t.Parallel()
	type hosts []Sketch
	later := func(s *Sketch) { s.ConfigChangedAt, s.SysctlConfChangedAt = new(diffTime.Add(1)), new(diffTime.Add(1)) }
	for _, c := range []struct {
		name       string
		before     hosts
		after      hosts
		there      string // from before to after
		back       string // and the other way round
		selections string // of both; empty: the same
	}{
		{"nothing", hosts{sketched()}, hosts{sketched()}, "", "", ""},
		{"verdict", hosts{sketched()}, hosts{sketched(judgedAs(VerdictNearLimit))}, "web1! worse", "web1 better", ""},
		{"fixed is no worse than ok", hosts{sketched()}, hosts{sketched(judgedAs(VerdictFixed))}, "", "", ""},
		{"cured", hosts{sketched(counted(5))}, hosts{sketched(judgedAs(VerdictFixed))}, "web1 better", "web1! worse", ""},
		{"unknown is no cure", hosts{sketched(judgedAs(VerdictOverflowing))}, hosts{sketched(judgedAs(VerdictUnknown))}, "web1! worse", "web1! worse", ""},
		{"known again", hosts{sketched(judgedAs(VerdictUnknown))}, hosts{sketched()}, "web1 better", "web1! worse", ""},
		{"silence is no cure", hosts{sketched(judgedAs(VerdictOverflowing))}, hosts{sketched(failedAt(StageConnect))}, "web1! worse", "web1! came-back", ""},
		{"came back healthy", hosts{sketched(failedAt(StageAuth))}, hosts{sketched()}, "web1 came-back", "web1! worse", ""},
		{"failed otherwise", hosts{sketched(failedAt(StageAuth))}, hosts{sketched(failedAt(StageConnect))}, "", "", ""},
		{"cut off", hosts{sketched()}, hosts{sketched(failedAt(StageDeadline))}, "", "", ""},
		{"skipped", hosts{sketched()}, hosts{{Name: "web1", Status: StatusSkipped}}, "", "", ""},
		{"overflowed again", hosts{sketched(counted(5))}, hosts{sketched(counted(9))}, "web1! worse", "", ""},
		{"another boot counts anew", hosts{sketched(counted(5))}, hosts{sketched(counted(9), func(s *Sketch) { s.BootID = "b" })}, "web1 rebooted", "web1 rebooted", ""},
		{"another namespace too", hosts{sketched(counted(5))}, hosts{sketched(counted(9), func(s *Sketch) { s.Namespace = "2" })}, "", "", ""},
		{"no boot id", hosts{sketched(counted(5))}, hosts{sketched(counted(9), func(s *Sketch) { s.BootID = "" })}, "", "", ""},
		{"limit", hosts{sketched()}, hosts{sketched(func(s *Sketch) { s.Limit = new(int64(1)) })}, "web1 limit", "web1 limit", ""},
		{"limit not read", hosts{sketched()}, hosts{sketched(func(s *Sketch) { s.Limit = nil })}, "", "", ""},
		{"file", hosts{sketched()}, hosts{sketched(later)}, "web1 file", "web1 file", ""},
		{"value removed", hosts{sketched()}, hosts{sketched(func(s *Sketch) { s.ConfigValue, s.ConfigSource = nil, "" })}, "web1 file", "web1 file", ""},
		{"files not read", hosts{sketched()}, hosts{sketched(later, func(s *Sketch) { s.ConfigRead = false })}, "", "", ""},
		{"reinstalled", hosts{sketched()}, hosts{sketched(func(s *Sketch) { s.MachineID, s.BootID = "m2", "b2" })}, "web1 reinstalled", "web1 reinstalled", ""},
		{"new and gone", hosts{}, hosts{sketched(), sketched(named("web2", ""), judgedAs(VerdictOverflowed))}, "web2! new; web1 new", "web1 gone; web2 gone", ""},
		{"merely not selected", hosts{}, hosts{sketched()}, "", "", "ab"},
		{"selection not known", hosts{}, hosts{sketched()}, "", "", "-"},
		{"away for a while", hosts{}, hosts{sketched(seenBefore)}, "web1 came-back", "web1 gone", ""},
		{"renamed", hosts{sketched(named("a", "m"))}, hosts{sketched(named("b", "m"), judgedAs(VerdictOverflowed))}, "b! worse renamed", "a better renamed", ""},
		{"renamed in another selection", hosts{sketched(named("a", "m"))}, hosts{sketched(named("b", "m"))}, "b renamed", "a renamed", "ab"},
		{"clones are no renames", hosts{sketched(named("a", "m")), sketched(named("c", "m"))}, hosts{sketched(named("b", "m")), sketched(named("c", "m"))}, "b new; a gone", "a new; b gone", ""},
		{"both names at once", hosts{sketched(named("a", "m"))}, hosts{sketched(named("a", "m")), sketched(named("b", "m"))}, "b new", "b gone", ""},
	} {
		older, newer := Side{Meta: Meta{StartedAt: diffTime}, Hosts: c.before}, Side{Meta: Meta{StartedAt: diffTime}, Hosts: c.after}
		switch c.selections {
		case "":
			older.Meta.Selection, newer.Meta.Selection = "s", "s"
		case "ab":
			older.Meta.Selection, newer.Meta.Selection = "a", "b"
		}
		there, back := Compare(older, newer), Compare(newer, older)
		if got := changesOf(there); got != c.there {
			t.Errorf("%s: %q, want %q", c.name, got, c.there)
		}
		if got := changesOf(back); got != c.back {
			t.Errorf("%s, back: %q, want %q", c.name, got, c.back)
		}
		for _, d := range []*Diff{there, back} {
			worse := len(slices.DeleteFunc(slices.Clone(d.Hosts), func(h HostDiff) bool { return !h.Worse }))
			if d.Worse != worse || len(d.Summary) != len(ChangeKinds) {
				t.Errorf("%s: worse %d, want %d; %v", c.name, d.Worse, worse, d.Summary)
			}
		}
	}
}

func TestCompare_notes(t *testing.T) {
	t.Parallel()
	cut := sketched(failedAt(StageInterrupted))
	d := Compare(Side{Meta: Meta{StartedAt: diffTime}, Hosts: []Sketch{cut}}, Side{Hosts: []Sketch{cut}})
	for _, want := range []string{"not known to have asked for the same hosts", "the older run ended", "the newer run ended", "a clock was set back"} {
		if !strings.Contains(strings.Join(d.Notes, "\n"), want) {
			t.Errorf("%q lacks %q", d.Notes, want)
		}
	}
}

func TestLookedAt(t *testing.T) {
	t.Parallel()
	meta := Meta{StartedAt: diffTime, FinishedAt: diffTime.Add(time.Minute)}
	host := func(clock time.Duration, skew *int64) *HostResult {
		return &HostResult{Facts: &Facts{Host: HostFacts{Clock: new(diffTime.Add(clock)), ClockSkewMS: skew}}}
	}
	for _, c := range []struct {
		name string
		host *HostResult
		want time.Duration
	}{
		{"no answer", &HostResult{}, time.Minute},
		{"no clock", &HostResult{Facts: &Facts{}}, time.Minute},
		{"a right clock", host(30*time.Second, new(int64(0))), 30 * time.Second},
		{"an hour slow", host(-time.Hour+30*time.Second, new(int64(-3600_000))), 30 * time.Second},
		{"a lie", host(0, new(int64(-1)<<62)), time.Minute},
		{"kept from a run before", host(-time.Hour, new(int64(0))), -time.Hour},
		{"saved by hand", host(-48*time.Hour, nil), -48 * time.Hour},
		{"saved in the future", host(48*time.Hour, nil), time.Minute},
	} {
		if got := LookedAt(&meta, c.host); !got.Equal(diffTime.Add(c.want)) {
			t.Errorf("%s: %s, want %s", c.name, got, diffTime.Add(c.want))
		}
	}
}
