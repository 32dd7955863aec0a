// Package text holds what every room needs to handle words safely: Clean for
// text that a stranger wrote, and the units that people write. It is a leaf:
// it imports nothing of ours and does no I/O.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from a remote host, an inventory or a loaded file inert: it
// is valid UTF-8, and every control character (also ESC, C1 and newline), every
// invisible format character (bidi overrides, zero-width marks), every private
// use and line separator becomes U+FFFD. Tabs become one blank. Nothing is
// swallowed: a removed terminator must not let a host hide the words after it.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case hostile(r):
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// CleanMax is Clean of at most max bytes of s, with an ellipsis where it cut.
func CleanMax(s string, max int) string {
	if len(s) <= max {
		return Clean(s)
	}
	cut := max
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return Clean(s[:cut]) + "…"
}

// isClean spares the common case, printable ASCII, every allocation.
func isClean(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

func hostile(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}
