package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"twaudit/internal/audit"
)

// hostileTexts are what a host, an inventory or a file may put into any string.
func hostileTexts() []string {
	return []string{
		"\x1b[2J\x1b[31mred",
		"\x1b]0;title\x07after",
		"\x1b]8;;http://x.example\x1b\\link",
		"\u009b31mC1",
		"\x1b]unterminated",
		"\u202eabc\u2066\u200b\ufeff",
		"=cmd|'/c calc'!A0",
		"+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1+1",
		"a\";=1;\"b,c'd",
		"line\nok           forged  -",
		"line\r\nok,forged,",
		"line\u2028next\u2029\u0085\v\f",
		"<script>alert(1)</script>&amp;",
		"\xff\xfe\xc0\x80invalid",
		"漢字かな交じり文の長いホスト名",
		"e\u0301\u0301\u0301\u0301 👩‍👩‍👧",
		"%s%d%!n{{.}}${x}`id`|a|",
		"\x00\x08\x7f",
	}
}

// hostileRun is run with evil in front of every string that is no word of the
// vocabulary, and has gone the way of a saved run.
func hostileRun(t *testing.T, run *audit.Run, evil string) *audit.Run {
	t.Helper()
	words := map[string]bool{"audited": true, "failed": true, "skipped": true, "full": true, "partial": true,
		"critical": true, "warning": true, "info": true}
	for _, v := range audit.Verdicts {
		words[string(v)] = true
	}
	dirty := tidyText(*run, func(s string) string {
		if words[s] {
			return s
		}
		return evil + s
	})
	raw, err := json.Marshal(dirty)
	if err != nil {
		t.Fatal(err)
	}
	read, err := Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// inert fails when out holds anything that a terminal would obey or not show.
func inert(t *testing.T, format string, out []byte) {
	t.Helper()
	if !utf8.Valid(out) {
		t.Errorf("%s is no valid UTF-8", format)
	}
	text := string(out)
	if format == "csv" {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	for _, r := range text {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) {
			t.Errorf("%s holds %U", format, r)
			return
		}
	}
}

func TestRender_hostileTextIsInert(t *testing.T) {
	t.Parallel()
	for _, evil := range hostileTexts() {
		t.Run(strconv.QuoteToASCII(evil), func(t *testing.T) {
			t.Parallel()
			sample := sampleRun()
			sample.Hosts = slices.DeleteFunc(sample.Hosts, func(h audit.HostResult) bool { return strings.HasPrefix(h.Name, "app") })
			run := hostileRun(t, sample, evil)
			for _, format := range Formats() {
				for _, o := range []Options{{}, {Width: 80}, {Width: 60, All: true}} {
					out := render(t, run, format, o)
					inert(t, format, out)
					checkForged(t, format, out)
				}
			}
			checkCSV(t, run)
			checkWidths(t, run)
		})
	}
}

// checkForged fails when a host made a line of its own.
func checkForged(t *testing.T, format string, out []byte) {
	t.Helper()
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "ok           forged") || strings.HasPrefix(line, "ok,forged") {
			t.Errorf("%s: a line that a host forged: %q", format, line)
		}
	}
}

// checkCSV reads the rows back: as many as hosts, each complete, no formula.
func checkCSV(t *testing.T, run *audit.Run) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(render(t, run, "csv", Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(run.Hosts)+1 {
		t.Errorf("%d rows for %d hosts", len(rows), len(run.Hosts))
	}
	for _, row := range rows {
		for c, cell := range row {
			for _, part := range append(strings.Split(cell, ";"), cell) {
				if _, err := strconv.ParseFloat(part, 64); err == nil {
					continue
				}
				if strings.IndexAny(part, "=+-@\t\r＝＋－＠") == 0 && listColumn(csvColumns()[c]) {
					t.Errorf("column %s: a formula: %q", csvColumns()[c], cell)
				}
			}
			if strings.IndexAny(cell, "=+-@\t\r＝＋－＠") == 0 {
				if _, err := strconv.ParseFloat(cell, 64); err != nil {
					t.Errorf("column %s: a formula: %q", csvColumns()[c], cell)
				}
			}
		}
	}
}

func listColumn(name string) bool { return name == "groups" || name == "flags" || name == "gaps" }

// checkWidths fails when a line is wider than the terminal.
func checkWidths(t *testing.T, run *audit.Run) {
	t.Helper()
	const show = "twaudit show HOST --from run.json"
	for _, o := range []Options{
		{Width: 45}, {Width: 60, Show: show}, {Width: 80, All: true}, {Width: 100, Color: true, Show: show}, {Width: 133}, {Width: 200},
		{Width: 60, GroupBy: GroupByGroup}, {Width: 80, GroupBy: "rack", Sort: "name"}, {Width: 120, Color: true, Columns: ColumnNames()},
		{Width: 60, Columns: []string{"failure", "groups", "gaps", "host", "os"}},
	} {
		for line := range strings.Lines(string(render(t, run, "table", o))) {
			if got := width(strings.TrimSuffix(line, "\n")); got > o.Width && !isCommand(line) {
				t.Errorf("%+v: a line of %d cells: %q", o, got, line)
			}
		}
	}
}
