package audit

import (
	"fmt"
	"slices"
	"strings"
)

// coverages, statuses, stages and severities are the words that a run may hold.
var (
	coverages  = []Coverage{CoverageFull, CoveragePartial}
	statuses   = []Status{StatusAudited, StatusFailed, StatusSkipped}
	severities = []Severity{SeverityCritical, SeverityWarning, SeverityInfo}
	stages     = []Stage{
		StageConfig, StageResolve, StageConnect, StageHandshake, StageHostKey, StageAuth, StageJump, StageSession,
		StageSudo, StageTimeout, StageProbe, StageNotLinux, StageDeadline, StageInterrupted, StageInternal,
	}
)

// Check refuses a result that no run of this schema holds: a word that is none of
// its list ranks as nothing bad in every comparison, so that a misspelt verdict
// would pass for ok. The error names the field, the word and the list.
func (h *HostResult) Check() error {
	if err := oneOf("status", h.Status, statuses); err != nil {
		return err
	}
	if h.Status == StatusAudited || h.Verdict != "" {
		if err := oneOf("verdict", h.Verdict, Verdicts); err != nil {
			return err
		}
	}
	if h.Status == StatusAudited || h.Coverage != "" {
		if err := oneOf("coverage", h.Coverage, coverages); err != nil {
			return err
		}
	}
	if h.Failure != nil {
		if err := oneOf("failure.stage", h.Failure.Stage, stages); err != nil {
			return err
		}
	}
	for i := range h.Findings {
		if err := oneOf(fmt.Sprintf("findings[%d].severity", i), h.Findings[i].Severity, severities); err != nil {
			return err
		}
	}
	if err := h.checkParts(); err != nil {
		return err
	}
	if err := h.checkNumbers(); err != nil {
		return err
	}
	return h.checkNamespaces()
}

// checkNamespaces lets a namespace be without a verdict: it was not judged.
func (h *HostResult) checkNamespaces() error {
	if h.Facts == nil {
		return nil
	}
	for i := range h.Facts.Namespaces {
		if v := h.Facts.Namespaces[i].Verdict; v != "" {
			if err := oneOf(fmt.Sprintf("facts.namespaces[%d].verdict", i), v, Verdicts); err != nil {
				return err
			}
		}
	}
	return nil
}

func oneOf[T ~string](field string, word T, list []T) error {
	if slices.Contains(list, word) {
		return nil
	}
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return fmt.Errorf("%s %q is none of %s", field, string(word), strings.Join(words, ", "))
}
