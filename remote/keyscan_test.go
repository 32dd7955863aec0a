package remote_test

import (
	"strings"
	"testing"

	"twaudit/internal/sshtest"
	"twaudit/remote"
)

// The keys of a real server, behind a jump host and with nothing written.
func TestHostKeys(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ed, edPub := l.keygen("host_ed", "-t", "ed25519", "-N", "")
	rsa, _ := l.keygen("host_rsa", "-t", "rsa", "-b", "2048", "-N", "")
	s := l.sshd("HostKey "+ed, "HostKey "+rsa)
	l.server("bastion", sshtest.Config{JumpAllowed: true})
	s.hostKey = edPub
	s.block("h", "ProxyJump bastion")
	s.block("renamed", "HostKeyAlias db1")
	before := string(readFile(t, l.KnownHosts))
	d := l.dialer(remote.Options{HostKeyPolicy: remote.PolicyAcceptNew})
	keys, err := d.HostKeys(t.Context(), remote.Target{Alias: "h"})
	if err != nil || len(keys) != 2 {
		t.Fatalf("%v, %v", keys, err)
	}
	for i, want := range []struct {
		kind   string
		status remote.KeyStatus
	}{{"ssh-ed25519", remote.KeyKnown}, {"ssh-rsa", remote.KeyChanged}} {
		if keys[i].Type != want.kind || keys[i].Status != want.status || !strings.HasPrefix(keys[i].Line, "[127.0.0.1]:") {
			t.Errorf("%+v, want %+v", keys[i], want)
		}
	}
	if !strings.Contains(before, keys[0].Line+"\n") {
		t.Errorf("line %q is not the one in known_hosts", keys[0].Line)
	}
	keys, err = d.HostKeys(t.Context(), remote.Target{Alias: "renamed"})
	if err != nil || len(keys) != 2 || keys[1].Status != remote.KeyUnknown || !strings.HasPrefix(keys[1].Line, "db1 ssh-rsa ") {
		t.Errorf("%+v, %v", keys, err)
	}
	if after := string(readFile(t, l.KnownHosts)); after != before {
		t.Errorf("known_hosts was changed:\n%s", after)
	}
	if s.logged("Accepted") != 0 {
		t.Error("logged in to look at keys")
	}
	_, err = d.HostKeys(t.Context(), remote.Target{Alias: "no-such-host.invalid"})
	wantError(t, asError(t, err), remote.StageResolve)
}
