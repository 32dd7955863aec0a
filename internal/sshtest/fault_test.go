package sshtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// attempt runs one command against a host with a fault and returns what came
// and how it ended. The client gives up when its host is silent for a moment,
// or after 256 KiB.
func attempt(t *testing.T, s *Server) (string, error) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	signer, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	client, err := handshake(conn, s.HostKey(), signer)
	if err != nil {
		return "", fmt.Errorf("handshake: %w", err)
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return "", fmt.Errorf("session: %w", err)
	}
	limited := &bounded{max: 256 << 10, full: func() { client.Close() }}
	session.Stdout = limited
	err = session.Run("report")
	return limited.String(), err
}

type bounded struct {
	bytes.Buffer
	max  int
	full func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len() >= b.max {
		b.full()
		return 0, errors.New("enough")
	}
	return b.Buffer.Write(p)
}

func TestFaults_eachLooksToTheClientLikeItsCause(t *testing.T) {
	t.Parallel()
	const timeout = "i/o timeout"
	const missing = "exited without exit status or exit signal"
	for fault, want := range map[Fault]struct{ out, err string }{
		FaultNone:          {out: "one\ntwo\n"},
		FaultCloseAtOnce:   {err: "handshake: ssh: handshake failed: EOF|reset"},
		FaultSilent:        {err: timeout},
		FaultHTTP:          {err: "handshake: ssh: handshake failed: "},
		FaultTarpit:        {err: timeout + "|overflow reading version string"},
		FaultVersionOnly:   {err: timeout},
		FaultHangInKex:     {err: timeout},
		FaultCutInKex:      {err: "EOF|reset"},
		FaultSlow:          {out: "one\ntwo\n"},
		FaultWrongKey:      {err: "ssh: host key mismatch"},
		FaultBannerFlood:   {err: timeout},
		FaultHangInAuth:    {err: timeout},
		FaultHangAfterAuth: {err: "session: "},
		FaultNoSession:     {err: "administratively prohibited"},
		FaultHangInCommand: {err: missing},
		FaultCutInCommand:  {out: "one\n", err: missing},
		FaultExitEarly:     {out: "one\n"},
		FaultFlood:         {out: strings.Repeat("0123456789abcdef", 4), err: missing},
		FaultBackground:    {out: "one\ntwo\n"},
	} {
		t.Run("fault "+string(fault), func(t *testing.T) {
			t.Parallel()
			s := start(t, Config{Fault: fault, Cut: 4, Handler: func(_ context.Context, e Exec) int {
				fmt.Fprint(e.Stdout, "one\n")
				fmt.Fprint(e.Stdout, "two\n")
				return 0
			}})
			out, err := attempt(t, s)
			if !strings.HasPrefix(out, want.out) || fault != FaultFlood && out != want.out {
				t.Errorf("output %.80q, want %q", out, want.out)
			}
			if want.err == "" && err == nil || fault == FaultBackground {
				return
			}
			if err == nil || !containsAny(err.Error(), want.err) {
				t.Errorf("error %v, want %q", err, want.err)
			}
		})
	}
}

func containsAny(s, alternatives string) bool {
	for a := range strings.SplitSeq(alternatives, "|") {
		if strings.Contains(s, a) {
			return true
		}
	}
	return false
}

func TestFaults_listsEveryOne(t *testing.T) {
	t.Parallel()
	seen := map[Fault]bool{}
	for _, f := range Faults() {
		if f == FaultNone || seen[f] {
			t.Errorf("%q is empty or there twice", f)
		}
		seen[f] = true
	}
	if len(seen) != 18 {
		t.Errorf("%d faults, want 18", len(seen))
	}
}

func TestBackground_statusComesButNotTheEnd(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Fault: FaultBackground})
	client, err := dial(t, s.Addr(), s.HostKey())
	if err != nil {
		t.Fatal(err)
	}
	channel, requests, err := client.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := channel.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{"daemon &"})); !ok || err != nil {
		t.Fatalf("exec: %v, %v", ok, err)
	}
	if req := <-requests; req.Type != "exit-status" {
		t.Fatalf("request %q, want exit-status", req.Type)
	}
	read := make(chan error, 1)
	// Ends when Close below ends the read.
	go func() {
		_, err := channel.Read(make([]byte, 1))
		read <- err
	}()
	select {
	case err := <-read:
		t.Errorf("the output ended: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	client.Close()
	<-read
}

func TestTarpit_linesComeBeforeAnyVersion(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Fault: FaultTarpit, Pause: time.Millisecond})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := make([]byte, 30)
	if _, err := io.ReadFull(conn, lines); err != nil || string(lines) != "00000000\r\n00000001\r\n00000002\r\n" {
		t.Errorf("%q, %v", lines, err)
	}
}
