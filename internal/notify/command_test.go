package notify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCommand_getsTheJSON(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "got")
	c := Command{Args: []string{"sh", "-c", `cat >"$1"`, "sh", file}}
	if err := c.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != `{"schema":1}` {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCommand_mayLeaveAChildBehind(t *testing.T) {
	t.Parallel()
	c := Command{Args: []string{"sh", "-c", "sleep 5 & exit 0"}}
	if err := c.Send(t.Context(), message()); err != nil {
		t.Error(err)
	}
}

func TestCommand_fails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, words string
		command     Command
	}{
		{"status", "exit status 3: no pager", Command{Args: []string{"sh", "-c", "cat >/dev/null; echo no pager >&2; exit 3"}}},
		{"missing", "no such file", Command{Args: []string{"/nonexistent/page"}}},
		{"none", "names no command", Command{}},
		{"hangs", "did not end within", Command{Args: []string{"sleep", "60"}, Timeout: 50 * time.Millisecond}},
		{"leaves a child", "did not end within", Command{Args: []string{"sh", "-c", "sleep 3 & exec sleep 60"}, Timeout: 50 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			err := c.command.Send(t.Context(), message())
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("error %v, want %q", err, c.words)
			}
			if time.Since(begun) > 30*time.Second {
				t.Error("it waited for the child")
			}
		})
	}
}

// TestCommand_leavesNothing: a child of a command that took too long ends with it,
// also one that ignores signals.
func TestCommand_leavesNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	c := Command{Args: []string{"sh", "-c", `trap "" TERM INT; sleep 100 & echo $! >"$1.new"; mv "$1.new" "$1"; wait`, "sh", file}}
	done := make(chan error, 1)
	go func() { done <- c.Send(ctx, message()) }() // ends with ctx
	var pid int
	for pid == 0 {
		if text, err := os.ReadFile(file); err == nil {
			pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "was ended") {
		t.Errorf("error %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(5 * time.Millisecond) {
		if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(state), ") Z ") {
			break // dead, and nobody has asked how it died
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on", pid)
		}
	}
}

func TestHead_isBounded(t *testing.T) {
	t.Parallel()
	h := &head{most: 5}
	for _, part := range []string{"ab", "cdefgh", "ij"} {
		if n, err := h.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if h.String() != "abcde" {
		t.Errorf("kept %q", h)
	}
}
