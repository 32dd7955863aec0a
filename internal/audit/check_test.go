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
		`verdict "bad" is none of`: func(h *HostResult) { *h = HostResult{Status: StatusSkipped, Verdict: "bad"} },
	} {
		h := good()
		spoil(h)
		err := h.Check()
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, h := range []HostResult{{Status: StatusSkipped}, {Status: StatusFailed, Failure: &Failure{Stage: StageAuth}}, {Status: StatusFailed}} {
		if err := h.Check(); err != nil {
			t.Errorf("%s without a verdict: %v", h.Status, err)
		}
	}
}
