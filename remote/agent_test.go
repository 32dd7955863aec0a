package remote_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"twaudit/remote"
)

// What a real ssh-agent holds opens a real sshd, also when nothing else has the
// private half any more.
func TestOpenSSH_agent(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.sshd()
	socket := filepath.Join(t.TempDir(), "agent")
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	eventually(t, "ssh-agent", func() bool { _, err := os.Stat(socket); return err == nil })
	var allowed []byte
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		file := filepath.Join(l.Dir, "held-"+kind)
		if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
		add := exec.Command("ssh-add", "-q", file)
		add.Env = []string{"SSH_AUTH_SOCK=" + socket}
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("ssh-add: %v: %s", err, out)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		allowed = append(allowed, readFile(t, file+".pub")...)
		s.block(kind, "IdentityFile "+file, "IdentitiesOnly yes")
	}
	s.allow(string(allowed))
	s.block("h*")
	d := l.dialer(remote.Options{Env: env(socket)})
	for _, alias := range []string{"ed25519", "ecdsa", "rsa"} {
		if _, failure := run(t, d, alias); failure != nil {
			t.Errorf("%s: %v (%s)", alias, failure, failure.Hint)
		}
	}
	for i, failure := range runMany(t, d, 30, "h%d") {
		if failure != nil {
			t.Errorf("h%d: %v", i, failure)
		}
	}
}

// tokenAgent holds the key of a security token, of which only an agent can make
// use.
type tokenAgent struct {
	agent.Agent // for what is not asked
	pub         ssh.PublicKey
	private     ed25519.PrivateKey
}

const tokenKey = "sk-ssh-ed25519@openssh.com"

func newTokenAgent(t *testing.T) *tokenAgent {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Format      string
		Key         []byte
		Application string
	}{tokenKey, public, "ssh:"}))
	if err != nil {
		t.Fatal(err)
	}
	return &tokenAgent{agent.NewKeyring(), pub, private}
}

func (a *tokenAgent) List() ([]*agent.Key, error) {
	return []*agent.Key{{Format: tokenKey, Blob: a.pub.Marshal(), Comment: "token"}}, nil
}

// Sign does as the token would when it was touched.
func (a *tokenAgent) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	if !bytes.Equal(key.Marshal(), a.pub.Marshal()) {
		return nil, errors.New("no such key")
	}
	application, message := sha256.Sum256([]byte("ssh:")), sha256.Sum256(data)
	used := binary.BigEndian.AppendUint32([]byte{1}, 7) // touched, for the seventh time
	signed := bytes.Join([][]byte{application[:], used, message[:]}, nil)
	return &ssh.Signature{Format: tokenKey, Blob: ed25519.Sign(a.private, signed), Rest: used}, nil
}

func TestOpenSSH_securityToken(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	token := newTokenAgent(t)
	s := l.sshd()
	s.allow(string(marshal(token.pub)))
	file := filepath.Join(l.Dir, "id_ed25519_sk")
	if err := os.WriteFile(file+".pub", marshal(token.pub), 0o600); err != nil {
		t.Fatal(err)
	}
	s.block("named", "IdentityFile "+file, "IdentitiesOnly yes")
	s.block("unnamed")
	d := l.dialer(remote.Options{Env: env(serveAgent(t, token))})
	for _, alias := range []string{"named", "unnamed"} {
		if _, failure := run(t, d, alias); failure != nil {
			t.Errorf("%s: %v (%s)", alias, failure, failure.Hint)
		}
	}
}
