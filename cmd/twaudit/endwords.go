package main

import (
	"fmt"
	"strings"

	"twaudit/internal/audit"
)

// sayStatus explains the exit status of a run to whoever sits before a terminal:
// scripts have the number, and logs want no line more than there is to say.
func (a *App) sayStatus(status int) {
	if words := a.end.words(status); words != "" && a.isTerminal(a.Stderr) {
		a.say("exit status %d: %s", status, words)
	}
}

// words say why a run ended with status; empty when all is well, and when an error
// has said it.
func (e *ending) words(status int) string {
	if e.err != nil || e.run == nil {
		return ""
	}
	switch status {
	case exitFindings:
		return fmt.Sprintf("%s at or above %s (--fail-on)", hostsAre(countAtOrAbove(e.run.Hosts, e.failOn)), e.failOn)
	case exitIncomplete:
		sum := &e.run.Summary
		var rest []string
		for _, kind := range []struct {
			n    int
			what string
		}{{sum.Failed, "failed"}, {sum.Skipped, "not begun"}, {sum.Verdicts[audit.VerdictUnknown], "unknown"}} {
			if kind.n > 0 {
				rest = append(rest, fmt.Sprintf("%d %s", kind.n, kind.what))
			}
		}
		return fmt.Sprintf("no host is at or above %s (--fail-on), but not all are known: %s", e.failOn, strings.Join(rest, ", "))
	case exitFailed:
		return "no host could be audited"
	case exitInterrupted:
		return "interrupted; the report is of what was known by then"
	}
	return ""
}

// countAtOrAbove counts what makes atOrAbove true.
func countAtOrAbove(hosts []audit.HostResult, limit audit.Verdict) int {
	n := 0
	for i := range hosts {
		if atOrAbove(hosts[i:i+1], limit) {
			n++
		}
	}
	return n
}

func hostsAre(n int) string {
	if n == 1 {
		return "1 host is"
	}
	return fmt.Sprintf("%d hosts are", n)
}
