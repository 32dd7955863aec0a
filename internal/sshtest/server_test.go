package sshtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// dial logs in with a new key, and ends everything with the test.
func dial(t *testing.T, addr string, key ssh.PublicKey) (*ssh.Client, error) {
	t.Helper()
	signer, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return dialAs(t, addr, key, signer)
}

func dialAs(t *testing.T, addr string, key ssh.PublicKey, signer ssh.Signer) (*ssh.Client, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return handshake(conn, key, signer)
}

func handshake(conn net.Conn, key ssh.PublicKey, signer ssh.Signer) (*ssh.Client, error) {
	c, channels, requests, err := ssh.NewClientConn(conn, "host", &ssh.ClientConfig{
		User:            "audit",
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: ssh.FixedHostKey(key),
	})
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// echo answers with everything it was given.
func echo(_ context.Context, e Exec) int {
	in, _ := io.ReadAll(e.Stdin)
	fmt.Fprintf(e.Stdout, "%s ran %s with %s", e.User, e.Command, in)
	fmt.Fprintf(e.Stderr, "LANG=%s", e.Env["LANG"])
	return 7
}

func TestExec_carriesStreamsEnvironmentAndStatus(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: echo, Banner: "hello\n"})
	client, err := dial(t, s.Addr(), s.HostKey())
	if err != nil {
		t.Fatal(err)
	}
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	session.Stdin, session.Stdout, session.Stderr = strings.NewReader("input"), &stdout, &stderr
	if err := session.Setenv("LANG", "C"); err != nil {
		t.Fatal(err)
	}
	err = session.Run("sh -s")
	var exit *ssh.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 7 {
		t.Errorf("run: %v, want status 7", err)
	}
	if got, want := stdout.String(), "audit ran sh -s with input"; got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
	if got, want := stderr.String(), "LANG=C"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	client.Close()
	s.Close()
	if got := s.Stats(); got.Connections != 1 || got.Logins != 1 || got.Sessions != 1 || got.Execs != 1 || got.Open != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestHandler_contextEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	begun, ended := make(chan struct{}), make(chan struct{})
	s := start(t, Config{Handler: func(ctx context.Context, _ Exec) int {
		close(begun)
		<-ctx.Done()
		close(ended)
		return 0
	}})
	client, err := dial(t, s.Addr(), s.HostKey())
	if err != nil {
		t.Fatal(err)
	}
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start("sleep"); err != nil {
		t.Fatal(err)
	}
	<-begun
	client.Close()
	<-ended
}

func TestLogin_onlyAuthorizedKeys(t *testing.T) {
	t.Parallel()
	mine, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Config{Authorized: []ssh.PublicKey{mine.PublicKey()}})
	if _, err := dialAs(t, s.Addr(), s.HostKey(), mine); err != nil {
		t.Errorf("authorized key: %v", err)
	}
	if _, err := dial(t, s.Addr(), s.HostKey()); err == nil || !strings.Contains(err.Error(), "unable to authenticate") {
		t.Errorf("foreign key: %v", err)
	}
}

func TestMaxStartups_refusesInTheWordsOfSSHD(t *testing.T) {
	t.Parallel()
	s := start(t, Config{MaxStartups: 1})
	first, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	version := make([]byte, 7)
	if _, err := io.ReadFull(first, version); err != nil || string(version) != "SSH-2.0" {
		t.Fatalf("first connection: %q, %v", version, err)
	}
	second, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if said, err := io.ReadAll(second); string(said) != "Exceeded MaxStartups\r\n" {
		t.Errorf("second connection: %q, %v", said, err)
	}
	if got := s.Stats().Refused; got != 1 {
		t.Errorf("refused %d, want 1", got)
	}
}

func TestJump_forwardsToLoopbackOnly(t *testing.T) {
	t.Parallel()
	inner := start(t, Config{Handler: echo})
	bastion := start(t, Config{JumpAllowed: true, Route: func(to string) string {
		if to == "inner.demo:22" {
			return inner.Addr()
		}
		return to
	}})
	client, err := dial(t, bastion.Addr(), bastion.HostKey())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := client.Dial("tcp", "inner.demo:22")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	through, err := handshake(conn, inner.HostKey(), signer)
	if err != nil {
		t.Fatal(err)
	}
	session, err := through.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := session.Output("id"); string(out) != "audit ran id with " {
		t.Errorf("through the bastion: %q", out)
	}
	through.Close()
	for _, forbidden := range []string{"192.0.2.1:22", "127.0.0.1:1"} {
		if c, err := client.Dial("tcp", forbidden); err == nil {
			c.Close()
			t.Errorf("%s was forwarded", forbidden)
		}
	}
	if got := bastion.Stats().Forwards; got != 1 {
		t.Errorf("forwards %d, want 1", got)
	}
}

func TestStart_refusesOtherMachines(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:22", "nonsense"} {
		if s, err := Start(Config{Addr: addr}); err == nil {
			s.Close()
			t.Errorf("listens on %s", addr)
		}
	}
}

// sshClient runs the real client, bounded, and returns its output.
func sshClient(t *testing.T, config string, args ...string) (string, string, error) {
	t.Helper()
	path, err := exec.LookPath("ssh")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("needs the OpenSSH client")
		}
		t.Skip("needs the OpenSSH client")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"-F", config, "-o", "BatchMode=yes"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

func newClient(t *testing.T) *Client {
	t.Helper()
	c, err := NewClient(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOpenSSHClient(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	mine := []ssh.PublicKey{client.Key}
	web := start(t, Config{Authorized: mine, Handler: echo})
	bastion := start(t, Config{Authorized: mine, JumpAllowed: true})
	changed := start(t, Config{Authorized: mine, Fault: FaultWrongKey})
	foreign := start(t, Config{Authorized: []ssh.PublicKey{web.HostKey()}})
	add := func(alias string, s *Server, more ...string) {
		t.Helper()
		if err := client.Add(alias, s.Addr(), s.HostKey(), more...); err != nil {
			t.Fatal(err)
		}
	}
	add("web", web)
	add("bastion", bastion)
	add("behind", web, "ProxyJump bastion")
	add("changed", changed)
	add("foreign", foreign)
	for _, test := range []struct{ alias, stdout, stderr string }{
		{alias: "web", stdout: "audit ran uname -r with "},
		{alias: "behind", stdout: "audit ran uname -r with "},
		{alias: "changed", stderr: "REMOTE HOST IDENTIFICATION HAS CHANGED"},
		{alias: "foreign", stderr: "Permission denied"},
	} {
		stdout, stderr, err := sshClient(t, client.Config, test.alias, "uname -r")
		if stdout != test.stdout || !strings.Contains(stderr, test.stderr) || err == nil {
			t.Errorf("ssh %s: %v, stdout %q, stderr %q", test.alias, err, stdout, stderr)
		}
	}
}
