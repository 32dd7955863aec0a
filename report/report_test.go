package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pretty "github.com/jedib0t/go-pretty/v6/text"

	"twaudit/internal/audit"
)

var update = flag.Bool("update", false, "write the golden files")

// TestMain takes the locale of the developer out of the widths.
func TestMain(m *testing.M) {
	pretty.OverrideRuneWidthEastAsianWidth(false)
	os.Exit(m.Run())
}

// golden compares got with a file of testdata. A missing file is a failure.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func render(t *testing.T, run *audit.Run, format string, o Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Render(&out, run, format, o); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return out.Bytes()
}

// savedRun is the saved run of testdata, as any other format gets it.
func savedRun(t *testing.T) *audit.Run {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	run, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestRender_golden(t *testing.T) {
	golden(t, "run.json", render(t, sampleRun(), "json", Options{}))
	for name, c := range map[string]struct {
		format string
		o      Options
	}{
		"hosts.jsonl":     {"jsonl", Options{}},
		"hosts.csv":       {"csv", Options{}},
		"table.txt":       {"table", Options{}},
		"table-60.txt":    {"table", Options{Width: 60}},
		"table-80.txt":    {"table", Options{Width: 80}},
		"table-100.txt":   {"table", Options{Width: 100, Show: "twaudit show HOST --from run.json"}},
		"table-160.txt":   {"table", Options{Width: 160, All: true}},
		"table-200.txt":   {"table", Options{Width: 200}},
		"table-wide.txt":  {"table", Options{Width: 80, Wide: true}},
		"table-color.txt": {"table", Options{Width: 120, Color: true}},
		"table-group.txt": {"table", Options{Width: 100, GroupBy: GroupByGroup}},
		"table-asked.txt": {"table", Options{Width: 80, Sort: "ratio", Columns: []string{"host", "verdict", "ratio", "last_overflow", "kernel", "failure"}}},
		"plain-asked.txt": {"table", Options{Sort: "config-change", GroupBy: "rack", Columns: []string{"host", "verdict", "config_changed_at"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, render(t, savedRun(t), c.format, c.o))
		})
	}
}

func TestRender_leavesTheRunAlone(t *testing.T) {
	t.Parallel()
	for _, format := range Formats() {
		run := sampleRun()
		render(t, run, format, Options{Width: 80})
		if diff := cmp.Diff(sampleRun(), run); diff != "" {
			t.Errorf("%s changed the run:\n%s", format, diff)
		}
	}
}

func TestRender_unknownFormatNamesTheAllowedOnes(t *testing.T) {
	t.Parallel()
	err := Render(io.Discard, sampleRun(), "xml", Options{})
	want := `unknown format "xml": choose one of table, csv, html, json, jsonl, markdown, prom`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRender_writeErrorIsReturned(t *testing.T) {
	t.Parallel()
	for _, format := range Formats() {
		if err := Render(brokenWriter{}, sampleRun(), format, Options{}); err == nil {
			t.Errorf("%s: no error from a broken writer", format)
		}
	}
}

func TestRender_emptyRun(t *testing.T) {
	t.Parallel()
	run := &audit.Run{Schema: audit.Schema, Summary: audit.Summarize(nil)}
	for format, want := range map[string]string{
		"table": "0 hosts: 0 audited (0001-01-01T00:00:00Z, took 0ms)\n",
		"csv":   strings.Join(csvColumns(), ",") + "\r\n",
		"jsonl": "",
	} {
		if got := string(render(t, run, format, Options{})); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
	got := string(render(t, run, "json", Options{}))
	for _, want := range []string{`"hosts": []`, `"findings": []`, `"notes": []`, `"failures": {}`, "\n}\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("json lacks %s:\n%s", want, got)
		}
	}
}

func TestJSON_isWhatMarshalWrites(t *testing.T) {
	t.Parallel()
	run := tidy(*sampleRun())
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(run); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(render(t, sampleRun(), "json", Options{}))); diff != "" {
		t.Errorf("written host by host and as a whole (-whole +by host):\n%s", diff)
	}
}

func TestJSON_listsAreNeverNull(t *testing.T) {
	t.Parallel()
	bare := audit.HostResult{Name: "h", Status: audit.StatusAudited, Findings: []audit.Finding{{}},
		Facts: &audit.Facts{Config: &audit.Config{Files: []audit.ConfigFile{{}}}}}
	run := &audit.Run{Schema: audit.Schema, Hosts: []audit.HostResult{bare}, Findings: []audit.Finding{{}}}
	for _, format := range []string{"json", "jsonl"} {
		got := string(render(t, run, format, Options{}))
		if strings.Contains(got, "null") {
			t.Errorf("%s has null in it:\n%s", format, got)
		}
		compact := strings.NewReplacer(" ", "", "\n", "").Replace(got)
		for _, want := range []string{`"groups":[]`, `"labels":{}`, `"flags":[]`, `"evidence":[]`, `"advice":[]`, `"gaps":[]`, `"entries":[]`} {
			if !strings.Contains(compact, want) {
				t.Errorf("%s lacks %s", format, want)
			}
		}
	}
}

// A host chooses its clock and its numbers: what JSON cannot hold must cost that
// value, not the report of the fleet.
func TestJSON_valuesWithoutJSONFormAreAbsent(t *testing.T) {
	t.Parallel()
	run := sampleRun()
	host := &run.Hosts[0]
	late := time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
	far := time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", 90*3600))
	host.Facts.Host.Clock, host.Facts.Host.BootedAt = &late, &far
	host.Facts.TimeWait.Ratio = f(math.NaN())
	host.Headroom.CloseRate = f(math.Inf(1))
	host.Timing.TotalMS = math.Inf(-1)
	for _, format := range Formats() {
		got := render(t, run, format, Options{})
		for _, bad := range []string{"12000-", "+90:00", "NaN", "Inf"} {
			if format != "table" && format != "html" && bytes.Contains(got, []byte(bad)) {
				t.Errorf("%s shows %s", format, bad)
			}
		}
	}
	read, err := Read(bytes.NewReader(render(t, run, "json", Options{})))
	if err != nil {
		t.Fatal(err)
	}
	if h := read.Hosts[0]; h.Facts.Host.Clock != nil || h.Facts.TimeWait.Ratio != nil || h.Headroom.CloseRate != nil || h.Facts.TimeWait.Buckets == nil {
		t.Errorf("want the bad values absent and the good ones there, got %+v", h.Facts)
	}
}

func TestLine_isTheObjectOfHosts(t *testing.T) {
	t.Parallel()
	run := sampleRun()
	lines := strings.SplitAfter(string(render(t, run, "jsonl", Options{})), "\n")
	if len(lines) != len(run.Hosts)+1 || lines[len(run.Hosts)] != "" {
		t.Fatalf("%d lines for %d hosts", len(lines)-1, len(run.Hosts))
	}
	var whole struct{ Hosts []json.RawMessage }
	if err := json.Unmarshal(render(t, run, "json", Options{}), &whole); err != nil {
		t.Fatal(err)
	}
	for i, host := range whole.Hosts {
		var compact bytes.Buffer
		if err := json.Compact(&compact, host); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(lines[i], "\n"); got != compact.String() {
			t.Errorf("line %d:\n%s\nhosts[%d]:\n%s", i+1, got, i, compact.String())
		}
	}
}

// writes counts calls, because a reader of the stream wants whole lines.
type writes struct{ lines []string }

func (w *writes) Write(p []byte) (int, error) {
	w.lines = append(w.lines, string(p))
	return len(p), nil
}

func TestStream_writesEachHostOnceAndAtOnce(t *testing.T) {
	t.Parallel()
	run := sampleRun()
	var out writes
	stream := NewStream(&out)
	for _, i := range []int{3, 0} {
		if err := stream.Host(&run.Hosts[i]); err != nil {
			t.Fatal(err)
		}
	}
	if len(out.lines) != 2 || !strings.HasPrefix(out.lines[0], fmt.Sprintf(`{"name":%q`, run.Hosts[3].Name)) {
		t.Fatalf("after two hosts: %q, want two writes in the order of completion", out.lines)
	}
	if err := stream.Close(run); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, line := range out.lines {
		if !strings.HasSuffix(line, "}\n") || strings.Count(line, "\n") != 1 {
			t.Errorf("not one line: %q", line)
		}
		var host audit.HostResult
		if err := json.Unmarshal([]byte(line), &host); err != nil {
			t.Error(err)
		}
		seen[host.Name]++
	}
	for i := range run.Hosts {
		if n := seen[run.Hosts[i].Name]; n != 1 {
			t.Errorf("%s written %d times, want once", run.Hosts[i].Name, n)
		}
	}
}
