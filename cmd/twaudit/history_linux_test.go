package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"twaudit/internal/probe"
)

// TestHistory_noRoom: a full disk and one that must not be written to cost the
// memory of one run.
func TestHistory_noRoom(t *testing.T) {
	t.Parallel()
	requireNamespaces(t)
	dir := t.TempDir()
	answer := filepath.Join(dir, "web1.out")
	a, _ := answerOf("web1", "near-limit")
	if err := os.WriteFile(answer, []byte(a.text(probe.ManualNonce, time.Now())), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ script, say string }{
		"full before": {`mount -t tmpfs -o size=64k none "$0" && head -c 64k /dev/zero >"$0"/ballast 2>/dev/null; "$@"`, "this run has no history: .*full"},
		"full later":  {`mount -t tmpfs -o size=128k none "$0" && "$@" -q >/dev/null; head -c 128k /dev/zero >"$0"/ballast 2>/dev/null; "$@"`, "this run is not kept: .*full"},
		"read-only":   {`mount -t tmpfs -o size=1m none "$0" && "$@" -q >/dev/null; mount -o remount,ro "$0"; "$@"`, "this run .*read-?only"},
	} {
		place := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := os.Mkdir(place, 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("unshare", "-m", "sh", "-c", c.script, place, "twaudit", "import", answer, "--history", filepath.Join(place, "h.db"), "-f", "csv", "--no-progress")
		var out, messages strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &messages
		_ = cmd.Run() // the status says it
		if got := cmd.ProcessState.ExitCode(); got != exitFindings || !strings.Contains(out.String(), "\nweb1,,audited,near-limit,") {
			t.Errorf("%s: status %d, %s", name, got, out.String())
		}
		if !matches(c.say, messages.String()) {
			t.Errorf("%s: messages %q lack %q", name, messages.String(), c.say)
		}
	}
}

func matches(pattern, s string) bool { return regexp.MustCompile(`(?i)` + pattern).MatchString(s) }
