package report

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"twaudit/internal/audit"
)

// series are samples by their name and labels, as Prometheus writes them.
type series map[string]float64

// parseProm reads a file as node_exporter would.
func parseProm(t *testing.T, out []byte) series {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("%v in:\n%.2000s", err, out)
	}
	samples := series{}
	for name, family := range families {
		if !strings.HasPrefix(name, "twaudit_") || family.GetHelp() == "" {
			t.Errorf("%s: help %q", name, family.GetHelp())
		}
		for _, metric := range family.GetMetric() {
			labels := model.Metric{model.MetricNameLabel: model.LabelValue(name)}
			for _, pair := range metric.GetLabel() {
				labels[model.LabelName(pair.GetName())] = model.LabelValue(pair.GetValue())
			}
			value := metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
			if _, twice := samples[labels.String()]; twice {
				t.Errorf("two samples of %s", labels)
			}
			samples[labels.String()] = value
		}
	}
	return samples
}

func TestProm_numbersAreThoseOfTheRun(t *testing.T) {
	t.Parallel()
	got := parseProm(t, render(t, sampleRun(), "prom", Options{}))
	wanted := series{
		`twaudit_run_info{version="0.1.0"}`:     1,
		`twaudit_run_started_timestamp_seconds`: 1795371287.6,
		`twaudit_run_partial`:                   1,
		`twaudit_run_hosts{status="failed"}`:    9,
		`twaudit_host_info{groups="app,eu", host="old-db1", kernel="2.6.32-431.el6.x86_64", os="CentOS release 6.5 (Final)"}`: 1,
		`twaudit_audit_success{host="web07"}`:                           1,
		`twaudit_audit_success{host="db01"}`:                            0,
		`twaudit_audit_success{host="zz1"}`:                             0,
		`twaudit_audit_failure_info{host="dmz1", stage="jump"}`:         1,
		`twaudit_audit_duration_seconds{host="web07"}`:                  1.062,
		`twaudit_verdict{host="web07", verdict="overflowing"}`:          1,
		`twaudit_verdict{host="web07", verdict="ok"}`:                   0,
		`twaudit_coverage_partial{host="docker1"}`:                      1,
		`twaudit_time_wait_buckets{host="web07"}`:                       10000,
		`twaudit_time_wait_limit{host="web07"}`:                         10000,
		`twaudit_time_wait_ratio{host="old-db1"}`:                       0.745,
		`twaudit_time_wait_overflow_total{host="web07"}`:                1234567,
		`twaudit_time_wait_overflow_total{host="app01"}`:                0,
		`twaudit_time_wait_overflow_log_lines{host="old-db1"}`:          312,
		`twaudit_time_wait_load_factor{host="web07"}`:                   0.288,
		`twaudit_last_overflow_timestamp_seconds{host="web07"}`:         1795371298,
		`twaudit_last_overflow_timestamp_seconds{host="old-db1"}`:       1795353300,
		`twaudit_config_changed_timestamp_seconds{host="web07"}`:        1795360500,
		`twaudit_sysctl_conf_changed_timestamp_seconds{host="old-db2"}`: 1793643300,
	}
	for want, value := range wanted {
		if found, there := got[want]; !there || found != value {
			t.Errorf("%s is %v (there: %v), want %v", want, found, there, value)
		}
	}
	// Absent is not zero: kernels without the counter, hosts that were not audited.
	for _, none := range []string{
		`twaudit_time_wait_overflow_total{host="old-db1"}`, `twaudit_time_wait_buckets{host="db01"}`, `twaudit_verdict{host="db01", verdict="ok"}`,
		`twaudit_audit_duration_seconds{host="zz1"}`, `twaudit_last_overflow_timestamp_seconds{host="lb-eu-1.example.net"}`, `twaudit_config_changed_timestamp_seconds{host="app01"}`,
	} {
		if value, there := got[none]; there {
			t.Errorf("%s is %v, want no sample", none, value)
		}
	}
}

func TestProm_verdictIsAStateSet(t *testing.T) {
	t.Parallel()
	run := sampleRun()
	run.Hosts[0].Verdict = "of-a-later-version"
	got := parseProm(t, render(t, run, "prom", Options{}))
	for i := range run.Hosts {
		h := &run.Hosts[i]
		states, set := 0, 0.0
		for name, value := range got {
			if strings.HasPrefix(name, `twaudit_verdict{host="`+h.Name+`"`) {
				states, set = states+1, set+value
			}
		}
		want := len(audit.Verdicts)
		switch {
		case i == 0:
			want++
		case h.Status != audit.StatusAudited:
			want = 0
		}
		if states != want || want > 0 && set != 1 {
			t.Errorf("%s has %d states that sum up to %v, want %d and 1", h.Name, states, set, want)
		}
	}
}

func TestProm_aHostThatIsThereTwiceIsWrittenOnce(t *testing.T) {
	t.Parallel()
	run := sampleRun()
	again := run.Hosts[0]
	again.Verdict, again.Status = audit.VerdictOK, audit.StatusAudited
	run.Hosts = append(run.Hosts, again)
	got := parseProm(t, render(t, run, "prom", Options{}))
	if got[`twaudit_verdict{host="web07", verdict="overflowing"}`] != 1 {
		t.Error("of two results the worse one is not the one that is written")
	}
}

func TestProm_labelsReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	for _, evil := range append(hostileTexts(), `back\slash`, `a"} 1`, `x\n`, "\\", `",a="b`) {
		run := hostileRun(t, fewHosts(), evil)
		got := parseProm(t, render(t, run, "prom", Options{}))
		for i := range run.Hosts {
			name := model.Metric{model.MetricNameLabel: "twaudit_audit_success", "host": model.LabelValue(run.Hosts[i].Name)}.String()
			if _, there := got[name]; !there {
				t.Errorf("%.40q: no such sample: %.80s", evil, name)
			}
		}
	}
}

// promtool runs Prometheus' own tool, which has its own opinion of names.
func promtool(t *testing.T, stdin []byte, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("needs promtool (Debian package prometheus)")
		}
		t.Skip("needs promtool (Debian package prometheus)")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestProm_promtoolLikesNamesAndTypes(t *testing.T) {
	t.Parallel()
	promtool(t, render(t, sampleRun(), "prom", Options{}), "check", "metrics")
}

// TestProm_alertRules runs their unit tests, which name the rules beside them.
func TestProm_alertRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for from, to := range map[string]string{
		filepath.Join("..", "docs", "prometheus-alerts.yml"):    "prometheus-alerts.yml",
		filepath.Join("testdata", "prometheus-alerts.test.yml"): "test.yml",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	promtool(t, nil, "check", "rules", "--lint-fatal", filepath.Join(dir, "prometheus-alerts.yml"))
	promtool(t, nil, "test", "rules", filepath.Join(dir, "test.yml"))
}

// TestProm_isDocumented compares the page with the families.
func TestProm_isDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "prometheus.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families() {
		if !bytes.Contains(page, []byte("| `"+f.name+"` | "+f.kind+" |")) {
			t.Errorf("docs/prometheus.md does not list %s %s", f.kind, f.name)
		}
	}
	if got := bytes.Count(page, []byte("| `twaudit_")); got != len(families()) {
		t.Errorf("docs/prometheus.md lists %d metrics, and there are %d", got, len(families()))
	}
}
