package probe

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const scriptNonce = "0123456789abcdef0123456789abcdef"

func TestScript_isConstant(t *testing.T) {
	t.Parallel()
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(Script()))); SHA256() != want {
		t.Errorf("SHA256 = %q, want %q", SHA256(), want)
	}
	if !strings.Contains(Script(), "\nversion=1\n") || Version != 1 {
		t.Error("the script and Version disagree")
	}
}

func TestNewNonce(t *testing.T) {
	t.Parallel()
	got, err := NewNonce(strings.NewReader("0123456789abcdef"))
	if err != nil || got != "30313233343536373839616263646566" {
		t.Errorf("NewNonce = %q, %v", got, err)
	}
	boom := errors.New("boom")
	if _, err := NewNonce(iotest.ErrReader(boom)); !errors.Is(err, boom) {
		t.Errorf("error = %v, want it to wrap the reader's", err)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"zero", Options{}, "sh -s -- " + scriptNonce + " sample=0 logs=none peers=0"},
		{"all", Options{
			Sample: time.Second, Since: 30 * 24 * time.Hour, Limit: 1500 * time.Millisecond,
			Logs: "auto", Peers: true, ListSockets: true,
		}, "sh -s -- " + scriptNonce + " sample=1000 since=2592000 limit=2 logs=auto peers=1 sockets=1"},
		{"foreign words", Options{Logs: "auto; reboot", Sample: -time.Second},
			"sh -s -- " + scriptNonce + " sample=0 logs=none peers=0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := CommandLine(scriptNonce, test.options, false); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	line := CommandLine(scriptNonce, Options{}, true)
	// csh expands "!" even in quotes, and stops at a newline in them.
	if strings.ContainsAny(line, "!\n") || !strings.HasSuffix(line, "' sh "+scriptNonce+" sample=0 logs=none peers=0") {
		t.Errorf("sudo line: %s", line)
	}
}

// TestCommandLine_sudo runs the line with a sudo that is ours: the script must
// arrive whole at a root shell, or at an ordinary one that knows of the refusal.
func TestCommandLine_sudo(t *testing.T) {
	t.Parallel()
	line := CommandLine(scriptNonce, Options{}, true)
	for _, test := range []struct{ name, sudo, want string }{
		{"granted", "#!/bin/sh\n[ \"$1\" = -n ] || exit 9\nshift\nGRANTED=yes exec \"$@\"\n", "yes sample=0 logs=none peers=0"},
		{"refused", "#!/bin/sh\ncat >/dev/null\nexit 1\n", "no sample=0 logs=none peers=0 sudo=denied"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bin := stubs(t, map[string]string{"sudo": test.sudo})
			cmd := exec.Command("sh", "-c", line)
			cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin"}
			cmd.Stdin = strings.NewReader("shift\necho ${GRANTED-no} \"$@\"\n")
			out, err := cmd.CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != test.want {
				t.Errorf("got %q, %v, want %q", out, err, test.want)
			}
		})
	}
}

func TestScript_forcedCommand(t *testing.T) {
	t.Parallel()
	request := CommandLine(scriptNonce, Options{Logs: "none"}, false)
	tests := []struct {
		name, original string
		options        string // as the script understood them; empty: refused
	}{
		{"plain", request, "sample=0 since=2592000 limit=60 logs=none peers=0 sockets=0"},
		{"with sudo", CommandLine(scriptNonce, Options{}, true), "sample=0 since=2592000 limit=60 logs=none peers=0 sockets=0"},
		{"another command", "cat /etc/passwd", ""},
		{"more behind", request + "; reboot", ""},
		{"substitution", "sh -s -- $(reboot)", ""},
		{"upper case", "sh -s -- " + strings.ToUpper(scriptNonce), ""},
		{"short nonce", "sh -s -- 0123", ""},
		{"bad number", request + " limit=0x10", ""},
		{"octal", request + " limit=010", ""},
		{"huge", request + " limit=99999999999999999999", ""},
		{"glob", "sh -s -- " + scriptNonce + " *", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("sh", writeScript(t))
			cmd.Env = []string{"PATH=/usr/bin:/bin", "SSH_ORIGINAL_COMMAND=" + test.original}
			out, err := cmd.Output()
			if test.options == "" {
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != 2 || len(out) != 0 {
					t.Errorf("got %q, %v, want no output and status 2", out, err)
				}
				return
			}
			if err != nil || !bytes.Contains(out, []byte("\noptions "+test.options+"\n")) {
				t.Errorf("got %.900q, %v, want options %q", out, err, test.options)
			}
		})
	}
}

// TestScript_cutShort cuts the transfer at many places: nothing may run.
func TestScript_cutShort(t *testing.T) {
	t.Parallel()
	requireTool(t, "dash")
	requireTool(t, "busybox")
	whole := strings.TrimRight(Script(), "\n")
	var cuts []int
	for i := 0; i < len(whole); i += 509 {
		cuts = append(cuts, i)
	}
	// The end is where a script that is not one group would begin to run.
	for i := len(whole) - 30; i < len(whole); i++ {
		cuts = append(cuts, i)
	}
	for _, shell := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		for _, cut := range cuts {
			cmd := exec.Command(shell[0], append(shell[1:len(shell):len(shell)], "-s", "--", scriptNonce, "sample=0")...)
			cmd.Stdin = strings.NewReader(whole[:cut])
			if out, _ := cmd.Output(); len(out) != 0 {
				t.Fatalf("%s ran a script cut at byte %d: %.200q", shell, cut, out)
			}
		}
	}
}
