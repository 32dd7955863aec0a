package main

import (
	"slices"
	"strings"
	"testing"
)

func TestSimilar(t *testing.T) {
	t.Parallel()
	fleet := []string{"web1", "web2", "web10", "db1.example.net", "DB2.example.net", "mail", "a"}
	for name, want := range map[string][]string{
		"wbe1":                       {"web1"},
		"web3":                       {"web1", "web2"},
		"WEB1":                       {"web1", "web10", "web2"},
		"db1":                        {"db1.example.net"},
		"db2.example.com":            {"DB2.example.net"},
		"mial":                       {"mail"},
		"proxy":                      nil,
		"":                           {"a"},
		strings.Repeat("long", 1000): nil,
	} {
		if got := similar(name, fleet); !slices.Equal(got, want) {
			t.Errorf("similar to %q: %q, want %q", name[:min(len(name), 20)], got, want)
		}
	}
	if got := similar("x", nil); got != nil {
		t.Errorf("of no names: %q", got)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"web1", "web1", 0}, {"web1", "wbe1", 1}, {"web1", "web", 1},
		{"web1", "web12", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abcd", "badc", 2},
	} {
		if got, back := distance(c.a, c.b), distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("%q and %q: %d and %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}
