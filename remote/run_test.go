package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
	"twaudit/remote"
)

func TestRun_answer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server("web1", sshtest.Config{Authorized: []ssh.PublicKey{l.Key}, Handler: func(_ context.Context, e sshtest.Exec) int {
		fmt.Fprintf(e.Stderr, "as %s: %s", e.User, e.Command)
		io.Copy(e.Stdout, e.Stdin)
		return 7
	}})
	script := strings.Repeat("0123456789abcdef", 8<<10)
	cmd := remote.Command{Line: "sh -s -- x", Stdin: script, MaxStdout: len(script), MaxStderr: 8}
	out, err := l.dialer(remote.Options{}).Run(t.Context(), remote.Target{Alias: "web1"}, cmd)
	if err != nil {
		t.Fatal(err)
	}
	if string(out.Stdout) != script || out.Truncated {
		t.Errorf("%d bytes of output (truncated %v), want all %d: they just fit", len(out.Stdout), out.Truncated, len(script))
	}
	if got := string(out.Stderr); got != "as audit" {
		t.Errorf("stderr %q, want its first 8 bytes", got)
	}
	if out.ExitStatus != 7 {
		t.Errorf("exit status %d, want 7", out.ExitStatus)
	}
	if want := int64(len(script) + len("as audit: sh -s -- x")); out.Bytes != want {
		t.Errorf("%d bytes counted, want %d", out.Bytes, want)
	}
	if out.Connect <= 0 || out.Command <= 0 {
		t.Errorf("connect %v, command %v: want both measured", out.Connect, out.Command)
	}
}

// Each fault of a server is a clear result within the limits.
func TestRun_faults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault sshtest.Fault
		pause time.Duration
		stage remote.Stage // empty: the run succeeds
		words string
		hint  string
		check func(*testing.T, *remote.Output)
		again bool // worth another try
	}{
		{fault: sshtest.FaultCloseAtOnce, stage: remote.StageHandshake, words: "closed before the SSH version", again: true},
		{fault: sshtest.FaultSilent, stage: remote.StageHandshake, words: "no SSH version within 1s"},
		{fault: sshtest.FaultHTTP, stage: remote.StageHandshake, words: `not SSH: first bytes "HTTP/1.`},
		{fault: sshtest.FaultTarpit, pause: 20 * time.Millisecond, stage: remote.StageHandshake, words: "no SSH version within 1s: first bytes"},
		{fault: sshtest.FaultVersionOnly, stage: remote.StageHandshake, words: "key exchange not finished within 1s"},
		{fault: sshtest.FaultHangInKex, stage: remote.StageHandshake, words: "key exchange not finished within 1s"},
		{fault: sshtest.FaultCutInKex, stage: remote.StageHandshake, words: "closed during the key exchange", again: true},
		{fault: sshtest.FaultSlow, pause: 50 * time.Millisecond, stage: remote.StageHandshake, words: "within 1s"},
		{fault: sshtest.FaultWrongKey, stage: remote.StageHostKey, words: "host key changed"},
		{fault: sshtest.FaultBannerFlood, stage: remote.StageAuth, words: "the banner does not end", hint: "look at Banner in its sshd_config"},
		{fault: sshtest.FaultHangInAuth, stage: remote.StageAuth, words: "login not finished within 1s: the server answered nothing", hint: "--auth-timeout"},
		{fault: sshtest.FaultHangAfterAuth, stage: remote.StageTimeout, words: "not finished within 2s"},
		{fault: sshtest.FaultNoSession, stage: remote.StageSession, words: "opens no session"},
		{fault: sshtest.FaultHangInCommand, stage: remote.StageTimeout, words: "while the command ran"},
		{fault: sshtest.FaultCutInCommand, stage: remote.StageSession, words: "ended before the command did", check: wantStdout("hel"), again: true},
		{fault: sshtest.FaultExitEarly, check: wantStdout("hel")},
		{fault: sshtest.FaultFlood, check: func(t *testing.T, out *remote.Output) {
			if len(out.Stdout) != 1<<20 || !out.Truncated {
				t.Errorf("%d bytes, truncated %v: want a full buffer", len(out.Stdout), out.Truncated)
			}
		}},
		{fault: sshtest.FaultBackground, check: wantStdout("hello\n")},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.server("h", sshtest.Config{Fault: c.fault, Pause: c.pause, Cut: 3, Handler: echo})
			d := l.dialer(remote.Options{ConnectTimeout: time.Second, AuthTimeout: time.Second, HostTimeout: 2 * time.Second})
			out, failure := run(t, d, "h")
			if c.stage == "" {
				wantOK(t, failure)
			} else {
				wantError(t, failure, c.stage, c.words)
				wantHint(t, failure, c.hint)
				if strings.Contains(failure.Hint, "nothing was offered") {
					t.Errorf("hint %q blames the keys", failure.Hint)
				}
				if failure.Retryable != c.again {
					t.Errorf("retryable %v, want %v", failure.Retryable, c.again)
				}
			}
			if c.check != nil {
				c.check(t, out)
			}
		})
	}
}

func wantStdout(want string) func(*testing.T, *remote.Output) {
	return func(t *testing.T, out *remote.Output) {
		t.Helper()
		if out == nil || string(out.Stdout) != want {
			t.Errorf("output %+v, want %q on stdout", out, want)
		}
	}
}

func TestRun_noConnection(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	hole, fill, err := sshtest.BlackHole()
	if err != nil {
		t.Fatal(err)
	}
	defer fill()
	for alias, addr := range map[string]string{"refused": freeAddr(t), "dropped": hole} {
		if err := l.Add(alias, addr, newKey(t).PublicKey()); err != nil {
			t.Fatal(err)
		}
	}
	d := l.dialer(remote.Options{ConnectTimeout: 300 * time.Millisecond})
	_, failure := run(t, d, "refused")
	wantError(t, failure, remote.StageConnect, "connection refused on port ")
	if failure.Retryable {
		t.Error("a refused connection is final")
	}
	_, failure = run(t, d, "dropped")
	wantError(t, failure, remote.StageConnect, "no answer within 300ms")
	_, failure = run(t, d, "no-such-host.invalid")
	wantError(t, failure, remote.StageResolve, "no-such-host.invalid")
	_, failure = run(t, d, "-oProxyCommand=x")
	wantError(t, failure, remote.StageConfig, "begins with a dash")
}

func TestRun_addressFamilyAndBindAddress(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var from atomic.Value
	l.server("plain", sshtest.Config{Handler: func(_ context.Context, e sshtest.Exec) int {
		from.Store(e.Remote)
		return echo(t.Context(), e)
	}}, "BindAddress 127.0.0.9")
	l.server("six", sshtest.Config{}, "AddressFamily inet6")
	l.server("nowhere", sshtest.Config{}, "BindAddress no-such-name.invalid")
	d := l.dialer(remote.Options{})
	if _, failure := run(t, d, "plain"); failure != nil || !strings.HasPrefix(from.Load().(string), "127.0.0.9:") {
		t.Errorf("bound to 127.0.0.9 the host sees %v (%v)", from.Load(), failure)
	}
	_, failure := run(t, d, "six")
	wantError(t, failure, remote.StageConnect, "no suitable address")
	_, failure = run(t, d, "nowhere")
	wantError(t, failure, remote.StageConfig, "BindAddress")
}

// freeAddr is an address where nobody listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// A server that throttles says so in place of its version.
func TestRun_throttled(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.server("h", sshtest.Config{MaxStartups: 1, Handler: echo})
	first, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := first.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_, failure := run(t, l.dialer(remote.Options{}), "h")
	wantError(t, failure, remote.StageHandshake, "throttles logins", "MaxStartups")
	wantHint(t, failure, "--rate")
}

// The slot is asked for when the connection stands and nothing was said on it;
// the wait for it counts against no limit, and it is given back once.
func TestRun_admit(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.server("h", sshtest.Config{Handler: echo})
	d := l.dialer(remote.Options{ConnectTimeout: 2 * time.Second, HostTimeout: 10 * time.Second})
	const wait = 2200 * time.Millisecond
	var released atomic.Int32
	cmd := command()
	cmd.Admit = func(ctx context.Context) (func(), error) {
		for s.Stats().Connections == 0 {
			time.Sleep(time.Millisecond) // the kernel accepts before the server does
		}
		<-time.After(wait) // longer than the limit for connecting
		if got := s.Stats(); got.Logins != 0 {
			t.Errorf("%+v before the slot is given, want no login", got)
		}
		return func() { released.Add(1) }, ctx.Err()
	}
	begun := time.Now()
	out, err := d.Run(t.Context(), remote.Target{Alias: "h"}, cmd)
	if err != nil {
		t.Fatal(err)
	}
	if released.Load() != 1 {
		t.Errorf("slot released %d times, want once", released.Load())
	}
	if out.Connect > time.Since(begun)-wait {
		t.Errorf("connect took %v: the wait for the slot was counted", out.Connect)
	}
	refusal := errors.New("no more slots")
	cmd.Admit = func(context.Context) (func(), error) { return nil, refusal }
	if _, err := d.Run(t.Context(), remote.Target{Alias: "h"}, cmd); !errors.Is(err, refusal) {
		t.Errorf("error %v, want the one of Admit", err)
	}
}

// The caller's context is told from a host's own limit.
func TestRun_interrupted(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	begun := make(chan struct{})
	l.server("h", sshtest.Config{Handler: func(ctx context.Context, e sshtest.Exec) int {
		io.Copy(io.Discard, e.Stdin)
		close(begun)
		<-ctx.Done()
		return 0
	}})
	l.server("mute", sshtest.Config{Fault: sshtest.FaultSilent})
	d := l.dialer(remote.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	out, err := d.Run(ctx, remote.Target{Alias: "h"}, command())
	failure := asError(t, err)
	wantError(t, failure, remote.StageSession, "stopped while the command ran")
	if !errors.Is(err, context.Canceled) || out == nil {
		t.Errorf("error %v with output %v, want context.Canceled and an output", err, out)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = d.Run(ctx, remote.Target{Alias: "mute"}, command())
	wantError(t, asError(t, err), remote.StageHandshake, "stopped during the key exchange")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", err)
	}
}

// Close ends what hangs, and a closed Dialer says so.
func TestClose_inTheMiddle(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.server("h", sshtest.Config{Fault: sshtest.FaultHangInCommand})
	d := l.dialer(remote.Options{})
	ended := make(chan error)
	go func() {
		_, err := d.Run(t.Context(), remote.Target{Alias: "h"}, command())
		ended <- err
	}()
	for s.Stats().Execs == 0 {
		time.Sleep(time.Millisecond)
	}
	d.Close()
	if failure := asError(t, <-ended); failure == nil || failure.Stage != remote.StageSession {
		t.Errorf("error %v, want one of the session", failure)
	}
}

// A hundred hosts at a time share one Dialer.
func TestRun_fleet(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const hosts = 100
	s := l.server("h*", sshtest.Config{Handler: echo, Authorized: []ssh.PublicKey{l.Key}})
	d := l.dialer(remote.Options{})
	errs := make(chan error)
	for i := range hosts {
		go func() {
			out, err := d.Run(t.Context(), remote.Target{Alias: fmt.Sprintf("h%d", i)}, command())
			if err == nil && string(out.Stdout) != command().Stdin {
				err = fmt.Errorf("h%d: output %q", i, out.Stdout)
			}
			errs <- err
		}()
	}
	for range hosts {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := s.Stats().Logins; got != hosts {
		t.Errorf("%d logins, want %d", got, hosts)
	}
}
