package remote_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"twaudit/remote"
)

// keygen makes a key with ssh-keygen, and returns its file and public half.
func (l *lab) keygen(name string, args ...string) (path string, pub ssh.PublicKey) {
	l.t.Helper()
	path = filepath.Join(l.Dir, name)
	args = append([]string{"-q", "-f", path}, args...)
	if out, err := exec.CommandContext(l.t.Context(), "ssh-keygen", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ssh-keygen %v: %v: %s", args, err, out)
	}
	return path, readPublic(l.t, path+".pub")
}

// A server of the year 2010: each refusal names the line that helps, all lines
// together let us in, and only to the hosts that they were written for.
func TestOpenSSH_oldAlgorithms(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	hostKey, hostPub := l.keygen("host_rsa", "-t", "rsa", "-b", "2048", "-N", "")
	userKey, userPub := l.keygen("user_rsa", "-t", "rsa", "-b", "2048", "-N", "")
	s := l.sshd("HostKey "+hostKey, "KexAlgorithms diffie-hellman-group14-sha1", "HostKeyAlgorithms ssh-rsa",
		"Ciphers aes128-cbc", "MACs hmac-sha1-96")
	s.hostKey = hostPub
	s.allow(string(ssh.MarshalAuthorizedKey(userPub)))
	lines := []string{
		"KexAlgorithms +diffie-hellman-group14-sha1", "HostKeyAlgorithms +ssh-rsa", "Ciphers +aes128-cbc",
		"MACs +hmac-sha1-96",
	}
	for i := range len(lines) + 1 {
		s.block("h"+strings.Repeat("x", i), append(lines[:i:i], "IdentityFile "+userKey)...)
	}
	s.block("none", "Ciphers -*", "IdentityFile "+userKey)
	d := l.dialer(remote.Options{})
	for i, line := range lines {
		_, failure := run(t, d, "h"+strings.Repeat("x", i))
		wantError(t, failure, remote.StageHandshake)
		wantHint(t, failure, `"`+line+`"`)
	}
	_, failure := run(t, d, "h"+strings.Repeat("x", len(lines)))
	wantOK(t, failure)
	_, failure = run(t, d, "none")
	wantError(t, failure, remote.StageConfig, "Ciphers leaves no algorithm")
	_, failure = run(t, d, "h")
	wantError(t, failure, remote.StageHandshake, "no common key exchange algorithm")
}

// A server that knows RSA with SHA-1 only.
func TestAuth_oldRSA(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	userKey, _ := l.keygen("user_rsa", "-t", "rsa", "-b", "2048", "-N", "")
	used := make(chan string, 2)
	s := l.door(&ssh.ServerConfig{
		PublicKeyAuthAlgorithms: []string{ssh.KeyAlgoRSA},
		PublicKeyCallback:       func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil },
		AuthLogCallback: func(_ ssh.ConnMetadata, method string, err error) {
			if err == nil {
				used <- method
			}
		},
	})
	s.block("h", "IdentityFile "+userKey)
	s.block("old", "IdentityFile "+userKey, "PubkeyAcceptedAlgorithms +ssh-rsa")
	d := l.dialer(remote.Options{})
	_, failure := run(t, d, "h")
	wantError(t, failure, remote.StageAuth, "SHA-1 signatures only")
	wantHint(t, failure, `"PubkeyAcceptedAlgorithms +ssh-rsa"`)
	run(t, d, "old")
	if method := <-used; method != "publickey" {
		t.Errorf("logged in by %s", method)
	}
}

// What the operator rules out is not used, and the message says who did it.
func TestOpenSSH_algorithmsRuledOut(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.sshd("Ciphers aes256-ctr")
	s.block("h", "IdentityFile "+l.KeyFile, "Ciphers -aes256-*")
	s.block("key", "IdentityFile "+l.KeyFile, "PubkeyAcceptedAlgorithms -ssh-ed25519")
	d := l.dialer(remote.Options{})
	_, failure := run(t, d, "h")
	wantError(t, failure, remote.StageHandshake, "offers only aes256-ctr")
	wantHint(t, failure, "Ciphers in ssh_config leaves out aes256-ctr")
	_, failure = run(t, d, "key")
	wantError(t, failure, remote.StageAuth)
	wantHint(t, failure, "PubkeyAcceptedAlgorithms leaves its ssh-ed25519 out")
}

func readPublic(t testing.TB, path string) ssh.PublicKey {
	t.Helper()
	pub, _, _, _, err := ssh.ParseAuthorizedKey(readFile(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return pub
}
