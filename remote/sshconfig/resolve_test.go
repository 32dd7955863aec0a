package sshconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"twaudit/internal/text"
)

// home makes a home directory and a system file; files are named by their path
// from the home directory, ../etc being beside the system file.
func home(t *testing.T, files map[string]string) Options {
	t.Helper()
	root := t.TempDir()
	o := Options{Home: filepath.Join(root, "home"), SystemFile: filepath.Join(root, "etc", "ssh_config"), LocalUser: "me", Mode: ModeBuiltin}
	for name, text := range files {
		path := filepath.Join(o.Home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func resolve(t *testing.T, o Options, q Query) *Settings {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Resolve(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestResolve_userFileBeatsSystemFile(t *testing.T) {
	t.Parallel()
	o := home(t, map[string]string{
		".ssh/config":            "Include more ~/.ssh/third\nHost h\n  User mine\n  IdentityFile ~/k\n",
		".ssh/more":              "Port 2200\n",
		".ssh/third":             "ConnectTimeout 7\n",
		"../etc/ssh_config":      "Include system.d/*.conf\nHost *\n  User theirs\n  IdentityFile ~/k\n  IdentityFile ~/k\n",
		"../etc/system.d/a.conf": "Port 2201\nHashKnownHosts yes\n",
	})
	s := resolve(t, o, Query{Alias: "h"})
	key := o.Home + "/k"
	if s.User != "mine" || s.Port != 2200 || !s.HashKnownHosts || s.ConnectTimeout.Seconds() != 7 {
		t.Errorf("%+v", s)
	}
	// ssh drops a duplicate only when it is in the same kind of file.
	if !slices.Equal(s.IdentityFiles, []string{key, key}) {
		t.Errorf("%q", s.IdentityFiles)
	}
	if s := resolve(t, o, Query{Alias: "g"}); s.User != "theirs" {
		t.Errorf("%+v", s)
	}
	o.File = "None"
	if s := resolve(t, o, Query{Alias: "h"}); s.User != "me" || s.Port != 22 || s.HashKnownHosts || s.IdentityFilesSet {
		t.Errorf("%+v", s)
	}
}

func TestNew_missingFilesAreFineButTheNamedOne(t *testing.T) {
	t.Parallel()
	o := home(t, nil)
	if s := resolve(t, o, Query{Alias: "h"}); s.HostName != "h" {
		t.Errorf("%+v", s)
	}
	o.File = filepath.Join(o.Home, "none-such")
	if _, err := New(o); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), o.File) {
		t.Error(err)
	}
	o.File = t.TempDir()
	if _, err := New(o); err == nil {
		t.Error("a directory is taken for a file")
	}
}

func TestNew_refusesFilesThatOthersMayWrite(t *testing.T) {
	t.Parallel()
	files := map[string]string{".ssh/config": "Include inc\n", ".ssh/inc": "User bob\n", "../etc/ssh_config": "User system\n"}
	for name, refused := range map[string]bool{".ssh/config": true, ".ssh/inc": true, "../etc/ssh_config": false} {
		o := home(t, files)
		path := filepath.Join(o.Home, name)
		if err := os.Chmod(path, 0o620); err != nil {
			t.Fatal(err)
		}
		_, err := New(o)
		var e *Error
		if errors.As(err, &e) != refused || (refused && (e.File != path || e.Hint == "")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := home(t, files)
	o.File = filepath.Join(o.Home, ".ssh/inc")
	if err := os.Chmod(o.File, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := New(o); err != nil {
		t.Errorf("ssh does not check a file that is named: %v", err)
	}
}

func TestNew_systemFileMayNotIncludeFromHome(t *testing.T) {
	t.Parallel()
	o := home(t, map[string]string{"../etc/ssh_config": "\nInclude ~/x\n"})
	var e *Error
	if _, err := New(o); !errors.As(err, &e) || e.Line != 2 {
		t.Error(err)
	}
}

func TestNew_withoutSSHNamesTheConstruct(t *testing.T) {
	t.Parallel()
	o := home(t, map[string]string{".ssh/config": "User bob\n\nMatch exec \"true\"\n  User eve\n"})
	_, err := New(o)
	var e *Error
	if !errors.As(err, &e) || e.Line != 3 || e.File != o.userFile() || !strings.Contains(e.Text, "Match exec") || e.Hint == "" {
		t.Error(err)
	}
	if strings.Contains(e.Text, o.Home) {
		t.Errorf("the text holds a path: %q", e.Text)
	}
	o.Mode = ModeAuto
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "system file") {
		t.Errorf("ssh -G would read other files than these: %v", err)
	}
}

func TestResolve_refusesOnlyTheHostThatIsBeyond(t *testing.T) {
	t.Parallel()
	o := home(t, map[string]string{".ssh/config": "Host h\n  ProxyCommand nc %d\nHost g\n  IdentityFile ${NOPE}/k\nHost f\n  BindInterface eth0\n"})
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for alias, line := range map[string]int{"h": 2, "g": 4, "f": 6, "ok": 0} {
		_, err := r.Resolve(t.Context(), Query{Alias: alias})
		var e *Error
		if errors.As(err, &e) != (line > 0) || (line > 0 && (e.Line != line || e.Hint == "")) {
			t.Errorf("%s: %v", alias, err)
		}
	}
}

func TestCheckHost_andCheckUser(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]bool{ // host, user
		"web1.example.com": {true, true}, "2001:db8::1%eth0": {true, true}, "ünïcode": {true, true}, "a_b": {true, true},
		"": {false, false}, "-oProxyCommand=x": {false, false}, "a b": {false, true}, "a -b": {false, false},
		"a;b": {false, false}, "$(id)": {false, false}, "a$b": {false, true}, "a`b": {false, false}, "a|b": {false, false},
		"a\nb": {false, false}, "a\x00": {false, false}, "a\x7f": {false, false}, "a,b": {false, true}, "{a}": {false, false},
		"dom\\user": {false, true}, "user\\": {false, false}, "u@d": {true, true}, "a\"b": {false, false}, "a'b": {false, false},
	} {
		if got := [2]bool{CheckHost(name) == nil, CheckUser(name) == nil}; got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

func TestResolve_refusesBadQueries(t *testing.T) {
	t.Parallel()
	r, err := New(home(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []Query{{}, {Alias: "-x"}, {Alias: "u@h"}, {Alias: "ssh://h"}, {Alias: "h", User: "-l"}, {Alias: "h", Port: -1}, {Alias: "h", Port: 65536}} {
		if s, err := r.Resolve(t.Context(), q); err == nil {
			t.Errorf("%+v: %+v", q, s)
		}
	}
}

func TestMatchPattern_isLinearInStars(t *testing.T) {
	t.Parallel()
	if text.Match(strings.Repeat("a*", 200)+"b", strings.Repeat("a", 2000)) {
		t.Error("matched") // with naive backtracking this would not end
	}
}

// large is a configuration of n blocks, one for each host, of four settings.
func large(tb testing.TB, n int, pattern string) *Resolver {
	tb.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "Host "+pattern+"\n  HostName 10.0.%d.%d\n  User u%d\n  IdentityFile ~/.ssh/k%d\n  ProxyJump gw\n", i, i/256, i%256, i, i)
	}
	file := filepath.Join(tb.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text.String()+"Host *\n  ConnectTimeout 5\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	r, err := New(Options{File: file, Home: "/home/me", LocalUser: "me", Mode: ModeBuiltin})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// One operation is 5,000 hosts against 5,000 blocks.
func BenchmarkResolve5000(b *testing.B) {
	for _, pattern := range []string{"host%d", "host%d*"} {
		b.Run(pattern, func(b *testing.B) {
			r := large(b, 5000, pattern)
			for b.Loop() {
				for i := range 5000 {
					if _, err := r.Resolve(b.Context(), Query{Alias: fmt.Sprintf("host%d", i)}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkNew5000(b *testing.B) {
	for b.Loop() {
		large(b, 5000, "host%d")
	}
}
