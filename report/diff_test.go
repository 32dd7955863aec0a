package report

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"twaudit/internal/audit"
)

// sampleDiff has a change of each kind, and words that no format may obey.
func sampleDiff() *audit.Diff {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	sketch := func(name string, v audit.Verdict, edits ...func(*audit.Sketch)) audit.Sketch {
		s := audit.Sketch{Name: name, Status: audit.StatusAudited, Verdict: v, Traits: audit.Traits{
			BootID: "boot", MachineID: name, Limit: new(int64(5000)), ConfigRead: true, ConfigValue: new(int64(5000)), ConfigSource: "/etc/sysctl.conf:3", ConfigChangedAt: &at,
		}}
		for _, e := range edits {
			e(&s)
		}
		return s
	}
	older := audit.Side{Meta: audit.Meta{ID: "20261122T120000Z-00000001", StartedAt: at, FinishedAt: at, Selection: "s"}, Hosts: []audit.Sketch{
		sketch("web1", audit.VerdictOK, func(s *audit.Sketch) { s.OverflowTotal = new(int64(5)) }), sketch("web2", audit.VerdictOverflowed), sketch("web3", audit.VerdictOK),
		sketch("gone1", audit.VerdictOK), sketch("old-name", audit.VerdictOK),
		{Name: "away", Status: audit.StatusFailed, Stage: audit.StageConnect},
	}}
	newer := audit.Side{Meta: audit.Meta{ID: "20261123T120000Z-00000002", StartedAt: at.AddDate(0, 0, 1), FinishedAt: at.AddDate(0, 0, 1), Selection: "s", Partial: true}, Hosts: []audit.Sketch{
		sketch("web1", audit.VerdictOverflowing, func(s *audit.Sketch) { s.Limit, s.OverflowTotal = new(int64(4000)), new(int64(1546)) }),
		sketch("web2", audit.VerdictFixed, func(s *audit.Sketch) {
			s.ConfigValue, s.ConfigSource = new(int64(9000)), "/etc/sysctl.d/|<b>`x`.conf:1"
		}),
		sketch("web3", audit.VerdictOK, func(s *audit.Sketch) { s.MachineID = "another" }),
		sketch("away", audit.VerdictNearLimit), sketch("web4", audit.VerdictOK),
		sketch("new-name", audit.VerdictOK, func(s *audit.Sketch) { s.MachineID, s.BootID = "old-name", "another boot" }),
		{Name: "late", Status: audit.StatusSkipped},
	}}
	return audit.Compare(older, newer)
}

func TestDiff_golden(t *testing.T) {
	t.Parallel()
	update := flag.Lookup("update").Value.String() == "true"
	for file, c := range map[string]struct {
		format string
		o      Options
	}{
		"diff.txt": {"table", Options{}}, "diff-60.txt": {"table", Options{Width: 60, Color: true}},
		"diff.md": {"markdown", Options{}}, "diff.json": {"json", Options{}},
	} {
		var got strings.Builder
		if err := Diff(&got, sampleDiff(), c.format, c.o); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", file)
		if update {
			if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestDiff_nothing(t *testing.T) {
	t.Parallel()
	same := audit.Side{Meta: audit.Meta{ID: "a", Selection: "s"}, Hosts: []audit.Sketch{{Name: "web1", Status: audit.StatusAudited, Verdict: audit.VerdictOK}}}
	d := audit.Compare(same, same)
	for format, want := range map[string]string{"table": "1 host compared, nothing changed\n", "markdown": "## TIME_WAIT audit: 1 host compared, nothing changed\n"} {
		var got strings.Builder
		if err := Diff(&got, d, format, Options{}); err != nil || !strings.HasPrefix(got.String(), want) {
			t.Errorf("%s: %q, %v", format, got.String(), err)
		}
	}
	var got strings.Builder
	var object map[string]any
	if err := Diff(&got, d, "json", Options{}); err != nil || json.Unmarshal([]byte(got.String()), &object) != nil || object["worse"] != 0.0 {
		t.Errorf("%s, %v", got.String(), err)
	}
	if err := Diff(&got, d, "csv", Options{}); err == nil {
		t.Error("an unknown format is no error")
	}
}
