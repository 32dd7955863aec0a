package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"twaudit/internal/text"
)

func TestAliases(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for name, content := range map[string]string{
		".ssh/config": "Include conf.d/* ~/more /nowhere/*\n" +
			"Host web1 web2 *.example !db9 db?\n\tUser x\nHost=\"db1\"\n" +
			"Host web1 bad;name user@web\nMatch host web7\nInclude conf.d/../left\nHost *\nInclude last\n# Host no\n",
		".ssh/conf.d/10-a": "host  alpha # beta\n",
		".ssh/conf.d/.b~":  "host hidden\n",
		"more":             "HOST gamma\n",
		".ssh/left":        "Host left\n",
		".ssh/last":        "Host omega \"\n",
	} {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(home, ".ssh/config")
	for _, source := range []Source{{Path: SSHConfigPrefix}, {Path: SSHConfigPrefix + config}, {Path: config}, {Path: config, Kind: KindSSHConfig}} {
		hosts, notes, err := Load(t.Context(), Request{Sources: []Source{source}, Home: home, SSHConfig: config})
		if got, want := names(hosts), "alpha gamma web1 web2 db1 omega"; err != nil || got != want {
			t.Fatalf("%+v: %s, %v, want %s", source, got, err, want)
		}
		if got, want := hosts[4].At.String(), config+":4"; got != want {
			t.Errorf("db1 is at %s, want %s", got, want)
		}
		var said []string
		for _, n := range notes {
			said = append(said, strings.TrimPrefix(string(n), config+":"))
		}
		want := `5: the alias "bad;name" is left out: ssh takes no such name|5: the alias "user@web" is left out: ssh takes no such name|` +
			`7: the aliases of this Include are left out: it holds for some hosts only`
		if got := strings.Join(said, "|"); got != want {
			t.Errorf("notes %s, want %s", got, want)
		}
	}
}

// The settings of an ssh_config come with its aliases, unless one holds for all.
func TestAliases_settings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own, other := filepath.Join(dir, "own"), filepath.Join(dir, "other")
	for _, file := range []string{own, other} {
		if err := os.WriteFile(file, []byte("Host web1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		request    Request
		want, said string
	}{
		"its own":      {Request{SSHConfig: other}, own, ""},
		"that of -F":   {Request{SSHConfig: other, OneConfig: true}, "", own + ": only the aliases of this ssh_config are used: the settings are those of -F " + other},
		"the same":     {Request{SSHConfig: dir + "/./own", OneConfig: true}, "", ""},
		"the usual":    {Request{SSHConfig: own}, "", ""},
		"none is here": {Request{SSHConfig: "none", OneConfig: true}, "", "settings are those of -F none"},
	} {
		test.request.Sources = []Source{{Path: SSHConfigPrefix + own}}
		hosts, notes, err := Load(t.Context(), test.request)
		if err != nil || len(hosts) != 1 || hosts[0].SSH != (SSH{Config: test.want}) {
			t.Errorf("%s: %+v, %v", name, hosts, err)
		}
		if said := append(notes, ""); !strings.Contains(string(said[0]), test.said) || test.said == "" && len(notes) > 0 {
			t.Errorf("%s: notes %q, want %q", name, notes, test.said)
		}
	}
}

func TestAliases_atFault(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for name, content := range map[string]string{"circle": "Include ~/circle\n", "none": "Host *\n", "binary": "Host a\x00\n", "bad": "Include [\n"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"circle": "too many Include: look for a file that includes itself",
		"none":   "has no Host line with a name that is no pattern",
		"binary": "binary:1: binary data",
		"absent": "absent: no such file",
		"bad":    "bad:1: Include",
	} {
		_, _, err := Load(t.Context(), Request{Sources: []Source{{Path: SSHConfigPrefix + filepath.Join(home, name)}}, Home: home})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func FuzzAliases(f *testing.F) {
	for _, seed := range []string{"Host a b *.c !d\n", "host=\"a b\" c\r\n", "Match all\nHost x\n", "Host \"\n", "Host \xff\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(strings.ToLower(string(data)), "include") {
			return // it would read files
		}
		hosts, _, err := (&reader{}).aliases(input{data: data, file: "config"})
		if err != nil {
			if msg := err.Error(); len(msg) > 1000 || text.Clean(msg) != msg {
				t.Fatalf("message %q", msg)
			}
			return
		}
		for _, h := range hosts {
			checkHostOracle(t, h)
		}
	})
}
