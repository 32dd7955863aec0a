package report

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// plainWord is a word that no dialect of Markdown reads as anything else: it has
// no sign of emphasis, link, mention, reference, table, list or HTML in it, and
// no dot that would make it the name of a site.
var plainWord = regexp.MustCompile(`^[\p{L}\p{N}]+(?:[-'’,][\p{L}\p{N}]+|\.\p{N}+\p{L}?)*%?$`)

// mdSentenceOf writes a sentence that may quote strangers. Words that are not
// plain become code: escaping them by backslashes is not enough, since hosts of
// Markdown look for mentions and addresses in what remains. Our own keys and
// paths read well in code too.
func mdSentenceOf(s string) string {
	words := strings.Fields(text.CleanMax(s, mdSentence))
	for i, word := range words {
		core := strings.TrimLeft(word, `("“`)
		lead := word[:len(word)-len(core)]
		core = strings.TrimRight(core, `.,;:!?)"”…`)
		tail := word[len(lead)+len(core):]
		switch {
		case core == "%" || word == "…" || word == "-" && i > 0:
		case core == "" || i == 0 && tail != "" && !strings.ContainsFunc(core, unicode.IsLetter):
			words[i] = mdCode(word) // "1." at the beginning would be a list
		case !plainWord.MatchString(core):
			words[i] = lead + mdCode(core) + tail
		}
	}
	return strings.Join(words, " ")
}

// mdCode writes s so that nothing in it means anything. In a table a code span
// cannot hold a bar behind a backslash, and a backtick would end it: such words,
// which are no names of ours, are written by numbers.
func mdCode(s string) string {
	if !strings.ContainsAny(s, "`|\\") {
		return "`" + s + "`"
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '@':
			b.WriteString("(at)") // mentions are looked for after numbers are resolved
		case r == ' ' || unicode.IsLetter(r) || unicode.IsNumber(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

// mdHost is the name of one host.
func mdHost(name string) string { return mdCode(text.CleanMax(name, mdName)) }

// mdFolded names hosts as ranges where that is short, else the first few.
func mdFolded(names []string) string {
	if folded := text.Fold(names); len(folded) <= mdNames {
		return mdCode(strings.ReplaceAll(folded, ",", ", "))
	}
	var first []string
	for i, name := range names {
		if i == maxNames-1 {
			break
		}
		first = append(first, mdHost(name))
	}
	if rest := len(names) - len(first); rest > 0 {
		return strings.Join(first, ", ") + " and " + text.Count(int64(rest)) + " more"
	}
	return strings.Join(first, ", ")
}

// mdTrouble is how many hosts are in trouble, and of how many nothing is known: a
// run that judged nobody says nothing good of anybody.
func mdTrouble(sum *audit.Summary, sick int) string {
	unknown := sum.Hosts - sum.Audited + sum.Verdicts[audit.VerdictUnknown]
	known := sum.Hosts - unknown
	verb := "audited"
	if known < sum.Audited {
		verb = "judged"
	}
	words := fmt.Sprintf("%s of %s %s, none of them in trouble", text.Count(int64(known)), plural(sum.Hosts, "host"), verb)
	switch {
	case sum.Hosts == 0:
		return "the run had no hosts"
	case known <= 0:
		return "nothing is known of " + plural(sum.Hosts, "host")
	case sick > 0:
		words = fmt.Sprintf("%s of %s in trouble", text.Count(int64(sick)), plural(sum.Hosts, "host"))
		if unknown > 0 {
			words += ", nothing is known of " + text.Count(int64(unknown))
		}
	}
	return words
}
