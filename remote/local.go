package remote

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Local runs cmd here, with `sh -c`, and keeps to the same caps; no SSH and no
// Dialer is needed. The command has a process group of its own, which is killed
// when ctx ends or the cap of standard output is met. Errors are as from Run;
// there is no limit but that of ctx.
func Local(ctx context.Context, cmd Command) (*Output, error) {
	if cmd.Admit != nil {
		release, err := cmd.Admit(ctx)
		if err != nil {
			return nil, localStopped(ctx, err)
		}
		if release != nil {
			defer release()
		}
	}
	begun := time.Now()
	run, end := context.WithCancel(ctx)
	defer end()
	sh := exec.CommandContext(run, "sh", "-c", cmd.Line)
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	sh.Cancel = func() error { return syscall.Kill(-sh.Process.Pid, syscall.SIGKILL) }
	sh.WaitDelay = outputGrace
	sh.Stdin = strings.NewReader(cmd.Stdin)
	stdout, stderr := &limited{max: cmd.MaxStdout, full: end}, &limited{max: cmd.MaxStderr}
	sh.Stdout, sh.Stderr = stdout, stderr
	err := sh.Run()
	if sh.ProcessState == nil {
		if ctx.Err() != nil {
			return nil, localStopped(ctx, ctx.Err())
		}
		return nil, &Error{Stage: StageSession, Message: "no shell could be started here: " + innermost(err), Err: err}
	}
	out := &Output{
		Stdout: stdout.bytes(), Stderr: stderr.bytes(), ExitStatus: localStatus(sh.ProcessState.Sys()),
		Truncated: stdout.over(), Command: time.Since(begun), Bytes: stdout.count() + stderr.count(),
	}
	switch {
	case out.Truncated:
		return out, nil
	case errors.Is(err, exec.ErrWaitDelay):
		// Whatever still holds the streams belongs to the group.
		syscall.Kill(-sh.Process.Pid, syscall.SIGKILL)
	case ctx.Err() != nil && err != nil:
		return out, localStopped(ctx, ctx.Err())
	}
	return out, nil
}

// localStopped is for what the end of ctx ended.
func localStopped(ctx context.Context, err error) *Error {
	stage := StageSession
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		stage = StageTimeout
	}
	return &Error{Stage: stage, Message: "stopped while the command ran", Err: err}
}

func localStatus(state any) int {
	status, ok := state.(syscall.WaitStatus)
	switch {
	case !ok:
		return -1
	case status.Signaled():
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// limited is a capture that is written to, also after somebody stopped waiting
// for the writer.
type limited struct {
	max  int
	full func() // called when there is more than max; nil: the rest is dropped

	mu    sync.Mutex
	kept  []byte
	total int64
}

func (l *limited) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total += int64(len(p))
	room := max(0, l.max-len(l.kept))
	l.kept = append(l.kept, p[:min(len(p), room)]...)
	if len(p) > room && l.full != nil {
		l.full()
		return room, io.ErrShortWrite
	}
	return len(p), nil
}

func (l *limited) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept
}

func (l *limited) count() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// over reports whether there was more than max.
func (l *limited) over() bool { return l.count() > int64(max(0, l.max)) }
