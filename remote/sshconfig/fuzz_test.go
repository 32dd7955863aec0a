package sshconfig

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	ssh_config "github.com/kevinburke/ssh_config"
	"github.com/rogpeppe/go-internal/txtar"
)

// seeds gives a fuzz target the configurations of the corpus.
func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("no corpus", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
}

// What the guard lets through, the library must read as it was written: line by
// line, keyword and value the same.
func FuzzGuard(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := guard("f", data)
		if err != nil {
			return
		}
		parsed, err := ssh_config.Decode(bytes.NewReader(g.plain.Bytes()))
		if err != nil {
			t.Fatalf("the library refuses what the guard wrote: %v\n%s", err, g.plain.String())
		}
		if lines := bytes.Count(g.plain.Bytes(), []byte("\n")); lines != len(g.lines) {
			t.Fatalf("%d lines became %d", len(g.lines), lines)
		}
		for _, host := range parsed.Hosts {
			for _, pattern := range newPatterns(host.Patterns) {
				if pattern == "" || strings.ContainsAny(pattern, " \t\"#") {
					t.Fatalf("pattern %q", pattern)
				}
			}
			for _, node := range host.Nodes {
				if kv, ok := node.(*ssh_config.KV); ok {
					sameLine(t, g, kv)
				}
			}
		}
	})
}

func sameLine(t *testing.T, g *guarded, kv *ssh_config.KV) {
	t.Helper()
	l := g.lines[kv.Pos().Line-1]
	want := strings.Join(l.args, " ")
	switch {
	case kv.Key == includeLine || kv.Key == unknownLine:
		if g.lines[atoi(kv.Value)].Line != l.Line {
			t.Fatalf("line %d points at %s", l.Line, kv.Value)
		}
		return
	case useOf(l.keyword) == command:
		want = strings.TrimLeft(l.rest, blanks+"=")
	}
	if kv.Key != l.keyword || kv.Value != want {
		t.Fatalf("line %d: %q %q, read as %q %q", l.Line, l.keyword, want, kv.Key, kv.Value)
	}
}

// What the built-in way resolves, ssh must resolve alike, unless it refuses a
// value that we ignore. Configurations that could run a command, read other
// files or ask the DNS are never given to ssh here.
func FuzzBuiltin_equalsOpenSSH(f *testing.F) {
	for seed := range uint64(5) {
		f.Add([]byte(randomConfig(rand.New(rand.NewPCG(seed, 5)))))
	}
	f.Add([]byte("PubkeyAcceptedKeyTypes **1"))
	unsafe := regexp.MustCompile(`(?i)exec|include|canonical|\$`)
	var known map[string]algorithms // asked for once: a worker runs one input at a time
	f.Fuzz(func(t *testing.T, data []byte) {
		requireSSH(t)
		if known == nil {
			known = installed(t)
		}
		if unsafe.Match(data) || len(data) > 4096 {
			return
		}
		e := example{dir: t.TempDir(), queries: []Query{{Alias: "h"}}}
		if err := os.WriteFile(filepath.Join(e.dir, "config"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		ours, err := e.resolve(t, ModeBuiltin)
		if err != nil || !e.sshTakes() {
			return
		}
		theirs, err := e.resolve(t, ModeOpenSSH)
		if err != nil {
			t.Fatal(err, hintOf(err))
		}
		comparable(theirs, known)
		comparable(ours, known)
		if diff := cmp.Diff(theirs, ours, cmpopts.IgnoreFields(Settings{}, "Source")); diff != "" {
			t.Errorf("ssh -G (-) and ours (+) differ:\n%s", diff)
		}
	})
}
