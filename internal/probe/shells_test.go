package probe

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// requireTool skips where a program is missing; in CI nothing may be skipped.
func requireTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		require(t, "needs the program "+name)
	}
}

func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		require(t, "needs root, for namespaces")
	}
}

func require(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// stubs makes a directory of small programs, to stand first in PATH.
func stubs(t *testing.T, programs map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func writeScript(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "probe.sh")
	if err := os.WriteFile(path, []byte(Script()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// shells are those that a host may call sh.
var shells = []struct {
	name string
	args []string
}{
	{"dash", nil},
	{"bash", nil},
	{"bash", []string{"--posix"}},
	{"busybox", []string{"sh"}},
	{"ksh", nil},
	{"mksh", nil},
}

var allSections = []string{
	"identity", "limits", "counters", "tables", "openvz", "namespaces", "states", "top", "config", "log",
	"counters-last", "namespaces-last",
}

func TestScript_shells(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		t.Run(strings.Join(append([]string{shell.name}, shell.args...), " "), func(t *testing.T) {
			t.Parallel()
			requireTool(t, shell.name)
			args := append(slices.Clone(shell.args), "-s", "--", scriptNonce, "sample=100", "logs=auto", "peers=1")
			cmd := exec.Command(shell.name, args...)
			cmd.Stdin = strings.NewReader(Script())
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || stderr.Len() != 0 {
				t.Fatalf("error %v, stderr %q", err, stderr.String())
			}
			checkFrame(t, out)
			if len(out) > 64<<10 {
				t.Errorf("%d bytes, want at most 64 KiB", len(out))
			}
			checkAnswer(t, out)
		})
	}
}

func checkFrame(t *testing.T, out []byte) {
	t.Helper()
	prefix := "twaudit-probe " + scriptNonce + " "
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if lines[0] != prefix+"begin 1" || lines[len(lines)-1] != prefix+"end" {
		t.Errorf("frame is %q … %q", lines[0], lines[len(lines)-1])
	}
	var sections []string
	form := regexp.MustCompile(`^(\||= [a-z0-9-]+|[a-z0-9][a-z0-9_.-]* )`)
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, prefix+"section "); ok {
			sections = append(sections, name)
		} else if !form.MatchString(line) {
			t.Errorf("line is none of ours: %q", line)
		}
	}
	if !slices.Equal(sections, allSections) {
		t.Errorf("sections %q", sections)
	}
}

// checkAnswer parses the answer and compares it with what Go reads itself.
func checkAnswer(t *testing.T, out []byte) {
	t.Helper()
	answer, err := Parse(out, scriptNonce, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, gap := range answer.Gaps {
		if strings.Contains(gap.Reason, "could not be understood") {
			t.Errorf("gap %+v", gap)
		}
	}
	facts := answer.Facts
	limit := facts.TimeWait.Limit
	if want := procNumber(t, "/proc/sys/net/ipv4/tcp_max_tw_buckets"); limit == nil || *limit != want {
		t.Errorf("limit %v, want %d", limit, want)
	}
	if facts.TimeWait.Buckets == nil || facts.TimeWait.OverflowTotal == nil || facts.TimeWait.OverflowDelta == nil {
		t.Errorf("time_wait is not complete: %+v", facts.TimeWait)
	}
	if uid := facts.Host.UID; uid == nil || *uid != os.Geteuid() {
		t.Errorf("uid %v, want %d", uid, os.Geteuid())
	}
	if facts.TCPStatesSource == "" || len(facts.TCPStates) == 0 {
		t.Errorf("states %v from %q", facts.TCPStates, facts.TCPStatesSource)
	}
}

func procNumber(t *testing.T, path string) int64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestScript_byHand saves the answer to a file, which the limit on written files
// must not prevent: it is how an unreachable host is audited.
func TestScript_byHand(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "web1.out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command("sh", writeScript(t))
	cmd.Stdout = file
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(out, "", time.Time{}); err != nil || !bytes.Contains(out, []byte(ManualNonce+" end\n")) {
		t.Errorf("error %v, answer ends in %q", err, out[max(0, len(out)-100):])
	}
}

// TestScript_traced looks at what the kernel saw: nothing is opened for writing,
// and a healthy host pays at most 30 forks, with a log file and a journal.
func TestScript_traced(t *testing.T) {
	t.Parallel()
	requireTool(t, "strace")
	for _, shell := range []string{"dash", "bash"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			trace := filepath.Join(t.TempDir(), "trace")
			calls := "open,openat,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,link,linkat,symlink," +
				"symlinkat,truncate,ftruncate,chmod,fchmodat,chown,fchownat,utimensat,mknod,mknodat,fork,vfork,clone,clone3"
			args := []string{"strace", "-f", "-qq", "-o", trace, "-e", "trace=?" + strings.ReplaceAll(calls, ",", ",?"),
				shell, "-s", "--", scriptNonce, "sample=100", "logs=auto", "peers=1"}
			cmd := exec.Command(args[0], args[1:]...)
			if os.Geteuid() == 0 {
				cmd = withLogs(t, args)
			}
			cmd.Stdin = strings.NewReader(Script())
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasSuffix(out, []byte(scriptNonce+" end\n")) {
				t.Fatalf("no end mark: %.300q", out)
			}
			forks := checkTrace(t, trace)
			further := countNamespaces(t, out)
			if most := 30 + 2*further; forks == 0 || forks > most {
				t.Errorf("%d forks, want 1 to %d", forks, most)
			}
			t.Logf("%d forks, %d further namespaces, %d bytes", forks, further, len(out))
		})
	}
}

// withLogs gives the machine a kernel log and a journal, as a usual host has.
func withLogs(t *testing.T, args []string) *exec.Cmd {
	t.Helper()
	h := newOldHost(t, "unused")
	h.write(t, filepath.Join(h.log, "kern.log"), kernLog)
	h.write(t, filepath.Join(h.log, "journal/0123/system.journal"), "")
	bin := stubs(t, map[string]string{"journalctl": "#!/bin/sh\necho 1795375589.943805 web1 kernel: eth0: up\n"})
	args = append([]string{"-m", "sh", "-c", `mount --bind "$1" /var/log && shift && exec "$@"`, "sh", h.log}, args...)
	cmd := exec.Command("unshare", args...)
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin:/usr/sbin:/sbin"}
	return cmd
}

// TestScript_childCannotWrite puts a tool that writes in the place of a harmless
// one: no byte of it may reach a file.
func TestScript_childCannotWrite(t *testing.T) {
	t.Parallel()
	for _, shell := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		requireTool(t, shell[0])
		file := filepath.Join(t.TempDir(), "file")
		bin := stubs(t, map[string]string{"date": "#!/bin/sh\necho written >" + file + "\n"})
		cmd := exec.Command(shell[0], append(shell[1:len(shell):len(shell)], "-s", "--", scriptNonce, "sample=0")...)
		cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin"}
		cmd.Stdin = strings.NewReader(Script())
		out, err := cmd.Output()
		if err != nil || !bytes.HasSuffix(out, []byte(" end\n")) {
			t.Errorf("%s: %v, %.300q", shell, err, out)
		}
		if text, err := os.ReadFile(file); err != nil || len(text) != 0 {
			t.Errorf("%s: the tool wrote %q, %v", shell, text, err)
		}
	}
}

func countNamespaces(t *testing.T, out []byte) (further int) {
	t.Helper()
	answer, err := Parse(out, scriptNonce, time.Time{})
	if err != nil || len(answer.Facts.Namespaces) == 0 {
		t.Fatalf("namespaces of %v, %v", answer, err)
	}
	return len(answer.Facts.Namespaces) - 1
}

// checkTrace returns the number of forks.
func checkTrace(t *testing.T, path string) (forks int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fork := regexp.MustCompile(`^\d+ +(fork|vfork|clone|clone3)\(`)
	open := regexp.MustCompile(`^\d+ +(open|openat)\(`)
	// bash looks for a terminal when it starts; it has none here.
	harmless := regexp.MustCompile(`"/dev/(null|tty)"`)
	write := regexp.MustCompile(`O_WRONLY|O_RDWR|O_CREAT|O_TRUNC`)
	opened := 0
	for line := range strings.Lines(string(text)) {
		switch {
		case fork.MatchString(line):
			forks++
		case open.MatchString(line):
			opened++
			if write.MatchString(line) && !harmless.MatchString(line) {
				t.Errorf("opened for writing: %s", line)
			}
		case strings.Contains(line, "resumed>"), strings.Contains(line, "+++"), strings.Contains(line, "---"):
		default:
			t.Errorf("a call that changes something: %s", line)
		}
	}
	if opened == 0 {
		t.Error("the trace holds no open at all")
	}
	return forks
}

// TestScript_watchdog hangs one of its children: the probe and the child must
// end at the limit, and standard output with them.
func TestScript_watchdog(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"dash", "bash"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			// The stub may write nothing, so its command line is what tells it.
			nap := fmt.Sprintf("600.%d", time.Now().UnixNano())
			bin := stubs(t, map[string]string{"stat": "#!/bin/sh\ntrap '' TERM\nexec sleep " + nap + "\n"})
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, shell, "-s", "--", scriptNonce, "limit=5", "sample=0")
			cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin"}
			cmd.Stdin = strings.NewReader(Script())
			out, err := cmd.Output()
			if err == nil || ctx.Err() != nil || bytes.Contains(out, []byte(" end\n")) {
				t.Fatalf("error %v, context %v, answer %.300q", err, ctx.Err(), out)
			}
			if !bytes.Contains(out, []byte("section openvz")) {
				t.Fatalf("what was known before its child hung is lost: %q", out)
			}
			waitGone(t, nap)
		})
	}
}

// waitGone waits until no process has word in its command line. The kernel
// empties that of a dead one.
func waitGone(t *testing.T, word string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		left := ""
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil || len(files) == 0 {
			t.Fatal("no processes to be seen: ", err)
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(word)) {
				left = file
			}
		}
		if left == "" {
			return
		}
	}
	t.Errorf("a process with %s is still there", word)
}

// TestScript_readerGone breaks the pipe: the probe must end by itself, long
// before its limit.
func TestScript_readerGone(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-s", "--", scriptNonce, "limit=600", "sample=60000")
	cmd.Stdin = strings.NewReader(Script())
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(io.LimitReader(pipe, 100)).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	pipe.Close()
	begun := time.Now()
	if err := cmd.Wait(); err == nil || time.Since(begun) > 20*time.Second {
		t.Errorf("ended after %v with %v", time.Since(begun), err)
	}
}

// TestScript_lint runs shellcheck, which knows what is no POSIX.
func TestScript_lint(t *testing.T) {
	t.Parallel()
	requireTool(t, "shellcheck")
	if out, err := exec.Command("shellcheck", "-s", "sh", writeScript(t)).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if n := len(Script()); n > 61_000 {
		t.Errorf("the script has grown to %d bytes; it travels to every host", n)
	}
}
