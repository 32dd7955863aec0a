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

// inside is the counter of a container.
func inside(n int64) func(*Sketch) {
	return func(s *Sketch) { s.Others = map[string]int64{"7": n} }
}

func bootedAs(id string) func(*Sketch) { return func(s *Sketch) { s.BootID = id } }

// failedAfter is a host that failed and answered before.
func failedAfter(edits ...func(*Sketch)) Sketch {
	s := sketched(failedAt(StageConnect))
	s.Known = new(sketched(append([]func(*Sketch){inside(1)}, edits...)...))
	return s
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
		{"silence is no cure", hosts{sketched(judgedAs(VerdictOverflowing))}, hosts{sketched(failedAt(StageConnect))}, "web1! worse", "web1! worse came-back", ""},
		{"came back healthy", hosts{sketched(failedAt(StageAuth))}, hosts{sketched()}, "web1 came-back", "web1! worse", ""},
		{"failed otherwise", hosts{sketched(failedAt(StageAuth))}, hosts{sketched(failedAt(StageConnect))}, "", "", ""},
		{"cut off", hosts{sketched()}, hosts{sketched(failedAt(StageDeadline))}, "", "", ""},
		{"skipped", hosts{sketched()}, hosts{{Name: "web1", Status: StatusSkipped}}, "", "", ""},
		{"overflowed again", hosts{sketched(counted(5))}, hosts{sketched(counted(9))}, "web1! worse overflow", "web1! worse overflow", ""}, // back: it began again
		{"it goes on", hosts{sketched(counted(5), judgedAs(VerdictOverflowing))}, hosts{sketched(counted(9), judgedAs(VerdictOverflowing))}, "web1 overflow", "web1 overflow", ""},
		{"in a container", hosts{sketched(counted(5), inside(1))}, hosts{sketched(counted(5), inside(7))}, "web1! worse overflow", "web1! worse overflow", ""}, // back: another one of the same number
		{"containers not looked at", hosts{sketched(counted(5))}, hosts{sketched(counted(5), inside(7))}, "", "", ""},
		{"another boot counts anew", hosts{sketched(counted(5))}, hosts{sketched(counted(9), bootedAs("b"))}, "web1! worse overflow rebooted", "web1! worse overflow rebooted", ""},
		{"none in another boot", hosts{sketched(counted(5))}, hosts{sketched(counted(0), bootedAs("b"))}, "web1 rebooted", "web1! worse overflow rebooted", ""},
		{"another namespace too", hosts{sketched(counted(5))}, hosts{sketched(counted(9), func(s *Sketch) { s.Namespace = "2" })}, "", "", ""},
		{"no boot id", hosts{sketched(counted(5))}, hosts{sketched(counted(9), func(s *Sketch) { s.BootID = "" })}, "web1! worse overflow", "web1! worse overflow", ""},
		{"limit", hosts{sketched()}, hosts{sketched(func(s *Sketch) { s.Limit = new(int64(1)) })}, "web1 limit", "web1 limit", ""},
		{"limit not read", hosts{sketched()}, hosts{sketched(func(s *Sketch) { s.Limit = nil })}, "", "", ""},
		{"file", hosts{sketched()}, hosts{sketched(later)}, "web1 file", "web1 file", ""},
		{"value removed", hosts{sketched()}, hosts{sketched(func(s *Sketch) { s.ConfigValue, s.ConfigSource = nil, "" })}, "web1 file", "web1 file", ""},
		{"files not read", hosts{sketched()}, hosts{sketched(later, func(s *Sketch) { s.ConfigRead = false })}, "", "", ""},
		{"reinstalled", hosts{sketched()}, hosts{sketched(func(s *Sketch) { s.MachineID, s.BootID, s.OverflowTotal = "m2", "b2", nil })}, "web1 reinstalled", "web1 overflow reinstalled", ""},
		{"new and gone", hosts{}, hosts{sketched(), sketched(named("web2", ""), judgedAs(VerdictOverflowed))}, "web2! new; web1 new", "web1 gone; web2 gone", ""},
		{"new and cannot be judged", hosts{}, hosts{sketched(failedAt(StageConnect)), sketched(named("web2", ""), judgedAs(VerdictUnknown))}, "web2! new; web1! new", "web1 gone; web2 gone", ""},
		{"new and cut off", hosts{}, hosts{sketched(failedAt(StageDeadline))}, "", "", ""},
		{"away for a while, and dead", hosts{}, hosts{sketched(failedAt(StageConnect), seenBefore)}, "web1! came-back", "web1 gone", ""},
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

// TestCompare_cameBack: what was wrong before a host fell silent is no news, and
// whatever may have been added since is.
func TestCompare_cameBack(t *testing.T) {
	t.Parallel()
	going := judgedAs(VerdictOverflowing)
	for _, c := range []struct {
		name string
		was  Sketch
		is   []func(*Sketch)
		want string
	}{
		{"well", failedAfter(), nil, "web1 came-back"},
		{"cured", failedAfter(judgedAs(VerdictNearLimit)), nil, "web1 came-back"},
		{"as it was", failedAfter(counted(5), going), []func(*Sketch){counted(5), going}, "web1 came-back"},
		{"as near as it was", failedAfter(judgedAs(VerdictNearLimit)), []func(*Sketch){judgedAs(VerdictNearLimit)}, "web1 came-back"},
		{"not known then and now", failedAfter(judgedAs(VerdictUnknown)), []func(*Sketch){judgedAs(VerdictUnknown)}, "web1 came-back"},
		{"new", failedAfter(), []func(*Sketch){going}, "web1! worse came-back"},
		{"graver", failedAfter(judgedAs(VerdictNearLimit)), []func(*Sketch){going}, "web1! worse came-back"},
		{"graver than unknown", failedAfter(judgedAs(VerdictUnknown)), []func(*Sketch){judgedAs(VerdictNearLimit)}, "web1! worse came-back"},
		{"more", failedAfter(counted(5), going), []func(*Sketch){counted(9), going}, "web1! worse overflow came-back"},
		{"more, and milder", failedAfter(counted(5), going), []func(*Sketch){counted(9)}, "web1! worse overflow came-back"},
		{"more in a container", failedAfter(counted(5), going), []func(*Sketch){counted(5), going, inside(2)}, "web1! worse overflow came-back"},
		{"more since a boot", failedAfter(counted(50), going), []func(*Sketch){counted(9), going, inside(0), bootedAs("b")}, "web1! worse overflow came-back rebooted"},
		{"none since a boot", failedAfter(counted(50)), []func(*Sketch){counted(0), inside(0), bootedAs("b")}, "web1 came-back rebooted"},
		{"another namespace", failedAfter(counted(5), going), []func(*Sketch){counted(5), going, func(s *Sketch) { s.Namespace = "2" }}, "web1! worse overflow came-back"},
		{"no counter", failedAfter(counted(5), going), []func(*Sketch){going, func(s *Sketch) { s.OverflowTotal = nil }}, "web1! worse came-back"},
		{"not known whether in a container", failedAfter(counted(5), going, func(s *Sketch) { s.Others = nil }), []func(*Sketch){counted(5), going}, "web1! worse came-back"},
	} {
		now := sketched(append([]func(*Sketch){inside(1)}, c.is...)...)
		got := Compare(Side{Meta: Meta{Selection: "s"}, Hosts: []Sketch{c.was}}, Side{Meta: Meta{Selection: "s"}, Hosts: []Sketch{now}})
		if changesOf(got) != c.want {
			t.Errorf("%s: %q, want %q", c.name, changesOf(got), c.want)
		}
		if got.Hosts[0].Known == nil || got.Worse != got.Summary[ChangeWorse] {
			t.Errorf("%s: the rows do not say what the headline does: %+v", c.name, got.Hosts[0])
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
