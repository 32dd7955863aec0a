package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"twaudit/internal/audit"
	"twaudit/report"
)

// The README promises what the program does: its screen, its statuses, its
// formats and its verdicts are held against the code.
func TestReadme_tellsTheTruth(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	rows := regexp.MustCompile(`(?m)^(?:!!|[!~?+ ]) +(\S+) +([a-z]+)\d+\.demo `).FindAllStringSubmatch(readme, -1)
	if len(rows) < 6 {
		t.Fatalf("%d hosts on the README's screen", len(rows))
	}
	for _, row := range rows {
		i := slices.IndexFunc(demoPatterns(), func(h demoHost) bool { return h.role == row[2] && string(h.verdict) == row[1] })
		if i < 0 {
			t.Errorf("the demo has no host %s that is %s", row[2], row[1])
		}
	}
	for _, status := range []int{exitOK, exitFindings, exitUsage, exitIncomplete, exitFailed, exitInterrupted} {
		if !strings.Contains(readme, fmt.Sprintf("\n| %d | ", status)) {
			t.Errorf("exit status %d is not in the README", status)
		}
	}
	for _, verdict := range audit.Verdicts {
		if !strings.Contains(readme, "\n| "+string(verdict)+" | ") {
			t.Errorf("verdict %s is not in the README", verdict)
		}
	}
	if formats := "-f " + strings.Join(report.Formats(), "|"); !strings.Contains(readme, formats) {
		t.Errorf("the README does not have %q", formats)
	}
}
