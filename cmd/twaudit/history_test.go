package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"twaudit/internal/history"
	"twaudit/internal/probe"
	"twaudit/internal/scan"
)

func TestSelection(t *testing.T) {
	t.Parallel()
	key := func(edit func(*scanFlags), names ...string) string {
		flags := newScanFlags()
		edit(flags)
		key, _ := flags.selection(names, []scan.Job{{Name: "b"}, {Name: "a"}})
		return key
	}
	none := func(*scanFlags) {}
	file := func(f *scanFlags) { f.inventories = []string{"hosts"} }
	here, err := filepath.Abs("hosts")
	if err != nil {
		t.Fatal(err)
	}
	same := []string{key(file), key(func(f *scanFlags) { f.inventories = []string{"./hosts"} }), key(func(f *scanFlags) { f.inventories = []string{here} })}
	if len(slices.Compact(same)) != 1 {
		t.Errorf("one file by three names: %q", same)
	}
	if key(none, "a", "b") != key(none, "b", "a") {
		t.Error("the order of names makes another selection")
	}
	others := []string{
		key(file), key(none, "hosts"), key(none, "a"), key(none, "a", "b"), key(none, "a b"), key(file, "a"),
		key(func(f *scanFlags) { file(f); f.limit = []string{"a"} }), key(func(f *scanFlags) { file(f); f.exclude = []string{"a"} }),
		key(func(f *scanFlags) { f.local = true }), key(func(f *scanFlags) { f.inventories = []string{"-"} }),
		key(func(f *scanFlags) { f.inventories = []string{"ssh_config:hosts"} }), key(func(f *scanFlags) { f.inventories = []string{"ssh_config:"} }),
		key(func(f *scanFlags) { file(f); f.sshConfig = "a" }), key(func(f *scanFlags) { file(f); f.sshConfig = "b" }),
		key(func(f *scanFlags) { file(f); f.user = "a" }), key(func(f *scanFlags) { file(f); f.jump = "a" }), key(func(f *scanFlags) { file(f); f.port.value = 2222 }),
		key(func(f *scanFlags) { file(f); f.sshOptions = []string{"HostName=a"} }), key(func(f *scanFlags) { file(f); f.sshOptions = []string{"hostname=b"} }),
	}
	slices.Sort(others)
	if len(slices.Compact(others)) != 19 {
		t.Errorf("different selections have one key: %q", others)
	}
	if key(file) != key(func(f *scanFlags) { file(f); f.sshOptions = []string{"ConnectTimeout=3"} }) {
		t.Error("a timeout makes another selection")
	}
	if key(func(f *scanFlags) { f.allSSHHosts = true }) != key(func(f *scanFlags) { f.inventories = []string{"ssh_config:"} }) {
		t.Error("--all-ssh-hosts is not ssh_config:")
	}
	for path, want := range map[string]string{"ssh_config:": "ssh_config:", "ssh_config:hosts": "ssh_config:" + here} {
		if got := fullSource(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	flags := newScanFlags()
	flags.limit = []string{"web*\x1b[2J"}
	if _, label := flags.selection([]string{"web1"}, nil); label != "--limit web*\ufffd[2J web1" {
		t.Errorf("label %q", label)
	}
}

func TestCountedBack(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"diff -2 -1": "diff latest-2 latest-1", "show web1 -1": "show web1 latest-1", "runs export -0": "runs export latest-0",
		"diff -f json": "diff -f json", "scan -1": "scan -1", "show -q web1": "show -q web1", "diff": "diff",
	} {
		if got := strings.Join(countedBack(strings.Fields(in)), " "); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	for arg, want := range map[string]bool{
		"latest": true, "-1": true, "latest-12": true, "20261122": true, "20261122T1": true, "20261122T120000Z-0a1b2c3d": true,
		"run.json": false, "./latest": false, "-": false, "2026": false, "20261122.json": false, "20261122T120000Z-0a1b2c3d9": false, "LATEST": false,
	} {
		if got := storedRun.MatchString(arg); got != want {
			t.Errorf("%q names a stored run: %t", arg, got)
		}
	}
}

// imported runs import of one host's answer at a time of its own, with a history.
func imported(t *testing.T, at time.Time, kind string, file string, env map[string]string) (status int, stdout, stderr string) {
	t.Helper()
	a, made := answerOf("web1", kind)
	if !made {
		t.Fatal(kind)
	}
	path := filepath.Join(t.TempDir(), "web1.out")
	if err := os.WriteFile(path, []byte(a.text(probe.ManualNonce, at)), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, messages strings.Builder
	app := &App{Stdout: &out, Stderr: &messages, Now: func() time.Time { return at }, Env: func(name string) string { return env[name] }}
	status = app.Main([]string{"import", path, "--history", file, "-f", "csv", "--no-progress"})
	return status, out.String(), messages.String()
}

// A clock that is years ahead for a run removes nothing, then or at the next one.
func TestHistory_clockAheadKeepsAll(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "history.db")
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for i, after := range []time.Duration{0, time.Hour, 1500 * 24 * time.Hour, 2 * time.Hour} {
		imported(t, now.Add(after), "ok", file, nil)
		if got := len(kept(t, file)); got != i+1 {
			t.Errorf("%s later there are %d runs, want %d", after, got, i+1)
		}
	}
}

// kept are the stored runs.
func kept(t *testing.T, file string) []history.Entry {
	t.Helper()
	db, err := history.Open(t.Context(), file, history.Options{Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	runs, err := db.Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// A clock that is set back makes earlier runs later ones: they are no evidence,
// and nothing is lost or removed.
func TestHistory_clockSetBack(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "history.db")
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		at           time.Duration
		kind         string
		status       int
		verdict, say string
	}{
		{0, "overflowed", exitFindings, "overflowed", ""},
		{time.Minute, "overflowed", exitFindings, "overflowed", ""},
		// 401 days back: were these runs still the past, the counter would have fallen.
		{-401 * 24 * time.Hour, "ok", exitOK, "ok", "the clock was set back"},
		{2 * time.Minute, "overflowing", exitFindings, "overflowing", ""},
	} {
		status, out, said := imported(t, now.Add(c.at), c.kind, file, nil)
		if status != c.status || !strings.Contains(out, "web1,,audited,"+c.verdict+",") {
			t.Errorf("%s: status %d\n%s%s", c.at, status, out, said)
		}
		if strings.Contains(said, "the clock was set back") != (c.say != "") {
			t.Errorf("%s: %q", c.at, said)
		}
	}
	var out strings.Builder
	app := &App{Stdout: &out, Stderr: &out}
	if status := app.Main([]string{"runs", "--history", file}); status != exitOK || strings.Count(out.String(), "\n") != 5 {
		t.Errorf("status %d, want 4 runs:\n%s", status, out.String())
	}
}

// hostsOfKind are hosts of one kind.
func hostsOfKind(t *testing.T, kind string, names ...string) *scriptFleet {
	t.Helper()
	f, err := newScriptFleet(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	for _, name := range names {
		if err := f.add(name, kind); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// Without a home there is no history, and a run all the same.
func TestHistory_noHome(t *testing.T) {
	t.Parallel()
	f := hostsOfKind(t, "ok", "web1")
	var out, messages strings.Builder
	app := &App{Stdout: &out, Stderr: &messages}
	status := app.Main([]string{"scan", "web1", "-F", f.client.Config, "--sample", "0", "-f", "csv", "--quiet"})
	if status != exitOK || !strings.Contains(out.String(), "\nweb1,,audited,ok,") {
		t.Errorf("status %d, %s", status, out.String())
	}
	want := "twaudit: this run has no history: there is no HOME and no XDG_STATE_HOME to keep it in\ntwaudit: hint: "
	if !strings.HasPrefix(messages.String(), want) {
		t.Errorf("messages %q, want %q", messages.String(), want)
	}
}
