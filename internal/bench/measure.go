package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// figures are what one command cost.
type figures struct {
	wall time.Duration
	cpu  time.Duration // of the command and its children
	rss  int64         // bytes, of the largest single process
	ok   int           // hosts that answered
	out  []byte
}

// measure runs a command b.runs times and returns the run with the median CPU.
// count says from the output how many hosts answered; a run in which not all of
// want did is an error, because it would have been cheaper.
func (b *bench) measure(want int, count func([]byte) int, command ...string) (figures, error) {
	var all []figures
	for range b.runs {
		f, err := once(command)
		if err != nil {
			return f, err
		}
		if f.ok = count(f.out); f.ok != want {
			return f, fmt.Errorf("%s: %d of %d hosts answered:\n%.2000s", command[0], f.ok, want, f.out)
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(x, y figures) int { return int(x.cpu - y.cpu) })
	return all[len(all)/2], nil
}

// once runs a command, whose exit status does not matter: twaudit's speaks of
// the hosts.
func once(command []string) (figures, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), "ANSIBLE_HOST_KEY_CHECKING=True", "ANSIBLE_NOCOLOR=1", "ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3", "PYTHONWARNINGS=ignore", "TWAUDIT_NO_HISTORY=true")
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return figures{}, err
	}
	_ = cmd.Wait() // see above; a command that could not work counts no hosts
	f := figures{wall: time.Since(start), out: out.Bytes()}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	f.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	f.rss = usage.Maxrss * 1024
	return f, nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
