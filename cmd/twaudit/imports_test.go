package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path of our own packages.
const module = "twaudit"

// mayImport says which packages of ours a package may import; "*" is all. A
// package that is not in it, or imports something else, breaks the one-way flow
// inventory -> jobs -> fleet -> run -> report; the reason says what would be lost.
var mayImport = map[string]struct {
	ours   []string
	reason string
}{
	"cmd/twaudit":        {[]string{"*"}, "it wires the rooms together"},
	"remote":             {[]string{"remote/sshconfig", "remote/knownhosts", "internal/text"}, "it runs any script, and must not know what is asked"},
	"remote/sshconfig":   {[]string{"internal/text"}, "it resolves settings, and connects nowhere"},
	"remote/knownhosts":  {[]string{"internal/text"}, "it answers questions about keys, and connects nowhere"},
	"report":             {[]string{"internal/audit", "internal/text"}, "it is a function of a finished run: a saved one must give the same bytes"},
	"internal/audit":     {nil, "it is the vocabulary: what it imported, everything would"},
	"internal/text":      {nil, "it is a leaf"},
	"internal/sshtest":   {nil, "a fake that shares code with the client would share its mistakes"},
	"internal/notify":    {nil, "it sends finished bytes"},
	"internal/inventory": {[]string{"remote", "internal/text"}, "it names hosts, and knows nothing of their state"},
	"internal/probe":     {[]string{"internal/audit", "internal/text"}, "it asks and parses, and must not judge or connect"},
	"internal/diagnose":  {[]string{"internal/audit", "internal/text"}, "it is pure: facts in, findings out"},
	"internal/scan":      {[]string{"remote", "internal/probe", "internal/diagnose", "internal/audit", "internal/text"}, "it alone knows the way from a host to a verdict"},
	"internal/fleet":     {[]string{"internal/audit", "internal/text"}, "it runs any job, and must not know what a host is asked"},
	"internal/history":   {[]string{"internal/audit", "internal/text"}, "it keeps runs, and must not make or judge them"},
	"internal/e2e":       {nil, "it tests the built program from outside"},
	"internal/packaging": {nil, "it has tests only, of what is built from the outside"},
	"internal/bench":     {[]string{"internal/audit", "internal/probe", "internal/sshtest", "remote/knownhosts"}, "it measures the built program from outside, but for the index of known_hosts, whose cost drowns in a handshake's"},
}

// onlyIn are packages of others that few of ours may import.
var onlyIn = []struct {
	prefix  string
	allowed []string
	reason  string
}{
	{"os/exec", []string{"remote", "remote/sshconfig", "internal/inventory", "internal/notify", "internal/bench"}, "each place that runs programs is one more to defend against hostile names"},
	{"golang.org/x/crypto", []string{"remote", "remote/sshconfig", "remote/knownhosts", "internal/sshtest", "internal/bench", "cmd/twaudit"}, "SSH belongs into one room"},
	{"github.com/spf13/", []string{"cmd/twaudit"}, "flags are read in one place and passed on as values"},
	{"github.com/jedib0t/", []string{"cmd/twaudit", "report"}, "it draws; what does not show results has nothing to draw"},
	{"text/template", []string{"internal/notify", "cmd/twaudit"}, "a report that is made without escaping runs what a host says"},
	{"unsafe", nil, "remote input meets bounds checks everywhere"},
}

// sourceFiles parses every Go file of the module that is no test, by package
// directory.
func sourceFiles(t *testing.T) map[string][]*ast.File {
	t.Helper()
	root := filepath.Join("..", "..")
	packages := map[string][]*ast.File{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		base := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(name))
		packages[filepath.ToSlash(dir)] = append(packages[filepath.ToSlash(dir)], file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 5 {
		t.Fatalf("found %d packages only: %v", len(packages), slices.Collect(maps.Keys(packages)))
	}
	return packages
}

func TestImports_go_one_way(t *testing.T) {
	t.Parallel()
	for dir, files := range sourceFiles(t) {
		rule, known := mayImport[dir]
		if !known {
			t.Errorf("package %s is not in the table: say what it may import, and why not more", dir)
			continue
		}
		for _, file := range files {
			for _, spec := range file.Imports {
				imported, _ := strconv.Unquote(spec.Path.Value)
				checkImport(t, dir, imported, rule.ours, rule.reason)
			}
		}
	}
}

func checkImport(t *testing.T, dir, imported string, ours []string, reason string) {
	t.Helper()
	if own, isOurs := strings.CutPrefix(imported, module+"/"); isOurs {
		if !slices.Contains(ours, own) && !slices.Contains(ours, "*") {
			t.Errorf("%s imports %s, and must not: %s", dir, own, reason)
		}
		return
	}
	for _, ban := range onlyIn {
		if strings.HasPrefix(imported, ban.prefix) && !slices.Contains(ban.allowed, dir) {
			t.Errorf("%s imports %s, which is for %v only: %s", dir, imported, ban.allowed, ban.reason)
		}
	}
	if dir == "internal/audit" && strings.Contains(path.Dir(imported+"/"), ".") {
		t.Errorf("%s imports %s: the vocabulary needs the standard library only", dir, imported)
	}
}

func TestPackages_have_one_comment_and_no_init(t *testing.T) {
	t.Parallel()
	for dir, files := range sourceFiles(t) {
		comments := 0
		for _, file := range files {
			if file.Doc != nil {
				comments++
				checkComment(t, dir, file)
			}
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s has an init(): what it does happens to every importer, in no visible order", dir)
				}
			}
		}
		if comments != 1 {
			t.Errorf("%s has %d package comments, want 1: what it does, what it refuses, where to start", dir, comments)
		}
	}
}

func checkComment(t *testing.T, dir string, file *ast.File) {
	t.Helper()
	text := file.Doc.Text()
	begins := "Package " + file.Name.Name + " "
	if file.Name.Name == "main" {
		begins = "Command " + path.Base(dir) + " "
	}
	if !strings.HasPrefix(text, begins) || len(strings.Fields(text)) < 25 {
		t.Errorf("the comment of %s says too little, or does not begin with %q: %q", dir, begins, text)
	}
}

// TestDependencies_state_reasons reads go.mod: what we depend on directly says why.
func TestDependencies_state_reasons(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if !strings.HasPrefix(line, "\t") || len(fields) < 2 || fields[len(fields)-1] == "indirect" {
			continue
		}
		if direct++; len(fields) < 4 || fields[2] != "//" {
			t.Errorf("go.mod: %s gives no reason", fields[0])
		}
	}
	if direct < 10 {
		t.Errorf("%d direct dependencies were found in go.mod", direct)
	}
}
