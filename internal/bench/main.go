// Command bench measures the built program and writes docs/benchmarks.md: ratios
// of figures taken in one run on one machine, against other tools on a real
// sshd, at scale against an in-process fleet, and against a fleet with dead
// hosts. With -part probe it measures what the probe costs an audited host, for
// docs/bench-probe.md. It asserts nothing and is no part of the program; its test holds
// a few ratios.
//
// Usage: go run ./internal/bench -twaudit bin/twaudit -o docs/benchmarks.md
//
//	go run ./internal/bench -part bastion
//	go run ./internal/bench -part probe -o docs/bench-probe.md
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var b bench
	flag.StringVar(&b.twaudit, "twaudit", "bin/twaudit", "the program to measure")
	output := flag.String("o", "", "write the report to this file (default: standard output)")
	flag.IntVar(&b.runs, "runs", 3, "runs of each command; the median is kept")
	part := flag.String("part", "fleet", "what to measure: fleet is all of docs/benchmarks.md, others, scale, dead, faults, bastion, known-hosts and ssh-config are its sections; ssh is a short form of others; probe is the cost on an audited host")
	role := flag.String("role", "", "internal: what a child process of the benchmark is")
	hosts := flag.Int("hosts", 0, "internal: hosts of a child's fleet, or sockets that it makes")
	delay := flag.Duration("delay", 0, "internal: round trip time of a child's fleet")
	dead := flag.Bool("dead", false, "internal: one host in twenty of a child's fleet is silent, one unreachable")
	flag.Parse()
	switch *role {
	case "fleet", "faults":
		return serveFleet(flag.Arg(0), *hosts, *delay, *dead, *role == "faults")
	case "bare":
		return bareLoop(flag.Arg(0), flag.Arg(1), flag.Args()[2:])
	case "fill":
		return fill(*hosts)
	case "spend":
		return spender(flag.Args())
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("needs root: it works in network namespaces of its own")
	}
	measures, found := b.parts()[*part]
	if !found {
		return fmt.Errorf("there is no part %q", *part)
	}
	return b.report(*output, measures...)
}

// parts are what can be measured in one go.
func (b *bench) parts() map[string][]func() error {
	return map[string][]func() error{
		"fleet": {b.preface, b.againstOthers, b.behindBastion, b.atScale, b.withDeadHosts, b.withFaults, b.knownHosts, b.resolving},
		"probe": {b.probePreface, b.healthyHost, b.fullTable, b.bigLogs},

		"others": {b.againstOthers}, "bastion": {b.behindBastion}, "scale": {b.atScale}, "dead": {b.withDeadHosts},
		"faults": {b.withFaults}, "known-hosts": {b.knownHosts}, "ssh-config": {b.resolving},
		"ssh": {b.againstSSH},
	}
}

// bench is one run of all measurements.
type bench struct {
	twaudit string // absolute after report began
	runs    int
	dir     string
	out     bytes.Buffer
}

func (b *bench) report(output string, parts ...func() error) error {
	var err error
	if b.twaudit, err = filepath.Abs(b.twaudit); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "twaudit-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	for _, part := range parts {
		if err := part(); err != nil {
			return err
		}
	}
	if output == "" {
		_, err = os.Stdout.Write(b.out.Bytes())
		return err
	}
	return os.WriteFile(output, b.out.Bytes(), 0o644)
}

func (b *bench) preface() error {
	ssh, _ := exec.Command("ssh", "-V").CombinedOutput()
	fmt.Fprintf(&b.out, `# Benchmarks

Written by `+"`make bench`"+` (root, Debian 12; it installs the tools it compares with). The figures of a section come from one run on
one machine; servers and clients share its processors, so wall times say little and ratios say more. CPU is user +
system time of the client and all its children (getrusage), median of %d runs. twaudit keeps no history here.

Machine: %s, %s, %s.
`, b.runs, machine(), runtime.Version(), strings.TrimSpace(string(ssh)))
	return nil
}

func machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // a heading only
	return fmt.Sprintf("%d processors, Linux %s", runtime.NumCPU(), strings.TrimSpace(string(kernel)))
}

// section starts a part of the report; words say what was done.
func (b *bench) section(title, words string) {
	fmt.Fprintf(&b.out, "\n## %s\n\n%s\n\n", title, strings.TrimSpace(words))
	fmt.Fprintln(os.Stderr, "bench:", title)
}

// table writes rows of equal length, the first of which is the heading.
func (b *bench) table(rows [][]string) {
	for i, row := range rows {
		fmt.Fprintf(&b.out, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&b.out, "|%s\n", strings.Repeat("---|", len(row)))
		}
	}
}
