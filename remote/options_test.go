package remote_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"twaudit/remote"
)

// What is wrong with the command line is said before any host is asked, with the
// words at fault.
func TestNew_options(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for name, mode := range map[string]os.FileMode{"key": 0o600, "held.pub": 0o600} {
		if err := os.WriteFile(filepath.Join(home, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		options remote.Options
		says    string // empty: fine
	}{
		{remote.Options{User: "a b"}, ""}, // there are such, in directories of Windows
		{remote.Options{User: "-oProxyCommand=x"}, `user "-oProxyCommand=x": the user name begins with a dash`},
		{remote.Options{User: "a;b"}, "a character that ssh does not allow"},
		{remote.Options{Jump: "x y"}, `jump hosts "x y": not a list of [user@]host[:port]`},
		{remote.Options{Jump: "a,,b"}, `jump hosts "a,,b": not a list`},
		{remote.Options{Jump: "a:99999"}, "not a list"},
		{remote.Options{Jump: "-x"}, "begins with a dash"},
		{remote.Options{Jump: "a,$(b)"}, "a character that ssh does not allow"},
		{remote.Options{Jump: "ssh://me@a:23,b"}, ""},
		{remote.Options{Jump: "none"}, ""},
		{remote.Options{Port: 70000}, "port 70000"},
		{remote.Options{HostKeyPolicy: "no"}, `host key policy "no"`},
		{remote.Options{Resolver: "x"}, `ssh_config resolver "x"`},
		{remote.Options{Identities: []string{"~/key", "~/held"}}, ""},
		{remote.Options{Identities: []string{"~/nokey"}}, `identity file "~/nokey": no such file or directory`},
		{remote.Options{Identities: []string{"~/"}}, `identity file "~/": it is a directory`},
	} {
		test.options.Home, test.options.ConfigFile = home, "none"
		d, err := remote.New(test.options)
		if err == nil {
			d.Close()
			err = test.options.CheckIdentities()
		}
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%+v: %v, want %q", test.options, err, test.says)
		}
	}
}
