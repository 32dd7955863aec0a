package report

import (
	"strings"
	"testing"

	"twaudit/internal/audit"
)

func TestTable_saysWhatWasNotRead(t *testing.T) {
	t.Parallel()
	gap := audit.Gap{Section: "namespaces", Reason: "two limits could not be read", Remedy: "run as root"}
	log := audit.Gap{Section: "log", Reason: "denied"}
	host := func(name string, v audit.Verdict, gaps ...audit.Gap) audit.HostResult {
		return audit.HostResult{Name: name, Status: audit.StatusAudited, Verdict: v, Gaps: gaps}
	}
	run := &audit.Run{Hosts: []audit.HostResult{
		host("a1", audit.VerdictOK, log, gap), host("a2", audit.VerdictNearLimit, gap, gap), host("a3", audit.VerdictUnknown, log),
	}}
	var out strings.Builder
	if err := Render(&out, run, "table", Options{}); err != nil {
		t.Fatal(err)
	}
	_, said, found := strings.Cut(out.String(), "\nNot read\n")
	want := "  namespaces on 2 hosts: a1, a2\n    two limits could not be read\n    > run as root\n  log on a1\n    denied\n"
	if !found || said != want {
		t.Errorf("got\n%s\nwant, at its end,\n%s", out.String(), want)
	}
}
