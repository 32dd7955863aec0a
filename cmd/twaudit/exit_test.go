package main

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"twaudit/internal/audit"
)

// fleetOf makes a run from words: a verdict, "failed", "skipped", or "ok*" for
// a host that was read in part.
func fleetOf(words ...string) *audit.Run {
	run := &audit.Run{}
	for _, word := range words {
		host := audit.HostResult{Status: audit.StatusAudited, Verdict: audit.Verdict(word), Coverage: audit.CoverageFull}
		switch word {
		case "failed", "skipped":
			host = audit.HostResult{Status: audit.Status(word)}
		case "ok*":
			host.Verdict, host.Coverage = audit.VerdictOK, audit.CoveragePartial
		}
		run.Hosts = append(run.Hosts, host)
	}
	run.Summary = audit.Summarize(run.Hosts)
	return run
}

func TestStatus(t *testing.T) {
	t.Parallel()
	usage := fmt.Errorf("wrapped: %w", &usageError{errors.New("x"), ""})
	for name, test := range map[string]struct {
		end  ending
		want int
	}{
		"no run":                        {ending{began: true}, exitOK},
		"all ok":                        {ending{run: fleetOf("ok", "fixed"), failOn: "near-limit"}, exitOK},
		"overflowing":                   {ending{run: fleetOf("ok", "overflowing"), failOn: "near-limit"}, exitFindings},
		"overflowed":                    {ending{run: fleetOf("overflowed"), failOn: "near-limit"}, exitFindings},
		"near at near":                  {ending{run: fleetOf("near-limit"), failOn: "near-limit"}, exitFindings},
		"near below overflowed":         {ending{run: fleetOf("near-limit"), failOn: "overflowed"}, exitOK},
		"overflowed below overflowing":  {ending{run: fleetOf("overflowed"), failOn: "overflowing"}, exitOK},
		"unknown":                       {ending{run: fleetOf("ok", "unknown"), failOn: "near-limit"}, exitIncomplete},
		"unknown at unknown":            {ending{run: fleetOf("ok", "unknown"), failOn: "unknown"}, exitFindings},
		"partly read":                   {ending{run: fleetOf("ok*"), failOn: "near-limit"}, exitOK},
		"partly read at unknown":        {ending{run: fleetOf("ok*"), failOn: "unknown"}, exitFindings},
		"fixed at unknown":              {ending{run: fleetOf("fixed"), failOn: "unknown"}, exitOK},
		"failed":                        {ending{run: fleetOf("ok", "failed"), failOn: "near-limit"}, exitIncomplete},
		"skipped":                       {ending{run: fleetOf("ok", "skipped"), failOn: "near-limit"}, exitIncomplete},
		"findings beat failures":        {ending{run: fleetOf("near-limit", "failed"), failOn: "near-limit"}, exitFindings},
		"none audited":                  {ending{run: fleetOf("failed", "skipped"), failOn: "unknown"}, exitFailed},
		"interrupted":                   {ending{run: fleetOf("overflowing", "skipped"), failOn: "near-limit", interrupted: true}, exitInterrupted},
		"interrupted before any answer": {ending{run: fleetOf("skipped"), interrupted: true}, exitInterrupted},
		"interrupted and not written":   {ending{began: true, run: fleetOf("ok"), interrupted: true, err: errors.New("x")}, exitFailed},
		"not written":                   {ending{began: true, run: fleetOf("ok"), err: errors.New("x")}, exitFailed},
		"not understood":                {ending{err: errors.New("x")}, exitUsage},
		"usage":                         {ending{began: true, err: usage}, exitUsage},
	} {
		if got := test.end.status(); got != test.want {
			t.Errorf("%s: status %d, want %d", name, got, test.want)
		}
	}
}

func TestShareable_notes_hold_no_home(t *testing.T) {
	t.Parallel()
	notes := []string{"/home/kim/.ssh/known_hosts:3: bad line", "host web1 is named again in /home/kimono/hosts:2"}
	got := (&App{Home: "/home/kim"}).shareable(notes)
	want := []string{"~/.ssh/known_hosts:3: bad line", "host web1 is named again in /home/kimono/hosts:2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
