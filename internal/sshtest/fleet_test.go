package sshtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func command(t *testing.T, client *ssh.Client, line string) string {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out, err := session.Output(line)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func requireLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		if os.Getenv("CI") != "" {
			t.Fatal("needs Linux: all of 127.0.0.0/8")
		}
		t.Skip("needs Linux: all of 127.0.0.0/8")
	}
}

func TestFleet_eachAddressIsItsOwnHost(t *testing.T) {
	t.Parallel()
	requireLinux(t)
	own, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	f, err := StartFleet(FleetConfig{Hosts: 5000, Host: func(i int) Config {
		c := Config{Handler: func(_ context.Context, e Exec) int {
			fmt.Fprintf(e.Stdout, "host %d", i)
			return 0
		}}
		if i == 4999 {
			c.HostKey = own
		}
		return c
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, key := range map[int]ssh.PublicKey{0: f.HostKey(), 255: f.HostKey(), 256: f.HostKey(), 4999: own.PublicKey()} {
		client, err := dial(t, f.Addr(i), key)
		if err != nil {
			t.Fatalf("host %d at %s: %v", i, f.Addr(i), err)
		}
		if got, want := command(t, client, "id"), fmt.Sprintf("host %d", i); got != want {
			t.Errorf("%s says %q, want %q", f.Addr(i), got, want)
		}
		client.Close()
	}
	for _, stranger := range []string{f.Addr(5000), fmt.Sprintf("127.0.0.1:%d", f.Port())} {
		if _, err := dial(t, stranger, f.HostKey()); err == nil {
			t.Errorf("somebody lives at %s", stranger)
		}
	}
	if got := f.Stats().Execs; got != 4 {
		t.Errorf("%d commands, want 4", got)
	}
}

func TestStartFleet_refusesImpossibleSizes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 0, MaxFleet + 1} {
		if f, err := StartFleet(FleetConfig{Hosts: n}); err == nil {
			f.Close()
			t.Errorf("a fleet of %d started", n)
		}
	}
}

// text is long enough to need many packets, and never the same twice in a row.
func text() string {
	var b strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String()
}

func TestDelay_addsRoundTripsAndLosesNothing(t *testing.T) {
	t.Parallel()
	const rtt = 40 * time.Millisecond
	answer := Config{Handler: func(_ context.Context, e Exec) int { fmt.Fprint(e.Stdout, text()); return 0 }}
	near := start(t, answer)
	proxy, err := StartDelay(near.Addr(), rtt)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	far := answer
	far.Delay = rtt
	for name, addr := range map[string]struct {
		addr string
		key  ssh.PublicKey
	}{"proxy": {proxy.Addr(), near.HostKey()}, "server": serverOf(start(t, far))} {
		begin := time.Now()
		client, err := dial(t, addr.addr, addr.key)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := command(t, client, "text"); got != text() {
			t.Errorf("%s: %d bytes came, and not what was sent", name, len(got))
		}
		// Key exchange, service, login, channel and command: six at the very least.
		if took := time.Since(begin); took < 6*rtt {
			t.Errorf("%s: took %v, less than six round trips of %v", name, took, rtt)
		}
		client.Close()
	}
}

func serverOf(s *Server) struct {
	addr string
	key  ssh.PublicKey
} {
	return struct {
		addr string
		key  ssh.PublicKey
	}{s.Addr(), s.HostKey()}
}

func TestDelay_deadTargetClosesTheClient(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	addr := s.Addr()
	s.Close()
	proxy, err := StartDelay(addr, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	if _, err := dial(t, proxy.Addr(), s.HostKey()); err == nil {
		t.Error("a host that is not there was reached")
	}
}

func TestBlackHole_neverAnswers(t *testing.T) {
	t.Parallel()
	requireLinux(t)
	addr, free, err := BlackHole()
	if err != nil {
		t.Fatal(err)
	}
	defer free()
	for range 3 {
		conn, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err == nil {
			conn.Close()
		}
		var failure net.Error
		if !errors.As(err, &failure) || !failure.Timeout() {
			t.Errorf("dial: %v, want a timeout", err)
		}
	}
}
