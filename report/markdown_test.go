package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"twaudit/internal/audit"
)

func TestMarkdown_golden(t *testing.T) {
	t.Parallel()
	golden(t, "summary.md", render(t, savedRun(t), "markdown", Options{}))
}

func TestMarkdown_healthyFleetSaysSo(t *testing.T) {
	t.Parallel()
	hosts := []audit.HostResult{healthyHost("a1", 10), healthyHost("a2", 10)}
	run := &audit.Run{Schema: audit.Schema, Hosts: hosts, Summary: audit.Summarize(hosts)}
	got := string(render(t, run, "markdown", Options{}))
	if !strings.HasPrefix(got, "## `TIME_WAIT` audit: 2 of 2 hosts audited, none of them in trouble\n") || strings.Contains(got, "###") {
		t.Errorf("got:\n%s", got)
	}
}

// A heading says nothing good of hosts of which nothing is known.
func TestMarkdown_heading(t *testing.T) {
	t.Parallel()
	ok, unknown, sick := healthyHost("a", 10), judged("b", audit.VerdictUnknown, audit.Finding{Title: "unread"}), judged("c", audit.VerdictOverflowing, audit.Finding{Title: "full"})
	failed := audit.HostResult{Name: "d", Status: audit.StatusFailed, Failure: &audit.Failure{Stage: audit.StageInterrupted}}
	skipped := audit.HostResult{Name: "e", Status: audit.StatusSkipped}
	for want, hosts := range map[string][]audit.HostResult{
		"the run had no hosts":                           nil,
		"nothing is known of 3 hosts":                    {failed, skipped, unknown},
		"nothing is known of 1 host":                     {skipped},
		"1 of 3 hosts audited, none of them in trouble":  {ok, failed, skipped},
		"1 of 2 hosts judged, none of them in trouble":   {ok, unknown},
		"1 of 4 hosts in trouble, nothing is known of 2": {sick, ok, failed, unknown},
		"1 of 2 hosts in trouble":                        {sick, ok},
	} {
		run := &audit.Run{Schema: audit.Schema, Hosts: hosts, Summary: audit.Summarize(hosts)}
		got, _, _ := strings.Cut(string(render(t, run, "markdown", Options{})), "\n")
		if got != "## `TIME_WAIT` audit: "+want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// mdEvil is what the dialects of Markdown, and the chats that show them, obey.
func mdEvil() []string {
	return append(hostileTexts(),
		"](http://x.example)", "![x](http://x.example/p.png)", "[x](javascript:alert(1))", "`code`", "``", "a`b", "`` ` ``", "a|b", `a\|b`, `\`, `\\|`, "|---|",
		"@channel", "@everyone hi", "ops@x.example", "#123", "org/repo#7", "www.x.example", "http://x.example/", "WWW.x.example", "mailto:a@b",
		"- item", "* item", "1. item", "+ item", "# head", "> quote", "--- ", "===", "**b**", "_i_", "~~s~~", "<b>", "<!-- c", "[x]: http://y.example", "&lt;b&gt;", "&#64;here",
		":smile:", "$x$", "$`x`$", "^[", "[^1]", "{{x}}", "==m==", "||s||", "<@U123>", "<!here>")
}

// fewHosts is the sample without the hosts of which one is enough.
func fewHosts() *audit.Run {
	sample := sampleRun()
	sample.Hosts = slices.DeleteFunc(sample.Hosts, func(h audit.HostResult) bool {
		return strings.HasPrefix(h.Name, "app") || strings.HasPrefix(h.Name, "db0") && h.Name > "db02"
	})
	return sample
}

var (
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	reference = regexp.MustCompile(`&#\d+;`)
	ownBold   = regexp.MustCompile(`\*\*(?:Do first:|The run ended early: this report is partial\.|[^*\n]*)\*\*`)
	blockSign = regexp.MustCompile(`^(?:##+ |\|(?:-+:?\|)+$|\||  - |- )`)
)

// TestMarkdown_nothingForeignMeansAnything takes code spans and references away,
// which mean nothing in any dialect; in the rest no sign may be left but ours.
func TestMarkdown_nothingForeignMeansAnything(t *testing.T) {
	t.Parallel()
	sample := fewHosts()
	for _, evil := range mdEvil() {
		out := string(render(t, hostileRun(t, sample, evil), "markdown", Options{}))
		for line := range strings.Lines(out) {
			line = strings.TrimSuffix(line, "\n")
			bare := reference.ReplaceAllString(codeSpan.ReplaceAllString(line, "x"), "x")
			if cells := strings.Count(bare, "|"); strings.HasPrefix(line, "|") && cells != 4 && cells != 7 {
				t.Errorf("%q: a row of %d bars: %s", evil, cells, line)
			}
			rest := strings.ReplaceAll(blockSign.ReplaceAllString(ownBold.ReplaceAllString(bare, "x"), ""), "|", "")
			if at := strings.IndexAny(rest, "`<>[]*_~@#$\\^{}&="); at >= 0 || strings.Contains(rest, "://") || strings.Contains(strings.ToLower(rest), "www.") {
				t.Errorf("%q: %q means something in: %s", evil, rest[max(at, 0):], line)
			}
			// What begins a block must not begin another inside of it.
			if regexp.MustCompile(`^(?:[-*+>#]|\d+[.)])(?:\s|$)`).MatchString(strings.TrimLeft(rest, " ")) {
				t.Errorf("%q: a block inside: %s", evil, line)
			}
		}
	}
}

func TestMarkdown_escapesReadWell(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"raise net.ipv4.tcp_mem, now":      "raise `net.ipv4.tcp_mem`, now",
		"the table is 97 % full (41 days)": "the table is 97 % full (41 days)",
		"don't: 1,234 of 131,072 at 1.5x":  "don't: 1,234 of 131,072 at 1.5x",
		"see /etc/sysctl.conf:41 - or not": "see `/etc/sysctl.conf:41` - or not",
		"1. begin":                         "`1.` begin",
		"- begin":                          "`-` begin",
		"a|b":                              "a&#124;b",
		"x`@y":                             "x&#96;(at)y",
		"Namensraum müde 漢字":               "Namensraum müde 漢字",
		"(SHA256:a/b+c=)":                  "(`SHA256:a/b+c=`)",
		strings.Repeat("long ", 100):       strings.TrimSpace(strings.Repeat("long ", 56)) + " …",
	} {
		if got := mdSentenceOf(s); got != want {
			t.Errorf("%q is written as %q, want %q", s, got, want)
		}
	}
}

func TestMarkdown_staysShort(t *testing.T) {
	t.Parallel()
	const limit = 56 << 10
	for name, run := range map[string]*audit.Run{"mixed": fleet(10_000, 7), "verbose": verboseRun(1000)} {
		if got := len(render(t, run, "markdown", Options{})); got > limit {
			t.Errorf("%s: %d bytes, want at most %d", name, got, limit)
		}
	}
}

// verboseRun has nothing in common between any two hosts.
func verboseRun(hosts int) *audit.Run {
	run := &audit.Run{Schema: audit.Schema}
	long := strings.Repeat("x y|", 4000)
	for i := range hosts {
		h := audit.HostResult{Name: fmt.Sprintf("%x-%s", i*7919, long[:200]), Status: audit.StatusFailed,
			Failure: &audit.Failure{Stage: audit.Stage(fmt.Sprint("s", i%50)), Message: fmt.Sprint(i, long), Via: long}}
		if i%2 == 0 {
			h = judged(h.Name, audit.VerdictOverflowed, audit.Finding{Severity: audit.SeverityWarning, Title: fmt.Sprint(i, long), Advice: []string{long}})
			h.Findings = append(h.Findings, audit.Finding{Rule: fmt.Sprint("r", i%100, long), Severity: audit.SeverityWarning, Title: long})
		}
		run.Hosts = append(run.Hosts, h)
		if i < 100 {
			run.Notes = append(run.Notes, fmt.Sprint(i, long))
		}
	}
	audit.SortHosts(run.Hosts)
	run.Summary = audit.Summarize(run.Hosts)
	return run
}
