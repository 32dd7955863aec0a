package remote

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
	"twaudit/remote/sshconfig"
)

// hurried is a Dialer with little patience, for a client of sshtest.
func hurried(t *testing.T, c *sshtest.Client, p pace) *Dialer {
	t.Helper()
	d, err := New(Options{ConfigFile: c.Config, Home: c.Dir, LocalUser: "nobody", HostTimeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	d.pace = p
	return d
}

func startServer(t *testing.T, c *sshtest.Client, alias string, config sshtest.Config, more ...string) *sshtest.Server {
	t.Helper()
	key, err := sshtest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	config.HostKey = key
	s, err := sshtest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := c.Add(alias, s.Addr(), key.PublicKey(), more...); err != nil {
		t.Fatal(err)
	}
	return s
}

func newClient(t *testing.T) *sshtest.Client {
	t.Helper()
	c, err := sshtest.NewClient(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A connection that waited too long for its slot is replaced by a fresh one.
func TestRun_staleConnection(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s := startServer(t, c, "h", sshtest.Config{})
	d := hurried(t, c, pace{stale: time.Nanosecond, grudge: time.Hour, pulse: time.Hour})
	released := 0
	admit := func(context.Context) (func(), error) { return func() { released++ }, nil }
	if _, err := d.Run(t.Context(), Target{Alias: "h"}, Command{Line: "true", Admit: admit}); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Connections != 2 || got.Logins != 1 || released != 1 {
		t.Errorf("%+v, slot released %d times: want two connections, one login, one release", got, released)
	}
}

// A jump host is asked again once its failure is old.
func TestJump_grudgeEnds(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	bastion := startServer(t, c, "bastion", sshtest.Config{Fault: sshtest.FaultCloseAtOnce})
	startServer(t, c, "h", sshtest.Config{}, "ProxyJump bastion")
	d := hurried(t, c, pace{stale: time.Hour, grudge: 0, pulse: time.Hour})
	for range 2 {
		if _, err := d.Run(t.Context(), Target{Alias: "h"}, Command{Line: "true"}); err == nil {
			t.Fatal("no error behind a dead jump host")
		}
	}
	if got := bastion.Stats().Connections; got < 2 {
		t.Errorf("%d connections to the jump host, want one per run or more", got)
	}
}

// A jump host that lets us in and then says nothing is found out by its pulse,
// and not by the limit of each host behind it.
func TestJump_silentAfterLogin(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	startServer(t, c, "bastion", sshtest.Config{Fault: sshtest.FaultHangAfterAuth})
	startServer(t, c, "h", sshtest.Config{}, "ProxyJump bastion", "ConnectTimeout 300")
	d := hurried(t, c, pace{stale: time.Hour, grudge: time.Hour, pulse: 50 * time.Millisecond})
	_, err := d.Run(t.Context(), Target{Alias: "h"}, Command{Line: "true"})
	var failure *Error
	if !errors.As(err, &failure) || failure.Stage != StageJump || failure.Via != "bastion" {
		t.Errorf("error %v, want one of the jump host", err)
	}
}

// The limits stop and go on with the stage, and only one runs at a time.
func TestClock(t *testing.T) {
	t.Parallel()
	c := newClock(t.Context())
	defer c.end()
	c.begin(StageConnect, time.Hour, StageConnect)
	c.pause()
	c.begin(StageAuth, time.Millisecond, StageTimeout)
	<-c.ctx.Done()
	var limit *limitError
	if !errors.As(context.Cause(c.ctx), &limit) || limit.of != StageTimeout || c.at() != StageAuth {
		t.Errorf("cause %v at %s, want the host's limit during the login", context.Cause(c.ctx), c.at())
	}
	paused := newClock(t.Context())
	paused.begin(StageConnect, time.Millisecond, StageConnect)
	paused.pause()
	paused.end()
	paused.begin(StageAuth, time.Nanosecond, StageTimeout)
	if paused.timer != nil {
		t.Error("a limit runs after the end")
	}
}

// What the login has used up is gone for the command, and a pause is not.
func TestClock_widen(t *testing.T) {
	t.Parallel()
	c := newClock(t.Context())
	defer c.end()
	c.begin(StageAuth, time.Hour, StageAuth)
	c.pause()
	c.left -= 10 * time.Minute
	c.resume()
	c.widen(2*time.Hour, StageTimeout)
	c.pause()
	if lost := 2*time.Hour - c.left; lost < 10*time.Minute || lost > 11*time.Minute || c.limit.limit != 2*time.Hour {
		t.Errorf("%v of %v is left, want 1h50m of 2h", c.left, c.limit.limit)
	}
	c.begin(StageAuth, time.Millisecond, StageAuth)
	<-c.ctx.Done()
	c.widen(time.Hour, StageTimeout)
	var limit *limitError
	if !errors.As(context.Cause(c.ctx), &limit) || limit.of != StageAuth {
		t.Errorf("cause %v, want the limit that struck", context.Cause(c.ctx))
	}
}

func TestCapture(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("abcdefgh", 5000)
	for _, c := range []struct {
		max, spare int
		over       bool
	}{
		{len(text), 0, false}, {len(text) + 1, 0, false}, {len(text) - 1, 0, true},
		{0, len(text), false}, {-1, len(text) - 1, true}, {100, len(text) - 100, false}, {100, 1000, true},
	} {
		for name, reader := range map[string]io.Reader{
			"plain": strings.NewReader(text), "bytewise": iotest.OneByteReader(strings.NewReader(text)),
			"with the end": iotest.DataErrReader(strings.NewReader(text)),
		} {
			kept := capture{max: c.max}
			over := kept.fill(reader, c.spare)
			if want := text[:max(0, min(c.max, len(text)))]; string(kept.kept) != want || over != c.over {
				t.Errorf("max %d, %s: kept %d bytes, over %v, want %d, %v", c.max, name, len(kept.kept), over, len(want), c.over)
			}
			if !c.over && kept.total.Load() != int64(len(text)) {
				t.Errorf("max %d, %s: counted %d bytes of %d", c.max, name, kept.total.Load(), len(text))
			}
		}
	}
}

func TestHopQuery(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]sshconfig.Query{
		"bastion":             {Alias: "bastion"},
		"bastion:2222":        {Alias: "bastion", Port: 2222},
		"a@b@bastion:22":      {Alias: "bastion", User: "a@b", Port: 22},
		"[2001:db8::1]":       {Alias: "2001:db8::1"},
		"me@[2001:db8::1]:24": {Alias: "2001:db8::1", User: "me", Port: 24},
	} {
		if got := hopQuery(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// What a jump host reports in its own words becomes the stage it stands for.
func TestChannelFailure(t *testing.T) {
	t.Parallel()
	a := &attempt{route: &route{set: &sshconfig.Settings{HostName: "web1"}, via: &jumpHost{name: "bastion"}}}
	for _, c := range []struct {
		reason ssh.RejectionReason
		said   string
		stage  Stage
	}{
		{ssh.ConnectionFailed, "Connection refused", StageConnect},
		{ssh.ConnectionFailed, "No route to host", StageConnect},
		{ssh.ConnectionFailed, "Name or service not known", StageResolve},
		{ssh.ConnectionFailed, "Temporary failure in name resolution", StageResolve},
		{ssh.ConnectionFailed, "\x1b]0;owned\x07", StageConnect},
		{ssh.Prohibited, "open failed", StageJump},
		{ssh.ResourceShortage, "", StageJump},
	} {
		got := a.channelFailure(&ssh.OpenChannelError{Reason: c.reason, Message: c.said})
		if got.Stage != c.stage || (got.Via == "bastion") != (c.stage == StageJump) {
			t.Errorf("%q: stage %s via %q, want %s", c.said, got.Stage, got.Via, c.stage)
		}
		if strings.ContainsAny(got.Message, "\x1b\x07") {
			t.Errorf("%q: message %q is not clean", c.said, got.Message)
		}
	}
}

func TestDialFailure_lookup(t *testing.T) {
	t.Parallel()
	for words, err := range map[string]*net.DNSError{
		`no address for "web1"`:                               {IsNotFound: true},
		`name lookup of "web1" timed out`:                     {IsTimeout: true},
		`name lookup of "web1" failed: server misbehaving`:    {Err: "server misbehaving"},
		`name lookup of "web1" failed: ` + "\ufffd[31mbroken": {Err: "\x1b[31mbroken"},
	} {
		wrapped := &net.OpError{Op: "dial", Err: err}
		if got := dialFailure(wrapped, "web1", 22, time.Second); got.Stage != StageResolve || got.Message != words {
			t.Errorf("%s %q, want %q", got.Stage, got.Message, words)
		}
	}
}

// The line that a legacy host needs is the right one for what it lacks.
func TestAlgorithmFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, offered, line string }{
		{"key exchange", "diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,ext-info-s", "KexAlgorithms +diffie-hellman-group14-sha1"},
		{"host key", "ssh-dss,ssh-rsa", "HostKeyAlgorithms +ssh-rsa"},
		{"client to server cipher", "3des-cbc,aes128-cbc", "Ciphers +aes128-cbc"},
		{"server to client MAC", "hmac-sha1-96,hmac-md5", "MACs +hmac-sha1-96"},
	} {
		got := algorithmFailure(&ssh.AlgorithmNegotiationError{What: c.what, RequestedAlgorithms: strings.Split(c.offered, ",")})
		if !strings.Contains(got.Hint, `"`+c.line+`"`) || strings.Contains(got.Message, "ext-info") {
			t.Errorf("%s: message %q, hint %q, want the line %q", c.what, got.Message, got.Hint, c.line)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"/home/a/.ssh/known_hosts": "/home/a/.ssh/known_hosts", "[::1]:22": "'[::1]:22'",
		"it's": `'it'\''s'`, "": "''", "a b": "'a b'", "$(x)": "'$(x)'",
	} {
		if got := quote(word); got != want {
			t.Errorf("quote(%q) = %s, want %s", word, got, want)
		}
	}
}

// Whatever a peer says in place of its version ends up as one bounded, clean
// sentence, and is passed on to the library byte for byte.
func FuzzVersion(f *testing.F) {
	for _, seed := range []string{
		"", "SSH-2.0-OpenSSH_9.2\r\n", "Exceeded MaxStartups\r\n", "Not allowed at this time\r\n",
		"HTTP/1.1 400 Bad Request\r\n\r\n", "\x1b]0;x\x07\x9b31m", "\xff\xfe\x00", "220 ftp ready\nSSH-2.0-x\n",
		strings.Repeat("a", 2*headSize),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		client, server := net.Pipe()
		defer client.Close()
		go func() { // ends with the pipe
			server.Write(said)
			server.Close()
		}()
		conn := &headConn{Conn: client}
		passed, err := io.ReadAll(iotest.OneByteReader(conn))
		if err != nil || !bytes.Equal(passed, said) {
			t.Fatalf("%d bytes passed on (%v), want all %d", len(passed), err, len(said))
		}
		if !bytes.Equal(conn.first(), said[:min(len(said), headSize)]) {
			t.Errorf("kept %q", conn.first())
		}
		message := versionFailure(conn.first(), io.EOF).Message
		if len(message) > 1000 || !utf8.ValidString(message) || strings.ContainsAny(message, "\x1b\r\n\x00") {
			t.Errorf("message %q is not clean", message)
		}
	})
}

// No request of a server makes a status outside of what a shell could see.
func FuzzExit(f *testing.F) {
	f.Add("exit-status", binary.BigEndian.AppendUint32(nil, 3))
	f.Add("exit-status", binary.BigEndian.AppendUint32(nil, 1<<31))
	f.Add("exit-status", []byte{1})
	f.Add("exit-signal", ssh.Marshal(struct {
		Signal string
		Core   bool
		Msg    string
		Lang   string
	}{"KILL", false, "", ""}))
	f.Add("exit-signal", []byte("\xff\xff\xff\xff"))
	f.Add("keepalive@openssh.com", []byte{})
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		value, ok := parseExit(&ssh.Request{Type: kind, Payload: payload})
		if value < 0 || value > 255 || !ok && value != 0 {
			t.Errorf("status %d, %v", value, ok)
		}
	})
}

func TestParseExit(t *testing.T) {
	t.Parallel()
	for signal, want := range map[string]int{"TERM": 143, "KILL": 137, "SEGV": 139, "made-up": 128} {
		payload := ssh.Marshal(struct {
			Signal string
			Core   bool
			Msg    string
			Lang   string
		}{signal, true, "", ""})
		if got, ok := parseExit(&ssh.Request{Type: "exit-signal", Payload: payload}); !ok || got != want {
			t.Errorf("%s: %d, %v, want %d", signal, got, ok, want)
		}
	}
	if _, ok := parseExit(&ssh.Request{Type: "exit-status"}); ok {
		t.Error("an empty status counts as one")
	}
}

// The precedence of the command line over the files, as with ssh.
func TestResolve(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	if err := c.Add("web", "192.0.2.1:2022", nil, "ProxyCommand nc %h %p", "ConnectTimeout 7"); err != nil {
		t.Fatal(err)
	}
	options := Options{
		ConfigFile: c.Config, Home: "/home/a", LocalUser: "nobody", User: "deploy", Port: 2222, Jump: "b@bastion",
		Identities: []string{"~/k1", "k2"}, SSHOptions: []string{"HostKeyAlias=x"}, ConnectTimeout: time.Second,
	}
	d, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	set, err := d.Resolve(t.Context(), Target{Alias: "web"})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(set.User, set.Port, set.ProxyJump, set.ProxyCommand, set.HostKeyAlias, set.IdentityFiles, d.connectTimeout(set))
	if want := fmt.Sprint("deploy", 2222, "b@bastion", "", "x", []string{"/home/a/k1", "k2", c.KeyFile}, 7*time.Second); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if set, err = d.Resolve(t.Context(), Target{Alias: "other", User: "u", Port: 1}); err != nil || set.User != "u" || set.Port != 1 || d.connectTimeout(set) != time.Second {
		t.Errorf("%+v, %v: want what the target says", set, err)
	}
	for _, wrong := range []Options{{HostKeyPolicy: "ignore"}, {Resolver: "guess"}, {Port: 70000}, {ConfigFile: "/no/such/file"}} {
		if d, err := New(wrong); err == nil {
			d.Close()
			t.Errorf("%+v: no error", wrong)
		}
	}
}
