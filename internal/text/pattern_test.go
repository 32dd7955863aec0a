package text

import (
	"path"
	"strings"
	"testing"
)

func TestMatchList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		patterns, name string
		want           bool
	}{
		{"web1", "web1", true}, {"web1", "web10", false}, {"web?", "web1", true}, {"web?", "web", false},
		{"*", "", true}, {"?", "", false}, {"*.example.net", "a.b.example.net", true}, {"a*b*c", "aXbYbc", true}, {"a*b*c", "aXbYb", false},
		{"web* !web3", "web3", false}, {"!web3 web*", "web3", false}, {"!web3", "web1", false}, {"!web3 web*", "web1", true},
		{"", "", false},
	} {
		if got := MatchList(strings.Fields(c.patterns), c.name); got != c.want {
			t.Errorf("%q matches %q: %v", c.patterns, c.name, got)
		}
	}
}

// FuzzMatch compares with path.Match, which knows * and ? in names without slashes.
func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add(strings.Repeat("a*", 50)+"b", strings.Repeat("a", 200))
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 64 || strings.ContainsAny(pattern+name, `/[]\`) || !isASCII(pattern+name) {
			return
		}
		want, err := path.Match(pattern, name)
		if got := Match(pattern, name); err == nil && got != want {
			t.Errorf("%q matches %q: %v", pattern, name, got)
		}
	})
}

func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 126 }) < 0 }
