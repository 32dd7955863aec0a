package audit

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"
)

// again is a host that had overflowed before both looks: whatever is news of it can
// only be that there was more.
func again(edits ...func(*Sketch)) Sketch {
	return sketched(append([]func(*Sketch){counted(500), inside(0), covered(CoverageFull)}, edits...)...)
}

func covered(c Coverage) func(*Sketch) { return func(s *Sketch) { s.Coverage = c } }

func asOf(n Namespace) func(*Sketch) { return func(s *Sketch) { s.Namespace = n.ID } }

func onMachine(id string) func(*Sketch) { return func(s *Sketch) { s.MachineID = id } }

func others(counts map[string]int64) func(*Sketch) { return func(s *Sketch) { s.Others = counts } }

// logged is a log whose newest overflow is so long after diffTime; below zero it has
// none.
func logged(last time.Duration) func(*Sketch) {
	return func(s *Sketch) {
		if s.LogRead = true; last >= 0 {
			s.LogLast = new(diffTime.Add(last))
		}
	}
}

// withoutCounter is a kernel that only has a log.
func withoutCounter(s *Sketch) { s.OverflowTotal = nil }

// many are counters of n namespaces, all of them above 100.
func many(n int) map[string]int64 {
	counts := map[string]int64{}
	for i := range n {
		counts["m"+strconv.Itoa(i)] = int64(101 + i)
	}
	return counts
}

func TestCompare_destroyedSince(t *testing.T) {
	t.Parallel()
	full := many(mostOthers)
	fuller := maps.Clone(full)
	delete(fuller, "m3")
	fuller["late"] = 99 // it had no room
	most := maps.Clone(fuller)
	most["late"] = 150
	for _, c := range []struct {
		name    string
		was, is Sketch
		there   string // from was to is
		back    string // and the other way round
		words   string // of there
	}{
		{"unmoved", again(), again(), "", "", ""},
		{"more", again(), again(counted(777)), "worse overflow", "worse overflow", "277 sockets destroyed between the two looks"},
		{"the counter began again", again(), again(counted(400)), "worse overflow", "worse overflow", "400 sockets destroyed since the counter began again: it was 500, is 400"},
		{"and counts nothing", again(), again(counted(0)), "", "worse overflow", ""},
		{"another boot", again(), again(counted(777), bootedAs("b")), "worse overflow rebooted", "worse overflow rebooted", "777 sockets destroyed since it was rebooted"},
		{"nothing since a boot", again(), again(counted(0), bootedAs("b")), "rebooted", "worse overflow rebooted", ""},
		{"another machine", again(), again(counted(400), onMachine("m2"), bootedAs("")), "worse overflow reinstalled", "worse overflow reinstalled", "400 sockets"},
		{"a namespace that is known once", again(), again(counted(999), asOf(Namespace{})), "worse overflow", "worse overflow", "499 sockets"},
		{"unmoved, and known once", again(), again(asOf(Namespace{})), "", "", ""},
		{"the login moved into a container", again(others(map[string]int64{"7": 30})), again(counted(40), asOf(Namespace{ID: "7"}), others(map[string]int64{"1": 500})),
			"worse overflow", "worse overflow", "10 sockets destroyed between the two looks: the counter was 30, is 40"},
		{"and back, unmoved", again(others(map[string]int64{"7": 30})), again(counted(30), asOf(Namespace{ID: "7"}), others(map[string]int64{"1": 500})), "", "", ""},
		{"the login moved into a new container", again(), again(counted(40), asOf(Namespace{ID: "7"})), "worse overflow", "worse overflow", "in the network namespace that the login is in now"},
		{"a new container", again(), again(inside(3)), "worse overflow", "", "3 sockets destroyed in further network namespaces"},
		{"containers come and go", again(others(nil)), again(), "", "", ""},
		{"containers of another boot", again(inside(9)), again(inside(4), counted(0), bootedAs("b")), "worse overflow rebooted", "worse overflow overflow rebooted", "4 sockets destroyed in further"},
		{"one had no room", again(others(full)), again(others(fuller)), "", "worse overflow", ""},
		{"and rose", again(others(full)), again(others(most)), "worse overflow", "worse overflow", "49 sockets"},
		{"a log alone", again(withoutCounter, logged(0)), again(withoutCounter, logged(time.Hour)), "worse overflow", "", "the log has an overflow at 2026-11-22T13:00:00Z, the last one was at 2026-11-22T12:00:00Z"},
		{"a log unmoved", again(withoutCounter, logged(0)), again(withoutCounter, logged(5*time.Second)), "", "", ""},
		{"a log that cannot be read any more", again(withoutCounter, logged(0)), again(withoutCounter), "", "", ""},
		{"a log that moved with the clocks", again(withoutCounter, logged(0)), again(withoutCounter, logged(time.Hour), func(s *Sketch) {
			*s.LogLast = s.LogLast.In(time.FixedZone("", -3600))
		}), "", "", ""},
		{"a log, where counters tell", again(logged(0)), again(logged(time.Hour)), "", "", ""},
		{"a log, where namespaces are hidden", again(logged(-1), covered(CoveragePartial)), again(logged(time.Hour), covered(CoveragePartial)), "worse overflow", "", "the log has an overflow at 2026-11-22T13:00:00Z"},
		{"a log of before the boot", again(logged(0)), again(counted(0), bootedAs("b"), logged(time.Hour)), "worse overflow rebooted", "worse overflow rebooted", "the log has"},
	} {
		if c.name == "containers come and go" {
			c.was.Others = map[string]int64{}
		}
		there, back := pair(c.was, c.is), pair(c.is, c.was)
		expectChanges(t, c.name, there, c.there)
		expectChanges(t, c.name+", back", back, c.back)
		if len(there.Hosts) > 0 && !strings.Contains(textsOf(there), c.words) {
			t.Errorf("%s: %q lacks %q", c.name, textsOf(there), c.words)
		}
		// What goes on is told, and is no news.
		judgedAs(VerdictOverflowing)(&c.was)
		judgedAs(VerdictOverflowing)(&c.is)
		if d := pair(c.was, c.is); d.Worse != 0 || d.Summary[ChangeOverflow] != there.Summary[ChangeOverflow] {
			t.Errorf("%s, going on: %q", c.name, changesOf(d))
		}
	}
}

// TestCompare_views: what is seen less of did not get better.
func TestCompare_views(t *testing.T) {
	t.Parallel()
	full, partial := covered(CoverageFull), covered(CoveragePartial)
	warning := func(s *Sketch) { s.Verdict, s.Severity = VerdictNearLimit, SeverityWarning }
	critical := func(s *Sketch) { s.Verdict, s.Severity = VerdictNearLimit, SeverityCritical }
	for _, c := range []struct {
		name        string
		was, is     Sketch
		there, back string
	}{
		{"lost", sketched(full), sketched(partial), "worse", "better"},
		{"lost with an overflow", sketched(full, judgedAs(VerdictOverflowed)), sketched(partial), "worse", "worse"},
		{"lost, and graver", sketched(full), sketched(partial, judgedAs(VerdictOverflowing)), "worse", "better"},
		{"nothing was seen before either", sketched(partial), sketched(partial), "", ""},
		{"stored before this was known", sketched(), sketched(partial), "", ""},
		{"a part was lost", sketched(partial, inside(9), judgedAs(VerdictOverflowed)), sketched(partial, inside(0), others(map[string]int64{})), "worse", "worse overflow"},
		{"a part got well", sketched(partial, inside(9), judgedAs(VerdictNearLimit)), sketched(partial, inside(9)), "better", "worse"},
		{"the log was lost", sketched(full, logged(0), judgedAs(VerdictOverflowed)), sketched(full), "worse", "worse"},
		{"the log is empty", sketched(full, logged(0), judgedAs(VerdictOverflowed)), sketched(full, logged(-1)), "better", "worse overflow"},
		{"graver", sketched(warning), sketched(critical), "worse", "better"},
		{"as near", sketched(warning), sketched(warning), "", ""},
		{"no severity stored", sketched(judgedAs(VerdictNearLimit)), sketched(critical), "", ""},
		{"unknown is not lost again", sketched(full, judgedAs(VerdictUnknown)), sketched(partial), "better", "worse"},
	} {
		expectChanges(t, c.name, pair(c.was, c.is), c.there)
		expectChanges(t, c.name+", back", pair(c.is, c.was), c.back)
		// The same for one that failed in between, as long as it is no worse.
		away := sketched(failedAt(StageConnect))
		away.Known = &c.was
		if d := pair(away, c.is); (d.Worse > 0) != strings.HasPrefix(c.there, "worse") {
			t.Errorf("%s, after it failed: %q", c.name, changesOf(d))
		}
	}
}

// TestCompare_renamed: another name hides no overflow.
func TestCompare_renamed(t *testing.T) {
	t.Parallel()
	d := pair(again(named("a", "m")), again(named("b", "m"), counted(9999)))
	if got, want := changesOf(d), "b! worse overflow renamed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSketchOf_traits(t *testing.T) {
	t.Parallel()
	list := []Namespace{{ID: "1", Name: "host"}}
	for id, n := range many(mostOthers + 9) {
		list = append(list, Namespace{ID: id, OverflowTotal: &n})
	}
	h := HostResult{Status: StatusAudited, Verdict: VerdictNearLimit, Coverage: CoveragePartial,
		Findings: []Finding{{Rule: "tw-recycle", Severity: SeverityCritical}, {Rule: "near-limit", Severity: SeverityWarning}},
		Facts:    &Facts{Namespaces: list, Host: HostFacts{UTCOffset: "+08:00"}, Log: &Log{OverflowLines: new(int64(1)), Last: &diffTime}}}
	s := SketchOf(&h)
	if s.Coverage != CoveragePartial || s.Severity != SeverityWarning || !s.LogRead || s.LogLast.Format(time.RFC3339) != "2026-11-22T20:00:00+08:00" {
		t.Errorf("%+v", s.Traits)
	}
	if _, least := s.Others["m8"]; len(s.Others) != mostOthers || least || s.Others["m9"] == 0 {
		t.Errorf("not the highest %d: %v", mostOthers, s.Others)
	}
	h.Facts.Log = &Log{}
	if s := SketchOf(&h); s.LogRead {
		t.Error("a log that was not read counts as read")
	}
}

func pair(was, is Sketch) *Diff {
	return Compare(Side{Meta: Meta{Selection: "s"}, Hosts: []Sketch{was}}, Side{Meta: Meta{Selection: "s"}, Hosts: []Sketch{is}})
}

// expectChanges wants these kinds of the one host, which is worse when the first says so.
func expectChanges(t *testing.T, name string, d *Diff, want string) {
	t.Helper()
	if want != "" {
		want = "web1 " + want
	}
	want = strings.Replace(want, "web1 worse", "web1! worse", 1)
	if got := changesOf(d); got != want {
		t.Errorf("%s: %q, want %q", name, got, want)
	}
}

func textsOf(d *Diff) string {
	var texts []string
	for _, c := range d.Hosts[0].Changes {
		texts = append(texts, c.Text)
	}
	return strings.Join(texts, "; ")
}
