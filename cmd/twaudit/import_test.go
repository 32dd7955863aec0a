package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/internal/scan"
)

func TestNameOfFile(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"web1.out":                     "web1",
		"answers/web1.out":             "web1",
		"/tmp/web1":                    "web1",
		"web1.example.net.out":         "web1.example.net",
		"web1.example.net":             "web1.example.net",
		"web1.saved":                   "web1",
		"web1.OUT":                     "web1",
		"10.0.0.1":                     "10.0.0.1",
		"10.0.0.1.txt":                 "10.0.0.1",
		".out":                         ".out",
		"web1.":                        "web1",
		"a\x1b[2Jb.out":                "a\ufffd[2Jb",
		strings.Repeat("x", 300) + "1": strings.Repeat("x", 255) + "…",
	} {
		if got := nameOfFile(path); got != want {
			t.Errorf("%q is host %q, want %q", path, got, want)
		}
	}
}

func TestCheckFileName(t *testing.T) {
	t.Parallel()
	for path, good := range map[string]bool{
		"answers/web1.out": true, "/a\tb/web1.out": true, "web1": true, ".web1": true,
		"\tweb1.out": false, "web1\n.out": false, "web\u0085.out": false, ".out": false, "answers/.TXT": false,
	} {
		if err := checkFileName(path); (err == nil) != good {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// What a host calls itself is the host's to choose; what it is called in a run is
// not.
func TestNameInside(t *testing.T) {
	t.Parallel()
	for hostname, want := range map[string]string{
		"web1":                    "web1",
		"web1.example.net":        "web1.example.net",
		"2001:db8::1":             "2001:db8::1",
		"localhost":               "localhost",
		"":                        "stdin",
		"(none)":                  "stdin",
		"-oProxyCommand=reboot":   "stdin",
		"web1;reboot":             "stdin",
		"$(reboot)":               "stdin",
		"web 1":                   "stdin",
		"web1\u202e":              "stdin",
		"root@web1":               "stdin",
		"web1:22":                 "stdin",
		"=HYPERLINK(\"x\")":       "stdin",
		"web[1-3]":                "stdin",
		"web1#x":                  "stdin",
		strings.Repeat("x", 9000): "stdin",
	} {
		mark := "twaudit-probe " + probe.ManualNonce + " "
		raw := mark + "begin 1\n" + mark + "section identity\nostype Linux\nhostname " + hostname + "\n" + mark + "end\n"
		if got := nameInside([]byte(raw)); got != want {
			t.Errorf("%.40q is host %.40q, want %q", hostname, got, want)
		}
	}
	if got := nameInside([]byte("total 0\n")); got != "stdin" {
		t.Errorf("no answer is host %q", got)
	}
}

func TestAgeNote(t *testing.T) {
	t.Parallel()
	imported := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	of := func(ages ...time.Duration) *audit.Run {
		run := &audit.Run{Meta: audit.Meta{StartedAt: imported}, Hosts: []audit.HostResult{{Name: "failed"}, {Name: "mute", Facts: &audit.Facts{}}}}
		for i, age := range ages {
			at := imported.Add(-age)
			run.Hosts = append(run.Hosts, audit.HostResult{Name: "web" + string(rune('1'+i)), Facts: &audit.Facts{Host: audit.HostFacts{Clock: &at}}})
		}
		return run
	}
	for _, c := range []struct {
		ages []time.Duration
		want string
	}{
		{nil, ""},
		{[]time.Duration{time.Minute, -time.Hour}, ""},
		{[]time.Duration{time.Hour}, "the answer of web1 is 1h00m old"},
		{[]time.Duration{2 * day, 9 * day, time.Minute}, "2 answers are more than 1h00m old by their hosts' clocks, that of web2 9d"},
	} {
		if got := ageNote(of(c.ages...)); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%v: %q, want %q", c.ages, got, c.want)
		}
	}
}

// A file of any size costs as much memory as the largest answer.
func TestReadAnswer_isBounded(t *testing.T) {
	t.Parallel()
	raw, err := readAnswer(strings.NewReader(strings.Repeat("x", 2*scan.MaxAnswer)))
	if err != nil || len(raw) != scan.MaxAnswer+1 {
		t.Errorf("%d bytes, %v; want one more than an answer may have", len(raw), err)
	}
}

// shell is a shell to run a script with, or a named skip where it is missing.
func shell(t *testing.T, words ...string) []string {
	t.Helper()
	if _, err := exec.LookPath(words[0]); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("no %s here", words[0])
	}
	return words
}

// TestImport_redirectedByHand does what the help says, with each shell: standard
// output is then a file, into which the script itself must not write.
func TestImport_redirectedByHand(t *testing.T) {
	t.Parallel()
	for _, words := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		t.Run(words[0], func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			script, saved := filepath.Join(dir, "probe.sh"), filepath.Join(dir, "web1.out")
			if err := os.WriteFile(script, []byte(probe.Script()), 0o600); err != nil {
				t.Fatal(err)
			}
			words := shell(t, words...)
			// The outer shell redirects, as an operator's does.
			cmd := exec.Command(words[0], append(words[1:], "-c", `"$@" probe.sh > web1.out`, "outer")...)
			cmd.Args = append(cmd.Args, words...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Fatalf("%v, %q", err, out)
			}
			var stdout, stderr bytes.Buffer
			app := &App{Stdout: &stdout, Stderr: &stderr}
			status := app.Main([]string{"import", saved, "-f", "csv", "--quiet"})
			if !strings.Contains(stdout.String(), "\nweb1,,audited,") {
				t.Errorf("status %d, %s%s", status, stdout.String(), stderr.String())
			}
		})
	}
}
