package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"golang.org/x/tools/txtar"
)

// fixture is a host as data: one txtar file. Its files are templates, so that
// times can be offsets from now; its comment holds one directive a line:
//
//	source TEXT             where the values come from, or "constructed: why"
//	userland gnu|busybox    whose tools it has (gnu when absent)
//	without TOOL...         tools taken away
//	login root|audit        as whom it is audited (root when absent)
//	mtime PATH AGO          a file's time of last change
//	mode PATH OCTAL         a file's mode
//	zone NOW BEFORE AGO     the time on its wall: east of UTC in seconds, now and until so long ago
//	link PATH TARGET        a symbolic link, made after the files
//	pack gz|xz|bz2|zst PATH a file is really compressed by that tool, under its own name
//	expect PATH CHECK       see result.check
type fixture struct {
	name     string
	source   string
	userland string
	without  []string
	login    string
	mtimes   map[string]time.Duration
	modes    map[string]os.FileMode
	zone     wallZone
	links    map[string]string
	packs    map[string]string // path -> suffix of the tool
	expect   []string
	files    []txtar.File
}

// loadFixture reads one file of testdata/hosts.
func loadFixture(t *testing.T, path string) *fixture {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	must(t, err)
	f := &fixture{
		name: strings.TrimSuffix(filepath.Base(path), ".txtar"), userland: "gnu", login: "root",
		mtimes: map[string]time.Duration{}, modes: map[string]os.FileMode{}, files: archive.Files,
		links: map[string]string{}, packs: map[string]string{},
	}
	for line := range strings.Lines(string(archive.Comment)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := f.directive(line); err != nil {
			t.Fatalf("%s: %q: %v", path, line, err)
		}
	}
	for name := range f.packs {
		if !slices.ContainsFunc(f.files, func(file txtar.File) bool { return file.Name == name }) {
			t.Fatalf("%s: there is no %s to pack", path, name)
		}
	}
	if f.source == "" || len(f.expect) == 0 {
		t.Fatalf("%s: a host names its source and what is expected of it", path)
	}
	return f
}

// verdict is the one that is expected; empty when none is.
func (f *fixture) verdict() string {
	for _, e := range f.expect {
		if v, ok := strings.CutPrefix(e, "verdict "); ok {
			return v
		}
	}
	return ""
}

func (f *fixture) directive(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	path, value, _ := strings.Cut(rest, " ")
	var err error
	switch word {
	case "source":
		f.source = rest
	case "userland":
		f.userland = rest
	case "without":
		f.without = strings.Fields(rest)
	case "login":
		f.login = rest
	case "mtime":
		f.mtimes[path], err = parseAgo(value)
	case "mode":
		var mode uint64
		mode, err = strconv.ParseUint(value, 8, 32)
		f.modes[path] = os.FileMode(mode)
	case "link":
		f.links[path] = value
	case "pack":
		if f.packs[value] = path; packers[path] == "" {
			err = fmt.Errorf("no such packer")
		}
	case "zone":
		f.zone, err = parseZone(strings.Fields(rest))
	case "expect":
		f.expect = append(f.expect, rest)
	default:
		err = fmt.Errorf("no such directive")
	}
	return err
}

// build makes the host's root: the userland's tools, a /dev/null, and its files
// with their times as seen from now.
func (f *fixture) build(t *testing.T, root, userlands string, now time.Time) {
	t.Helper()
	run(t, "cp", "-al", filepath.Join(userlands, f.userland), root)
	for _, tool := range f.without {
		_ = os.Remove(filepath.Join(root, "bin", tool))
	}
	for _, dir := range []string{"dev", "tmp", "etc", "var/log", "proc"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	run(t, "mknod", "-m", "666", filepath.Join(root, "dev/null"), "c", "1", "3")
	for _, file := range f.files {
		path := filepath.Join(root, file.Name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		_ = os.Remove(path) // a tool is the same file in all hosts
		must(t, os.WriteFile(path, f.pack(t, file.Name, f.render(t, file, now)), f.mode(file.Name)))
		if ago, set := f.mtimes[file.Name]; set {
			must(t, os.Chtimes(path, time.Time{}, now.Add(-ago)))
		}
	}
	if f.zone.set {
		must(t, os.WriteFile(filepath.Join(root, "etc/localtime"), f.zone.file(now), 0o644))
	}
	for name, target := range f.links {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		must(t, os.Symlink(target, filepath.Join(root, name)))
	}
	for name, mode := range f.modes {
		must(t, os.Chmod(filepath.Join(root, name), mode))
	}
}

func (f *fixture) mode(name string) os.FileMode {
	if strings.HasPrefix(name, "bin/") {
		return 0o755
	}
	return 0o644
}

// packers are the tools that logrotate compresses with, by the suffix they give.
var packers = map[string]string{"gz": "gzip", "xz": "xz", "bz2": "bzip2", "zst": "zstd"}

// pack compresses what a pack directive names, and leaves all else as it is.
func (f *fixture) pack(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	tool := packers[f.packs[name]]
	if tool == "" {
		return content
	}
	cmd := exec.Command(tool, "-c")
	cmd.Stdin = bytes.NewReader(content)
	packed, err := cmd.Output()
	must(t, err)
	return packed
}

// render fills the times into a file. Templates have:
//
//	{{ago "20d" "Jan _2 15:04:05"}}   the time 20 days ago, in Go's layout
//	{{wall "20d" "Jan _2 15:04:05"}}  the same by the zone directive
//	{{unix "20d"}}                    in seconds since 1970
//	{{seconds "40d"}}                 a length in seconds, for /proc/uptime
//	{{repeat 100 "line"}}             100 equal lines
func (f *fixture) render(t *testing.T, file txtar.File, now time.Time) []byte {
	t.Helper()
	since := func(ago string) (time.Time, error) {
		d, err := parseAgo(ago)
		return now.Add(-d).UTC(), err
	}
	tmpl, err := template.New(file.Name).Funcs(template.FuncMap{
		"ago": func(ago, layout string) (string, error) { at, err := since(ago); return at.Format(layout), err },
		"wall": func(ago, layout string) (string, error) {
			at, err := since(ago)
			return f.zone.at(at, now).Format(layout), err
		},
		"unix": func(ago string) (int64, error) { at, err := since(ago); return at.Unix(), err },
		"seconds": func(length string) (string, error) {
			d, err := parseAgo(length)
			return fmt.Sprintf("%.2f", d.Seconds()), err
		},
		"repeat": func(n int, line string) string { return strings.Repeat(line+"\n", n) },
	}).Parse(string(file.Data))
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	var out strings.Builder
	if err := tmpl.Execute(&out, nil); err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	return []byte(out.String())
}

// gnuTools is what a chroot of a usual distribution has. It has no ss, netstat,
// dmesg, journalctl or nsenter: they would show this machine.
var gnuTools = []string{
	"awk:mawk", "basename", "bzcat:bzip2", "bzip2", "cat", "cut", "date", "dirname", "env", "expr", "grep", "gzip", "head", "id", "ls",
	"nice", "printf", "readlink", "renice", "sed", "sh:dash", "sleep", "stat", "tail", "timeout", "tr", "true", "uname", "wc",
	"xz", "xzcat:xz", "zcat:gunzip", "zstd", "zstdcat:zstd", "find", "sync", "kill", "hostname", "od", "cksum",
}

// buildUserlands makes the two sets of tools once; hosts link to them.
func buildUserlands(t *testing.T, dir string) {
	t.Helper()
	gnu := filepath.Join(dir, "gnu")
	must(t, os.MkdirAll(filepath.Join(gnu, "bin"), 0o755))
	for _, tool := range gnuTools {
		name, from, renamed := strings.Cut(tool, ":")
		if !renamed {
			from = name
		}
		if path, err := exec.LookPath(from); err == nil {
			install(t, gnu, path, name)
		}
	}
	box := filepath.Join(dir, "busybox")
	must(t, os.MkdirAll(filepath.Join(box, "bin"), 0o755))
	path, err := exec.LookPath("busybox")
	must(t, err)
	install(t, box, path, "busybox")
	applets, err := exec.Command(path, "--list").Output()
	must(t, err)
	for applet := range strings.FieldsSeq(string(applets)) {
		switch applet {
		case "busybox", "dmesg", "logread", "netstat", "nsenter": // they would show this machine
		default:
			must(t, os.Symlink("busybox", filepath.Join(box, "bin", applet)))
		}
	}
}

// install copies a program and the libraries it loads.
func install(t *testing.T, root, path, name string) {
	t.Helper()
	run(t, "cp", "-L", path, filepath.Join(root, "bin", name))
	libraries, _ := exec.Command("ldd", path).Output() // a script or a static program has none
	for word := range strings.FieldsSeq(string(libraries)) {
		if !strings.HasPrefix(word, "/") {
			continue
		}
		to := filepath.Join(root, word)
		if _, err := os.Stat(to); err == nil {
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(to), 0o755))
		run(t, "cp", "-L", word, to)
	}
}
