package knownhosts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

// write puts lines into a file of a new directory.
func write(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// indexOf loads lines and wants all of them to be understood.
func indexOf(t *testing.T, lines ...string) *Index {
	t.Helper()
	x, warnings := Load([]string{write(t, lines...)})
	if len(warnings) > 0 {
		t.Fatal(warnings)
	}
	return x
}

// kind is the outcome of a Check in one word.
func kind(err error) string {
	var unknown *UnknownError
	var changed *ChangedError
	var revoked *RevokedError
	var cert *CertError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &unknown):
		return "unknown"
	case errors.As(err, &changed):
		return "changed"
	case errors.As(err, &revoked):
		return "revoked"
	case errors.As(err, &cert):
		return "cert"
	}
	return err.Error()
}

func TestCheck_namesAndPorts(t *testing.T) {
	t.Parallel()
	a, b := testKey(t, 1), testKey(t, 2)
	x := indexOf(t,
		entry("plain,Second.example.com", a),
		entry("[ported]:2222", a),
		entry("[both]:2222", a), entry("both", b),
		entry("*.wild.example.com,!not.wild.example.com", a),
		entry("web?", a),
		entry("[*.ported.example.com]:2200", a),
		entry("2001:db8::1,[2001:db8::2]:2222", a),
		entry(hashName("hashed.example.com"), a),
		entry(hashName("[hashed.example.com]:2222"), b),
		entry("many", a), entry("many", b),
	)
	tests := []struct {
		host string
		port int
		key  ssh.PublicKey
		want string
	}{
		{"plain", 22, a, "ok"},
		{"plain", 0, a, "ok"},
		{"PLAIN", 22, a, "ok"},
		{"plain", 22, b, "changed"},
		{"second.example.com", 22, a, "ok"},
		{"plain.example.com", 22, a, "unknown"},
		{"ported", 2222, a, "ok"},
		{"ported", 2222, b, "changed"},
		{"ported", 22, a, "unknown"},
		{"ported", 2223, a, "unknown"},
		// Nothing is known at this port: a key known without a port will do, another is new.
		{"plain", 2222, a, "ok"},
		{"plain", 2222, b, "unknown"},
		// Something is known at this port: the key without a port does not count.
		{"both", 2222, b, "changed"},
		{"both", 22, b, "ok"},
		{"a.wild.example.com", 22, a, "ok"},
		{"not.wild.example.com", 22, a, "unknown"},
		{"wild.example.com", 22, a, "unknown"},
		{"web1", 22, a, "ok"},
		{"web", 22, a, "unknown"},
		{"a.ported.example.com", 2200, a, "ok"},
		{"a.ported.example.com", 22, a, "unknown"},
		{"2001:DB8::1", 22, a, "ok"},
		{"2001:db8::2", 2222, a, "ok"},
		{"2001:db8::2", 22, a, "unknown"},
		{"hashed.example.com", 22, a, "ok"},
		{"Hashed.example.com", 22, b, "changed"},
		{"hashed.example.com", 2222, b, "ok"},
		{"many", 22, b, "ok"},
	}
	for _, test := range tests {
		if got := kind(x.Lookup(test.host, test.port).Check(test.key)); got != test.want {
			t.Errorf("%s port %d: %s, want %s", test.host, test.port, got, test.want)
		}
	}
}

func TestCheck_markers(t *testing.T) {
	t.Parallel()
	a, ca, bad := testKey(t, 1), testKey(t, 2), testKey(t, 3)
	x := indexOf(t,
		"@cert-authority "+entry("*.example.com", ca),
		"@revoked "+entry("*", bad),
		entry("was-good", bad),
	)
	for _, test := range []struct {
		host string
		port int
		key  ssh.PublicKey
		want string
	}{
		{"h.example.com", 22, ca, "unknown"}, // an authority's key is no host key
		{"h.example.com", 22, a, "unknown"},
		{"was-good", 22, bad, "revoked"},
		{"new", 22, bad, "revoked"},
		{"new", 2222, bad, "revoked"},
	} {
		if got := kind(x.Lookup(test.host, test.port).Check(test.key)); got != test.want {
			t.Errorf("%s port %d: %s, want %s", test.host, test.port, got, test.want)
		}
	}
	var unknown *UnknownError
	if errors.As(x.Lookup("h.example.com", 22).Check(a), &unknown); len(unknown.Others) != 1 {
		t.Errorf("the authority is not told: %+v", unknown)
	}
}

func TestCheck_errorsTellWhatIsKnown(t *testing.T) {
	t.Parallel()
	a, b := testKey(t, 1), testKey(t, 2)
	file := write(t, "# a comment\n\n", entry("h", a))
	x, _ := Load([]string{file})
	var changed *ChangedError
	if err := x.Lookup("H", 22).Check(b); !errors.As(err, &changed) {
		t.Fatal(err)
	}
	want := &ChangedError{
		Presented: Presented{Host: "h", KeyType: "ssh-ed25519", Fingerprint: ssh.FingerprintSHA256(b), Key: b},
		Known:     []Line{{file, 3, "", a}},
	}
	equal := cmp.Comparer(func(x, y ssh.PublicKey) bool { return sameKey(x, y) })
	if diff := cmp.Diff(want, changed, equal); diff != "" {
		t.Error(diff)
	}
	if !changed.SameType() || !strings.Contains(changed.Error(), ssh.FingerprintSHA256(b)) {
		t.Errorf("%v %v", changed.SameType(), changed)
	}
}

func TestLoad_badLinesCostOnlyThemselves(t *testing.T) {
	t.Parallel()
	good := entry("good", testKey(t, 1))
	bad := []string{
		"h ssh-ed25519 not-base64\n",
		"h ssh-dss AAAAB3NzaC1kc3MAAAAA\n",
		"h 1024 35 1234567890\n",
		"h\n",
		"h ssh-ed25519\n",
		"@unknown " + entry("h", testKey(t, 1)),
		"@revoked @cert-authority " + entry("h", testKey(t, 1)),
		"|1|short|short " + strings.SplitN(good, " ", 2)[1],
		hashName("h") + "," + good,
		strings.Replace(good, "ssh-ed25519", "ssh-rsa", 1),
		strings.Repeat("x", 70_000) + " " + good,
		"h \x1b[31m " + strings.Repeat("é\xff", 300) + "\n",
		string(make([]byte, 100)) + "\n",
	}
	file := write(t, strings.Join(bad, ""), good, strings.TrimSuffix(entry("last", testKey(t, 2)), "\n"))
	x, warnings := Load([]string{"/no/such/file", file})
	if len(warnings) != maxWarnings+1 {
		t.Fatalf("%d warnings for %d bad lines: %+v", len(warnings), len(bad), warnings)
	}
	rest := Warning{file, 0, fmt.Sprintf("… and %d more lines are not understood", len(bad)-maxWarnings)}
	if last := warnings[maxWarnings]; last != rest {
		t.Errorf("last warning %+v, want %+v", last, rest)
	}
	for i, line := range bad {
		_, one := Load([]string{write(t, line)})
		if len(one) != 1 {
			t.Errorf("line %d makes the warnings %+v, want one", i+1, one)
			continue
		}
		w := one[0]
		if w.Line != 1 || w.Text == "" || len(w.Text) > 220 || strings.ContainsAny(w.Text, "\x1b\n") {
			t.Errorf("warning %d: %+v", i, w)
		}
	}
	for i, w := range warnings[:maxWarnings] {
		if w.File != file || w.Line != i+1 || w.Text == "" || len(w.Text) > 220 || strings.ContainsAny(w.Text, "\x1b\n") {
			t.Errorf("warning %d: %+v", i, w)
		}
	}
	if err := x.Lookup("good", 22).Check(testKey(t, 1)); err != nil {
		t.Error(err)
	}
	if got := x.Lookup("last", 22).Known(); len(got) != 1 || got[0].Line != len(bad)+2 {
		t.Errorf("%+v", got)
	}
}

func TestLoad_readsCRLFTabsAndSeveralFiles(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	first := write(t, strings.ReplaceAll(entry("\t h", key), "\n", "\r\n"))
	second := write(t, strings.ReplaceAll(entry("h,g", key), " ", "\t \t"))
	x, warnings := Load([]string{first, second, t.TempDir()})
	if len(warnings) != 1 || warnings[0].Line != 0 {
		t.Errorf("a directory must be one warning: %+v", warnings)
	}
	want := []Line{{first, 1, "", key}, {second, 1, "", key}}
	equal := cmp.Comparer(func(x, y ssh.PublicKey) bool { return sameKey(x, y) })
	if diff := cmp.Diff(want, x.Lookup("h", 22).Known(), equal); diff != "" {
		t.Error(diff)
	}
}

func FuzzLoad(f *testing.F) {
	key := testKey(f, 1)
	f.Add([]byte(entry("host,*.example.com,!x", key)), "a.example.com")
	f.Add([]byte("@cert-authority "+entry("*", key)), "h")
	f.Add([]byte("@revoked "+entry("[h]:2222", key)+"h\n# x\n"), "h")
	f.Add([]byte(entry(hashName("h"), key)), "h")
	f.Add([]byte("|1|a|b ssh-ed25519 AAAA\n"), "")
	f.Fuzz(func(t *testing.T, data []byte, host string) {
		x := &Index{names: map[string][]int{}}
		warnings, err := x.read("f", strings.NewReader(string(data)))
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(data), "\n") + 1; len(x.lines)+len(warnings) > lines {
			t.Fatalf("%d lines made %d entries and %d warnings", lines, len(x.lines), len(warnings))
		}
		for _, w := range warnings {
			if strings.ToValidUTF8(w.Text, "") != w.Text || len(w.Text) > 700 {
				t.Fatalf("%q", w.Text)
			}
		}
		for _, port := range []int{22, 2222} {
			m := x.Lookup(host, port)
			if err := m.Check(key); err == nil && len(m.with(MarkerNone)) == 0 && port == 22 {
				t.Fatal("a key is accepted that no line holds")
			}
		}
	})
}

// A device has no end and a pipe no beginning: each would hold the whole run.
func TestLoad_onlyRegularFiles(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	files := []string{"/dev/zero", pipe, link}
	_, warnings := Load(append(files, "/dev/null"))
	var want []Warning
	for _, file := range files {
		want = append(want, Warning{file, 0, "not a regular file"})
		if err := Append(file, "h", 22, testKey(t, 1), false); !errors.Is(err, errIrregular) {
			t.Errorf("a key was added to %s (%v)", file, err)
		}
	}
	if diff := cmp.Diff(want, warnings); diff != "" {
		t.Error(diff)
	}
	if _, err := Open("/dev/null"); !errors.Is(err, errNull) {
		t.Errorf("/dev/null: %v", err)
	}
}
