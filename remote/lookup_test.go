package remote

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
			if _, err := netip.ParseAddr(address); err != nil || slices.Contains(addresses[:i], address) {
				t.Errorf("address %q", address)
			}
		}
	})
}
