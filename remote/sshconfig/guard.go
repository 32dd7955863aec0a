package sshconfig

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Pseudo keywords in the text that the library is given. They cannot come from
// a file, where they would be unknown keywords.
const (
	includeLine = "included" // value: index into guarded.lines
	unknownLine = "not-a-keyword"
)

// maxValue is the longest value that the library is given: its time grows with
// the square of it.
const maxValue = 8 << 10

// guarded is a file after the guard: what the library may read, line by line
// the same, and what it may not.
type guarded struct {
	lines  []line
	plain  bytes.Buffer
	beyond []beyond
}

// guard writes each line anew in the one form that the library and all versions
// of OpenSSH read alike, and leaves out what does not concern us. Lines for
// which there is no such form are beyond it. Values that OpenSSH refuses are
// refused, also in sections that match no host, because OpenSSH does so.
func guard(file string, data []byte) (*guarded, error) {
	g := &guarded{}
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		g.beyond = append(g.beyond, beyond{place{file, 0}, "a file that is not text in UTF-8"})
		return g, nil
	}
	number := 0
	for text := range strings.Lines(string(data)) {
		number++
		l := lexLine(text, place{file, number})
		g.lines = append(g.lines, l)
		if l.keyword != "" || l.odd != "" {
			if err := g.line(l); err != nil {
				return nil, err
			}
		}
		g.plain.WriteByte('\n')
	}
	return g, nil
}

// line files one line that is not empty. Keywords that we ignore are left out
// before their values are looked at: what the library makes of those is nobody's
// concern, and OpenSSH's view of them changes with every version.
func (g *guarded) line(l line) error {
	u := useOf(l.keyword)
	switch {
	case l.odd == quotedKeyword:
		g.add(l, quotedKeyword)
		return nil
	case l.rest == "":
		return l.refused("has no value")
	case u == 0:
		fmt.Fprintf(&g.plain, "%s %d", unknownLine, len(g.lines)-1)
		return nil
	case u == ignore:
		return nil
	case l.odd == "" && len(l.args) == 0:
		return l.refused("has no value")
	case len(l.rest) > maxValue:
		g.add(l, "a very long "+l.keyword)
		return nil
	case l.odd != "" && (u != command || !balanced(l.rest)):
		g.add(l, l.odd+" in "+l.keyword)
		return nil
	case slices.Contains(l.args, ""):
		return l.refused("has an empty value")
	}
	switch u {
	case match:
		g.match(l)
	case include:
		g.include(l)
	case host, list:
		g.words(l)
	case command:
		g.command(l)
	default:
		return g.value(l, u)
	}
	return nil
}

func (g *guarded) add(l line, what string) { g.beyond = append(g.beyond, beyond{l.place, what}) }

// refused is for what OpenSSH refuses, too.
func (l line) refused(why string) error {
	return &Error{l.place, l.keyword + " " + why, "correct the line"}
}

// match lets pass only what is the same as Host *.
func (g *guarded) match(l line) {
	if len(l.args) == 1 && strings.EqualFold(l.args[0], "all") {
		g.plain.WriteString("match all")
		return
	}
	g.add(l, "Match "+strings.ToLower(l.args[0]))
}

// include hands the words over by the number of the line: the library would
// look in the wrong home, miss quoted names and keep the files to itself.
func (g *guarded) include(l line) {
	for _, path := range l.args {
		home := path == "~" || strings.HasPrefix(path, "~/")
		if strings.ContainsAny(path, "$%{[") || (path[0] == '~' && !home) {
			g.add(l, "Include with variables or odd characters")
			return
		}
	}
	fmt.Fprintf(&g.plain, "%s %d", includeLine, len(g.lines)-1)
}

// words are separated by single blanks for the library, so none may hold one.
func (g *guarded) words(l line) {
	if slices.ContainsFunc(l.args, unfit) || slices.ContainsFunc(l.args, func(w string) bool { return strings.Contains(w, " ") }) {
		g.add(l, "quotes or # in "+l.keyword)
		return
	}
	if l.keyword != "host" && len(l.args) > 1 && slices.ContainsFunc(l.args, isNone) {
		g.add(l, "none among other values of "+l.keyword)
		return
	}
	fmt.Fprintf(&g.plain, "%s %s", l.keyword, strings.Join(l.args, " "))
}

// command takes the line as it stands. OpenSSH keeps a # in ProxyCommand and
// ends ProxyJump at it; the library ends both.
func (g *guarded) command(l line) {
	value := strings.TrimLeft(l.rest, blanks+"=")
	switch {
	case value == "" || strings.ContainsAny(value, "#\r\f\v") || value[0] == '"':
		g.add(l, "quotes or # in "+l.keyword)
	case l.keyword == "proxyjump" && !plainJump(value):
		g.add(l, "an odd ProxyJump")
	default:
		fmt.Fprintf(&g.plain, "%s %s", l.keyword, value)
	}
}

// value is for keywords with one value.
func (g *guarded) value(l line, u use) error {
	value := l.args[0]
	what, why := judge(l.keyword, value, u)
	switch {
	case len(l.args) > 1:
		return l.refused("has more than one value")
	case why != "":
		return l.refused(why)
	case what != "":
		g.add(l, what)
	case unfit(value):
		g.add(l, "quotes or # in "+l.keyword)
	default:
		fmt.Fprintf(&g.plain, "%s %s", l.keyword, value)
	}
	return nil
}

// unfit tells whether the library would cut, trim or misread the value.
func unfit(value string) bool {
	return strings.ContainsAny(value, "#\"\r\f\v\t") || strings.TrimSpace(value) != value || value[0] == '='
}

// judge returns what only OpenSSH can evaluate, or why the value is refused.
func judge(keyword, value string, u use) (beyond, refused string) {
	lower := strings.ToLower(value)
	switch keyword {
	case "port":
		n, err := strconv.Atoi(value)
		switch {
		case err != nil && strings.Trim(value, "0123456789-+") != "":
			return "Port " + value, "" // the name of a service
		case err != nil || n < 1 || n > 65535 || value[0] == '+':
			return "", fmt.Sprintf("%q is not a number between 1 and 65535", value)
		}
	case "connecttimeout":
		if value != "none" && (len(value) > 9 || strings.Trim(value, "0123456789") != "") {
			return "time unit in ConnectTimeout", ""
		}
	case "user":
		if strings.ContainsAny(value, "%$") {
			return "token in User", "" // expanded by OpenSSH 10 and later only
		}
	case "identitiesonly", "hashknownhosts", "proxyusefdpass", "batchmode", "passwordauthentication", "kbdinteractiveauthentication":
		return "", oneOf(lower, "yes", "no", "true", "false")
	case "pubkeyauthentication":
		return "", oneOf(lower, "yes", "no", "true", "false", "unbound", "host-bound")
	case "serveralivecountmax", "numberofpasswordprompts":
		if _, err := strconv.ParseUint(value, 10, 31); err != nil {
			return "", fmt.Sprintf("%q is not a number", value)
		}
	case "serveraliveinterval":
		if _, ok := seconds(value); !ok && value != "none" {
			return "", fmt.Sprintf("%q is not a time", value)
		}
	case "stricthostkeychecking":
		return "", oneOf(lower, "yes", "no", "true", "false", "ask", "off", "accept-new")
	case "addressfamily":
		return "", oneOf(lower, "any", "inet", "inet6")
	case "identityfile", "certificatefile", "identityagent", "controlpath":
		if len(value) > 1 && value[0] == '~' && value[1] != '/' {
			return "another user's home in " + keyword, ""
		}
	}
	if u == beware && !isNo(value) {
		return keyword + " " + value, ""
	}
	return "", ""
}

// seconds reads a time of ssh_config: numbers with units, as in 1h30m, or a plain
// number of seconds.
func seconds(value string) (time.Duration, bool) {
	units := map[byte]time.Duration{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 7 * 86400}
	var total time.Duration
	for rest := strings.ToLower(value); rest != ""; {
		digits := strings.IndexFunc(rest+"s", func(r rune) bool { return r < '0' || r > '9' })
		n, err := strconv.ParseUint(rest[:digits], 10, 31)
		unit := units[(rest + "s")[digits]]
		if err != nil || unit == 0 {
			return 0, false
		}
		if total += time.Duration(n) * unit; total > 1<<31-1 {
			return 0, false
		}
		rest = rest[min(digits+1, len(rest)):]
	}
	return total * time.Second, value != ""
}

// oneOf returns why value is refused; empty when it is allowed.
func oneOf(value string, allowed ...string) string {
	if slices.Contains(allowed, value) {
		return ""
	}
	return fmt.Sprintf("%q is not one of %s", value, strings.Join(allowed, ", "))
}

// isNone, isNo and isYes fold the spellings of OpenSSH. An empty value, which
// stands for a keyword that is not set, is neither.
func isNone(value string) bool { return strings.EqualFold(value, "none") }

func isNo(value string) bool {
	return isNone(value) || strings.EqualFold(value, "no") || strings.EqualFold(value, "false")
}

func isYes(value string) bool {
	return strings.EqualFold(value, "yes") || strings.EqualFold(value, "true")
}
