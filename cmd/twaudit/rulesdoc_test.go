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
	"twaudit/internal/probe"
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

// fleets are the hosts of the lab that show a rule about several hosts, by the
// names that they have in that run. Two names of one answer are one machine.
var fleets = map[string][]struct{ name, host string }{
	"same-machine-twice": {{"web1", "rhel8-healthy"}, {"web1.example.net", "rhel8-healthy"}},
	"outlier-limit": {
		{"web1", "rhel8-healthy"}, {"web2", "debian11-near"}, {"web3", "debian11-neighbours-full"},
		{"web4", "sles12-orphans"}, {"web5", "ubuntu2404-young"}, {"web6", "debian12-lowered"},
	},
}

// skewed is the host of the lab whose clock is wrong, and by how much. A saved
// answer does not say when it came.
const (
	skewed     = "debian11-clock-ahead"
	skewedAway = 365 * 24 * time.Hour
)

func savedAnswer(t *testing.T, host string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "answers", host+".out"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// skewFindings judges the answer of the skewed host as one that came in time.
func skewFindings(t *testing.T) []audit.Finding {
	t.Helper()
	answer, err := probe.Parse(savedAnswer(t, skewed), "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	came := answer.Facts.Host.Clock.Add(-skewedAway)
	if answer, err = probe.Parse(savedAnswer(t, skewed), "", came); err != nil {
		t.Fatal(err)
	}
	return diagnose.Host(answer.Facts, answer.Gaps, nil, audit.Limits{}, came).Findings
}

// fleetFindings judges several hosts as one group.
func fleetFindings(t *testing.T, rule string) []audit.Finding {
	t.Helper()
	run := &audit.Run{}
	for _, h := range fleets[rule] {
		job := scan.Job{Name: h.name, Groups: []string{"web"}}
		run.Hosts = append(run.Hosts, (&scan.Auditor{Limits: audit.DefaultLimits()}).Saved(job, savedAnswer(t, h.host)))
	}
	diagnose.Fleet(run)
	return run.Findings
}

// hostsOf are the hosts of the lab that show a rule.
func hostsOf(rule string) []string {
	switch {
	case rule == "clock-skew":
		return []string{skewed}
	case exampleHosts[rule] != "":
		return []string{exampleHosts[rule]}
	}
	var hosts []string
	for _, h := range fleets[rule] {
		if !slices.Contains(hosts, h.host) {
			hosts = append(hosts, h.host)
		}
	}
	return hosts
}

// example is a title that the rule gives, and where it comes from.
func example(t *testing.T, rule string) (title, from string) {
	t.Helper()
	hosts := hostsOf(rule)
	if len(hosts) == 0 {
		t.Fatalf("rule %s has no example: save an answer of a host that shows it", rule)
	}
	var findings []audit.Finding
	switch {
	case rule == "clock-skew":
		findings = skewFindings(t)
	case fleets[rule] != nil:
		findings = fleetFindings(t, rule)
	default:
		host := (&scan.Auditor{Limits: audit.DefaultLimits()}).Saved(scan.Job{Name: hosts[0]}, savedAnswer(t, hosts[0]))
		findings = host.Findings
	}
	i := slices.IndexFunc(findings, func(f audit.Finding) bool { return f.Rule == rule })
	if i < 0 {
		t.Fatalf("%v do not show rule %s: %+v", hosts, rule, findings)
	}
	noun := "host"
	if len(hosts) > 1 {
		noun = "hosts"
	}
	return findings[i].Title, noun + " `" + strings.Join(hosts, "`, `") + "` of the lab"
}

const rulesPreface = `# The rules

What twaudit can find, in the words of the program: ` + "`twaudit rules ID`" + ` says the same. This page is generated and
checked by a test (` + "`go test ./cmd/twaudit -run RulesDoc -update`" + ` writes it).

The first six are the verdicts; a host has the worst that holds. Where the severity is the usual one only, the rule says
when it is another. A rule whose evidence could not be read is silent, and a verdict whose evidence could not be read is
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
		fmt.Fprintf(&page, "| [%s](#%s) | %s | %s |\n", rule.ID, rule.ID, rule.Usually(), markdown(rule.Title))
	}
	for _, rule := range diagnose.Rules() {
		fmt.Fprintf(&page, "\n## %s\n\n%s: %s\n\n%s\n", rule.ID, rule.Usually(), markdown(rule.Title), markdown(rule.Meaning))
		if words := rule.Severities(); words != "" {
			fmt.Fprintf(&page, "\nSeverity: %s\n", markdown(words))
		}
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
			words = strings.Replace(words, rule.Usually()+"): ", rule.Usually()+": ", 1)
			if !strings.Contains(part, markdown(words)) {
				t.Errorf("%s: the page lacks %q", rule.ID, words)
			}
		}
		for _, host := range hostsOf(rule.ID) {
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

// TestRules_severity: no finding of a host of the lab has a severity that its rule
// does not speak of.
func TestRules_severity(t *testing.T) {
	t.Parallel()
	answers, err := filepath.Glob(filepath.Join("testdata", "answers", "*.out"))
	if err != nil || len(answers) == 0 {
		t.Fatalf("no answers: %v", err)
	}
	rules := diagnose.Rules()
	findings := append(skewFindings(t), slices.Concat(fleetFindings(t, "same-machine-twice"), fleetFindings(t, "outlier-limit"))...)
	for _, path := range answers {
		name := strings.TrimSuffix(filepath.Base(path), ".out")
		host := (&scan.Auditor{Limits: audit.DefaultLimits()}).Saved(scan.Job{Name: name}, savedAnswer(t, name))
		findings = append(findings, host.Findings...)
	}
	others := 0
	for _, f := range findings {
		i := slices.IndexFunc(rules, func(r diagnose.Rule) bool { return r.ID == f.Rule })
		if i < 0 || !rules[i].May(f.Severity) {
			t.Errorf("%s does not say that it may be %s: %s", f.Rule, f.Severity, f.Title)
		} else if f.Severity != rules[i].Severity {
			others++
		}
	}
	if others == 0 {
		t.Error("no finding has another severity than the usual one: nothing was tested")
	}
}
