package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"twaudit/internal/probe"
)

// onTheHost counts what the probe costs a healthy host: this machine.
func (b *bench) onTheHost() error {
	b.section("On the audited host", `
The script on this machine as root with the defaults of a scan (two readings, --logs auto), counted by strace: processes
started, and bytes of the answer. The promise is at most 30 processes, 2 more for each further network namespace, and
64 KiB.`)
	trace := filepath.Join(b.dir, "trace")
	cmd := exec.Command("strace", "-f", "-o", trace, "-e", "trace=clone,clone3,fork,vfork", "-e", "signal=none",
		"sh", "-s", "--", probe.ManualNonce, "sample=1000", "logs=auto", "peers=1")
	cmd.Stdin = strings.NewReader(probe.Script())
	answer, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("strace: %w", err)
	}
	calls, err := os.ReadFile(trace)
	if err != nil {
		return err
	}
	forks := 0
	for line := range strings.Lines(string(calls)) {
		call, result, found := strings.Cut(line, " = ")
		if found && !strings.Contains(call, "CLONE_THREAD") && !strings.HasPrefix(result, "?") && !strings.HasPrefix(result, "-1") {
			forks++
		}
	}
	namespaces := strings.Count(string(answer), "\nns ")
	b.table([][]string{
		{"processes started", "network namespaces", "bytes of answer"},
		{fmt.Sprint(forks), fmt.Sprint(max(1, namespaces)), fmt.Sprint(len(answer))},
	})
	return nil
}
