package text

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Expand turns a folded list of names into names, in the order in which they
// are written: web[01-03,07].example.com,db1. Brackets hold numbers, single
// letters and ranges of them, parted by commas: 01-50, 01:50, 01:50:2 or
// 01-50/2, a-f. The padding of the first number is kept; that of the last must
// agree. An IPv6 address in brackets is no range. More than max names, which
// are counted before they are made, are an error; so are an empty name and a
// range that runs backwards.
func Expand(pattern string, max int) ([]string, error) {
	items, err := SplitNames(pattern)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, item := range items {
		parts, err := parseItem(item)
		if err != nil {
			return nil, fmt.Errorf("range %s: %w", quote(item), err)
		}
		total := len(names)
		count := 1
		for _, p := range parts {
			if count *= p.count(); total+count > max {
				return nil, fmt.Errorf("range %s: more than %s names", quote(item), Count(int64(max)))
			}
		}
		names = appendProduct(names, parts)
	}
	return names, nil
}

// HasRange reports whether Expand would read s as anything but itself: a bracket
// other than that of an IPv6 address, or a comma.
func HasRange(s string) bool {
	if strings.IndexByte(s, '[') < 0 {
		return strings.IndexByte(s, ',') >= 0
	}
	parts, err := parseItem(s)
	return err != nil || len(parts) != 1 || strings.Contains(s, ",")
}

// SplitNames parts a list at the commas outside brackets. An empty name is an
// error.
func SplitNames(list string) ([]string, error) {
	var items []string
	from, depth := 0, 0
	for i := 0; i <= len(list); i++ {
		switch {
		case i < len(list) && list[i] == '[':
			depth++
		case i < len(list) && list[i] == ']':
			depth--
		case i == len(list) || list[i] == ',' && depth <= 0:
			if i == from {
				return nil, fmt.Errorf("list %s: a name is empty", quote(list))
			}
			items = append(items, list[from:i])
			from = i + 1
		}
	}
	return items, nil
}

// part is a piece of a name: its value is one of any of the runs.
type part []run

// run is a fixed text, or a sequence first, first+step … of n values.
type run struct {
	text        string // when n is 0
	first, step uint64
	n, width    int // width 0: the values are letters
}

func (p part) count() int {
	sum := 0
	for _, r := range p {
		if sum += max(r.n, 1); sum > maxRange {
			return maxRange
		}
	}
	return sum
}

// maxRange bounds what a count can be, so that their product fits.
const maxRange = 1 << 31

// parseItem takes one name apart.
func parseItem(item string) ([]part, error) {
	var parts []part
	var fixed strings.Builder
	brackets := 0
	for rest := item; rest != ""; {
		at := strings.IndexAny(rest, "[]")
		if at < 0 {
			fixed.WriteString(rest)
			break
		}
		fixed.WriteString(rest[:at])
		inside, after, closed := strings.Cut(rest[at+1:], "]")
		switch {
		case rest[at] == ']':
			return nil, errors.New("']' closes nothing")
		case !closed:
			return nil, errors.New("'[' is not closed")
		}
		rest = after
		if isIPv6(inside) {
			fixed.WriteString("[" + inside + "]")
			continue
		}
		runs, err := parseBracket(inside)
		if err != nil {
			return nil, err
		}
		if brackets++; brackets > maxCells {
			return nil, fmt.Errorf("more than %d brackets in one name", maxCells)
		}
		if fixed.Len() > 0 {
			parts = append(parts, part{{text: fixed.String()}})
			fixed.Reset()
		}
		parts = append(parts, runs)
	}
	if fixed.Len() > 0 {
		parts = append(parts, part{{text: fixed.String()}})
	}
	return parts, nil
}

func isIPv6(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Is6()
}

func parseBracket(inside string) (part, error) {
	var runs part
	for element := range strings.SplitSeq(inside, ",") {
		r, err := parseRun(element)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// parseRun reads A, A-B, A:B, A:B:STEP or A-B/STEP.
func parseRun(s string) (run, error) {
	first, rest, isRange := cutAny(s, "-:")
	last, step, hasStep := cutAny(rest, ":/")
	if !isRange {
		last = first
	}
	r := run{step: 1}
	if hasStep {
		n, err := strconv.ParseUint(step, 10, 31)
		if err != nil || n == 0 || step[0] == '+' {
			return run{}, fmt.Errorf("step %s is no number above 0", quote(step))
		}
		r.step = n
	}
	from, width, ok := bound(first)
	to, lastWidth, lastOK := bound(last)
	switch {
	case !ok || !lastOK || (width == 0) != (lastWidth == 0):
		return run{}, fmt.Errorf("%s is no range: write numbers or single letters, such as [01-50], [1:50:2] or [a-f]", quote("["+s+"]"))
	case width == 0 && from <= 'Z' && to >= 'a':
		return run{}, fmt.Errorf("%s mixes large and small letters", quote("["+s+"]"))
	case to < from:
		return run{}, fmt.Errorf("%s runs backwards", quote("["+s+"]"))
	case width > 0 && last != pad(to, width):
		return run{}, fmt.Errorf("%s has two paddings: write %s-%s", quote("["+s+"]"), pad(from, max(width, lastWidth)), pad(to, max(width, lastWidth)))
	}
	r.first, r.width = from, width
	r.n = int(min((to-from)/r.step, maxRange-1)) + 1
	return r, nil
}

// cutAny is strings.Cut at the first byte of s that is one of separators.
func cutAny(s, separators string) (before, after string, found bool) {
	if i := strings.IndexAny(s, separators); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// bound reads an end of a range. The width of a letter is 0.
func bound(s string) (value uint64, width int, ok bool) {
	if len(s) == 1 && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z') {
		return uint64(s[0]), 0, true
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, 0, false
		}
	}
	return number(s), len(s), s != "" && len(s) <= maxDigits
}

// value is the i-th of the run.
func (r run) value(i int) string {
	switch v := r.first + uint64(i)*r.step; {
	case r.n == 0:
		return r.text
	case r.width == 0:
		return string(rune(v))
	default:
		return pad(v, r.width)
	}
}

// appendProduct appends every combination of parts, the last varying fastest.
func appendProduct(names []string, parts []part) []string {
	made := []string{""}
	for _, p := range parts {
		longer := make([]string, 0, len(made)*p.count())
		for _, head := range made {
			for _, r := range p {
				for i := range max(r.n, 1) {
					longer = append(longer, head+r.value(i))
				}
			}
		}
		made = longer
	}
	return append(names, made...)
}

// quote shows text that somebody else wrote, bounded.
func quote(s string) string { return `"` + CleanMax(s, 80) + `"` }
