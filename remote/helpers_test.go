package remote_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
	"twaudit/remote"
)

// The whole package must leave no goroutine behind, whatever its servers did.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is a client and the servers that its ssh_config names.
type lab struct {
	*sshtest.Client
	t testing.TB

	around []string // words in front of the command line of an sshd

	mu       sync.Mutex
	warnings []string
}

func newLab(t testing.TB) *lab {
	t.Helper()
	client, err := sshtest.NewClient(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &lab{Client: client, t: t}
}

// server starts a server, named alias in the config and with a trusted key.
func (l *lab) server(alias string, c sshtest.Config, more ...string) *sshtest.Server {
	l.t.Helper()
	if c.HostKey == nil {
		c.HostKey = newKey(l.t)
	}
	s := l.untrusted(c)
	if err := l.Add(alias, s.Addr(), c.HostKey.PublicKey(), more...); err != nil {
		l.t.Fatal(err)
	}
	return s
}

func (l *lab) untrusted(c sshtest.Config) *sshtest.Server {
	l.t.Helper()
	s, err := sshtest.Start(c)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { s.Close() })
	return s
}

// block names a server in the config as an operator would: by its address, with
// the lines given and nothing else. A nil key leaves it unknown.
func (l *lab) block(alias, addr string, key ssh.PublicKey, lines ...string) {
	l.t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		l.t.Fatal(err)
	}
	// First value wins: lines may name another user.
	lines = append(append([]string{"Host " + alias}, lines...),
		"HostName "+host, "Port "+port, "User audit",
		"UserKnownHostsFile "+l.KnownHosts, "GlobalKnownHostsFile /dev/null")
	appendTo(l.t, l.Config, strings.Join(lines, "\n    ")+"\n\n")
	if key != nil {
		appendTo(l.t, l.KnownHosts, sshtest.KnownHostsLine(addr, key))
	}
}

func appendTo(t testing.TB, path, line string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(line); err != nil {
		t.Fatal(err)
	}
}

// dialer reads the config as it is now.
func (l *lab) dialer(opts remote.Options) *remote.Dialer {
	l.t.Helper()
	opts.ConfigFile, opts.Home, opts.LocalUser = l.Config, l.Dir, "nobody"
	if opts.Warn == nil {
		opts.Warn = func(w string) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.warnings = append(l.warnings, w)
		}
	}
	d, err := remote.New(opts)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { d.Close() })
	return d
}

// run runs a command that nobody looks at on alias.
func run(t *testing.T, d *remote.Dialer, alias string) (*remote.Output, *remote.Error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := d.Run(ctx, remote.Target{Alias: alias}, command())
	return out, asError(t, err)
}

func command() remote.Command {
	return remote.Command{Line: "sh -s", Stdin: "hello\n", MaxStdout: 1 << 20, MaxStderr: 1 << 10}
}

func asError(t *testing.T, err error) *remote.Error {
	t.Helper()
	if err == nil {
		return nil
	}
	var failure *remote.Error
	if !errors.As(err, &failure) {
		t.Fatalf("error %v (%T) is no *remote.Error", err, err)
	}
	return failure
}

// wantOK fails the test unless the run succeeded.
func wantOK(t *testing.T, failure *remote.Error) {
	t.Helper()
	if failure != nil {
		t.Fatalf("got error %v (via %q, hint %q, cause %v)", failure, failure.Via, failure.Hint, failure.Err)
	}
}

// wantError checks stage and words, and that nothing private is in the message.
func wantError(t *testing.T, failure *remote.Error, stage remote.Stage, words ...string) {
	t.Helper()
	if failure == nil {
		t.Fatalf("no error, want stage %s", stage)
	}
	if failure.Stage != stage {
		t.Errorf("stage %s, want %s (%s)", failure.Stage, stage, failure.Message)
	}
	for _, word := range words {
		if !strings.Contains(failure.Message, word) {
			t.Errorf("message %q lacks %q", failure.Message, word)
		}
	}
	m := failure.Message
	if strings.HasSuffix(m, ".") || strings.ContainsAny(m, "\n\r\x1b") || strings.Contains(m, "/tmp") {
		t.Errorf("message %q is no clean sentence", m)
	}
}

func wantHint(t *testing.T, failure *remote.Error, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(failure.Hint, word) {
			t.Errorf("hint %q lacks %q", failure.Hint, word)
		}
	}
}

func newKey(t testing.TB) ssh.Signer {
	t.Helper()
	key, err := sshtest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// writeKey makes a key file in the lab's directory.
func (l *lab) writeKey(name string) (path string, pub ssh.PublicKey) {
	l.t.Helper()
	path = filepath.Join(l.Dir, name)
	key, err := sshtest.WriteKey(path)
	if err != nil {
		l.t.Fatal(err)
	}
	return path, key.PublicKey()
}

// echo answers with its standard input.
func echo(_ context.Context, e sshtest.Exec) int {
	io.Copy(e.Stdout, e.Stdin)
	return 0
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// listens tells whether somebody accepts connections at addr.
func listens(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// serveNobody leaves a socket behind that nobody serves.
func serveNobody(t *testing.T, path string) {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
}

// occupy takes one of the places for connections that are not logged in.
func (s *openSSHD) occupy(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	return conn
}
