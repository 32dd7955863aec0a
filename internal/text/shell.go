package text

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// ShellWord writes s as one word of a POSIX shell, for commands that are offered
// to be pasted. It is empty for what cannot be: an empty s, and one that Clean
// would change or has changed, which names something else by then.
func ShellWord(s string) string {
	switch {
	case s == "" || Clean(s) != s || strings.ContainsRune(s, utf8.RuneError):
		return ""
	case plainWord.MatchString(s):
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
