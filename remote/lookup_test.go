package remote

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"twaudit/internal/sshtest"
)

// A name that only a directory knows, which the system's own command finds.
func TestRun_nameFromElsewhere(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	key, err := sshtest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := sshtest.Start(sshtest.Config{HostKey: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add("h", net.JoinHostPort("only-in-ldap.invalid", port), key.PublicKey()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf, script := filepath.Join(dir, "nsswitch.conf"), filepath.Join(dir, "getent")
	text := `[ "$*" = "ahosts -- only-in-ldap.invalid" ] || exit 2
echo "127.0.0.250    STREAM only-in-ldap"; echo "127.0.0.250    DGRAM"; echo "127.0.0.1 STREAM"` + "\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for sources, found := range map[string]bool{"files sss dns": true, "files dns": false} {
		if err := os.WriteFile(conf, []byte("passwd: files sss\nhosts: "+sources+" # local\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d := hurried(t, c, unhurried)
		d.elsewhere.nsswitch, d.elsewhere.command = conf, []string{"sh", script}
		if _, err := d.Run(t.Context(), Target{Alias: "h"}, Command{Line: "true"}); (err == nil) != found {
			t.Errorf("hosts: %s: %v, want found %v", sources, err, found)
		}
	}
}

// A name that nobody knows in time, with a limit that is not the one for the
// connection: name servers that say nothing, and a directory that hangs.
func TestRun_slowLookup(t *testing.T) {
	t.Parallel()
	conf := filepath.Join(t.TempDir(), "nsswitch.conf")
	if err := os.WriteFile(conf, []byte("hosts: files dns sss\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newClient(t)
	startServer(t, c, "bound", sshtest.Config{}, "BindAddress source.example.net")
	for _, test := range []struct {
		alias   string
		stage   Stage
		message string
		hint    string
	}{
		{"slow.example.net", StageResolve, `name lookup of "slow.example.net" not finished within 1s`, "/etc/resolv.conf"},
		// A name of Tor is one that no name server is asked for.
		{"slow.onion", StageResolve, `name lookup of "slow.onion" not finished within 1s: DNS does not know it, getent did not answer`, "getent ahosts slow.onion"},
		{"bound", StageConfig, "BindAddress cannot be resolved", "source.example.net"},
	} {
		t.Run(test.alias, func(t *testing.T) {
			t.Parallel()
			d := hurried(t, c, unhurried)
			d.opts.ConnectTimeout, d.opts.ResolveTimeout = time.Hour, time.Second
			d.elsewhere.nsswitch, d.elsewhere.command = conf, []string{"sh", "-c", "sleep 60; exit 2"}
			d.resolver = &net.Resolver{PreferGo: true, Dial: muteNameServer(t)}
			begun := time.Now()
			_, err := d.Run(t.Context(), Target{Alias: test.alias}, Command{Line: "true"})
			var failure *Error
			if !errors.As(err, &failure) || failure.Stage != test.stage || failure.Message != test.message || failure.Retryable {
				t.Fatalf("%#v, want %s %q", failure, test.stage, test.message)
			}
			if !strings.Contains(failure.Hint, test.hint) {
				t.Errorf("hint %q lacks %q", failure.Hint, test.hint)
			}
			if took := time.Since(begun); took > 4*time.Second { // the name servers' own patience is 10 s
				t.Errorf("took %v with a limit of 1s", took)
			}
		})
	}
}

// muteNameServer connects to a name server that says nothing. The lookups of the
// resolver outlive those who asked: they end when the test does.
func muteNameServer(t *testing.T) func(ctx context.Context, network, address string) (net.Conn, error) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	over := false
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
		for _, conn := range conns {
			conn.Close()
		}
		server.Close()
	})
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if over {
			return nil, errors.New("the test is over")
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
		if err == nil {
			conns = append(conns, conn)
		}
		return conn, err
	}
}

// One address after the other, both families, and none that may not be used.
func TestDialFirst(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	up, down, six := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::1")
	for name, addresses := range map[string][]netip.Addr{
		"second": {down, up}, "other family": {six, up}, "behind the other family": {down, six, up},
	} {
		begun := time.Now()
		conn, err := dialFirst(t.Context(), net.Dialer{}, addresses, port, time.Minute)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: connected after %v: what failed at once was waited for", name, took)
		}
	}
	if _, err := dialFirst(t.Context(), net.Dialer{}, []netip.Addr{down, six}, port, time.Second); !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "127.0.0.2") {
		t.Errorf("error %v, want that of the first", err)
	}
}

func TestLooksElsewhere(t *testing.T) {
	t.Parallel()
	for conf, want := range map[string]bool{
		"hosts: files dns myhostname": false, "hosts:\tfiles mdns4_minimal [NOTFOUND=return] dns": true,
		"hosts: files [!UNAVAIL=return] dns": false, "hosts: files [SUCCESS=return NOTFOUND=continue] dns": false,
		"": false, "passwd: sss": false, "#hosts: sss\nhosts: dns # sss": false,
	} {
		if looksElsewhere(conf) != want {
			t.Errorf("%q: %v, want %v", conf, !want, want)
		}
	}
}

func FuzzParseHosts(f *testing.F) {
	f.Add("127.0.0.1 STREAM a\n127.0.0.1 DGRAM\n::1 STREAM\n")
	f.Add("fe80::1%eth0 RAW\n\nnot-an-address x\n")
	f.Add(strings.Repeat("x", 70000))
	f.Fuzz(func(t *testing.T, out string) {
		addresses := parseHosts(out)
		for i, address := range addresses {
			if !address.IsValid() || slices.Contains(addresses[:i], address) {
				t.Errorf("address %q", address)
			}
		}
	})
}
