package audit

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	good := func() *HostResult {
		return &HostResult{
			Name: "web1", Status: StatusAudited, Verdict: VerdictOK, Coverage: CoverageFull,
			Findings: []Finding{{Rule: "ok", Severity: SeverityInfo}},
			Facts:    &Facts{Namespaces: []Namespace{{ID: "1"}, {ID: "2", Verdict: VerdictFixed}}},
		}
	}
	for want, spoil := range map[string]func(*HostResult){
		"": func(*HostResult) {},
		`status "Audited" is none of audited, failed, skipped`:           func(h *HostResult) { h.Status = "Audited" },
		`status "" is none of`:                                           func(h *HostResult) { h.Status = "" },
		`verdict "fine" is none of overflowing`:                          func(h *HostResult) { h.Verdict = "fine" },
		`verdict "" is none of`:                                          func(h *HostResult) { h.Verdict = "" },
		`coverage "most" is none of full, partial`:                       func(h *HostResult) { h.Coverage = "most" },
		`coverage "" is none of`:                                         func(h *HostResult) { h.Coverage = "" },
		`findings[0].severity "high" is none of critical, warning, info`: func(h *HostResult) { h.Findings[0].Severity = "high" },
		`facts.namespaces[1].verdict "OK" is none of`:                    func(h *HostResult) { h.Facts.Namespaces[1].Verdict = "OK" },
		`failure.stage "login" is none of config`: func(h *HostResult) {
			*h = HostResult{Status: StatusFailed, Failure: &Failure{Stage: "login"}}
		},
		"name is longer than 255 bytes":                 func(h *HostResult) { h.Name = strings.Repeat("w", 256) },
		"status is audited, and there are no facts":     func(h *HostResult) { h.Facts = nil },
		"status is audited, and there is a failure":     func(h *HostResult) { h.Failure = &Failure{Stage: StageAuth} },
		"status is failed, and there is no failure":     func(h *HostResult) { h.Status = StatusFailed },
		"timing holds a negative":                       func(h *HostResult) { h.Timing.ProbeMS = -1 },
		"facts.time_wait.ratio -0.5 is no ratio":        func(h *HostResult) { h.Facts.TimeWait.Ratio = new(-0.5) },
		"facts.time_wait.sample_seconds -1":             func(h *HostResult) { h.Facts.TimeWait.SampleSeconds = new(-1.0) },
		"facts.time_wait.buckets -1 is negative":        func(h *HostResult) { h.Facts.TimeWait.Buckets = new(int64(-1)) },
		"facts.time_wait.overflow_delta -7 is negative": func(h *HostResult) { h.Facts.TimeWait.OverflowDelta = new(int64(-7)) },
		"facts.namespaces[1].overflow_total -2":         func(h *HostResult) { h.Facts.Namespaces[1].OverflowTotal = new(int64(-2)) },
		"facts.log.suppressed -3 is negative":           func(h *HostResult) { h.Facts.Log = &Log{Suppressed: new(int64(-3))} },
		"facts.log.histogram[0].events -3":              func(h *HostResult) { h.Facts.Log = &Log{Histogram: []HourCount{{Events: -3}}} },
		`facts.tcp_states."LISTEN" -3`:                  func(h *HostResult) { h.Facts.TCPStates = map[string]int64{"LISTEN": -3} },
		`verdict "bad" is none of`:                      func(h *HostResult) { *h = HostResult{Status: StatusSkipped, Verdict: "bad"} },
	} {
		h := good()
		spoil(h)
		err := h.Check()
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, h := range []HostResult{{Status: StatusSkipped}, {Status: StatusFailed, Failure: &Failure{Stage: StageAuth}}} {
		if err := h.Check(); err != nil {
			t.Errorf("%s without a verdict: %v", h.Status, err)
		}
	}
}

func TestCheck_limitsMayBeNegative(t *testing.T) {
	t.Parallel()
	h := HostResult{Status: StatusAudited, Verdict: VerdictOK, Coverage: CoverageFull, Facts: &Facts{TimeWait: TimeWait{Limit: new(int64(-1))}}}
	if err := h.Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckNames(t *testing.T) {
	t.Parallel()
	twice := shard("a", 1, audited("web1", VerdictOK), audited("web1", VerdictOverflowed))
	if err := twice.CheckNames(); err == nil || !strings.Contains(err.Error(), `"web1"`) {
		t.Errorf("a host twice: %v", err)
	}
	for _, run := range []*Run{
		shard("b", 1, audited("web1", VerdictOK), audited("web2", VerdictOK)),
		Merge([]*Run{shard("c", 1, audited("web1", VerdictOK)), shard("d", 2, audited("web1", VerdictOK))}),
	} {
		if err := run.CheckNames(); err != nil {
			t.Errorf("run %s: %v", run.Meta.ID, err)
		}
	}
}
