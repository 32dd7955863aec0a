package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"twaudit/internal/audit"
	"twaudit/internal/diagnose"
	"twaudit/internal/scan"
)

var update = flag.Bool("update", false, "write docs/rules.md")

const rulesDoc = "../../docs/rules.md"

// exampleHosts are the hosts of the lab whose saved answers show a rule at work.
var exampleHosts = map[string]string{
	"overflowing":       "alpine-overflowing",
	"overflowed":        "debian8-overflowed",
	"near-limit":        "debian11-near",
	"unknown":           "centos6-log-dead",
	"fixed":             "seed",
	"ok":                "rhel8-healthy",
	"raised-unproven":   "sles15-raised-unproven",
	"short-evidence":    "ubuntu2404-young",
	"limit-zero":        "fedora40-limit-zero",
	"limit-lowered":     "debian12-lowered",
	"container-limit":   "docker-container-overflowed",
	"ephemeral-ports":   "ubuntu2204-outbound",
	"config-drift":      "config-drift-systemd",
	"config-not-loaded": "config-edited-not-loaded",
	"config-ignored":    "debian13-dead-sysctl-conf",
	"config-conflict":   "config-name-order",
	"not-persistent":    "fedora41-by-hand",
	"tw-recycle":        "ubuntu1604-recycle",
	"tw-reuse-useless":  "ubuntu2004-reuse-inbound",
	"syn-flood":         "alpine-syn-flood",
	"accept-queue":      "ubuntu2204-accept-queue",
	"conntrack-full":    "rhel5-ip-conntrack",
	"neighbour-table":   "debian11-neighbours-full",
	"tcp-memory":        "rhel7-tcp-memory",
	"orphans":           "sles12-orphans",
	"log-unreadable":    "centos6-messages-denied",
	"log-saturated":     "ubuntu1010-net-ratelimit",
}

// constructed are findings that no saved answer of one host can show: about a
// fleet, or about two clocks.
func constructed() []audit.Finding {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	skew := int64(-3_600_000)
	ahead := diagnose.Host(&audit.Facts{Host: audit.HostFacts{Clock: &now, ClockSkewMS: &skew}}, nil, nil, audit.Limits{}, now)
	run := &audit.Run{}
	for i := range 6 {
		limit, id := int64(131072), fmt.Sprintf("%032x", max(i, 1))
		if i == 5 {
			limit = 5000
		}
		run.Hosts = append(run.Hosts, audit.HostResult{
			Name: fmt.Sprintf("web%d", i+1), Groups: []string{"web"}, Status: audit.StatusAudited,
			Facts: &audit.Facts{Host: audit.HostFacts{MachineID: id, BootID: id}, TimeWait: audit.TimeWait{Limit: &limit}},
		})
	}
	diagnose.Fleet(run)
	return append(run.Findings, ahead.Findings...)
}

// example is a title that the rule gives, and where it comes from.
func example(t *testing.T, rule string) (title, from string) {
	t.Helper()
	is := func(f audit.Finding) bool { return f.Rule == rule }
	name, saved := exampleHosts[rule]
	if !saved {
		findings := constructed()
		if i := slices.IndexFunc(findings, is); i >= 0 {
			return findings[i].Title, "constructed"
		}
		t.Fatalf("rule %s has no example: save an answer of a host that shows it", rule)
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "answers", name+".out"))
	if err != nil {
		t.Fatal(err)
	}
	host := (&scan.Auditor{Limits: audit.DefaultLimits()}).Saved(scan.Job{Name: name}, raw)
	i := slices.IndexFunc(host.Findings, is)
	if i < 0 {
		t.Fatalf("host %s does not show rule %s: %s, %v, %+v", name, rule, host.Verdict, host.Flags, host.Failure)
	}
	return host.Findings[i].Title, "host `" + name + "` of the lab"
}

const rulesPreface = `# The rules

What twaudit can find, in the words of the program: ` + "`twaudit rules ID`" + ` says the same. This page is generated and
checked by a test (` + "`go test ./cmd/twaudit -run RulesDoc -update`" + ` writes it).

The first six are the verdicts; a host has the worst that holds. The severity is the usual one: a finding may say
otherwise. A rule whose evidence could not be read is silent, and a verdict whose evidence could not be read is
` + "`unknown`" + `. The examples are titles of findings on hosts of the lab (` + "`internal/e2e/testdata/hosts`" + `), whose values
come from the sources named there.

| rule | severity | says that |
|---|---|---|
`

// rulesPage is the page as it has to be.
func rulesPage(t *testing.T) []byte {
	t.Helper()
	var page bytes.Buffer
	page.WriteString(rulesPreface)
	for _, rule := range diagnose.Rules() {
		fmt.Fprintf(&page, "| [%s](#%s) | %s | %s |\n", rule.ID, rule.ID, rule.Severity, markdown(rule.Title))
	}
	for _, rule := range diagnose.Rules() {
		fmt.Fprintf(&page, "\n## %s\n\n%s: %s\n\n%s\n", rule.ID, rule.Severity, markdown(rule.Title), markdown(rule.Meaning))
		for _, list := range []struct {
			heading string
			lines   []string
		}{{"Needs", rule.Needs}, {"Advice", rule.Advice}, {"Sources", rule.Sources}} {
			for i, line := range list.lines {
				if i == 0 {
					fmt.Fprintf(&page, "\n%s:\n\n", list.heading)
				}
				fmt.Fprintf(&page, "- %s\n", markdown(line))
			}
		}
		title, from := example(t, rule.ID)
		fmt.Fprintf(&page, "\nExample (%s):\n\n> %s\n", from, markdown(title))
	}
	return page.Bytes()
}

// markdown keeps the signs of our words from being read as marks.
func markdown(words string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "<", `\<`, "[", `\[`, "|", `\|`, "`", "\\`").Replace(words)
}

func TestRulesDoc_isWhatTheRulesSay(t *testing.T) {
	t.Parallel()
	want := rulesPage(t)
	if *update {
		if err := os.MkdirAll(filepath.Dir(rulesDoc), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(rulesDoc, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(rulesDoc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/rules.md is stale (go test ./cmd/twaudit -run RulesDoc -update writes it): -want +got\n%s", diff)
	}
}

// The page has every line that the program prints about a rule, and every
// example is of a host that the lab has.
func TestRulesDoc_saysWhatTheProgramSays(t *testing.T) {
	t.Parallel()
	page := string(rulesPage(t))
	for _, rule := range diagnose.Rules() {
		var out bytes.Buffer
		if err := explainRule(&out, rule.ID); err != nil {
			t.Fatal(err)
		}
		_, part, _ := strings.Cut(page, "\n## "+rule.ID+"\n")
		part, _, _ = strings.Cut(part, "\n## ")
		for line := range strings.Lines(out.String()) {
			words := strings.TrimPrefix(strings.TrimSpace(line), "- ")
			words = strings.TrimPrefix(words, rule.ID+" (")
			words = strings.Replace(words, string(rule.Severity)+"): ", string(rule.Severity)+": ", 1)
			if !strings.Contains(part, markdown(words)) {
				t.Errorf("%s: the page lacks %q", rule.ID, words)
			}
		}
		if host, saved := exampleHosts[rule.ID]; saved {
			if _, err := os.Stat("../../internal/e2e/testdata/hosts/" + host + ".txtar"); err != nil {
				t.Errorf("the example of %s is of a host that the lab does not have: %v", rule.ID, err)
			}
		}
	}
	for rule := range exampleHosts {
		if !slices.Contains(ruleIDs(), rule) {
			t.Errorf("there is no rule %s", rule)
		}
	}
}
