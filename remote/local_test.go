package remote_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"twaudit/remote"
)

func TestLocal_answer(t *testing.T) {
	t.Parallel()
	cmd := remote.Command{
		Line: "sh -s -- a b", Stdin: "echo $# $2; echo oops >&2; exit 3\n", MaxStdout: 100, MaxStderr: 2,
	}
	out, err := remote.Local(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	if string(out.Stdout) != "2 b\n" || string(out.Stderr) != "oo" || out.ExitStatus != 3 || out.Bytes != 9 || out.Truncated {
		t.Errorf("got %+v", out)
	}
	cmd.Stdin = "kill -TERM $$\n"
	if out, err = remote.Local(t.Context(), cmd); err != nil || out.ExitStatus != 128+15 {
		t.Errorf("got %+v, %v: want the status of a SIGTERM", out, err)
	}
}

// The caps hold against a command that writes for ever, and its whole group ends.
func TestLocal_flood(t *testing.T) {
	t.Parallel()
	out, err := remote.Local(t.Context(), remote.Command{Line: "sh -c 'echo $$ >&2; exec yes' & wait", MaxStdout: 1000, MaxStderr: 100})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Stdout) != 1000 || !out.Truncated {
		t.Errorf("%d bytes, truncated %v: want 1000 and a cut", len(out.Stdout), out.Truncated)
	}
	wantGone(t, string(out.Stderr))
}

// A child that holds the output does not hold us, and the end of the context
// ends the children too.
func TestLocal_children(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	out, err := remote.Local(t.Context(), remote.Command{Line: "sleep 300 & echo $!", MaxStdout: 100})
	if err != nil || out.ExitStatus != 0 {
		t.Fatalf("got %+v, %v", out, err)
	}
	wantGone(t, string(out.Stdout))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	out, err = remote.Local(ctx, remote.Command{Line: "sleep 300 & echo $!; wait", MaxStdout: 100})
	failure := asError(t, err)
	wantError(t, failure, remote.StageTimeout)
	if !errors.Is(failure, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", failure.Err)
	}
	wantGone(t, string(out.Stdout))
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

// wantGone waits for the end of a process whose number a command printed.
func wantGone(t *testing.T, printed string) {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(printed))
	if err != nil {
		t.Fatalf("no process number in %q", printed)
	}
	for range 1000 {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		if state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && strings.Contains(string(state), ") Z ") {
			return // dead; who adopts it may take its time to notice
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
}
