package main

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInterrupt_beforeTheFirstHost: whoever interrupts a scan that waits learns that
// nobody was asked, and finds the report of the run before.
func TestInterrupt_beforeTheFirstHost(t *testing.T) {
	t.Parallel()
	const none = "twaudit: interrupted before any host was asked: no report is written\n"
	pipe := namedPipe(t)
	for name, c := range map[string]struct {
		waits string // the message after which the signal comes; empty: when the program runs
		args  []string
		says  string
	}{
		"splay":     {"begins in ", []string{"scan", "web1", "-F", "none", "--splay", "1000h"}, none},
		"inventory": {"waiting for ", []string{"scan", "-F", "none", "-i", pipe}, none},
		"program":   {"", []string{"scan", "-F", "none", "-i", "slow.sh", "--inventory-kind", "program"}, none},
		"hosts":     {"waiting for ", []string{"hosts", "-F", "none", "-i", pipe}, "twaudit: interrupted\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range map[string]string{"run.csv": "before", "slow.sh": "#!/bin/sh\necho >begun\nexec sleep 60\n"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := syscall.Mkfifo(filepath.Join(dir, "begun"), 0o600); err != nil {
				t.Fatal(err)
			}
			if name != "hosts" {
				c.args = append(c.args, "-f", "csv=run.csv")
			}
			status, said := interrupted(t, dir, c.waits, c.args...)
			if status != exitInterrupted || !strings.HasSuffix(said, c.says) || strings.Count(said, "interrupted") != 1 {
				t.Errorf("status %d: %s", status, said)
			}
			if got := load(t, filepath.Join(dir, "run.csv")); got != "before" {
				t.Errorf("the report before is gone: %q", got)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
				t.Errorf("left behind: %v, %v", entries, err)
			}
		})
	}
}

// TestInterrupt_whileAlarmsAreSent: the report is complete by then, and the status is
// that of the run.
func TestInterrupt_whileAlarmsAreSent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := newScriptFleet(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if err := f.add("web1", "ok"); err != nil {
		t.Fatal(err)
	}
	config := "notify: [ops]\nalarms: {ops: {on: always, command: [sh, -c, 'echo >begun; exec sleep 60']}}\n"
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "begun"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, said := interrupted(t, dir, "", "scan", "-F", f.client.Config, "--config", "config.yaml", "--sample", "0", "web1", "-f", "csv=run.csv")
	want := "twaudit: interrupted: the report is complete, and alarms may not have been sent; once more quits at once\n"
	if status != exitOK || !strings.Contains(said, want) || !strings.Contains(said, "alarm ops was not sent: ") {
		t.Errorf("status %d: %s", status, said)
	}
}

// interrupted runs the program in dir until it has said words, or else something
// writes to the pipe "begun", interrupts it once, and returns its status and all its messages.
func interrupted(t *testing.T, dir, words string, args ...string) (status int, said string) {
	t.Helper()
	messages := newHeard(words)
	cmd := exec.Command("twaudit", args...)
	cmd.Dir, cmd.Stderr, cmd.Stdout = dir, messages, io.Discard
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }) // a stuck program must fail, not hang
	defer guard.Stop()
	if words == "" {
		load(t, filepath.Join(dir, "begun"))
	} else {
		messages.await(t)
	}
	end := os.Signal(os.Interrupt)
	if signal.Ignored(end) { // the tests run in the background, and so does the program
		end = syscall.SIGTERM
	}
	if err := cmd.Process.Signal(end); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status says it
	return cmd.ProcessState.ExitCode(), messages.String()
}
