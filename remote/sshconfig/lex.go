package sshconfig

import "strings"

const (
	blanks        = " \t\r\n"
	quotedKeyword = "a quoted or missing keyword"
)

// line is one line of a file, taken apart as OpenSSH does it.
type line struct {
	place
	keyword string   // canonical; empty for a comment or an empty line
	rest    string   // all after the keyword, trimmed
	args    []string // the words of rest up to a comment
	odd     string   // what keeps args from being sure; empty: they are
}

// lexLine splits a line into keyword and words. Versions of OpenSSH differ in
// what they make of backslashes, single quotes and quotes inside a word: such
// words are marked, not guessed.
func lexLine(text string, at place) line {
	l := line{place: at}
	text = strings.TrimLeft(strings.TrimRight(text, blanks+"\f"), blanks)
	if text == "" || text[0] == '#' {
		return l
	}
	end := strings.IndexAny(text, blanks+`"=`)
	if end < 0 {
		end = len(text)
	}
	l.keyword = canonical(text[:end])
	l.rest = strings.TrimLeft(text[end:], blanks)
	if strings.HasPrefix(l.rest, "=") {
		l.rest = strings.TrimLeft(l.rest[1:], blanks)
	}
	if l.keyword == "" || (end < len(text) && text[end] == '"') {
		l.odd = quotedKeyword
		return l
	}
	l.args, l.odd = splitWords(l.rest)
	return l
}

// splitWords returns the words of s up to a # that begins one, or why they are
// not sure.
func splitWords(s string) (words []string, odd string) {
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == '#' {
			return words, ""
		}
		if s[0] == '"' {
			word, rest, closed := strings.Cut(s[1:], `"`)
			if !closed || (rest != "" && rest[0] != ' ' && rest[0] != '\t') || strings.ContainsAny(word, `\`) {
				return nil, "an odd quote"
			}
			words, s = append(words, word), rest
			continue
		}
		end := strings.IndexAny(s, " \t")
		if end < 0 {
			end = len(s)
		}
		if strings.ContainsAny(s[:end], `"'\`) {
			return nil, "a quote or backslash inside a word"
		}
		words, s = append(words, s[:end]), s[end:]
	}
}

// balanced tells whether OpenSSH, which checks the quotes of a whole line also
// where it takes the line as it stands, finds each closed.
func balanced(s string) bool {
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`'"\`, s[i+1]) >= 0:
			i++
		case quote == 0 && (s[i] == '"' || s[i] == '\''):
			quote = s[i]
		case s[i] == quote:
			quote = 0
		}
	}
	return quote == 0
}
