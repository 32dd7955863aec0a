package packaging

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// The program is sound for each system that `make dist` builds for. Of the modules
// of others only the outside is read: to compile them all takes minutes, and finds
// the mistakes of others.
func TestPlatforms(t *testing.T) {
	t.Parallel()
	list := regexp.MustCompile(`(?m)^PLATFORMS \?= (.*)$`).FindStringSubmatch(load(t, "../../Makefile"))
	if list == nil {
		t.Fatal("the Makefile has no PLATFORMS")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range strings.Fields(list[1]) {
		system, arch, _ := strings.Cut(platform, "/")
		if system == "linux" || arch != "arm64" {
			continue // built by every test; and the processor changes nothing of ours
		}
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			config := &packages.Config{
				Context: t.Context(), Dir: root, Mode: packages.LoadAllSyntax,
				Env:       append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0"),
				ParseFile: outside(root),
			}
			found, err := packages.Load(config, "./cmd/twaudit")
			if err != nil {
				t.Fatal(err)
			}
			ours := 0
			packages.Visit(found, nil, func(p *packages.Package) {
				if strings.HasPrefix(p.PkgPath, "twaudit/") {
					ours++
					for _, e := range p.Errors {
						t.Error(e)
					}
				}
			})
			if ours < 10 {
				t.Errorf("%d packages of ours", ours)
			}
		})
	}
}

// unseen is what only SQLite uses: a C library in Go, of many megabytes.
var unseen = regexp.MustCompile(`/modernc\.org/(libc|memory|mathutil)\b`)

// outside parses files without the bodies of functions, unless they are below root.
func outside(root string) func(*token.FileSet, string, []byte) (*ast.File, error) {
	return func(set *token.FileSet, name string, source []byte) (*ast.File, error) {
		if unseen.MatchString(filepath.ToSlash(name)) {
			return parser.ParseFile(set, name, source, parser.ImportsOnly)
		}
		file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
		if err != nil || strings.HasPrefix(name, root+string(filepath.Separator)) {
			return file, err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				f.Body = nil
			}
		}
		return file, nil
	}
}
