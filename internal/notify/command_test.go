package notify

import (
	"os"
	"path/filepath"
	"strings"
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
