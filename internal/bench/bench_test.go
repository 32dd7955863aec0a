package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// TestCPU_per_host holds what a scan costs beside the least that an SSH client in Go
// can do, and beside the OpenSSH client. Both bounds are twice as wide as what
// docs/benchmarks.md shows; the programs are built as they are released, without
// the race detector.
func TestCPU_per_host(t *testing.T) {
	if os.Geteuid() != 0 {
		skip(t, "it makes a network namespace, which needs root")
	}
	for _, path := range []string{"/usr/sbin/sshd", "/usr/bin/ssh", "/sbin/ip"} {
		if _, err := os.Stat(path); err != nil {
			skip(t, "there is no "+path)
		}
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir, "twaudit/cmd/twaudit", "twaudit/internal/bench")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	bench := exec.Command(filepath.Join(dir, "bench"), "-twaudit", filepath.Join(dir, "twaudit"), "-part", "ssh")
	bench.Stderr = os.Stderr
	table, err := bench.Output()
	if err != nil {
		t.Fatal(err)
	}
	ours := cpu(t, table, "twaudit")
	if bare := cpu(t, table, bareName); ours > 4*bare {
		t.Errorf("%.2f ms of CPU for each host, more than 4 times the %.2f of a bare login", ours, bare)
	}
	if ssh := cpu(t, table, quickName); ours > ssh/2 {
		t.Errorf("%.2f ms of CPU for each host, more than half of the %.2f of ssh", ours, ssh)
	}
	t.Logf("\n%s", table)
}

// cpu is the milliseconds that a table of the report gives for a tool.
func cpu(t *testing.T, table []byte, tool string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(tool) + ` \| ([0-9.]+) ms \|`).FindSubmatch(table)
	if found == nil {
		t.Fatalf("no CPU of %s in\n%s", tool, table)
	}
	ms, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

// skip leaves a test out with a reason, which CI does not accept.
func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("in CI nothing is skipped: " + reason)
	}
	t.Skip(reason)
}
