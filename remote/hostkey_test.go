package remote_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
	"twaudit/remote"
)

// shell runs the command that a hint ends with.
func shell(t *testing.T, command string) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keyscan"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ssh-keyscan is missing: install openssh-client")
		}
		t.Skip("needs ssh-keyscan (openssh-client)")
	}
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// The hint of an unknown and of a changed key is the command that mends it.
func TestHostKey_hintMends(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]ssh.PublicKey{"unknown": nil, "changed": newKey(t).PublicKey()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			key := newKey(t)
			s := l.untrusted(sshtest.Config{HostKey: key, Handler: echo})
			l.block("h", s.Addr(), known)
			_, failure := run(t, l.dialer(remote.Options{}), "h")
			wantError(t, failure, remote.StageHostKey, "host key "+name, "ssh-ed25519", ssh.FingerprintSHA256(key.PublicKey()))
			wantHint(t, failure, "out of band", l.KnownHosts)
			if name == "changed" {
				wantHint(t, failure, l.KnownHosts+":1 (ssh-ed25519 "+ssh.FingerprintSHA256(known), "ssh-keygen -R '[127.0.0.1]:")
			}
			_, mend, _ := strings.Cut(failure.Hint, ": ssh-key")
			shell(t, "ssh-key"+mend)
			_, failure = run(t, l.dialer(remote.Options{}), "h")
			wantOK(t, failure)
		})
	}
}

func TestHostKey_revoked(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	key := newKey(t)
	s := l.untrusted(sshtest.Config{HostKey: key})
	l.block("h", s.Addr(), key.PublicKey())
	appendTo(t, l.KnownHosts, "@revoked * "+string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	_, failure := run(t, l.dialer(remote.Options{HostKeyPolicy: remote.PolicyAcceptNew}), "h")
	wantError(t, failure, remote.StageHostKey, "revoked")
	wantHint(t, failure, l.KnownHosts+":2")
}

func TestHostKey_acceptNew(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	// An address of its own: the port is taken a second time below, and must not be
	// in use by another test then.
	s := l.untrusted(sshtest.Config{Addr: "127.93.17.5:0", Handler: echo})
	l.block("h*", s.Addr(), nil)
	d := l.dialer(remote.Options{HostKeyPolicy: remote.PolicyAcceptNew})
	for i, failure := range runMany(t, d, 10, "h%d") {
		if failure != nil {
			t.Errorf("h%d: %v", i, failure)
		}
	}
	known, err := os.ReadFile(l.KnownHosts)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(known), "\n"); got != 1 {
		t.Errorf("known_hosts has %d lines, want one for the one host:\n%s", got, known)
	}
	_, failure := run(t, l.dialer(remote.Options{}), "h1")
	wantOK(t, failure)

	// Somebody else at the same address, in the same run and in the next.
	addr := s.Addr()
	s.Close()
	l.untrusted(sshtest.Config{Addr: addr, Handler: echo})
	_, failure = run(t, d, "h2")
	wantError(t, failure, remote.StageHostKey, "changed")
	_, failure = run(t, l.dialer(remote.Options{HostKeyPolicy: remote.PolicyAcceptNew}), "h2")
	wantError(t, failure, remote.StageHostKey, "changed")
}

// A host known by one type of key that shows only another one is not new.
func TestHostKey_acceptNewOfOtherType(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.untrusted(sshtest.Config{Handler: echo})
	l.block("h", s.Addr(), nil)
	appendTo(t, l.KnownHosts, sshtest.KnownHostsLine(s.Addr(), rsaKey(t).PublicKey()))
	_, failure := run(t, l.dialer(remote.Options{HostKeyPolicy: remote.PolicyAcceptNew}), "h")
	wantError(t, failure, remote.StageHostKey, "changed", "known by another type of key")
	wantHint(t, failure, ":1 (ssh-rsa SHA256:", "genuine: ssh-keyscan")
}

// The key that is known is the one that is asked for, whatever the order of the
// library: else a host known by one of its keys has "another" one.
func TestHostKey_knownTypeIsAskedFor(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	rsa := rsaKey(t)
	s := l.untrusted(sshtest.Config{MoreHostKeys: []ssh.Signer{rsa}, Handler: echo})
	l.block("h", s.Addr(), rsa.PublicKey())
	_, failure := run(t, l.dialer(remote.Options{}), "h")
	wantOK(t, failure)
}

// The name of an alias is looked up without a port.
func TestHostKey_alias(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	key := newKey(t)
	s := l.untrusted(sshtest.Config{HostKey: key, Handler: echo})
	l.block("h", s.Addr(), nil, "HostKeyAlias web")
	_, failure := run(t, l.dialer(remote.Options{}), "h")
	wantError(t, failure, remote.StageHostKey, "unknown")
	_, mend, _ := strings.Cut(failure.Hint, ": ssh-key")
	shell(t, "ssh-key"+mend)
	known, err := os.ReadFile(l.KnownHosts)
	if err != nil || !strings.HasPrefix(string(known), "web ssh-ed25519 ") {
		t.Errorf("known_hosts %q (%v), want a line for the alias", known, err)
	}
	_, failure = run(t, l.dialer(remote.Options{}), "h")
	wantOK(t, failure)
}

// Switching the check off in ssh_config does not switch it off here.
func TestHostKey_checkingIsNotSwitchedOff(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.untrusted(sshtest.Config{Handler: echo})
	l.block("h*", s.Addr(), nil)
	d := l.dialer(remote.Options{SSHOptions: []string{"StrictHostKeyChecking=no"}})
	for _, failure := range runMany(t, d, 3, "h%d") {
		wantError(t, failure, remote.StageHostKey, "unknown")
	}
	if len(l.warnings) != 1 || !strings.Contains(l.warnings[0], "StrictHostKeyChecking no in ssh_config is not obeyed: a host whose key is unknown fails") {
		t.Errorf("warnings %q, want one about StrictHostKeyChecking", l.warnings)
	}
	for _, policy := range []remote.HostKeyPolicy{"", remote.PolicyStrict} {
		_, failure := run(t, l.dialer(remote.Options{HostKeyPolicy: policy, SSHOptions: []string{"StrictHostKeyChecking=accept-new"}}), "h1")
		wantError(t, failure, remote.StageHostKey, "unknown")
	}
	if len(l.warnings) != 3 || !strings.Contains(l.warnings[2], "StrictHostKeyChecking accept-new in ssh_config is not obeyed") {
		t.Errorf("warnings %q, want one for each run about accept-new", l.warnings)
	}
}

// What the command line asks for is more careful than no, and as careful as
// accept-new: only the first is worth a word.
func TestHostKey_acceptNewBesideTheConfig(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.untrusted(sshtest.Config{Handler: echo})
	l.block("h", s.Addr(), nil, "StrictHostKeyChecking accept-new")
	_, failure := run(t, l.dialer(remote.Options{HostKeyPolicy: remote.PolicyAcceptNew}), "h")
	wantOK(t, failure)
	if len(l.warnings) != 0 {
		t.Errorf("warnings %q", l.warnings)
	}
	_, failure = run(t, l.dialer(remote.Options{HostKeyPolicy: remote.PolicyAcceptNew, SSHOptions: []string{"StrictHostKeyChecking=no"}}), "h")
	wantOK(t, failure)
	if len(l.warnings) != 1 || !strings.Contains(l.warnings[0], "a host whose key has changed fails") {
		t.Errorf("warnings %q", l.warnings)
	}
}

// Behind a jump host the mending command runs on the jump host.
func TestHostKey_hintThroughJump(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server("bastion", sshtest.Config{JumpAllowed: true})
	s := l.untrusted(sshtest.Config{})
	l.block("h", s.Addr(), nil, "ProxyJump bastion")
	_, failure := run(t, l.dialer(remote.Options{}), "h")
	wantError(t, failure, remote.StageHostKey, "unknown")
	_, port, _ := net.SplitHostPort(s.Addr())
	wantHint(t, failure, "ssh -F "+l.Config+" -o UpdateHostKeys=no bastion ssh-keyscan -p "+port+" -t ed25519 127.0.0.1 >> ")
}

// The command works as it stands: with the config that was named, and also where
// there is no directory yet for the file it adds to.
func TestOpenSSH_hintThroughJumpMends(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	bastion, target := l.sshd(), l.sshd()
	bastion.block("gate", "IdentityFile "+l.KeyFile)
	l.Config, l.KnownHosts = l.Config+"2", filepath.Join(l.Dir, "own dir", "known_hosts")
	if err := os.WriteFile(l.Config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(bastion.addr)
	gate := fmt.Sprintf("%s@127.0.0.1:%s", bastion.userName, port)
	appendTo(t, l.Config, fmt.Sprintf("Host 127.0.0.1\n UserKnownHostsFile %s\n IdentityFile %s\nHost h\n HostName 127.0.0.1\n IdentityFile %[2]s\n ProxyJump %s\n UserKnownHostsFile \"%s\"\n GlobalKnownHostsFile /dev/null\n Port %s\n User %s\n",
		filepath.Join(l.Dir, "known_hosts"), l.KeyFile, gate, l.KnownHosts, target.addr[strings.LastIndex(target.addr, ":")+1:], target.userName))
	_, failure := run(t, l.dialer(remote.Options{}), "h")
	wantError(t, failure, remote.StageHostKey, "unknown")
	_, mend, _ := strings.Cut(failure.Hint, ", then: ")
	if !strings.HasPrefix(mend, "mkdir -p -m 700 ") {
		t.Errorf("hint %q", failure.Hint)
	}
	shell(t, mend)
	_, failure = run(t, l.dialer(remote.Options{}), "h")
	wantOK(t, failure)
}
