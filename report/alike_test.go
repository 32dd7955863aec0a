package report

import (
	"fmt"
	"strings"
	"testing"

	"twaudit/internal/audit"
)

// fleetOf is a run of so many hosts of each verdict, with a failed one.
func fleetOf(counts map[audit.Verdict]int) *audit.Run {
	var hosts []audit.HostResult
	for _, v := range audit.Verdicts {
		for i := range counts[v] {
			hosts = append(hosts, judged(fmt.Sprintf("%s%04d", strings.ReplaceAll(string(v), "-", ""), i), v,
				audit.Finding{Severity: audit.SeverityInfo, Title: "as it is"}))
		}
	}
	hosts = append(hosts, audit.HostResult{Name: "gone", Status: audit.StatusFailed, Failure: &audit.Failure{Stage: audit.StageConnect, Message: "refused"}})
	audit.SortHosts(hosts)
	return &audit.Run{Hosts: hosts, Summary: audit.Summarize(hosts)}
}

// rowsOf are the lines of the table of hosts, without its header and legend.
func rowsOf(t *testing.T, run *audit.Run, o Options) []string {
	t.Helper()
	_, rest, found := strings.Cut(string(render(t, run, "table", o)), "VERDICT ")
	if !found {
		t.Fatalf("no table:\n%s", rest)
	}
	table, _, _ := strings.Cut(rest, "\n\n")
	return strings.Split(table, "\n")[1:]
}

func TestTable_alikeHostsAreOneRow(t *testing.T) {
	t.Parallel()
	var hosts []audit.HostResult
	for i := range 300 {
		hosts = append(hosts, healthyHost(fmt.Sprintf("h%03d", i), int64(100+10*i)))
	}
	hosts[250].Coverage = audit.CoveragePartial
	hosts[251].Flags = []string{"ok", "config-drift"}
	hosts[252].Facts.TimeWait.Limit, hosts[253].Facts.TimeWait.Limit = n(5000), n(5000)
	hosts[254].Facts.Config.Value = n(131072)
	run := &audit.Run{Hosts: hosts, Summary: audit.Summarize(hosts)}
	rows := rowsOf(t, run, Options{Width: 100})
	for i, want := range []string{" ok       h[000-249,255-299] ", " ok*      h250 ", " ok       h251 ", " ok       h252 ", " ok       h253 ", " ok       h254 "} {
		if !strings.Contains(rows[i], want) {
			t.Errorf("row %d lacks %q: %q", i, want, rows[i])
		}
	}
	for _, want := range []string{"0-2%", "100-3,090/131k", "42x+"} {
		if !strings.Contains(rows[0], want) {
			t.Errorf("the row of all lacks %q, the worst and the best of them: %q", want, rows[0])
		}
	}
	for name, o := range map[string]Options{"--all": {Width: 100, All: true}, "a pipe": {}} {
		out := string(render(t, run, "table", o))
		for _, h := range hosts {
			if !strings.Contains(out, " "+h.Name+" ") {
				t.Fatalf("%s leaves %s out", name, h.Name)
			}
		}
	}
}

// Every host is in a row or in a number below one.
func TestTable_rowsAndRestsAddUp(t *testing.T) {
	t.Parallel()
	for name, counts := range map[string]map[audit.Verdict]int{
		"few":        {audit.VerdictOverflowing: 3, audit.VerdictNearLimit: 30, audit.VerdictOK: 2},
		"many":       {audit.VerdictOverflowing: 500, audit.VerdictNearLimit: 12, audit.VerdictFixed: 1, audit.VerdictOK: 40},
		"unreadable": {audit.VerdictUnknown: 90, audit.VerdictOK: 1},
	} {
		run := fleetOf(counts)
		for _, o := range []Options{{Width: 100}, {Width: 100, Sort: "buckets"}, {Width: 100, GroupBy: GroupByGroup}, {Width: 100, All: true}} {
			list := sorted(run.Hosts, o.Sort)
			s := &screen{Options: o}
			total, rows := 0, 0
			for _, e := range s.brief([][]entry{s.list(list)})[0] {
				total += len(e.hosts) + e.more
				rows++
			}
			if total != run.Summary.Audited {
				t.Errorf("%s, %+v: %d hosts of %d", name, o, total, run.Summary.Audited)
			}
			if most := maxRows + maxVerdict + 1; rows > most && !o.All {
				t.Errorf("%s, %+v: %d rows", name, o, rows)
			}
		}
	}
	rows := strings.Join(rowsOf(t, fleetOf(map[audit.Verdict]int{audit.VerdictOverflowing: 500, audit.VerdictNearLimit: 12}), Options{Width: 100}), "\n")
	for _, want := range []string{"overflowing0009 ", "and 490 more hosts overflowing\n", "nearlimit0009 ", "and 2 more hosts near-limit\n"} {
		if !strings.Contains(rows, want) {
			t.Errorf("lacks %q:\n%s", want, rows)
		}
	}
}

// A row for several hosts must not lend a number to one whose own is not known.
func TestTable_alikeHostsWithoutNumbers(t *testing.T) {
	t.Parallel()
	hosts := []subject{{}, {TimeWait: audit.TimeWait{Ratio: f(0.5), Buckets: n(50), Limit: n(100)}}, {}}
	s := &screen{}
	if got := usedBy(hosts); got != "50%" {
		t.Errorf("used %s, want that of the one that is known", got)
	}
	if got := usedBy(hosts[:1]); got != "?" {
		t.Errorf("used %s of hosts of which nothing is known", got)
	}
	for i := range hosts {
		hosts[i].HostResult = &audit.HostResult{}
	}
	if got := s.leastHeadroom(hosts); got != "-" {
		t.Errorf("headroom %s of hosts of which nothing is known", got)
	}
}
