package sshconfig

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
)

// example is one file of testdata/corpus: configuration files, which may name
// their directory as $DIR, and before them what is asked and expected, a
// directive a line. Without an expectation the files must pass the guard, and
// both ways to resolve must agree.
//
//	query HOST [USER|- [PORT]]
//	set KEY=VALUE        a setting of the command line
//	guard TEXT           the guard stops TEXT, and ssh -G answers
//	fails TEXT           we refuse, saying TEXT, and so does ssh
//	stricter TEXT        we refuse, saying TEXT, what ssh takes
//	newer REASON         we take what the installed ssh refuses
type example struct {
	queries  []Query
	settings []string
	expect   string // guard, fails, stricter, newer or nothing
	text     string
	dir      string
}

func readExample(t *testing.T, file string) example {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e := example{dir: t.TempDir()}
	for line := range strings.Lines(string(archive.Comment)) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "", "#":
		case "query":
			e.queries = append(e.queries, readQuery(t, rest))
		case "set":
			e.settings = append(e.settings, rest)
		case "guard", "fails", "stricter", "newer":
			e.expect, e.text = verb, rest
		default:
			t.Fatalf("%s: no directive %q", file, verb)
		}
	}
	if len(e.queries) == 0 || len(archive.Files) == 0 || (e.expect != "" && e.text == "") {
		t.Fatalf("%s: query, file or text is missing", file)
	}
	for _, f := range archive.Files {
		path := filepath.Join(e.dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		data := strings.ReplaceAll(string(f.Data), "$DIR", e.dir)
		data = strings.NewReplacer("<TAB>", "\t", "<CR>", "\r", "<FF>", "\f").Replace(data)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func readQuery(t *testing.T, text string) Query {
	t.Helper()
	fields := append(strings.Fields(text), "-", "0")
	port, err := strconv.Atoi(fields[2])
	if err != nil {
		port = 0
	}
	return Query{Alias: fields[0], User: strings.TrimPrefix(fields[1], "-"), Port: port}
}

func (e example) options(t *testing.T, mode Mode) Options {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		File: filepath.Join(e.dir, "config"), Home: me.HomeDir, LocalUser: me.Username,
		Env: os.Getenv, Settings: e.settings, Mode: mode,
	}
}

// resolve returns one answer for each query, or the first error.
func (e example) resolve(t *testing.T, mode Mode) ([]*Settings, error) {
	t.Helper()
	r, err := New(e.options(t, mode))
	if err != nil {
		return nil, err
	}
	var all []*Settings
	for _, q := range e.queries {
		s, err := r.Resolve(t.Context(), q)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func requireSSH(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no ssh command, which CI must have")
		}
		t.Skip("no ssh command (Debian: openssh-client)")
	}
}

func TestCorpus_equalsOpenSSH(t *testing.T) {
	t.Parallel()
	requireSSH(t)
	files, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	known := installed(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			readExample(t, file).check(t, known)
		})
	}
}

func (e example) check(t *testing.T, installed map[string]algorithms) {
	t.Helper()
	ours, err := e.resolve(t, ModeBuiltin)
	theirs, sshErr := e.resolve(t, ModeOpenSSH)
	if e.expect == "" || e.expect == "newer" {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
	} else if err == nil || !strings.Contains(err.Error(), e.text) {
		t.Fatalf("got error %v, want one with %q", err, e.text)
	}
	switch e.expect {
	case "":
		if sshErr != nil {
			t.Fatalf("ssh refused: %v, %+v", sshErr, hintOf(sshErr))
		}
		comparable(theirs, installed)
		comparable(ours, installed)
		if diff := cmp.Diff(theirs, ours, cmpopts.IgnoreFields(Settings{}, "Source")); diff != "" {
			t.Errorf("ssh -G (-) and ours (+) differ:\n%s", diff)
		}
	case "guard":
		auto, err := e.resolve(t, ModeAuto)
		if err != nil || sshErr != nil {
			t.Fatalf("ssh -G did not answer: %v, %v, %s", err, sshErr, hintOf(err))
		}
		if diff := cmp.Diff(theirs, auto); diff != "" {
			t.Errorf("the guard let through what it must not:\n%s", diff)
		}
	case "fails", "newer":
		if e.sshTakes() {
			t.Error("ssh does not refuse this")
		}
	case "stricter":
		if !e.sshTakes() {
			t.Error("ssh refuses this, too")
		}
	}
}

// algorithms are what the installed ssh knows of one kind, and what it uses
// where nothing is set.
type algorithms struct{ known, unset []string }

// installed asks ssh for its algorithms, by the fields of Settings.
func installed(t *testing.T) map[string]algorithms {
	t.Helper()
	unset := parseAnswer([]byte(sshOutput(t, "-G", "-F", "none", "--", "localhost")))
	all := map[string]algorithms{}
	for field, query := range map[string]string{
		"KexAlgorithms": "kex", "Ciphers": "cipher", "MACs": "mac",
		"HostKeyAlgorithms": "HostKeyAlgorithms", "PubkeyAcceptedAlgorithms": "PubkeyAcceptedAlgorithms",
	} {
		all[field] = algorithms{strings.Fields(sshOutput(t, "-Q", query)), strings.Split(unset[strings.ToLower(field)][0], ",")}
	}
	return all
}

// comparable writes out the lists that ssh -G prints in full and we keep as they
// are written, and evens out what Debian's ssh does and OpenSSH does not: with
// BatchMode it sends signs of life every five minutes.
func comparable(all []*Settings, installed map[string]algorithms) {
	for _, s := range all {
		for field, list := range map[string]*string{
			"KexAlgorithms": &s.KexAlgorithms, "Ciphers": &s.Ciphers, "MACs": &s.MACs,
			"HostKeyAlgorithms": &s.HostKeyAlgorithms, "PubkeyAcceptedAlgorithms": &s.PubkeyAcceptedAlgorithms,
		} {
			*list = strings.Join(Algorithms(*list, installed[field].unset, installed[field].known), ",")
		}
		if s.BatchMode && s.ServerAliveInterval == 5*time.Minute {
			s.ServerAliveInterval = 0
		}
	}
}

func sshOutput(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ssh", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// sshTakes asks ssh itself, without anything of ours in between.
func (e example) sshTakes() bool {
	args := []string{"-G", "-F", filepath.Join(e.dir, "config")}
	for _, s := range e.settings {
		args = append(args, "-o", s)
	}
	ctx, cancel := context.WithTimeout(context.Background(), opensshTime)
	defer cancel()
	for _, q := range e.queries {
		if exec.CommandContext(ctx, "ssh", append(args, "--", q.Alias)...).Run() != nil {
			return false
		}
	}
	return true
}

func hintOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}
