package remote_test

import (
	"bufio"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
	"twaudit/remote"
)

// openSSHD is a real OpenSSH server on loopback, for the user of the test.
type openSSHD struct {
	*lab
	addr     string
	hostKey  ssh.PublicKey
	allowed  string // its authorized_keys
	userName string

	mu  sync.Mutex
	log []string // what it said on standard error
}

// sshd starts a server with further lines of sshd_config.
func (l *lab) sshd(lines ...string) *openSSHD {
	l.t.Helper()
	path := "/usr/sbin/sshd"
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			l.t.Fatal("sshd is missing: install openssh-server")
		}
		l.t.Skip("needs sshd (openssh-server)")
	}
	if os.Getuid() == 0 {
		// Where sshd locks itself in; its service unit would make it.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			l.t.Fatal(err)
		}
	}
	me, err := user.Current()
	if err != nil {
		l.t.Fatal(err)
	}
	dir := l.t.TempDir()
	keyFile, allowed := filepath.Join(dir, "host_key"), filepath.Join(dir, "authorized_keys")
	key, err := sshtest.WriteKey(keyFile)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(allowed, ssh.MarshalAuthorizedKey(l.Key), 0o600); err != nil {
		l.t.Fatal(err)
	}
	s := &openSSHD{lab: l, addr: freeAddr(l.t), hostKey: key.PublicKey(), allowed: allowed, userName: me.Username}
	_, port, _ := net.SplitHostPort(s.addr)
	config := filepath.Join(dir, "sshd_config")
	// Of most keywords the first counts, of MaxStartups the last.
	text := strings.Join(append(append([]string{"MaxStartups 200"}, lines...),
		"ListenAddress 127.0.0.1", "Port "+port, "HostKey "+keyFile, "AuthorizedKeysFile "+allowed, "PidFile none",
		"StrictModes no", "UsePAM no", "PasswordAuthentication no",
	), "\n") + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	s.run(append(slices.Clip(l.around), path, "-D", "-e", "-f", config))
	return s
}

// run starts sshd and waits until it listens.
func (s *openSSHD) run(words []string) {
	s.t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	listening := make(chan bool, 1)
	done := make(chan struct{})
	go func() { // ends with sshd
		defer close(done)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.mu.Lock()
			s.log = append(s.log, lines.Text())
			s.mu.Unlock()
			if strings.Contains(lines.Text(), "Server listening") {
				listening <- true
			}
		}
		listening <- false
	}()
	s.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if !<-listening {
		s.t.Fatal("sshd did not start")
	}
}

// logged counts the lines of the log so far that hold words.
func (s *openSSHD) logged(words string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.log {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// eventually fails the test unless done becomes true.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for %s", what)
		}
	}
}

// block names the server in the config of the lab.
func (s *openSSHD) block(alias string, lines ...string) {
	s.t.Helper()
	s.lab.block(alias, s.addr, s.hostKey, append([]string{"User " + s.userName}, lines...)...)
}

func (s *openSSHD) allow(line string) {
	s.t.Helper()
	if err := os.WriteFile(s.allowed, []byte(line), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func TestOpenSSH_command(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.sshd().block("h", "IdentityFile "+l.KeyFile)
	d := l.dialer(remote.Options{})
	for _, c := range []struct {
		script string
		stdout string
		status int
	}{
		{"echo out; echo err >&2; exit 4", "out\n", 4},
		{"echo out; kill -TERM $$", "out\n", 128 + 15},
		{"sleep 300 & echo $!; exec >&- 2>&-; kill $!", "", 0},
		{"", "", 0},
	} {
		cmd := remote.Command{Line: "sh -s", Stdin: c.script, MaxStdout: 1000, MaxStderr: 1000}
		out, err := d.Run(t.Context(), remote.Target{Alias: "h"}, cmd)
		if err != nil {
			t.Fatalf("%q: %v", c.script, err)
		}
		if out.ExitStatus != c.status || c.stdout != "" && string(out.Stdout) != c.stdout {
			t.Errorf("%q: status %d, output %q, want %d, %q", c.script, out.ExitStatus, out.Stdout, c.status, c.stdout)
		}
	}
}

// Certificates, RSA keys and jump hosts, as a real server sees them.
func TestOpenSSH_auth(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	authority := newKey(t)
	trusted := filepath.Join(l.Dir, "ca.pub")
	if err := os.WriteFile(trusted, ssh.MarshalAuthorizedKey(authority.PublicKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := l.sshd("TrustedUserCAKeys " + trusted)
	rsa := filepath.Join(l.Dir, "id_rsa")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	rsaPub, err := os.ReadFile(rsa + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	s.allow(string(rsaPub) + string(ssh.MarshalAuthorizedKey(l.Key)))
	certified, pub := l.writeKey("certified")
	writeCertificate(t, certified+"-cert.pub", pub, authority, s.userName)
	held, heldPub := l.writeKey("held")
	writeCertificate(t, filepath.Join(l.Dir, "elsewhere.pub"), heldPub, authority, s.userName)
	socket := newAgent(t, held).serve(t)

	s.block("rsa", "IdentityFile "+rsa)
	s.block("cert", "IdentityFile "+certified)
	s.block("cert-of-agent", "CertificateFile "+filepath.Join(l.Dir, "elsewhere.pub"))
	s.block("jumped", "IdentityFile "+l.KeyFile, "ProxyJump rsa")
	d := l.dialer(remote.Options{Env: env(socket)})
	for _, alias := range []string{"rsa", "cert", "cert-of-agent", "jumped"} {
		if _, failure := run(t, d, alias); failure != nil {
			t.Errorf("%s: %v (%s)", alias, failure, failure.Hint)
		}
	}
}

// More keys than the server lets us try: those named for the host come first,
// and without one the message says what happened.
func TestOpenSSH_tooManyKeys(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var files []string
	for _, name := range strings.Fields("a b c d e f g") {
		file, _ := l.writeKey(name)
		files = append(files, file)
	}
	s := l.sshd()
	s.block("named", "IdentityFile "+l.KeyFile)
	s.block("unnamed")
	d := l.dialer(remote.Options{Env: env(newAgent(t, files...).serve(t))})
	_, failure := run(t, d, "named")
	wantOK(t, failure)
	_, failure = run(t, d, "unnamed")
	wantError(t, failure, remote.StageAuth, "stopped before the right one of 7 keys (ssh-ed25519)")
	wantHint(t, failure, "IdentitiesOnly yes")
}

// A server that accepts no safe algorithm, and one that wants no keys.
func TestOpenSSH_refusals(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.sshd("KexAlgorithms diffie-hellman-group14-sha1").block("old", "IdentityFile "+l.KeyFile)
	l.sshd("PubkeyAuthentication no", "KbdInteractiveAuthentication yes").block("keyless", "IdentityFile "+l.KeyFile)
	l.sshd("AuthenticationMethods publickey,keyboard-interactive").block("both", "IdentityFile "+l.KeyFile)
	l.sshd("AllowTcpForwarding no").block("closed", "IdentityFile "+l.KeyFile)
	l.sshd().block("behind", "IdentityFile "+l.KeyFile, "ProxyJump closed")
	d := l.dialer(remote.Options{})
	_, failure := run(t, d, "old")
	wantError(t, failure, remote.StageHandshake, "no common key exchange algorithm", "diffie-hellman-group14-sha1")
	wantHint(t, failure, "KexAlgorithms +diffie-hellman-group14-sha1")
	_, failure = run(t, d, "keyless")
	wantError(t, failure, remote.StageAuth, "accepts no keys, only ")
	_, failure = run(t, d, "both")
	wantError(t, failure, remote.StageAuth, "also asks for keyboard-interactive")
	_, failure = run(t, d, "behind")
	wantError(t, failure, remote.StageJump, "does not forward connections")
}

func writeCertificate(t *testing.T, path string, pub ssh.PublicKey, authority ssh.Signer, principal string) {
	t.Helper()
	cert := &ssh.Certificate{
		Key: pub, CertType: ssh.UserCert, ValidPrincipals: []string{principal}, ValidBefore: ssh.CertTimeInfinity,
	}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, ssh.MarshalAuthorizedKey(cert), 0o600); err != nil {
		t.Fatal(err)
	}
}
