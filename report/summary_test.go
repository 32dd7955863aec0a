package report

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// However little room there is, no host gets lost between the names and the
// number behind them.
func TestRoll_namesAndRestAddUp(t *testing.T) {
	t.Parallel()
	regular, odd := []string{}, []string{}
	for i := range 300 {
		regular = append(regular, fmt.Sprintf("web%03d.dc%d.example.net", i, i%7))
		odd = append(odd, fmt.Sprintf("i-%x", i*i*7919))
	}
	rest := regexp.MustCompile(` and ([0-9,]+) more hosts?$`)
	for name, names := range map[string][]string{"regular": regular, "odd": odd, "one": {"a"}, "long": {strings.Repeat("x", 200), "b"}} {
		for cells := 20; cells < 200; cells += 29 {
			for lines := 1; lines <= 2; lines++ {
				s := &screen{Options: Options{Width: 100}}
				words := s.roll(names, cells, lines)
				if got := len(fold(words, cells)); got > lines && cells > 45 {
					t.Errorf("%s in %d cells: %d lines: %s", name, cells, got, words)
				}
				more, named := 0, words
				if m := rest.FindStringSubmatch(words); m != nil {
					more, _ = strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
					named = strings.TrimSuffix(words, m[0])
				}
				list, err := text.Expand(strings.ReplaceAll(named, ", ", ","), 1000)
				if err != nil || len(list)+more != len(names) {
					t.Fatalf("%s in %d cells: %d names and %d more of %d (%v): %s", name, cells, len(list), more, len(names), err, words)
				}
			}
		}
	}
}

func TestOverview_nothingToDoOnlyWhenThatIsKnown(t *testing.T) {
	t.Parallel()
	healthy := func() *audit.Run {
		hosts := []audit.HostResult{healthyHost("a", 10), healthyHost("b", 20)}
		return &audit.Run{Hosts: hosts}
	}
	for name, c := range map[string]struct {
		change func(*audit.Run)
		want   bool
	}{
		"all ok":                    {func(*audit.Run) {}, true},
		"one fixed":                 {func(r *audit.Run) { r.Hosts[0].Verdict = audit.VerdictFixed }, true},
		"no hosts":                  {func(r *audit.Run) { r.Hosts = nil }, false},
		"a failure":                 {func(r *audit.Run) { r.Hosts[0] = audit.HostResult{Name: "a", Status: audit.StatusFailed} }, false},
		"not begun":                 {func(r *audit.Run) { r.Hosts[0] = audit.HostResult{Name: "a", Status: audit.StatusSkipped} }, false},
		"half seen":                 {func(r *audit.Run) { r.Hosts[1].Coverage = audit.CoveragePartial }, false},
		"near limit":                {func(r *audit.Run) { r.Hosts[0].Verdict = audit.VerdictNearLimit }, false},
		"a later version's verdict": {func(r *audit.Run) { r.Hosts[0].Verdict = "melting" }, false},
		"a warning beside ok": {func(r *audit.Run) {
			r.Hosts[1].Findings = append(r.Hosts[1].Findings, audit.Finding{Rule: "orphans", Severity: audit.SeverityWarning, Title: "many", Advice: []string{"look"}})
		}, false},
	} {
		run := healthy()
		c.change(run)
		run.Summary = audit.Summarize(run.Hosts)
		out := string(render(t, run, "table", Options{Width: 80}))
		if got := strings.Contains(out, "Nothing to do"); got != c.want {
			t.Errorf("%s: says that nothing is to do: %v\n%s", name, got, out)
		}
		if strings.Contains(out, "melting") {
			continue
		}
		if name == "a later version's verdict" && !strings.Contains(out, "1 unknown") {
			t.Errorf("a verdict that this version does not know is not unknown:\n%s", out)
		}
	}
}

// A command is pasted: it must name that host, and nothing else.
func TestOverview_commandThatShowsTheHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"web1":                   "twaudit show web1 --from run.json",
		"web1; rm -rf $HOME":     "twaudit show 'web1; rm -rf $HOME' --from run.json",
		"it's":                   `twaudit show 'it'\''s' --from run.json`,
		"-x":                     "",
		"red" + "\uFFFD" + "[2J": "",
		"":                       "",
	} {
		s := &screen{Options: Options{Show: "twaudit show " + ShowHost + " --from run.json"}}
		if got := s.showCommand(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
	if got := (&screen{}).showCommand("web1"); got != "" {
		t.Errorf("offers %q where no command finds the run", got)
	}
}

func TestOverview_whereNothingWasAudited(t *testing.T) {
	t.Parallel()
	var hosts []audit.HostResult
	for i := range 30 {
		hosts = append(hosts, audit.HostResult{Name: fmt.Sprintf("db%02d", i), Status: audit.StatusFailed,
			Failure: &audit.Failure{Stage: audit.StageConnect, Message: "no answer within 10s", Hint: "check the route"}})
	}
	hosts[7].Failure = &audit.Failure{Stage: audit.StageAuth, Message: "no key was accepted"}
	run := &audit.Run{Hosts: hosts, Summary: audit.Summarize(hosts)}
	out := string(render(t, run, "table", Options{Width: 120}))
	for _, want := range []string{"x  30 failed  db[00-29]\n", "find out why 29 hosts failed alike (connect: no answer within 10s)", "db[00-06,08-29]: no answer"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	if n := strings.Count(out, "check the route"); n != 1 {
		t.Errorf("the hint is said %d times", n)
	}
	empty := &audit.Run{Summary: audit.Summarize(nil)}
	if out := string(render(t, empty, "table", Options{Width: 80})); !strings.HasPrefix(out, "No hosts: ") {
		t.Errorf("an empty run: %q", out)
	}
}
