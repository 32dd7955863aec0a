package report

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"twaudit/internal/audit"
)

// cellsOf renders one host and returns its cells by column.
func cellsOf(t *testing.T, h audit.HostResult) map[string]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(render(t, &audit.Run{Hosts: []audit.HostResult{h}}, "csv", Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string]string{}
	for i, name := range rows[0] {
		cells[name] = rows[1][i]
	}
	return cells
}

func TestCSV_headerIsTheContract(t *testing.T) {
	t.Parallel()
	const want = "host,groups,status,verdict,coverage,flags,buckets,limit,ratio,overflow_total,overflow_delta,overflow_lines,suppressed," +
		"first_overflow,last_overflow,config_value,config_source,config_changed_at,sysctl_conf_changed_at,close_rate,time_wait,syn_recv," +
		"established,kernel,os,booted_at,failure_stage,failure,gaps\r\n"
	got := string(render(t, sampleRun(), "csv", Options{}))
	if !strings.HasPrefix(got, want) {
		t.Errorf("header:\n%.400s", got)
	}
	if bare := strings.Count(got, "\n") - strings.Count(got, "\r\n"); bare != 0 {
		t.Errorf("%d lines end without CR", bare)
	}
}

func TestCSV_cells(t *testing.T) {
	t.Parallel()
	h := healthyHost("h", 7)
	h.Groups = []string{"=evil", "a;b", "eu"}
	h.Facts.TimeWait = audit.TimeWait{Buckets: n(0), Limit: n(-1), OverflowDelta: n(-5), Ratio: f(1.00004)}
	h.Facts.Config = &audit.Config{Value: n(-1), Source: "-x:1"}
	h.Facts.TCPStates = map[string]int64{"SYN_RECV": 0}
	h.Gaps = []audit.Gap{{Section: "log", Reason: "a, \"b\""}, {Section: "@x", Reason: "y"}}
	cells := cellsOf(t, h)
	for column, want := range map[string]string{
		"groups": "'=evil;a,b;eu", "buckets": "0", "limit": "-1", "overflow_delta": "-5", "ratio": "1",
		"overflow_total": "", "overflow_lines": "", "first_overflow": "", "config_value": "-1", "config_source": "'-x:1",
		"syn_recv": "0", "established": "", "time_wait": "", "booted_at": "2026-10-13T02:15:00+08:00",
		"failure": "", "gaps": "log: a, \"b\";'@x: y",
	} {
		if cells[column] != want {
			t.Errorf("%s: %q, want %q", column, cells[column], want)
		}
	}
}

func TestCSV_blanksBeforeAFormula(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		" =1": "' =1", "\u00a0\u3000@x": "'\u00a0\u3000@x", "  ＋1": "'  ＋1", "\u200b-1": "'\u200b-1", " a=1": " a=1", "": "", "  ": "  ",
	} {
		if got := word(cell); got != want {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
	}
}

func TestCSV_failedHost(t *testing.T) {
	t.Parallel()
	cells := cellsOf(t, audit.HostResult{Name: "+h", Status: audit.StatusFailed,
		Failure: &audit.Failure{Stage: audit.StageAuth, Message: "=refused", Hint: "secret hint"}})
	for column, got := range cells {
		want := map[string]string{"host": "'+h", "status": "failed", "failure_stage": "auth", "failure": "'=refused"}[column]
		if got != want {
			t.Errorf("%s: %q, want %q: nothing else is known", column, got, want)
		}
	}
}
