package report

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestRedact_knowsTheWordsOfTheProgram compares the list of words with what the
// sources say. A word that is missing would be hidden in every redacted report;
// one that is too many, such as a name out of an example, might be somebody's.
func TestRedact_knowsTheWordsOfTheProgram(t *testing.T) {
	t.Parallel()
	words := map[string]bool{}
	// History and alarms write nothing into a run by themselves, and the command
	// line little.
	for _, dir := range []string{"../internal", "../remote", "../cmd/twaudit/scan.go", "../cmd/twaudit/import.go"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			name := entry.Name()
			switch {
			case err != nil:
				return err
			case entry.IsDir() && slices.Contains([]string{"testdata", "sshtest", "bench", "e2e", "demo", "history", "notify"}, name):
				return fs.SkipDir
			case name == "probe.sh":
				script, err := os.ReadFile(path)
				addWords(words, string(script), true)
				return err
			case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "demo"):
				return nil
			}
			addLiterals(t, words, path)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var list []string
	for word := range words {
		list = append(list, word)
	}
	slices.Sort(list)
	want := strings.Join(list, "\n") + "\n"
	if *update {
		if err := os.WriteFile("redactwords.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	known := strings.Fields(ownWords)
	for _, word := range list {
		if _, found := slices.BinarySearch(known, word); !found {
			t.Errorf("redactwords.txt lacks %q: make update adds it", word)
		}
	}
	for _, word := range known {
		if !words[word] {
			t.Errorf("redactwords.txt has %q, which no text of the program has: make update removes it", word)
		}
	}
}

// addLiterals takes the strings of a file, but for imports, tags of fields and
// the examples of commands, which are full of names.
func addLiterals(t *testing.T, words map[string]bool, path string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	technical := !strings.Contains(path, "cmd/") && !strings.Contains(path, "inventory")
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.KeyValueExpr:
			key, _ := n.Key.(*ast.Ident)
			return key == nil || key.Name != "Example" && key.Name != "Long"
		case *ast.Field:
			n.Tag = nil
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				addWords(words, s, technical)
			}
		}
		return true
	})
}

var (
	verb     = regexp.MustCompile(`%[-+# 0-9.*\[\]]*[a-zA-Z]`)
	wordLike = regexp.MustCompile(`^[a-z0-9_][a-z0-9_.+-]*$`)
	split    = regexp.MustCompile("[" + separators + "]+")
)

// addWords adds the words of s, and of paths their elements and the parts of
// these. Words with digits are names of machines in most texts that are not
// technical.
func addWords(words map[string]bool, s string, technical bool) {
	add := func(word string) {
		word = strings.ToLower(strings.Trim(word, trimmed))
		digits := strings.ContainsAny(word, "0123456789")
		if wordLike.MatchString(word) && !isNumber(word) && (technical || !digits) && len(word) <= 64 {
			words[word] = true
		}
	}
	for _, word := range split.Split(verb.ReplaceAllString(s, " "), -1) {
		add(word)
		for element := range strings.SplitSeq(word, "/") {
			add(element)
			if element != word {
				for _, part := range strings.FieldsFunc(element, func(c rune) bool { return strings.ContainsRune("._-", c) }) {
					add(part)
				}
			}
		}
	}
}
