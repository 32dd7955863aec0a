package text

import "strings"

// MatchList tells whether some pattern matches name and no negated one, with "!"
// in front, does: PATTERNS in ssh_config(5).
func MatchList(patterns []string, name string) bool {
	found := false
	for _, pattern := range patterns {
		if rest, negated := strings.CutPrefix(pattern, "!"); negated {
			if Match(rest, name) {
				return false
			}
		} else if !found {
			found = Match(pattern, name)
		}
	}
	return found
}

// Match tells whether pattern, in which * stands for any text and ? for one byte,
// matches all of name. It goes back to the last * only, so that its time is
// bounded by the product of the lengths.
func Match(pattern, name string) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
