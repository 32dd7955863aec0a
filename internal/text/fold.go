package text

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what Fold takes for numbers: longer ones do not fit into 64 bits,
// and further ones are part of the text around them.
const (
	maxDigits = 18
	maxCells  = 8
)

// Fold writes host names for people: web[01-03,07].example.com,db1. Numbers
// that differ become ranges, with their padding; several in one name become
// several brackets where every combination is there. The result depends on the
// set of names alone, and Expand turns it back into them, sorted, each once.
// User, port and IPv6 addresses are never folded. A name with a comma or a
// bracket that is no IPv6 address stands as it is, and does not expand again.
func Fold(names []string) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	shapes := map[string][]row{}
	var result []string
	for _, name := range sorted {
		shape, cells := numbers(name)
		if len(cells) == 0 {
			result = append(result, name)
			continue
		}
		shapes[shape] = append(shapes[shape], cells)
	}
	for shape, rows := range shapes { // the result is sorted below
		texts := strings.Split(shape, "\x00")
		for _, r := range foldRows(rows) {
			result = append(result, r.join(texts))
		}
	}
	slices.Sort(result)
	return strings.Join(result, ",")
}

// row holds the numbers of one name, or of many: a cell is the digits as they
// were written, or a range in brackets.
type row []string

// join puts the cells between the texts around them.
func (r row) join(texts []string) string {
	var b strings.Builder
	for i, cell := range r {
		b.WriteString(texts[i])
		b.WriteString(cell)
	}
	b.WriteString(texts[len(r)])
	return b.String()
}

// numbers takes name apart: its numbers, and the text around them with a NUL in
// the place of each. A name that cannot be folded has none.
func numbers(name string) (shape string, cells row) {
	from := strings.LastIndexByte(name, '@') + 1
	host, port, _ := strings.Cut(name[from:], ":")
	if strings.ContainsAny(name, "[],\x00") || strings.Contains(port, ":") {
		return name, nil
	}
	end := from + len(host)
	var b strings.Builder
	b.WriteString(name[:from])
	for i := from; i < end; {
		j := i
		for j < end && isDigit(name[j]) {
			j++
		}
		switch {
		case j == i:
			b.WriteByte(name[i])
			i++
			continue
		case j-i > maxDigits || len(cells) == maxCells:
			b.WriteString(name[i:j])
		default:
			b.WriteByte(0)
			cells = append(cells, name[i:j])
		}
		i = j
	}
	b.WriteString(name[end:])
	return b.String(), cells
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// foldRows folds one number after the other, first that which leaves fewest
// rows: of web1.dc1, web2.dc1 and web1.dc2 a reader wants the hosts of each
// place, not the places of each host.
func foldRows(rows []row) []row {
	todo := make([]int, len(rows[0]))
	for i := range todo {
		todo[i] = i
	}
	for len(todo) > 0 && len(rows) > 1 {
		var best [][]row
		var at int
		for i, axis := range todo {
			if groups := groupRows(rows, axis); best == nil || len(groups) < len(best) {
				best, at = groups, i
			}
		}
		if len(best) == len(rows) {
			break
		}
		axis := todo[at]
		todo = slices.Delete(todo, at, at+1)
		rows = rows[:0:0]
		for _, group := range best {
			rows = append(rows, mergeRows(group, axis))
		}
	}
	return rows
}

// groupRows puts rows together that differ at axis only, in the order of their
// first ones.
func groupRows(rows []row, axis int) [][]row {
	index := make(map[string]int, len(rows))
	var groups [][]row
	var key []byte
	for _, r := range rows {
		key = key[:0]
		for i, cell := range r {
			if i != axis {
				key = append(append(key, cell...), 0)
			}
		}
		at, known := index[string(key)]
		if !known {
			at = len(groups)
			index[string(key)] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], r)
	}
	return groups
}

// mergeRows is one row for all of group, which differ at axis only.
func mergeRows(group []row, axis int) row {
	if len(group) == 1 {
		return group[0]
	}
	values := make([]string, len(group))
	for i, r := range group {
		values[i] = r[axis]
	}
	merged := slices.Clone(group[0])
	merged[axis] = "[" + ranges(values) + "]"
	return merged
}

// ranges writes different digit strings as 01-03,07. The padding of a run is
// the length of its first number, so that 08, 09, 10 are one run.
func ranges(values []string) string {
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(cmp.Compare(number(a), number(b)), cmp.Compare(len(a), len(b)))
	})
	var b strings.Builder
	for i := 0; i < len(values); {
		j, width := i, len(values[i])
		for j+1 < len(values) && values[j+1] == pad(number(values[j])+1, width) {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(values[i])
		if j > i {
			b.WriteString("-" + values[j])
		}
		i = j + 1
	}
	return b.String()
}

// number reads at most maxDigits digits.
func number(digits string) uint64 {
	n, _ := strconv.ParseUint(digits, 10, 64)
	return n
}

func pad(n uint64, width int) string { return fmt.Sprintf("%0*d", width, n) }
