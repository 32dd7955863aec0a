package remote_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"twaudit/internal/sshtest"
	"twaudit/remote"
)

func rsaKey(t *testing.T) ssh.Signer {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// slowAgent is an agent whose signatures take their time; it counts how many it
// is asked for at once.
type slowAgent struct {
	agent.ExtendedAgent
	delay time.Duration

	mu           sync.Mutex
	now, atOnce  int
	signs, lists int
}

func (a *slowAgent) List() ([]*agent.Key, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lists++
	return a.ExtendedAgent.List()
}

func (a *slowAgent) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	a.mu.Lock()
	a.now++
	a.signs++
	a.atOnce = max(a.atOnce, a.now)
	a.mu.Unlock()
	<-time.After(a.delay)
	a.mu.Lock()
	a.now--
	a.mu.Unlock()
	return a.ExtendedAgent.SignWithFlags(key, data, flags)
}

func (a *slowAgent) serve(t *testing.T) string {
	t.Helper()
	return serveAgent(t, a)
}

// serveAgent answers on a socket until the test ends, and returns its path.
func serveAgent(t *testing.T, a agent.Agent) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "a")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				agent.ServeAgent(a, conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		conns.Wait()
	})
	return socket
}

// known starts a server for whoever has pub, under a plain block of the config.
func (l *lab) known(alias string, pub ssh.PublicKey, lines ...string) {
	l.t.Helper()
	key := newKey(l.t)
	s := l.untrusted(sshtest.Config{HostKey: key, Authorized: []ssh.PublicKey{pub}, Handler: echo})
	l.block(alias, s.Addr(), key.PublicKey(), lines...)
}

// newAgent holds the keys of these files.
func newAgent(t *testing.T, files ...string) *slowAgent {
	t.Helper()
	ring := agent.NewKeyring().(agent.ExtendedAgent)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		private, err := ssh.ParseRawPrivateKey(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := ring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
			t.Fatal(err)
		}
	}
	return &slowAgent{ExtendedAgent: ring}
}

// env is an environment with an agent.
func env(socket string) func(string) string {
	return func(name string) string {
		if name == "SSH_AUTH_SOCK" {
			return socket
		}
		return ""
	}
}

// A key that only the agent has, for many hosts: listed once, signed side by
// side.
func TestAuth_agent(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path, pub := l.writeKey("only-in-agent")
	keys := newAgent(t, path)
	keys.delay = 20 * time.Millisecond
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l.known("h*", pub)
	d := l.dialer(remote.Options{Env: env(keys.serve(t)), AgentConns: 16})
	for i, failure := range runMany(t, d, 200, "h%d") {
		if failure != nil {
			t.Errorf("h%d: %v", i, failure)
		}
	}
	d.Close()
	if keys.lists != 1 || keys.signs != 200 {
		t.Errorf("agent asked for %d lists and %d signatures, want 1 and 200", keys.lists, keys.signs)
	}
	if keys.atOnce < 4 || keys.atOnce > 16 {
		t.Errorf("%d signatures were asked for at once, want several and not more than 16", keys.atOnce)
	}
}

// The ways in which IdentityAgent names one, and none.
func TestAuth_identityAgent(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path, pub := l.writeKey("only-in-agent")
	socket := newAgent(t, path).serve(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(socket, filepath.Join(l.Dir, "agent-audit")); err != nil {
		t.Fatal(err)
	}
	for i, form := range []string{"$MY_AGENT", "${MY_AGENT}", "SSH_AUTH_SOCK", "~/agent-%r", "%d/agent-audit", socket} {
		l.known(fmt.Sprintf("ok%d", i), pub, "IdentityAgent "+form)
	}
	for i, form := range []string{"none", "$UNSET", "~/no-such-agent"} {
		l.known(fmt.Sprintf("no%d", i), pub, "IdentityAgent "+form)
	}
	d := l.dialer(remote.Options{Env: func(name string) string {
		return map[string]string{"MY_AGENT": socket, "SSH_AUTH_SOCK": socket}[name]
	}})
	for _, failure := range runMany(t, d, 6, "ok%d") {
		wantOK(t, failure)
	}
	for _, failure := range runMany(t, d, 3, "no%d") {
		wantError(t, failure, remote.StageAuth, "no key to offer")
	}
}

// IdentitiesOnly keeps the agent's other keys from being offered, and a locked
// file still chooses its key in the agent.
func TestAuth_identitiesOnly(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	right, pub := l.writeKey("right")
	var others []string
	for i := range 8 {
		other, _ := l.writeKey(fmt.Sprintf("other%d", i))
		others = append(others, other)
	}
	socket := newAgent(t, append(others, right)...).serve(t)
	lock(t, right)
	l.known("h", pub, "IdentityFile "+l.KeyFile)
	for _, only := range []string{"yes", "no"} {
		// Eight wrong keys in front would end the login before the right one.
		d := l.dialer(remote.Options{Env: env(socket), Identities: []string{right}, SSHOptions: []string{"IdentitiesOnly=" + only}})
		_, failure := run(t, d, "h")
		wantOK(t, failure)
	}
	_, failure := run(t, l.dialer(remote.Options{Env: env(socket), SSHOptions: []string{"IdentitiesOnly=yes"}}), "h")
	wantError(t, failure, remote.StageAuth, "1 key (ssh-ed25519)")
	wantHint(t, failure, "as user audit", l.KeyFile, ssh.FingerprintSHA256(l.Key))
}

// lock puts a passphrase on a key file.
func lock(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	private, err := ssh.ParseRawPrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "locked", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What is wrong with a key is said only when nothing else opens the door.
func TestAuth_unusableFiles(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.known("h", newKey(t).PublicKey())
	locked, _ := l.writeKey("locked")
	lock(t, locked)
	open, _ := l.writeKey("open")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(l.Dir, "garbage")
	if err := os.WriteFile(garbage, []byte("no key\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file  string
		words string
		hint  string
	}{
		{locked, "no key to offer: a passphrase protects it", "unlock it with ssh-add " + locked},
		{open, "no key to offer: the key file's mode 0644 lets others use it", "chmod 600 " + open + ", or "},
		{garbage, "no key to offer: the key file cannot be used: not a private key", garbage + ": not a private key"},
		{filepath.Join(l.Dir, "missing"), "no key to offer: no agent with keys", "--identity"},
	} {
		d := l.dialer(remote.Options{Identities: []string{c.file}})
		_, failure := run(t, d, "h")
		wantError(t, failure, remote.StageAuth, c.words)
		wantHint(t, failure, c.hint)
		if strings.Contains(failure.Message, l.Dir) {
			t.Errorf("%s names a local path", failure.Message)
		}
	}

	// The files first: an agent that is gone is what most of them need.
	d := l.dialer(remote.Options{Identities: []string{open, garbage}, Env: env(filepath.Join(l.Dir, "gone"))})
	_, failure := run(t, d, "h")
	wantError(t, failure, remote.StageAuth, "no key to offer: the key file's mode 0644 lets others use it; the key file cannot be used: ")
	wantError(t, failure, remote.StageAuth, "; 1 more")
	wantHint(t, failure, "the agent at "+l.Dir)
}

// An agent that is gone, or that hangs, does not cost the keys that are there.
func TestAuth_brokenAgent(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.known("h*", l.Key, "IdentityFile "+l.KeyFile)
	d := l.dialer(remote.Options{Env: env(filepath.Join(l.Dir, "no-such-socket"))})
	_, failure := run(t, d, "h")
	wantOK(t, failure)

	// Nobody accepts here: connecting works, and no answer ever comes.
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "hang"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	d = l.dialer(remote.Options{Env: env(listener.Addr().String()), HostTimeout: 300 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = d.Run(ctx, remote.Target{Alias: "h1"}, command())
	wantError(t, asError(t, err), remote.StageTimeout, "during the login")
}
