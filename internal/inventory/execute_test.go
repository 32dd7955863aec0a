package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// place writes files below a new directory and returns it. What begins with #!
// may be started.
func place(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o600)
		if strings.HasPrefix(content, "#!") {
			mode = 0o700
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRunInventory_refused(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range maxHostCalls + 1 {
		fmt.Fprintf(&many, `,"h%d"`, i)
	}
	for name, test := range map[string]struct{ script, want string }{
		"fails":         {"#!/bin/sh\necho 'no\x1b[1m token' >&2; exit 4\n", "inv --list: exit status 4; it said: no\ufffd[1m token"},
		"many words":    {"#!/bin/sh\nseq 1 50 >&2; exit 4\n", "it said: 1 / 2 / 3 / 4 / 5 / … / 46 / 47 / 48 / 49 / 50"},
		"prints text":   {"#!/bin/sh\necho Hello; echo why >&2\n", `it printed "Hello" and said: why`},
		"prints half":   {"#!/bin/sh\nprintf '{\"a\": ['\n", "it ends in the middle"},
		"prints no end": {"#!/bin/sh\nexec cat /dev/zero\n", "printed more than 64.0 MiB"},
		"dies":          {"#!/bin/sh\nkill -9 $$\n", "signal: killed"},
		"no such":       {"#!/no/such/interpreter\n", "no such file"},
		"a bad host":    {"#!/bin/sh\necho '{\"a\": [\"x;y\"]}'\n", `host "x;y": ';' is not allowed`},
		"host call":     {"#!/bin/sh\n[ $1 = --list ] && echo '{\"a\": [\"h1\"]}' || { echo gone >&2; exit 1; }\n", "inv --host h1: exit status 1; it said: gone"},
		"host garbage":  {"#!/bin/sh\n[ $1 = --list ] && echo '{\"a\": [\"h1\"]}' || echo nothing\n", "inv --host h1:1: no inventory in JSON"},
		"host calls":    {"#!/bin/sh\necho '{\"a\": [\"x\"" + many.String() + "]}'\n", "let --list print _meta.hostvars"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(place(t, map[string]string{"inv": test.script}), "inv")
			hosts, _, err := runInventory(t.Context(), path)
			if err == nil || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 1200 {
				t.Errorf("%+v, error %v, want %s", hosts, err, test.want)
			}
		})
	}
	path := filepath.Join(place(t, map[string]string{"inv": "plain"}), "inv")
	if _, _, err := runInventory(t.Context(), path); err == nil || !strings.Contains(err.Error(), "run chmod +x") {
		t.Errorf("without the exec bit: %v", err)
	}
}

// A program that hangs ends with the context, and so do its children: each
// holds the pipe open as long as it lives.
func TestRunInventory_hangs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(place(t, map[string]string{"inv": "#!/bin/sh\nexec 3>$0.pipe\necho ready >&3\nsleep 300 &\nwait\n"}), "inv")
	if err := syscall.Mkfifo(path+".pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	failed := make(chan error, 1)
	go func() { // ends with the program
		_, _, err := runInventory(ctx, path)
		failed <- err
	}()
	pipe, err := os.Open(path + ".pipe") // returns when the program has opened it
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if n, err := pipe.Read(make([]byte, 10)); n == 0 {
		t.Fatal(err)
	}
	tooSlow := errors.New("too slow")
	cancel(tooSlow)
	if err := <-failed; !errors.Is(err, tooSlow) || !strings.Contains(err.Error(), "inv --list: too slow") {
		t.Errorf("error %v", err)
	}
	if _, err := io.ReadAll(pipe); err != nil { // returns when nobody is left
		t.Error(err)
	}
}

func TestRunInventory_whatItSaysIsNoted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(place(t, map[string]string{"inv": "#!/bin/sh\necho 'region ber: denied' >&2\necho '{\"a\": [\"h1\"], \"_meta\": {\"hostvars\": {\"gone\": {}}}}'\n"}), "inv")
	hosts, notes, err := runInventory(t.Context(), path)
	if err != nil || len(hosts) != 1 || len(notes) != 2 ||
		!strings.HasSuffix(string(notes[0]), "inv says: region ber: denied") || !strings.HasPrefix(string(notes[1]), "host gone has variables, but no group") {
		t.Errorf("%+v, %q, %v", hosts, notes, err)
	}
}

func TestIsProgram(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mode os.FileMode
		head string
		want bool
	}{
		{0o755, "#!/bin/sh", true}, {0o755, "\x7fELF\x02", true}, {0o010, "#!/x", true},
		{0o644, "#!/bin/sh", false}, {0o755, "[web]\n", false}, {0o755, "", false}, {0o755 | os.ModeNamedPipe, "#!", false},
	} {
		if got := isProgram(test.mode, []byte(test.head)); got != test.want {
			t.Errorf("%v %q: %v", test.mode, test.head, got)
		}
	}
}

func TestReadAnsibleDir_refused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing":        {map[string]string{"readme.md": "x", "group_vars/all": "a: b\n"}, "no inventory in this directory: put files such as hosts"},
		"a bad file":     {map[string]string{"1": "h1\n", "2.yml": "- h1\n"}, "2.yml:1: the file holds a list"},
		"bad vars":       {map[string]string{"1": "h1\n", "group_vars/all.yml": "- x\n"}, "group_vars/all.yml:1: the file holds a list"},
		"bad vars value": {map[string]string{"1": "h1\n", "host_vars/h1": "---\nansible_port: x\n"}, `host_vars/h1:2: host "h1": ansible_port "x"`},
		"vars no text":   {map[string]string{"1": "h1\n", "host_vars/h1.yml": "a: \xff\n"}, "host_vars/h1.yml:1: binary data"},
	} {
		_, _, err := readAnsibleDir(t.Context(), place(t, test.files))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	dir := place(t, map[string]string{"hosts": "h1\n"})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readAnsibleDir(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "pipe: is no file") {
		t.Errorf("a pipe: %v", err)
	}
	dir = place(t, map[string]string{"hosts": "h1\n"})
	if err := os.Symlink(".", filepath.Join(dir, "again")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readAnsibleDir(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "more than 16 levels deep") {
		t.Errorf("a loop of links: %v", err)
	}
}

func TestReadAnsibleDir_iniFilesAreNoted(t *testing.T) {
	t.Parallel()
	hosts, notes, err := readAnsibleDir(t.Context(), place(t, map[string]string{"hosts": "h1\n", "more.ini": "h2\n"}))
	if err != nil || names(hosts) != "h1" || len(notes) != 1 || !strings.Contains(string(notes[0]), "more.ini is skipped, as Ansible skips *.ini") {
		t.Errorf("%+v, %q, %v", hosts, notes, err)
	}
}

func TestAskAnsible_withoutTheCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, _, err := askAnsible(t.Context(), "aws_ec2.yml")
	if err == nil || !strings.Contains(err.Error(), "install ansible-core, or save elsewhere what `ansible-inventory -i aws_ec2.yml --list` prints") {
		t.Errorf("error %v", err)
	}
}

func TestAskAnsible_unknownPlugin(t *testing.T) {
	t.Parallel()
	if requireAnsible(t) == "" {
		t.Skip("there is no ansible-inventory (package ansible-core)")
	}
	path := filepath.Join(place(t, map[string]string{"x.yml": "plugin: no.such.plugin\n"}), "x.yml")
	_, _, err := askAnsible(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), "it said: ") || !strings.Contains(err.Error(), "no.such.plugin") {
		t.Errorf("error %v", err)
	}
}
