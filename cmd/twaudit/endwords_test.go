package main

import (
	"errors"
	"testing"

	"twaudit/internal/audit"
)

func TestEnding_words(t *testing.T) {
	t.Parallel()
	run := func(hosts ...audit.HostResult) *audit.Run {
		return &audit.Run{Hosts: hosts, Summary: audit.Summarize(hosts)}
	}
	host := func(v audit.Verdict) audit.HostResult {
		return audit.HostResult{Status: audit.StatusAudited, Verdict: v, Coverage: audit.CoverageFull}
	}
	failed := audit.HostResult{Status: audit.StatusFailed, Failure: &audit.Failure{}}
	skipped := audit.HostResult{Status: audit.StatusSkipped}
	near := audit.VerdictNearLimit
	for name, c := range map[string]struct {
		end  ending
		want string
	}{
		"all well":    {ending{run: run(host(audit.VerdictOK)), failOn: near}, ""},
		"no run":      {ending{}, ""},
		"one finding": {ending{run: run(host(near), host(audit.VerdictOK)), failOn: near}, "1 host is at or above near-limit (--fail-on)"},
		"findings":    {ending{run: run(host(audit.VerdictOverflowing), host(near), failed), failOn: near}, "2 hosts are at or above near-limit (--fail-on)"},
		"not all known": {ending{run: run(host(audit.VerdictOK), host(audit.VerdictUnknown), failed, failed, skipped), failOn: near},
			"no host is at or above near-limit (--fail-on), but not all are known: 2 failed, 1 not begun, 1 unknown"},
		"none audited": {ending{run: run(failed), failOn: near}, "no host could be audited"},
		"interrupted":  {ending{run: run(host(near)), failOn: near, interrupted: true}, "interrupted; the report is of what was known by then"},
		"said already": {ending{run: run(host(near)), failOn: near, began: true, err: errors.New("disk full")}, ""},
	} {
		if got := c.end.words(c.end.status()); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
