package scan

import (
	"strings"
	"testing"
	"unicode/utf8"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/remote"
)

// What hosts say that let us in and do not run the script.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		out     remote.Output
		why     error
		stage   audit.Stage
		message []string // each must be in it
		hint    string
	}{
		"nologin": {
			out:   remote.Output{Stdout: []byte("This account is currently not available.\n"), ExitStatus: 1},
			stage: audit.StageProbe, message: []string{"may not log in", "This account is currently not available."}, hint: "-l USER",
		},
		"false": {
			out:   remote.Output{ExitStatus: 1},
			stage: audit.StageProbe, message: []string{"said nothing", "exit status 1"}, hint: "/bin/false",
		},
		"profile that exits": {
			out:   remote.Output{ExitStatus: 3},
			stage: audit.StageProbe, message: []string{"said nothing", "exit status 3"}, hint: ".bashrc",
		},
		"silent success": {
			out:   remote.Output{},
			stage: audit.StageProbe, message: []string{"said nothing", "exit status 0"}, hint: "forced command",
		},
		"closed session": {
			out:   remote.Output{ExitStatus: -1},
			stage: audit.StageProbe, message: []string{"without a word"}, hint: "ssh HOST",
		},
		"forced command": {
			out:   remote.Output{Stdout: []byte("backup 1.2 ready\nlast run: 03:00\n")},
			stage: audit.StageProbe, message: []string{"something else answered", "backup 1.2 ready last run: 03:00"}, hint: "ForceCommand",
		},
		"switch": {
			out:   remote.Output{Stdout: []byte("\r\n% Invalid input detected at '^' marker.\r\n")},
			stage: audit.StageProbe, message: []string{"network equipment", "% Invalid input detected"}, hint: "--exclude",
		},
		"git shell": {
			out:   remote.Output{Stderr: []byte("fatal: unrecognized command 'sh -s'\n"), ExitStatus: 128},
			stage: audit.StageProbe, message: []string{"another service", "fatal: unrecognized command"}, hint: "-l USER",
		},
		"no sh": {
			out:   remote.Output{Stderr: []byte("bash: sh: command not found\n"), ExitStatus: 127},
			stage: audit.StageProbe, message: []string{"no sh", "exit status 127", "command not found"}, hint: "command -v sh",
		},
		"sudo": {
			out:   remote.Output{Stderr: []byte("sudo: a password is required\n"), ExitStatus: 1},
			stage: audit.StageSudo, message: []string{"sudo refused", "a password is required"}, hint: "without a password",
		},
		"expired password": {
			out:   remote.Output{Stderr: []byte("WARNING: Your password has expired.\nPassword change required but no TTY available.\n"), ExitStatus: 1},
			stage: audit.StageProbe, message: []string{"password has expired"}, hint: "change it",
		},
		"other complaint": {
			out:   remote.Output{Stderr: []byte("ksh: cannot open tty\n"), ExitStatus: 1},
			stage: audit.StageProbe, message: []string{"did not run", "exit status 1", "cannot open tty"}, hint: "ssh HOST",
		},
		"too much": {
			out:   remote.Output{Stdout: []byte(strings.Repeat("y\n", 1<<20)), Truncated: true, ExitStatus: -1},
			stage: audit.StageProbe, message: []string{"more than 2.0 MiB", "y y y"}, hint: "start-up files",
		},
		"killed": {
			out:   remote.Output{Stdout: []byte("…"), Stderr: []byte("noise\nKilled\n"), ExitStatus: 137},
			why:   &probe.IncompleteError{Section: "top", Bytes: 2048},
			stage: audit.StageProbe, message: []string{"2.0 KiB", "section top", "SIGKILL", "Killed"}, hint: "twaudit probe",
		},
		"cut": {
			out:   remote.Output{ExitStatus: -1},
			why:   &probe.IncompleteError{Bytes: 10},
			stage: audit.StageProbe, message: []string{"10 B:", "no exit status"}, hint: "twaudit probe",
		},
		"freebsd": {
			out:   remote.Output{},
			why:   &probe.NotLinuxError{System: "FreeBSD\x1b]0;x"},
			stage: audit.StageNotLinux, message: []string{"runs FreeBSD\ufffd]0;x, not Linux"}, hint: "--exclude",
		},
		"installed copy": {
			out:   remote.Output{},
			why:   &probe.VersionError{Got: "3", Want: "1"},
			stage: audit.StageProbe, message: []string{"version 3, wanted 1"}, hint: "twaudit probe",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.why == nil {
				test.why = probe.ErrNoBegin
			}
			got := unanswered(&test.out, test.why)
			if got.Stage != test.stage {
				t.Errorf("stage %s, want %s", got.Stage, test.stage)
			}
			for _, part := range test.message {
				if !strings.Contains(got.Message, part) {
					t.Errorf("message %q lacks %q", got.Message, part)
				}
			}
			if !strings.Contains(got.Hint, test.hint) {
				t.Errorf("hint %q lacks %q", got.Hint, test.hint)
			}
		})
	}
}

// Whatever a host says, our message stays inert, short and valid.
func FuzzUnanswered(f *testing.F) {
	f.Add([]byte("\x1b]0;title\x07<script>=cmd|"), []byte("\xff\xfe\u202e"), 127, true)
	f.Add([]byte("% Invalid input"), []byte("sudo: no"), -1, false)
	f.Add([]byte(strings.Repeat("é", 400)), []byte("a\nb\r\n"), 300, false)
	f.Fuzz(func(t *testing.T, stdout, stderr []byte, status int, begun bool) {
		out := &remote.Output{Stdout: stdout, Stderr: stderr, ExitStatus: status}
		why := error(probe.ErrNoBegin)
		if begun {
			why = &probe.IncompleteError{Section: string(stderr), Bytes: len(stdout)}
		}
		got := unanswered(out, why)
		if got.Stage == "" || got.Message == "" || got.Hint == "" {
			t.Errorf("incomplete: %+v", got)
		}
		if len(got.Message) > 2*maxMessage || !utf8.ValidString(got.Message) {
			t.Errorf("message of %d bytes: %q", len(got.Message), got.Message)
		}
		if strings.ContainsFunc(got.Message, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			t.Errorf("control characters in %q", got.Message)
		}
	})
}
