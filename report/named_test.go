package report

import (
	"io"
	"slices"
	"strings"
	"testing"
)

// Who knows the columns of CSV knows those of the table: names and values.
func TestColumns_areThoseOfCSV(t *testing.T) {
	t.Parallel()
	columns, names := namedColumns(), ColumnNames()
	if got := names[:len(csvColumns())]; !slices.Equal(got, csvColumns()) {
		t.Fatalf("columns %s, want those of CSV first", got)
	}
	lists := []string{"groups", "flags", "gaps", "verdict"} // joined or marked otherwise
	run := sampleRun()
	for i := range run.Hosts {
		h := subjectOf(&run.Hosts[i])
		if h.namespace != "" {
			continue // CSV has the numbers of the login's
		}
		for c, cell := range csvRow(&run.Hosts[i]) {
			if got := columns[c].plain(h); got != cell && !slices.Contains(lists, columns[c].name) {
				t.Errorf("%s of %s: %q, CSV has %q", columns[c].name, h.Name, got, cell)
			}
		}
	}
}

func TestColumns_asked(t *testing.T) {
	t.Parallel()
	run := sampleRun()
	out := string(render(t, run, "table", Options{Columns: []string{"limit", "host", "failure_stage"}}))
	for _, want := range []string{"\nLIMIT   HOST                 FAILURE_STAGE\n", "\n10000   web07                -\n", "\n-       dmz1                 jump\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("a pipe lacks %q:\n%s", want, out)
		}
	}
	wide := Options{Width: 60, Columns: ColumnNames()}
	if out := string(render(t, run, "table", wide)); !strings.Contains(out, "no room for") || !strings.Contains(out, "load_factor") {
		t.Errorf("columns without room are not named:\n%s", out)
	}
	for _, o := range []Options{{Columns: []string{"host", "colour"}}, {Sort: "colour"}} {
		err := Render(io.Discard, run, "table", o)
		if err == nil || !strings.Contains(err.Error(), `"colour"`) || !strings.Contains(err.Error(), "headroom") && !strings.Contains(err.Error(), "load_factor") {
			t.Errorf("%+v: %v, want the word and what is allowed", o, err)
		}
	}
}
