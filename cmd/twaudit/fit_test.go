package main

import (
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/history"
)

func TestRuns_fit(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 6, 17, 36, 0, time.UTC)
	entries := []history.Entry{{
		Meta:    audit.Meta{ID: "20261123T061736Z-0a1b2c3d", StartedAt: at, FinishedAt: at.Add(4 * time.Second)},
		Label:   "-i /srv/fleet/production/hosts.ini -F /etc/twaudit/ssh_config --limit 網web*",
		Summary: audit.Summary{Hosts: 4, Failed: 1, Verdicts: map[audit.Verdict]int{audit.VerdictOverflowing: 1, audit.VerdictNearLimit: 1, audit.VerdictOK: 2}},
	}}
	for width, want := range map[int][]string{
		0:   {"STARTED", "2026-11-23 06:17:36", "1 overflowing, 1 near-limit, 2 ok", entries[0].Label},
		200: {"STARTED", "2026-11-23 06:17:36", "1 overflowing, 1 near-limit, 2 ok", entries[0].Label},
		130: {"STARTED", "1 overflowing, 1 near-limit, 2 ok", "-i /srv/f", "…", "網web*"},
		80:  {"RUN", "HOSTS  FAILED  VERDICTS", "1 overflowing +2", "-i ", "…", "web*", "no room for STARTED, TOOK here"},
		60:  {"RUN", "VERDICTS", "SELECTION", "no room for STARTED, TOOK, HOSTS, FAILED here"},
		30:  {"20261123T061736Z-0a1b2c3d", "no room for STARTED, TOOK, HOSTS, FAILED, VERDICTS, SELECTION"},
	} {
		var b strings.Builder
		if err := writeRuns(&b, entries, width); err != nil {
			t.Fatal(err)
		}
		for _, words := range want {
			if !strings.Contains(b.String(), words) {
				t.Errorf("%d columns: no %q in\n%s", width, words, b.String())
			}
		}
		for line := range strings.Lines(b.String()) {
			if line = strings.TrimSuffix(line, "\n"); width > 0 && cells(line) > width && !strings.HasPrefix(line, "no room") {
				t.Errorf("%d columns: %d in %q", width, cells(line), line)
			}
		}
		if lost := strings.Contains(b.String(), "no room"); lost != (width > 0 && width <= 80) {
			t.Errorf("%d columns:\n%s", width, b.String())
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		short func(string, int) string
		words string
		max   int
		want  string
	}{
		{shortMiddle, "abcdefgh", 5, "ab…gh"},
		{shortMiddle, "abcdefgh", 4, "a…gh"},
		{shortMiddle, "網網網網", 5, "網…網"},
		{shortMiddle, "abc", 0, "…"},
		{shortList, "1 overflowing, 2 ok", 18, "1 overflowing +1"},
		{shortList, "1 overflowing, 2 ok", 9, "1 ov…2 ok"},
	} {
		if got := c.short(c.words, c.max); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.words, c.max, got, c.want)
		}
	}
}
