package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// heard are messages, and a channel that is closed when words are among them.
type heard struct {
	words string
	yes   chan struct{}

	mu  sync.Mutex
	all strings.Builder
}

func newHeard(words string) *heard { return &heard{words: words, yes: make(chan struct{})} }

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := strings.Contains(h.all.String(), h.words)
	h.all.Write(b)
	if !before && strings.Contains(h.all.String(), h.words) {
		close(h.yes)
	}
	return len(b), nil
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all.String()
}

// await fails the test when the words do not come.
func (h *heard) await(t *testing.T) {
	t.Helper()
	select {
	case <-h.yes:
	case <-time.After(time.Minute):
		t.Fatalf("nobody said %q: %s", h.words, h)
	}
}

func namedPipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// write gives the pipe its writer.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
}

// A pipe that nobody writes to is named, and read when somebody does.
func TestPipe_isNamedWhileItKeepsUsWaiting(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"inventory":    {"hosts", "-F", "none", "-f", "list", "-i"},
		"saved run":    {"report"},
		"answer":       {"import"},
		"failed hosts": {"scan", "--failed-from"},
		"one host":     {"show", "web1", "--from"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pipe := namedPipe(t)
			said := newHeard("waiting for " + pipe + ", a pipe: its writer has not come, or has not ended")
			app := stateApp(t)
			app.Stdout, app.Stderr, app.silence = &strings.Builder{}, said, time.Millisecond
			ended := make(chan int)
			go func() { ended <- app.Main(append(args, pipe)) }() // ends with the pipe
			said.await(t)
			write(t, pipe, "web1\n")
			if status := <-ended; name == "inventory" && (status != exitOK || !strings.Contains(app.Stdout.(*strings.Builder).String(), "web1")) {
				t.Errorf("status %d, %s", status, said)
			}
		})
	}
}

// What is read in time is not spoken of, nor are files.
func TestPipe_nothingIsSaidOfFiles(t *testing.T) {
	t.Parallel()
	first, second := namedPipe(t), namedPipe(t)
	said := newHeard(second)
	app := &App{Stderr: said, silence: 100 * time.Millisecond}
	app.sayPipes("/dev/null", stdoutPath, "", "pipes_test.go")
	app.sayPipes(first)()
	app.silence = 300 * time.Millisecond
	app.sayPipes("nowhere", second) // says it, after all others had their time
	said.await(t)
	if got := said.String(); strings.Count(got, "\n") != 1 {
		t.Error(got)
	}
}

// --deadline holds for the list of hosts, too.
func TestPipe_endsWithTheDeadline(t *testing.T) {
	t.Parallel()
	pipe := namedPipe(t)
	var out, messages strings.Builder
	app := stateApp(t)
	app.Stdout, app.Stderr = &out, &messages
	if status := app.Main([]string{"scan", "-F", "none", "-i", pipe, "--deadline", "50ms"}); status != exitFailed {
		t.Errorf("status %d", status)
	}
	if !strings.Contains(messages.String(), "the list of hosts was not read within --deadline 50ms") || out.Len() > 0 {
		t.Errorf("%s%s", out.String(), messages.String())
	}
	write(t, pipe, "web1\n") // for who waits still
}
