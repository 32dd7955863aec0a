package sshconfig

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpensshRefused(t *testing.T) {
	t.Parallel()
	failed := errors.New("exit status 255")
	for said, want := range map[string]string{
		"/a b/c: line 12: Bad configuration option: foo\r\n/a b/c: terminating, 1 bad configuration options\n": "/a b/c:12: ssh refuses this line|ssh says: Bad configuration option: foo",
		"c line 4: Bad port 'x'.\n":                           "c:4: ssh refuses this line|ssh says: Bad port 'x'.",
		"command-line: line 0: Bad configuration option: x\n": "command line: ssh refuses this line|ssh says: Bad configuration option: x",
		"vdollar_percent_expand: unknown key %z\n":            "ssh refuses its configuration",
		"c: line 99999999999999999999: far\n":                 "ssh refuses its configuration",
		"":                                                    "ssh -G: exit status 255",
		"\x1b[2Jc line 1: \x1b[1m":                            "\ufffd[2Jc:1: ssh refuses this line|ssh says: \ufffd[1m",
	} {
		err := opensshRefused(said, failed)
		if got := err.Error() + "|" + hintOf(err); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

// A file that ssh refuses for every host is told from one that it refuses for
// some, and from one that it takes.
func TestCheck(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ssh"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ssh is missing: install openssh-client")
		}
		t.Skip("needs ssh (openssh-client)")
	}
	for text, want := range map[string]string{
		"Match exec true\n  User m\n":                            "",
		"Match exec true\n  User m\nHost other\n  Bogus yes\n":   "config:4: ssh refuses this line",
		"Match exec true\n  Port x\n":                            "config:2: ssh refuses this line",
		"Match exec true\n  User m\nHost bad\n  HostName %z\n":   "",
		"Match host bad exec true\n  ControlPath %z\n":           "",
		"Host bad\n  User m\n":                                   "", // nobody is asked
		"Match exec true\n  User m\nHost *\n  Include no\"end\n": "config:4: ssh refuses this line",
	} {
		file := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := New(Options{File: file, Home: "/root", LocalUser: "me"})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, alias := range []string{"bad", "good"} {
			err := r.Check(t.Context(), Query{Alias: alias})
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%q, %s: %v, want %q", text, alias, err, want)
			}
		}
	}
}
