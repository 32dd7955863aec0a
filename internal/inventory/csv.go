package inventory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"twaudit/internal/text"
)

// Columns of a table that are no labels, and what people call them. The first
// word is that of the list.
var columns = [][]string{
	{"host", "name", "hostname", "fqdn", "server"},
	{"address", "ip", "ip_address", "ipv4", "ansible_host"},
	{"user", "username", "login", "ansible_user"},
	{"port", "ssh_port", "ansible_port"},
	{"groups", "group"},
}

// looksLikeCSV asks for a header of two columns or more, one of them with the
// name of the host. A list that begins with a folded host,db1 has none.
func looksLikeCSV(data []byte) bool {
	line, comma := headerLine(data)
	if comma == 0 {
		return false
	}
	for cell := range bytes.SplitSeq(line, []byte{comma}) {
		if slices.Contains(columns[0], key(strings.Trim(string(cell), `" `))) {
			return true
		}
	}
	return false
}

// maxLooked is how many rows have to agree before a text counts as a table.
const maxLooked = 20

// notList refuses what would be read as a plain list, cell by cell, but has the
// form of a table: a first line of two words or more, no addresses and no ranges
// among them, and rows of as many cells below it.
func notList(in input) error {
	line, comma := headerLine(in.data)
	if comma != ',' && comma != ';' || bytes.ContainsAny(line, "=@[{") {
		return nil
	}
	for cell := range strings.SplitSeq(string(line), string(comma)) {
		if _, err := netip.ParseAddr(strings.TrimSpace(cell)); err == nil {
			return nil
		}
	}
	rows := csv.NewReader(bytes.NewReader(in.data))
	rows.Comma, rows.Comment, rows.LazyQuotes = rune(comma), '#', true
	seen := 0
	for ; seen <= maxLooked; seen++ {
		_, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil // what is wrong with it, the list says
		}
	}
	if seen < 2 {
		return nil
	}
	what := "CSV"
	if comma == ';' {
		what = "CSV with ';'"
	}
	titles, last := columns[0][:len(columns[0])-1], columns[0][len(columns[0])-1]
	return fmt.Errorf("inventory %s: looks like %s, but no title is %s or %s; rename one, or give --inventory-kind list", in.file, what, strings.Join(titles, ", "), last)
}

// headerLine is the first line with something in it that is no comment, and
// what parts its cells: as spreadsheets of different countries export them.
// 0: nothing does.
func headerLine(data []byte) (line []byte, comma byte) {
	for line := range bytes.Lines(data[:min(len(data), maxLine)]) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		at := bytes.IndexAny(line, ",;\t")
		if at < 0 {
			return line, 0
		}
		return line, line[at]
	}
	return nil, 0
}

// key writes a column's title as a label's name: OS Version is os_version.
func key(title string) string {
	title = strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && isKey(string(r)) {
			return r
		}
		return '_'
	}, strings.ToLower(title))
	return strings.Trim(title, "_")
}

// parseCSV reads a table with a header. A row is a host; its name may hold what
// a list's may. The columns address, user, port and groups count as there,
// every other one is a label; an empty cell says nothing.
func parseCSV(r *reader, in input) ([]Host, []Note, error) {
	_, comma := headerLine(in.data)
	if comma == 0 {
		comma = ','
	}
	if i := bytes.IndexByte(in.data, 0); i >= 0 || !utf8.Valid(in.data) {
		return nil, nil, fmt.Errorf("%s: binary data: an inventory is text in UTF-8", in.file)
	}
	rows := csv.NewReader(bytes.NewReader(in.data))
	rows.Comma, rows.Comment, rows.TrimLeadingSpace, rows.ReuseRecord = rune(comma), '#', true, true
	var table table
	var hosts []Host
	for {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		at := Position{in.file, 1}
		if err != nil {
			return nil, nil, table.explain(err, at)
		}
		at.Line, _ = rows.FieldPos(0)
		if hosts, err = table.row(hosts, r, cells, at); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", at, err)
		}
		if len(hosts) > maxHosts {
			return nil, nil, fmt.Errorf("%s: more than %s hosts", at, text.Count(maxHosts))
		}
	}
	if len(hosts) == 0 {
		return nil, nil, fmt.Errorf("empty inventory: %s has no row with a host", in.file)
	}
	return hosts, nil, nil
}

// table knows what the columns mean once it had the header.
type table struct {
	keys []string // as in a list; nil before the header
	name int      // index of the host's column
}

// explain says where encoding/csv gave up.
func (t *table) explain(err error, at Position) error {
	var bad *csv.ParseError
	if !errors.As(err, &bad) {
		return fmt.Errorf("%s: %w", at, err)
	}
	at.Line = bad.Line
	if errors.Is(err, csv.ErrFieldCount) {
		return fmt.Errorf("%s: the row has not the %d cells of the header", at, len(t.keys))
	}
	return fmt.Errorf("%s: column %d: %w", at, bad.Column, bad.Err)
}

// row appends the hosts of one row; the first one is the header.
func (t *table) row(hosts []Host, r *reader, cells []string, at Position) ([]Host, error) {
	if t.keys == nil {
		return nil, t.header(cells)
	}
	host := strings.TrimSpace(cells[t.name])
	if host == "" {
		if slices.ContainsFunc(cells, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			return nil, errors.New("the row names no host")
		}
		return hosts, nil // how spreadsheets export what lies below a table
	}
	names, err := r.names(host)
	if err != nil {
		return nil, err
	}
	var own details
	for i, cell := range cells {
		cell = strings.TrimSpace(cell)
		switch {
		case i == t.name || cell == "":
			continue
		case t.keys[i] == "groups":
			err = own.addGroups("groups="+cell, strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(",;| ", r) }))
		default:
			err = own.set(t.keys[i], cell)
		}
		if err != nil {
			return nil, fmt.Errorf("host %s: %w", quote(host), err)
		}
	}
	return own.hosts(hosts, names, at)
}

// header gives the columns their meaning. Two for one thing are refused: which
// of them counts nobody can see.
func (t *table) header(cells []string) error {
	t.name = -1
	first := map[string]string{} // by key: the title
	for i, title := range cells {
		own := key(strings.TrimSpace(title))
		if own == "" {
			return fmt.Errorf("column %d has no title", i+1)
		}
		for _, names := range columns {
			if slices.Contains(names, own) {
				own = names[0]
			}
		}
		if way := elsewhere[own]; way != "" && own != columns[0][0] {
			return fmt.Errorf("the column %s is not read from a table: %s, or drop the column", quote(title), way)
		}
		if other, known := first[own]; known {
			return fmt.Errorf("the columns %s and %s both say the %s: rename or drop one of them", quote(other), quote(title), own)
		}
		first[own] = title
		if own == columns[0][0] {
			t.name = i
		}
		t.keys = append(t.keys, own)
	}
	if t.name < 0 {
		return fmt.Errorf("no column has the name of the host: one title has to be %s", strings.Join(columns[0], ", "))
	}
	return nil
}
