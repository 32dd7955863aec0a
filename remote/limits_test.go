package remote_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
	"twaudit/remote"
)

// A jump host that never judges a login fails all behind it at once, with one
// try and in its own name.
func TestJump_hangsInAuth(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	bastion := l.server("bastion", sshtest.Config{Fault: sshtest.FaultHangInAuth})
	l.server("h*", sshtest.Config{Handler: echo}, "ProxyJump bastion")
	d := l.dialer(remote.Options{AuthTimeout: time.Second})
	begun := time.Now()
	for i, failure := range runMany(t, d, 30, "h%d") {
		wantError(t, failure, remote.StageJump, "login not finished within 1s")
		if failure.Via != "bastion" || failure.Retryable {
			t.Errorf("h%d: via %q, retryable %v", i, failure.Via, failure.Retryable)
		}
	}
	if got, took := bastion.Stats().Connections, time.Since(begun); got != 1 || took > 10*time.Second {
		t.Errorf("%d connections in %v, want one and its limit", got, took)
	}
}

// The host's own limit is the one that is named where it is not longer.
func TestRun_authWithinHostTimeout(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server("h", sshtest.Config{Fault: sshtest.FaultHangInAuth})
	_, failure := run(t, l.dialer(remote.Options{HostTimeout: time.Second}), "h")
	wantError(t, failure, remote.StageTimeout, "not finished within 1s, stopped during the login")
	wantHint(t, failure, "--host-timeout")
}

// The time that a person takes for the password is not the login's, and the
// limit goes on after it.
func TestPassword_pausesTheLogin(t *testing.T) {
	t.Parallel()
	const limit = time.Second
	l := newLab(t)
	slow := func(string) (string, error) {
		<-time.After(2 * limit)
		return "sesame", nil
	}
	l.secretDoor("sesame").block("h")
	_, failure := run(t, l.dialer(remote.Options{AuthTimeout: limit, Password: slow}), "h")
	wantInside(t, failure)

	end := make(chan struct{})
	l.door(&ssh.ServerConfig{PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
		<-end
		return nil, errors.New("the test is over")
	}}).block("mute")
	t.Cleanup(func() { close(end) }) // before the door waits for who stands in it
	begun := time.Now()
	_, failure = run(t, l.dialer(remote.Options{AuthTimeout: limit, Password: slow}), "mute")
	wantError(t, failure, remote.StageAuth, "login not finished within 1s")
	if strings.Contains(failure.Message, "answered nothing") {
		t.Errorf("message %q: the server asked for a password", failure.Message)
	}
	if took := time.Since(begun); took < 3*limit-limit/10 {
		t.Errorf("given up after %v: the person took %v of them", took, 2*limit)
	}
}

// An agent that waits for somebody to touch a key is not the server's fault.
func TestAuth_agentHangs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	file, pub := l.writeKey("held")
	held := newAgent(t, file)
	held.delay = 3 * time.Second
	l.known("h", pub)
	_, failure := run(t, l.dialer(remote.Options{Env: env(held.serve(t)), AuthTimeout: time.Second}), "h")
	wantError(t, failure, remote.StageAuth, "login not finished within 1s: the agent did not sign")
	wantHint(t, failure, "touched or confirmed")
}

// Keys that are renewed in the middle of a command, or on a jump host, begin no
// login: its limit would end what goes well.
func TestRun_rekeyed(t *testing.T) {
	t.Parallel()
	const limit = 500 * time.Millisecond
	l := newLab(t)
	long := func(ctx context.Context, e sshtest.Exec) int {
		defer func() { <-time.After(3 * limit) }()
		return echo(ctx, e)
	}
	l.server("direct", sshtest.Config{RekeyBytes: 256, Handler: long})
	l.server("bastion", sshtest.Config{RekeyBytes: 256, JumpAllowed: true})
	l.server("behind", sshtest.Config{Handler: long}, "ProxyJump bastion")
	d := l.dialer(remote.Options{AuthTimeout: limit})
	for _, alias := range []string{"direct", "behind"} {
		t.Run(alias, func(t *testing.T) {
			t.Parallel()
			cmd := command()
			cmd.Stdin = strings.Repeat("x", 16<<10)
			out, err := d.Run(t.Context(), remote.Target{Alias: alias}, cmd)
			wantOK(t, asError(t, err))
			if len(out.Stdout) != len(cmd.Stdin) {
				t.Errorf("%d bytes came back", len(out.Stdout))
			}
		})
	}
}
