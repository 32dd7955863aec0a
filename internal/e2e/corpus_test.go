package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"twaudit/internal/diagnose"
)

// fleetRules fire on several hosts together, which no single one can show.
var fleetRules = map[string]bool{"same-machine-twice": true, "outlier-limit": true}

// TestCorpus_isComplete demands of every host its verdict and all of its findings: a
// rule that fires where it should not is an error too.
func TestCorpus_isComplete(t *testing.T) {
	paths, err := filepath.Glob("testdata/hosts/*.txtar")
	must(t, err)
	for _, path := range paths {
		expected := strings.Join(loadFixture(t, path).expect, "\n")
		for _, what := range []string{"verdict ", "findings are ", "coverage "} {
			if !strings.Contains("\n"+expected, "\n"+what) {
				t.Errorf("%s has no line: expect %s…", path, what)
			}
		}
	}
}

// TestCorpus_namesEveryRule demands a host that turns red when a rule no longer
// fires.
func TestCorpus_namesEveryRule(t *testing.T) {
	paths, err := filepath.Glob("testdata/hosts/*.txtar")
	must(t, err)
	named := map[string]bool{}
	for _, path := range paths {
		for _, e := range loadFixture(t, path).expect {
			for _, rule := range diagnose.Rules() {
				if e == "flags has "+rule.ID || e == "verdict "+rule.ID {
					named[rule.ID] = true
				}
			}
		}
	}
	for _, rule := range diagnose.Rules() {
		if !named[rule.ID] && !fleetRules[rule.ID] {
			t.Errorf("no host of testdata/hosts is expected to show %s", rule.ID)
		}
	}
}
