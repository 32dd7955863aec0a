// Package text holds what every room needs to handle words safely: Clean for
// text that a stranger wrote, Fold and Expand for lists of names, and the units
// that people write. It is a leaf:
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

// CleanMax is Clean of s cut to at most max bytes, with an ellipsis after them
// where it cut. Cleaning may lengthen text, so that it is cut before (for the
// cost) and after; a second CleanMax with the same max changes nothing.
func CleanMax(s string, max int) string {
	head := cut(s, max)
	cleaned := Clean(head)
	if len(head) == len(s) && len(cleaned) <= max {
		return cleaned
	}
	return cut(cleaned, max) + "…"
}

// cut is at most the first max bytes of s, and no part of a character. Bytes
// that are no character do not make it shorter.
func cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for end := max; end >= 0 && end > max-utf8.UTFMax; end-- {
		if utf8.RuneStart(s[end]) {
			return s[:end]
		}
	}
	return s[:max]
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
