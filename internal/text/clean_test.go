package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const bad = "\ufffd"

func TestClean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"ASCII", "web-01.example.net:22 ~`!", "web-01.example.net:22 ~`!"},
		{"letters of the world", "Grüße 漢字 عربى 👩", "Grüße 漢字 عربى 👩"},
		{"tab", "a\tb", "a b"},
		{"line ends", "a\r\nb\n", "a" + bad + bad + "b" + bad},
		{"colour", "\x1b[31mred", bad + "[31mred"},
		{"unterminated title", "\x1b]0;evidence stays", bad + "]0;evidence stays"},
		{"C1 as UTF-8", "\u009b31m\u0085", bad + "31m" + bad},
		{"C1 as a byte", "\x9b31m", bad + "31m"},
		{"NUL, BS, BEL, DEL", "\x00\b\a\x7f", bad + bad + bad + bad},
		{"bidi", "\u202egnp.exe\u2066", bad + "gnp.exe" + bad},
		{"invisible", "a\u200b\ufeff\u00adb", "a" + bad + bad + bad + "b"},
		{"tags", "a\U000e0041b", "a" + bad + "b"},
		{"separators", "a\u2028b\u2029c", "a" + bad + "b" + bad + "c"},
		{"private use", "\ue000\U0010fffd", bad + bad},
		{"no UTF-8", "a\xff\xfeb\xc0\x80", "a" + bad + "b" + bad},
		{"surrogate", "\xed\xa0\x80x", bad + "x"},
	} {
		if got := Clean(c.in); got != c.want {
			t.Errorf("%s: Clean(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestCleanMax(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{"short", 5, "short"},
		{"longer", 5, "longe…"},
		{"äöü", 5, "äö…"},
		{"äöü", 6, "äöü"},
		{"a\x1bb", 3, "a…"}, // three bytes become five
		{"a\x1bb", 5, "a" + bad + "b"},
		{"abc", 0, "…"},
		{"", 0, ""},
		{strings.Repeat("\x80", 10), 4, bad + "…"},
		{"\u20ac\u20ac", 2, "…"},
	} {
		if got := CleanMax(c.in, c.max); got != c.want {
			t.Errorf("CleanMax(%q, %d) = %q, want %q", c.in, c.max, got, c.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[2J", "\u202e\u009b", "\xff\xc0\x80", "a\tb\nc", "\U000e0041\ufeff", "漢字", "\ued00"} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, s string, max int) {
		got := Clean(s)
		inert(t, got)
		if Clean(got) != got {
			t.Errorf("Clean(Clean(%q)) differs", s)
		}
		if visible := printable(s); printable(got) != visible {
			t.Errorf("Clean(%q) = %q lost or made words", s, got)
		}
		max = max & 0xff
		short := CleanMax(s, max)
		inert(t, short)
		if len(short) > max+len("…") {
			t.Errorf("CleanMax(%q, %d) has %d bytes", s, max, len(short))
		}
		if CleanMax(short, max) != short {
			t.Errorf("CleanMax(%q, %d) is not stable", s, max)
		}
		if len(got) <= max && len(s) <= max && short != got {
			t.Errorf("CleanMax(%q, %d) cut what fits", s, max)
		}
	})
}

// inert fails when a terminal would obey s, or not show a part of it.
func inert(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%q is no valid UTF-8", s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) {
			t.Errorf("%q holds %U", s, r)
		}
	}
}

// printable are the letters and signs of s.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsGraphic(r) || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}
