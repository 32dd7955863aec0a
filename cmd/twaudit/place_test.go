package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// store opens path, writes text to it and commits.
func store(t *testing.T, path, text string) {
	t.Helper()
	p, err := openPlace(path, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := p.commit(); err != nil {
		t.Fatal(err)
	}
	p.discard() // does nothing after commit
}

func load(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPlace_new_file_is_private_and_an_old_one_keeps_its_mode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fresh, old := filepath.Join(dir, "fresh"), filepath.Join(dir, "old")
	if err := os.WriteFile(old, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(old, 0o664); err != nil { // beyond the umask
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{fresh: 0o600, old: 0o664} {
		store(t, path, "after")
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if load(t, path) != "after" || info.Mode().Perm() != mode {
			t.Errorf("%s: %q, mode %v, want %v", filepath.Base(path), load(t, path), info.Mode().Perm(), mode)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".twaudit-*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestPlace_symbolic_link_stays_and_leads_to_the_new_content(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "real"), 0o700),
		os.WriteFile(filepath.Join(dir, "real", "report"), []byte("before"), 0o600),
		os.Symlink("real/report", filepath.Join(dir, "link")),
		os.Symlink(filepath.Join(dir, "real", "new"), filepath.Join(dir, "dangling")),
		os.Symlink("loop", filepath.Join(dir, "loop")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"link": "real/report", "dangling": "real/new"} {
		store(t, filepath.Join(dir, link), "after")
		info, err := os.Lstat(filepath.Join(dir, link))
		if err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v %v", link, info, err)
		}
		if got := load(t, filepath.Join(dir, target)); got != "after" {
			t.Errorf("%s holds %q", target, got)
		}
	}
	if _, err := openPlace(filepath.Join(dir, "loop"), nil); err == nil {
		t.Error("a link to itself was opened")
	}
}

func TestPlace_discard_leaves_what_was_there(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "report")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := openPlace(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	p.discard()
	if entries, _ := os.ReadDir(filepath.Dir(path)); load(t, path) != "before" || len(entries) != 1 {
		t.Errorf("content %q, directory %v", load(t, path), entries)
	}
}

func TestPlace_unwritable_is_a_usage_error_without_our_temporary_name(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		dir:                                   "is a directory",
		filepath.Join(dir, "missing", "file"): "no such file or directory",
		fifo:                                  "nobody reads this pipe",
		filepath.Join(fifo, "file"):           "not a directory",
	} {
		_, err := openPlace(path, nil)
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), ".tmp") {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
}

func TestPlace_stdout_by_another_name_is_stdout(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "redirected")
	stdout, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	byName, err := openPlace(path, stdout)
	if err != nil {
		t.Fatal(err)
	}
	byDash, err := openPlace("-", stdout)
	if err != nil {
		t.Fatal(err)
	}
	if !byName.same(byDash) || byName.renaming {
		t.Errorf("same %v, renaming %v: the redirection would be replaced", byName.same(byDash), byName.renaming)
	}
}

func TestOutputs_clash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link, hosts := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "hosts")
	for _, err := range []error{
		os.WriteFile(hosts, []byte("web1\n"), 0o600), os.Symlink("file", link),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		paths []string
		says  string // empty: fine
	}{
		"one file":             {[]string{file}, ""},
		"file and stdout":      {[]string{file, "-"}, ""},
		"null twice":           {[]string{os.DevNull, os.DevNull}, ""},
		"stdout twice":         {[]string{"-", "-"}, "two outputs go to standard output"},
		"new file twice":       {[]string{file, dir + "/./file"}, "two outputs"},
		"new file by its link": {[]string{file, link}, "two outputs"},
		"inventory":            {[]string{hosts}, "is a file that this run reads"},
	} {
		t.Run(name, func(t *testing.T) {
			var outputs []output
			for _, path := range test.paths {
				outputs = append(outputs, output{"json", path})
			}
			set, err := openOutputs(outputs, &bytes.Buffer{}, []string{"-", hosts})
			set.discard()
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("error %v, want %q", err, test.says)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".twaudit-*")); len(left) > 0 {
				t.Errorf("temporary files are left: %v", left)
			}
		})
	}
}
