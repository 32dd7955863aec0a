package remote_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
	"twaudit/remote"
)

// runMany runs a command on n hosts at a time, named by format.
func runMany(t *testing.T, d *remote.Dialer, n int, format string) []*remote.Error {
	t.Helper()
	failures := make([]*remote.Error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			_, err := d.Run(t.Context(), remote.Target{Alias: fmt.Sprintf(format, i)}, command())
			failures[i], _ = err.(*remote.Error)
		})
	}
	all.Wait()
	return failures
}

func TestJump_sharedByAllTargets(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	outer := l.server("outer", sshtest.Config{JumpAllowed: true, Authorized: []ssh.PublicKey{l.Key}})
	inner := l.server("inner", sshtest.Config{JumpAllowed: true}, "ProxyJump outer")
	target := l.server("h*", sshtest.Config{Handler: echo}, "ProxyJump inner")
	d := l.dialer(remote.Options{})
	for i, failure := range runMany(t, d, 40, "h%d") {
		if failure != nil {
			t.Errorf("h%d: %v", i, failure)
		}
	}
	if o, i, h := outer.Stats(), inner.Stats(), target.Stats(); o.Logins != 1 || i.Logins != 1 || h.Logins != 40 {
		t.Errorf("%d logins on the outer jump host, %d on the inner one, %d on targets: want 1, 1, 40", o.Logins, i.Logins, h.Logins)
	}
	out, failure := run(t, d, "h1")
	wantOK(t, failure)
	if string(out.Stdout) != "hello\n" {
		t.Errorf("output %q through two jump hosts", out.Stdout)
	}
}

// One try for all hosts behind a dead jump host, and the same words for each.
func TestJump_dead(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	bastion := l.server("bastion", sshtest.Config{Fault: sshtest.FaultSilent})
	l.server("h*", sshtest.Config{Handler: echo}, "ProxyJump someone@bastion")
	d := l.dialer(remote.Options{ConnectTimeout: 500 * time.Millisecond})
	begun := time.Now()
	for round := range 2 {
		for i, failure := range runMany(t, d, 30, "h%d") {
			wantError(t, failure, remote.StageJump, "no SSH version within 500ms")
			if failure.Via != "bastion" {
				t.Errorf("round %d, h%d: via %q, want bastion", round, i, failure.Via)
			}
		}
	}
	if got := bastion.Stats().Connections; got != 1 {
		t.Errorf("%d connections to the dead jump host, want 1", got)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("took %v: the limit was waited for more than once", took)
	}
}

// The jump host at fault is named, not the one next to the target.
func TestJump_firstOfTwoDead(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	if err := l.Add("outer", freeAddr(t), newKey(t).PublicKey()); err != nil {
		t.Fatal(err)
	}
	l.server("inner", sshtest.Config{JumpAllowed: true})
	l.server("h", sshtest.Config{Handler: echo})
	_, failure := run(t, l.dialer(remote.Options{Jump: "outer,inner"}), "h")
	wantError(t, failure, remote.StageJump, "connection refused")
	if failure.Via != "outer" {
		t.Errorf("via %q, want outer", failure.Via)
	}
}

// A jump host that was restarted is used again, and the host that was in the
// middle of its command says what happened.
func TestJump_reopened(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	key := newKey(t)
	// An address of its own: on that of all others somebody may take the port meanwhile.
	bastion := l.server("bastion", sshtest.Config{Addr: "127.83.0.1:0", JumpAllowed: true, HostKey: key})
	running := make(chan struct{})
	l.server("slow", sshtest.Config{Handler: func(ctx context.Context, e sshtest.Exec) int {
		io.Copy(io.Discard, e.Stdin)
		close(running)
		<-ctx.Done()
		return 0
	}}, "ProxyJump bastion")
	l.server("h", sshtest.Config{Handler: echo}, "ProxyJump bastion")
	d := l.dialer(remote.Options{})
	ended := make(chan error)
	go func() {
		_, err := d.Run(t.Context(), remote.Target{Alias: "slow"}, command())
		ended <- err
	}()
	<-running
	bastion.Close()
	failure := asError(t, <-ended)
	wantError(t, failure, remote.StageJump, "its connection was lost while the command ran")
	if failure.Via != "bastion" {
		t.Errorf("via %q, want bastion", failure.Via)
	}
	l.untrusted(sshtest.Config{Addr: bastion.Addr(), JumpAllowed: true, HostKey: key})
	_, failure = run(t, d, "h")
	wantOK(t, failure)
}

// What the jump host says about the target is the target's failure; what it
// refuses by itself is its own.
func TestJump_channelRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server("bastion", sshtest.Config{JumpAllowed: true})
	l.server("closed", sshtest.Config{})
	if err := l.Add("down", freeAddr(t), newKey(t).PublicKey(), "ProxyJump bastion"); err != nil {
		t.Fatal(err)
	}
	l.server("barred", sshtest.Config{}, "ProxyJump closed")
	d := l.dialer(remote.Options{})
	_, failure := run(t, d, "down")
	wantError(t, failure, remote.StageConnect, "connection refused through jump host bastion")
	_, failure = run(t, d, "barred")
	wantError(t, failure, remote.StageJump, "does not forward connections")
	if failure.Via != "closed" {
		t.Errorf("via %q, want closed", failure.Via)
	}
}

// The limits hold behind a jump host too, where there are no deadlines.
func TestJump_faultsBehindIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault sshtest.Fault
		stage remote.Stage
	}{
		{sshtest.FaultSilent, remote.StageHandshake},
		{sshtest.FaultTarpit, remote.StageHandshake},
		{sshtest.FaultVersionOnly, remote.StageHandshake},
		{sshtest.FaultHangAfterAuth, remote.StageTimeout},
		{sshtest.FaultHangInCommand, remote.StageTimeout},
		{sshtest.FaultCutInCommand, remote.StageSession},
		{sshtest.FaultFlood, ""},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.server("bastion", sshtest.Config{JumpAllowed: true})
			l.server("h", sshtest.Config{Handler: echo, Fault: c.fault, Pause: 10 * time.Millisecond}, "ProxyJump bastion")
			d := l.dialer(remote.Options{ConnectTimeout: time.Second, HostTimeout: 2 * time.Second})
			out, failure := run(t, d, "h")
			if c.stage != "" {
				wantError(t, failure, c.stage)
				return
			}
			wantOK(t, failure)
			if !out.Truncated {
				t.Error("a flood was not cut")
			}
		})
	}
}

// A config in which every host, also the jump hosts, is reached through others.
func TestJump_circle(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server("a", sshtest.Config{JumpAllowed: true}, "ProxyJump b")
	l.server("b", sshtest.Config{JumpAllowed: true}, "ProxyJump a")
	_, failure := run(t, l.dialer(remote.Options{}), "a")
	wantError(t, failure, remote.StageConfig, "circle")
	wantHint(t, failure, "ProxyJump none")
}

// freezer is a relay that can stop to carry anything, with no end to the
// connections: the cable is cut, and nobody is told.
type freezer struct {
	addr   string
	frozen chan struct{}
}

func newFreezer(t *testing.T, to string) *freezer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &freezer{addr: listener.Addr().String(), frozen: make(chan struct{})}
	var relays sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		relays.Wait()
	})
	relays.Go(func() { // ends with the listener
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				here.Close()
				continue
			}
			relays.Go(func() { f.carry(there, here) })
			relays.Go(func() { f.carry(here, there) })
		}
	})
	return f
}

// carry ends when either side does; what comes in while frozen is swallowed.
func (f *freezer) carry(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		select {
		case <-f.frozen:
		default:
			to.Write(buf[:n])
		}
	}
}

// The host's limit holds also when the jump host vanished in the meantime, and
// cannot even be told to close the channel.
func TestJump_vanishes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	key := newKey(t)
	bastion := newFreezer(t, l.untrusted(sshtest.Config{JumpAllowed: true, HostKey: key}).Addr())
	if err := l.Add("bastion", bastion.addr, key.PublicKey()); err != nil {
		t.Fatal(err)
	}
	l.server("h", sshtest.Config{Handler: func(ctx context.Context, e sshtest.Exec) int {
		io.Copy(io.Discard, e.Stdin)
		close(bastion.frozen)
		<-ctx.Done()
		return 0
	}}, "ProxyJump bastion")
	d := l.dialer(remote.Options{HostTimeout: 2 * time.Second})
	begun := time.Now()
	_, failure := run(t, d, "h")
	wantError(t, failure, remote.StageTimeout, "while the command ran")
	if took := time.Since(begun); took > 12*time.Second {
		t.Errorf("took %v with a limit of 2s", took)
	}
}

// A host that vanishes in the middle of a long command is noticed by its pulse,
// long before its limit.
func TestRun_vanishes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	key := newKey(t)
	var relay *freezer
	server := l.untrusted(sshtest.Config{HostKey: key, Authorized: []ssh.PublicKey{l.Key}, Handler: func(ctx context.Context, e sshtest.Exec) int {
		io.Copy(e.Stdout, e.Stdin)
		close(relay.frozen)
		<-ctx.Done()
		return 0
	}})
	relay = newFreezer(t, server.Addr())
	l.block("h", relay.addr, key.PublicKey(), "IdentityFile "+l.KeyFile, "ServerAliveInterval 1", "ServerAliveCountMax 1")
	_, failure := run(t, l.dialer(remote.Options{HostTimeout: time.Hour}), "h")
	wantError(t, failure, remote.StageSession, "the host stopped answering while the command ran")
}

// A jump host that dies while a host behind it shakes hands: the host is reached
// by a new connection, and nobody is told.
func TestJump_diesInHandshake(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	key := newKey(t)
	silent := l.untrusted(sshtest.Config{Fault: sshtest.FaultSilent})
	asked := make(chan struct{}, 8)
	bastion := l.server("bastion", sshtest.Config{JumpAllowed: true, HostKey: key, Route: func(string) string {
		asked <- struct{}{}
		return silent.Addr()
	}})
	l.server("h", sshtest.Config{Handler: echo}, "ProxyJump bastion")
	d := l.dialer(remote.Options{})
	ended := make(chan error)
	go func() { // ends with the run
		_, err := d.Run(t.Context(), remote.Target{Alias: "h"}, command())
		ended <- err
	}()
	<-asked
	eventually(t, "the handshake", func() bool { return silent.Stats().Connections > 0 })
	bastion.Close()
	l.untrusted(sshtest.Config{Addr: bastion.Addr(), JumpAllowed: true, HostKey: key})
	wantOK(t, asError(t, <-ended))
}

// No more connections through one jump host than asked for, and a jump host
// behind it takes no place away: with one place, nothing would ever get through.
func TestJump_connections(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server("outer", sshtest.Config{JumpAllowed: true})
	l.server("inner", sshtest.Config{JumpAllowed: true}, "ProxyJump outer")
	var now, atOnce atomic.Int64
	counting := func(ctx context.Context, e sshtest.Exec) int {
		n := now.Add(1)
		defer now.Add(-1)
		for most := atOnce.Load(); n > most && !atOnce.CompareAndSwap(most, n); most = atOnce.Load() {
		}
		return echo(ctx, e)
	}
	l.server("n*", sshtest.Config{Handler: counting}, "ProxyJump outer")
	l.server("f*", sshtest.Config{Handler: counting}, "ProxyJump inner")
	d := l.dialer(remote.Options{JumpConns: 1})
	for _, format := range []string{"f%d", "n%d"} {
		for _, failure := range runMany(t, d, 12, format) {
			wantOK(t, failure)
		}
	}
	if n := atOnce.Load(); n > 1 {
		t.Errorf("%d commands at a time, want one after the other", n)
	}
}
