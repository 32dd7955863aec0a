package knownhosts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestAppend_isFoundAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "new", "known_hosts")
	key := testKey(t, 1)
	for _, add := range []struct {
		host string
		port int
		hash bool
	}{{"Plain.example.com", 22, false}, {"ported", 2222, false}, {"hashed", 22, true}, {"hashed-port", 2222, true}, {"2001:db8::1", 22, false}} {
		if err := Append(file, add.host, add.port, key, add.hash); err != nil {
			t.Fatal(err)
		}
		x, warnings := Load([]string{file})
		if len(warnings) > 0 || x.Lookup(add.host, add.port).Check(key) != nil {
			t.Errorf("%+v is not found again, %v", add, warnings)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "plain.example.com ssh-ed25519 ") || strings.Contains(string(text), "hashed") {
		t.Errorf("%s", text)
	}
	for path, want := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
}

func TestAppend_keepsFileModeAndLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.WriteFile(real, []byte("# no newline at the end"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if err := Append(link, "h", 22, testKey(t, 1), false); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(real)
	if want := "# no newline at the end\n" + entry("h", testKey(t, 1)); err != nil || string(text) != want {
		t.Errorf("%q, %v", text, err)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o644 {
		t.Error("the mode changed")
	}
}

func TestAppend_atOnceLosesNothing(t *testing.T) {
	t.Parallel()
	file := write(t, "# no newline")
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() { // ends with the one Append
			if err := Append(file, fmt.Sprintf("host%d", i), 22, testKey(t, i), i%2 == 0); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	x, warnings := Load([]string{file})
	if len(warnings) > 0 {
		t.Error(warnings)
	}
	for i := range 50 {
		if err := x.Lookup(fmt.Sprintf("host%d", i), 22).Check(testKey(t, i)); err != nil {
			t.Error(err)
		}
	}
}

func TestAppend_refusesNamesThatWouldMeanMore(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "known_hosts")
	for _, host := range []string{"", "*", "a,b", "!a", "a b", "a\nb", "|1|x", "@revoked", "#h", "[h]:2222", "h\t"} {
		if Append(file, host, 22, testKey(t, 1), false) == nil {
			t.Errorf("%q was written", host)
		}
	}
	if Append(file, "h", 22, &ssh.Certificate{Key: testKey(t, 1)}, false) == nil {
		t.Error("a certificate was written")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file was made for nothing")
	}
}
