package remote_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"twaudit/remote"
)

// requireNamespaces is for tests in which a server sees files of its own.
func requireNamespaces(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 && exec.CommandContext(t.Context(), "unshare", "-m", "true").Run() == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("needs root and mount namespaces")
	}
	t.Skip("needs root and mount namespaces")
}

// sesame is the password of whoever has this line in the shadow file.
const sesame = `$6$saltsalt$g3uPFdehVnKoLXdidvSAg1zlVgYomPr0X/xgdXSBn2LuxZUOGgYW4IULZkguZ77fzYteIur49AGHmF9iek6Sf1`

// withPassword makes the servers of the lab believe that root and nobody have a
// password.
func (l *lab) withPassword() {
	l.t.Helper()
	shadow := filepath.Join(l.Dir, "shadow")
	if err := os.WriteFile(shadow, []byte("root:"+sesame+":19000::::::\nnobody:"+sesame+":19000::::::\n"), 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.around = []string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc/shadow && exec "$@"`, shadow}
}

// Passwords and questions as PAM asks them, also as the second of two methods.
func TestOpenSSH_passwords(t *testing.T) {
	t.Parallel()
	requireNamespaces(t)
	l := newLab(t)
	l.withPassword()
	for alias, lines := range map[string][]string{
		"password": {"PasswordAuthentication yes", "KbdInteractiveAuthentication no"},
		"kbdint":   {"PasswordAuthentication no", "KbdInteractiveAuthentication yes", "UsePAM yes"},
		"either":   {"PasswordAuthentication yes", "KbdInteractiveAuthentication yes", "UsePAM yes"},
		"both":     {"PasswordAuthentication yes", "AuthenticationMethods publickey,password"},
	} {
		l.sshd(append(lines, "PermitRootLogin yes")...).block(alias, "IdentityFile "+l.KeyFile, "PubkeyAuthentication "+map[bool]string{true: "yes", false: "no"}[alias == "both"])
	}
	someone := &person{says: "sesame"}
	d := l.dialer(remote.Options{Password: someone.ask})
	for _, alias := range []string{"password", "kbdint", "either", "both"} {
		_, failure := run(t, d, alias)
		if failure != nil {
			t.Errorf("%s: %v (%s)", alias, failure, failure.Hint)
		}
	}
	if len(someone.prompts) != 1 {
		t.Errorf("asked %q", someone.prompts)
	}
	wrong := &person{says: "open up"}
	d = l.dialer(remote.Options{Password: wrong.ask})
	_, failure := run(t, d, "either")
	wantError(t, failure, remote.StageAuth, "the password was rejected")
	_, failure = run(t, d, "password")
	wantError(t, failure, remote.StageAuth, "another host rejected it")
	_, failure = run(t, l.dialer(remote.Options{}), "password")
	wantError(t, failure, remote.StageAuth, "no keys")
}

// A host that proves itself by a certificate of an authority in known_hosts, and
// one whose certificate is not for its name.
func TestOpenSSH_hostCertificates(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	authority := newKey(t)
	hostKey := filepath.Join(l.Dir, "host_key")
	_, pub := l.writeKey("host_key")
	cert := &ssh.Certificate{Key: pub, CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hostKey+"-cert.pub", ssh.MarshalAuthorizedKey(cert), 0o600); err != nil {
		t.Fatal(err)
	}
	s := l.sshd("HostKey "+hostKey, "HostCertificate "+hostKey+"-cert.pub")
	s.hostKey = nil
	s.block("h", "IdentityFile "+l.KeyFile)
	s.block("renamed", "IdentityFile "+l.KeyFile, "HostKeyAlias another")
	appendTo(t, l.KnownHosts, "@cert-authority * "+string(ssh.MarshalAuthorizedKey(authority.PublicKey())))
	d := l.dialer(remote.Options{})
	_, failure := run(t, d, "h")
	wantOK(t, failure)
	_, failure = run(t, d, "renamed")
	wantError(t, failure, remote.StageHostKey, "host certificate not accepted")
}

// A server that lets in and cannot go on.
func TestOpenSSH_closedAfterLogin(t *testing.T) {
	t.Parallel()
	requireNamespaces(t)
	l := newLab(t)
	l.withPassword()
	// Not as root: for root alone sshd does this only when the command starts.
	s := l.sshd("ChrootDirectory /no/such/directory", "PasswordAuthentication yes")
	l.block("h", s.addr, s.hostKey, "User nobody")
	someone := &person{says: "sesame"}
	_, failure := run(t, l.dialer(remote.Options{Password: someone.ask}), "h")
	wantError(t, failure, remote.StageSession, "the server closed the connection after the login")
	wantHint(t, failure, "ChrootDirectory")
}

// The operator's own master connection is used while it lives, for the host and
// for those behind it, and no other is opened.
func TestOpenSSH_controlMaster(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s, behind := l.sshd(), l.sshd()
	socket := filepath.Join(t.TempDir(), "m-%r")
	s.block("h", "IdentityFile "+l.KeyFile, "ControlPath "+socket)
	behind.block("behind", "IdentityFile "+l.KeyFile, "ProxyJump h")
	d := l.dialer(remote.Options{})
	_, failure := run(t, d, "h") // no socket yet
	wantOK(t, failure)
	ssh := func(args ...string) {
		t.Helper()
		args = append([]string{"-F", l.Config, "-o", "BatchMode=yes"}, args...)
		if err := exec.CommandContext(t.Context(), "ssh", args...).Run(); err != nil {
			t.Fatalf("ssh %v: %v", args, err)
		}
	}
	ssh("-M", "-N", "-f", "h")
	t.Cleanup(func() { exec.Command("ssh", "-F", l.Config, "-O", "exit", "h").Run() })
	// Whoever logs in now does so through the master.
	s.allow("")
	for _, alias := range []string{"h", "behind", "h"} {
		out, err := d.Run(t.Context(), remote.Target{Alias: alias}, remote.Command{Line: "sh -s", Stdin: "echo up; exit 3", MaxStdout: 100})
		if err != nil || string(out.Stdout) != "up\n" || out.ExitStatus != 3 {
			t.Errorf("%s: %+v, %v", alias, out, err)
		}
	}
	ssh("-O", "exit", "h")
	_, failure = run(t, d, "h")
	wantError(t, failure, remote.StageAuth)
	// A socket that nobody serves any more.
	s.allow(string(marshal(l.Key)))
	dead := filepath.Join(filepath.Dir(socket), "m-"+s.userName)
	serveNobody(t, dead)
	_, failure = run(t, d, "h")
	wantOK(t, failure)
}

// A bastion that throttles: one connection for all behind it, tried again until
// there is room.
func TestOpenSSH_maxStartups(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	bastion, busy := l.sshd("MaxStartups 5:50:10", "LogLevel VERBOSE"), l.sshd("MaxStartups 1:100:1", "LogLevel VERBOSE")
	bastion.block("bastion", "IdentityFile "+l.KeyFile)
	busy.block("busy", "IdentityFile "+l.KeyFile)
	target := l.sshd()
	target.block("h*", "IdentityFile "+l.KeyFile, "ProxyJump bastion")
	target.block("v*", "IdentityFile "+l.KeyFile, "ProxyJump busy")
	d := l.dialer(remote.Options{JumpConns: 20})
	for i, failure := range runMany(t, d, 30, "h%d") {
		if failure != nil {
			t.Errorf("h%d: %v", i, failure)
		}
	}
	if n := bastion.logged("Accepted publickey"); n != 1 {
		t.Errorf("%d logins on the bastion, want 1", n)
	}
	idle := busy.occupy(t)
	done := make(chan []*remote.Error)
	go func() { done <- runMany(t, d, 5, "v%d") }()
	eventually(t, "a connection that was dropped", func() bool { return busy.logged("MaxStartups") > 0 })
	idle.Close()
	for i, failure := range <-done {
		if failure != nil {
			t.Errorf("v%d: %v", i, failure)
		}
	}
}

func marshal(pub ssh.PublicKey) []byte { return ssh.MarshalAuthorizedKey(pub) }

// The other SSH server of small hosts.
func TestDropbear(t *testing.T) {
	t.Parallel()
	requireNamespaces(t)
	for _, tool := range []string{"dropbear", "dropbearkey"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal("dropbear is missing: install dropbear-bin")
			}
			t.Skip("needs dropbear (dropbear-bin)")
		}
	}
	l := newLab(t)
	home, hostKey := t.TempDir(), filepath.Join(l.Dir, "dropbear_key")
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".ssh", "authorized_keys"), marshal(l.Key), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "dropbearkey", "-t", "ed25519", "-f", hostKey).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(out), "ssh-ed25519 ")
	pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte("ssh-ed25519 " + line))
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	l.dropbear(home, addr, hostKey)
	l.block("h", addr, pub, "User root", "IdentityFile "+l.KeyFile)
	l.block("behind", addr, pub, "User root", "IdentityFile "+l.KeyFile, "ProxyJump h")
	l.block("stranger", addr, pub, "User root", "IdentityFile "+func() string { path, _ := l.writeKey("other"); return path }())
	d := l.dialer(remote.Options{})
	for _, alias := range []string{"h", "behind"} {
		out, err := d.Run(t.Context(), remote.Target{Alias: alias}, remote.Command{Line: "sh -s", Stdin: "echo up; exit 3", MaxStdout: 100})
		if err != nil || string(out.Stdout) != "up\n" || out.ExitStatus != 3 {
			t.Errorf("%s: %+v, %v", alias, out, err)
		}
	}
	_, failure := run(t, d, "stranger")
	wantError(t, failure, remote.StageAuth, "accepts none of 1 key (ssh-ed25519)")
}

// dropbear starts one that finds root's keys in home.
func (l *lab) dropbear(home, addr, hostKey string) {
	l.t.Helper()
	cmd := exec.Command("unshare", "-m", "sh", "-c", fmt.Sprintf("mount --bind %s /root && exec dropbear -F -E -s -P %s/pid -p %s -r %s", home, l.Dir, addr, hostKey))
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	eventually(l.t, "dropbear", func() bool { return listens(addr) })
}
