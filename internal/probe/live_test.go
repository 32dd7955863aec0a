package probe

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestParse_live asks this machine, under every shell that it has, and holds
// the parsers to what the script really prints.
func TestParse_live(t *testing.T) {
	t.Parallel()
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue // the script's own tests demand the shells
		}
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			t.Parallel()
			args := append(shell[1:], "-s", "--", wireNonce, "sample=20", "logs=auto", "peers=1")
			cmd := exec.Command(shell[0], args...)
			cmd.Stdin = strings.NewReader(string(Script()))
			before := time.Now()
			raw, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			a, err := Parse(raw, wireNonce, before)
			if err != nil {
				t.Fatal(err)
			}
			checkFacts(t, a)
			for _, g := range a.Gaps {
				if strings.Contains(g.Reason, "understood") || strings.Contains(g.Reason, "no such section") {
					t.Errorf("gap %+v", g)
				}
			}
			f := a.Facts
			if f.TimeWait.Buckets == nil || f.TimeWait.Limit == nil || f.TimeWait.SampleSeconds == nil || f.Config == nil ||
				f.Host.Clock == nil || len(f.Counters.Last) == 0 || len(f.Namespaces) == 0 {
				t.Errorf("facts = %+v", f)
			}
			if skew := f.Host.Clock.Sub(before).Abs(); skew > time.Minute {
				t.Errorf("our own clock seems %v away", skew)
			}
		})
	}
}
