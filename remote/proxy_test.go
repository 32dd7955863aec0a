package remote_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
	"twaudit/remote"
)

// relay is a script for bash that connects its streams to the host and port in
// its arguments.
func relay(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("bash is missing")
		}
		t.Skip("needs bash")
	}
	return `exec 3<>/dev/tcp/$1/$2; cat <&3 & cat >&3`
}

func TestProxyCommand(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	pids := filepath.Join(l.Dir, "pids")
	key := newKey(t)
	s := l.untrusted(sshtest.Config{HostKey: key, Handler: echo, JumpAllowed: true, Authorized: []ssh.PublicKey{l.Key}})
	script := filepath.Join(l.Dir, "proxy")
	text := "echo $$ >>" + pids + "; (trap '' HUP; exec sleep 1000) & " + relay(t) + "\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.block("h", s.Addr(), key.PublicKey(), "IdentityFile "+l.KeyFile, "ProxyCommand bash "+script+" %h %p")
	l.block("behind", s.Addr(), key.PublicKey(), "IdentityFile "+l.KeyFile, "ProxyJump h")
	l.block("jump-first", s.Addr(), key.PublicKey(), "IdentityFile "+l.KeyFile, "ProxyJump h", "ProxyCommand false")
	d := l.dialer(remote.Options{})
	for _, alias := range []string{"h", "behind", "jump-first"} {
		out, failure := run(t, d, alias)
		wantOK(t, failure)
		if string(out.Stdout) != "hello\n" {
			t.Errorf("%s: output %q", alias, out.Stdout)
		}
	}
	d.Close()
	started := strings.Fields(string(readFile(t, pids)))
	if len(started) != 2 {
		t.Errorf("%d proxies, want one for h and one for all behind it", len(started))
	}
	for _, word := range started {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		wantNoGroup(t, pid)
	}
}

// wantNoGroup fails when a process of the group is still there; init may take a
// moment to bury those that were killed.
func wantNoGroup(t *testing.T, group int) {
	t.Helper()
	eventually(t, "the end of all processes of a proxy", func() bool {
		return syscall.Kill(-group, 0) != nil || allDead(t, group)
	})
}

// allDead tells whether the group has only processes that nobody buried.
func allDead(t *testing.T, group int) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		if fields := strings.Fields(rest); len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" {
			return false
		}
	}
	return true
}

// A command that fails says why, and one that hangs is ended.
func TestProxyCommand_fails(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for alias, command := range map[string]string{
		"says":   `sh -c 'echo "no way to %h" >&2; exit 3'`,
		"absent": "/no/such/proxy %h",
		"hangs":  "sleep 1000",
		"talks":  "echo not ssh at all",
	} {
		l.block(alias, "127.0.0.1:1", nil, "ProxyCommand "+command)
	}
	d := l.dialer(remote.Options{ConnectTimeout: 500 * time.Millisecond})
	_, failure := run(t, d, "says")
	wantError(t, failure, remote.StageConnect, "its ProxyCommand ended with status 3 before the SSH version")
	wantHint(t, failure, "it said: no way to 127.0.0.1")
	_, failure = run(t, d, "absent")
	wantError(t, failure, remote.StageConnect, "its ProxyCommand ended with status 127")
	_, failure = run(t, d, "hangs")
	wantError(t, failure, remote.StageHandshake, "no SSH version within 500ms")
	_, failure = run(t, d, "talks")
	wantError(t, failure, remote.StageHandshake, `not SSH: first bytes "not ssh at all"`)
}
