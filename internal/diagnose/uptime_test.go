package diagnose

import (
	"strings"
	"testing"

	"twaudit/internal/audit"
)

// An ok names its span; a counter at zero for nobody knows how long has none.
func TestUptimeUnknown(t *testing.T) {
	t.Parallel()
	noUptime := func(f *audit.Facts) { f.Host.UptimeSeconds, f.Host.BootedAt = nil, nil }
	h := judged(t, modern(noUptime), nil)
	if h.Verdict != audit.VerdictUnknown || len(h.Gaps) == 0 || !strings.Contains(h.Gaps[0].Reason, "uptime") {
		t.Errorf("verdict %s, gaps %v", h.Verdict, h.Gaps)
	}
	if h := judged(t, modern(noUptime, overflows(7, 0)), nil); h.Verdict != audit.VerdictOverflowed {
		t.Errorf("an overflow at an unknown time is %s", h.Verdict)
	}
}

// The fall of the own counter says nothing about that of a namespace.
func TestFallenCounter(t *testing.T) {
	t.Parallel()
	own := modern(func(f *audit.Facts) {
		f.TimeWait.OverflowDelta = nil
		f.Counters = &audit.Counters{First: map[string]int64{"TCPTimeWaitOverflow": 9}, Last: map[string]int64{"TCPTimeWaitOverflow": 0}}
	}, namespaces(child("web", 1, 100, 0, 0)))
	h := judged(t, own, nil)
	if h.Verdict != audit.VerdictOverflowed || len(h.Namespaces) > 1 && h.Namespaces[1].Verdict == audit.VerdictOverflowed {
		t.Errorf("a fall from 9 to 0 is %s, namespaces %v", h.Verdict, h.Namespaces)
	}
}
