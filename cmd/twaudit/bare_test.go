package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
)

// A user without an entry anywhere, as in a container: what is missing is said, and
// neither keys nor configuration come from the working directory.
func TestScan_without_home_or_name(t *testing.T) {
	t.Parallel()
	client, err := sshtest.NewClient(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, err := sshtest.Start(sshtest.Config{Handler: replay(healthy("web1")), Authorized: []ssh.PublicKey{client.Key}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	known := filepath.Join(client.Dir, "known")
	if err := os.WriteFile(known, []byte(sshtest.KnownHostsLine(server.Addr(), server.HostKey())), 0o600); err != nil {
		t.Fatal(err)
	}
	user, key, keys := []string{"-l", "audit"}, []string{"--identity", client.KeyFile}, []string{"--ssh-option", "UserKnownHostsFile=" + known}
	for name, test := range map[string]struct {
		status int
		flags  [][]string
		want   []string
	}{
		"no user":        {exitFailed, [][]string{key, keys}, []string{"nothing says which user to log in as", "hint: name one with -l"}},
		"no known_hosts": {exitFailed, [][]string{user, key}, []string{"host key unknown", ">> /nonexistent/.ssh/known_hosts", "twaudit: there is no home directory"}},
		"no key":         {exitFailed, [][]string{user, keys}, []string{"no key to offer", "--identity"}},
		"no history":     {exitOK, [][]string{user, key, keys}, []string{"no HOME and no XDG_STATE_HOME", "--history"}},
		"a lock":         {exitUsage, [][]string{user, key, keys, {"--lock"}}, []string{"--lock: there is no HOME", "--history"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"scan", server.Addr(), "--sample", "0", "--ssh-config-resolver", "builtin"}
			for _, flags := range test.flags {
				args = append(args, flags...)
			}
			var messages strings.Builder
			got := outputOf(t, &App{Stderr: &messages}, test.status, args...) + messages.String()
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is missing:\n%s", want, got)
				}
			}
		})
	}
}
