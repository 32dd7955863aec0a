package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"twaudit/internal/probe"
)

// cost is what a command took on the host where it ran.
type cost struct {
	cpu, wall time.Duration // cpu: of all processes that it left behind too
	rss       int64         // bytes, of the largest single process
	forks     int           // processes started; only of counted runs
	out       []byte
}

// hosted is a command as it runs on an audited host: what leads there (a
// namespace, other files), and the environment.
type hosted struct {
	lead []string
	env  []string
}

func (h hosted) command(words ...string) *exec.Cmd {
	words = append(slices.Clone(h.lead), words...)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), h.env...)
	return cmd
}

// probe is the script there with the defaults of a scan, but its own limit.
func (h hosted) probe() *exec.Cmd {
	cmd := h.command("sh", "-s", "--", probe.ManualNonce, "sample=1000", "logs=auto", "peers=1")
	cmd.Stdin = strings.NewReader(probe.Script())
	return cmd
}

// spend runs a command in a child of ours, which is told apart from all others.
func spend(cmd *exec.Cmd) (cost, error) {
	self, err := os.Executable()
	if err != nil {
		return cost{}, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return cost{}, err
	}
	defer read.Close()
	cmd.Path, cmd.Args = self, append([]string{self, "-role", "spend", "--"}, cmd.Args...)
	cmd.ExtraFiles = []*os.File{write}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	err = cmd.Run()
	write.Close()
	if err != nil {
		return cost{}, err
	}
	c := cost{out: out.Bytes()}
	if _, err := fmt.Fscan(read, &c.cpu, &c.wall, &c.rss); err != nil {
		return cost{}, fmt.Errorf("cost of %s: %w", cmd.Args[4], err)
	}
	return c, nil
}

// spender is the child: it runs a command, whose exit status does not matter
// (grep's is 1 when it counts nothing), adopts the orphans that it leaves (the
// script's watchdog has a child) and writes what all have cost to descriptor 3.
func spender(words []string) error {
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		return fmt.Errorf("prctl: %w", errno)
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = cmd.Wait() // see above
	wall := time.Since(start)
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil && err != syscall.EINTR {
			break
		}
	}
	var all syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &all); err != nil {
		return err
	}
	_, err := fmt.Fprintln(os.NewFile(3, "cost"), all.Utime.Nano()+all.Stime.Nano(), int64(wall), all.Maxrss*1024)
	return err
}

// median runs commands in turn, b.runs rounds after one that is not counted, so
// that a noisy moment meets all of them; it returns the run with the median CPU
// of each.
func (b *bench) median(commands ...func() *exec.Cmd) ([]cost, error) {
	all := make([][]cost, len(commands))
	for round := range b.runs + 1 {
		for i, command := range commands {
			c, err := spend(command())
			if err != nil {
				return nil, err
			}
			if round > 0 {
				all[i] = append(all[i], c)
			}
		}
	}
	var medians []cost
	for _, runs := range all {
		slices.SortFunc(runs, func(x, y cost) int { return int(x.cpu - y.cpu) })
		medians = append(medians, runs[len(runs)/2])
	}
	return medians, nil
}

// forks runs the probe once more, under strace, and counts the processes that it
// starts.
func (b *bench) forks(h hosted) (int, error) {
	trace := filepath.Join(b.dir, "trace")
	h.lead = append(slices.Clone(h.lead), "strace", "-f", "--seccomp-bpf", "-o", trace, "-e", "trace=clone,clone3,fork,vfork", "-e", "signal=none")
	if _, err := spend(h.probe()); err != nil {
		return 0, fmt.Errorf("strace: %w", err)
	}
	calls, err := os.ReadFile(trace)
	if err != nil {
		return 0, err
	}
	forks := 0
	for line := range strings.Lines(string(calls)) {
		call, result, found := strings.Cut(strings.TrimSpace(line), " = ")
		if n, err := strconv.Atoi(result); found && err == nil && n > 0 && !strings.Contains(call, "CLONE_THREAD") {
			forks++
		}
	}
	return forks, nil
}
