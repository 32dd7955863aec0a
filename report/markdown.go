package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Bounds of the summary, so that it fits into a ticket or a chat message however
// large the fleet and however long its words: 56 KB at the very most.
const (
	mdHosts    = 15  // rows of hosts
	mdFailures = 8   // reasons why hosts could not be audited
	mdTopics   = 10  // findings
	mdNotes    = 10  // notes of the run
	mdNames    = 120 // bytes of folded names
	mdName     = 60  // bytes of one name
	mdSentence = 280 // bytes of one sentence
)

// mdWriter writes the summary. An error of the place that it writes to stays in
// it until Flush.
type mdWriter struct {
	*bufio.Writer
	now time.Time // when the run finished
}

// renderMarkdown writes a summary for a ticket or a chat in the dialect that
// GitHub, GitLab, Mattermost and others share: what was found, what to do first,
// the worst hosts, and why the rest is not known. The other formats have
// everything.
func renderMarkdown(w io.Writer, run *audit.Run, _ Options) error {
	m := &mdWriter{Writer: bufio.NewWriter(w), now: run.Meta.FinishedAt}
	m.head(run)
	m.verdicts(run)
	m.worst(run.Hosts)
	m.unreached(run.Hosts)
	m.topics(run)
	m.notes(run.Notes)
	return m.Flush()
}

func (m *mdWriter) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

func (m *mdWriter) head(run *audit.Run) {
	sum, meta := run.Summary, run.Meta
	sick := 0
	for _, v := range audit.Verdicts[:audit.VerdictUnknown.Rank()] {
		sick += sum.Verdicts[v]
	}
	m.line("## `TIME_WAIT` audit: %s", mdTrouble(&sum, sick))
	m.line("\nRun %s, finished %s, %s.", mdCode(text.CleanMax(meta.ID, mdName)), meta.FinishedAt.UTC().Format("2006-01-02 15:04 UTC"),
		lasted(&meta))
	if meta.Partial {
		m.line("**The run ended early: this report is partial.**")
	}
	switch first := firstThing(run); {
	case first.host != "":
		m.line("\n**Do first:** %s: %s", mdHost(first.host), mdSentenceOf(first.words))
	case first.words != "":
		m.line("\n**Do first:** %s", mdSentenceOf(first.words))
	}
}

// verdicts also counts who has none: a sum that is smaller than the fleet would
// look as if the rest were fine.
func (m *mdWriter) verdicts(run *audit.Run) {
	names := map[string][]string{}
	for i := range run.Hosts {
		h := &run.Hosts[i]
		key := string(h.Status)
		if h.Status == audit.StatusAudited {
			key = string(h.Verdict)
		}
		names[key] = append(names[key], h.Name)
	}
	m.line("\n| Verdict | Hosts | Which |\n|---|--:|---|")
	for _, key := range append(verdictWords(), string(audit.StatusFailed), string(audit.StatusSkipped)) {
		if n := len(names[key]); n > 0 {
			m.line("| %s | %s | %s |", key, text.Count(int64(n)), mdFolded(names[key]))
		}
	}
}

func verdictWords() []string {
	var list []string
	for _, v := range audit.Verdicts {
		list = append(list, string(v))
	}
	return list
}

// worst has a row for each host that a person has to look at.
func (m *mdWriter) worst(hosts []audit.HostResult) {
	rows := 0
	for i := range hosts {
		h := &hosts[i]
		if h.Status != audit.StatusAudited || h.Verdict.Rank() > audit.VerdictUnknown.Rank() {
			continue
		}
		switch rows++; {
		case rows == 1:
			m.line("\n### Worst hosts\n\n| Host | Verdict | Buckets / limit | Overflows | Last overflow | Why |\n|---|---|--:|--:|--:|---|")
			fallthrough
		case rows <= mdHosts:
			s := subjectOf(h)
			m.line("| %s | %s | %s | %s | %s | %s |", mdHost(h.Name), h.Verdict, mdFill(s), mdOverflows(s), m.last(s), mdWhy(h))
		}
	}
	if rows > mdHosts {
		m.line("\nand %s", plural(rows-mdHosts, "more host"))
	}
}

// mdFill is how full the table is that the verdict comes from.
func mdFill(h subject) string {
	fill := countOf(h.Buckets) + " / " + countOf(h.Limit)
	if decimal(h.Ratio, 0) != "" {
		fill += " (" + used(h) + ")"
	}
	return fill
}

// mdOverflows are counted by the kernel or, where it has no counter, by lines.
func mdOverflows(h subject) string {
	if h.OverflowTotal != nil {
		count := text.Count(*h.OverflowTotal)
		if h.OverflowDelta != nil && *h.OverflowDelta > 0 {
			count += " (+" + text.Count(*h.OverflowDelta) + ")"
		}
		return count
	}
	if _, _, log := parts(h.HostResult); h.namespace == "" && log.OverflowLines != nil {
		return plural(int(*log.OverflowLines), "line")
	}
	return "?"
}

// last counts from the end of the run, so that a saved run keeps its words.
func (m *mdWriter) last(h subject) string {
	ago := func(at time.Time) string { return text.Duration(max(m.now.Sub(at), 0)) }
	return lastWords(h, lastStyle{none: "-", now: m.now,
		on:    func(at time.Time) string { return ago(at) + " ago" },
		since: func(at time.Time) string { return "within " + ago(at) },
		span:  func(from, to time.Time) string { return ago(to) + " to " + ago(from) + " ago" },
	})
}

// mdWhy is the finding that gave the verdict its name, or the worst there is.
func mdWhy(h *audit.HostResult) string {
	if len(h.Findings) == 0 {
		return ""
	}
	i := max(0, slices.IndexFunc(h.Findings, func(f audit.Finding) bool { return f.Rule == string(h.Verdict) }))
	return mdSentenceOf(h.Findings[i].Title)
}

// unreached says why hosts have no verdict, each reason once.
func (m *mdWriter) unreached(hosts []audit.HostResult) {
	stages, skipped := failedStages(hosts)
	shown, hidden := 0, 0
	if len(stages)+len(skipped) > 0 {
		m.line("\n### Not audited\n")
	}
	for _, stage := range stages {
		for _, why := range stage.reasons {
			if shown++; shown > mdFailures {
				hidden += len(why.hosts)
				continue
			}
			where := string(stage.name)
			if stage.via != "" {
				where += " via " + stage.via
			}
			m.line("- **%s**: %s (%s): %s", mdSentenceOf(where), plural(len(why.hosts), "host"), mdFolded(why.hosts), mdSentenceOf(why.message))
		}
	}
	if hidden > 0 {
		m.line("- and %s for other reasons", plural(hidden, "host"))
	}
	if len(skipped) > 0 {
		m.line("- **not begun**: %s (%s)", plural(len(skipped), "host"), mdFolded(skipped))
	}
}

// topics are what is to be mended, each rule once with its first advice.
func (m *mdWriter) topics(run *audit.Run) {
	topics := mdTopicsOf(run)
	for i, t := range topics {
		switch i {
		case 0:
			m.line("\n### Findings\n")
		case mdTopics:
			m.line("- and %s", plural(len(topics)-i, "more rule"))
			return
		}
		where := "the fleet"
		if len(t.hosts) > 0 {
			where = plural(len(t.hosts), "host") + " (" + mdFolded(t.hosts) + ")"
		}
		m.line("- **%s** (%s) on %s: %s", mdSentenceOf(t.Rule), mdSentenceOf(string(t.Severity)), where, mdSentenceOf(t.Title))
		if len(t.Advice) > 0 {
			m.line("  - %s", mdSentenceOf(t.Advice[0]))
		}
	}
}

// mdTopicsOf groups what is more than information by rule, with the words of the
// worst host: the hosts come worst first. It is linear in the hosts, whose number
// nobody bounds here.
func mdTopicsOf(run *audit.Run) []*topic {
	var list []*topic
	for _, f := range run.Findings {
		list = append(list, &topic{Finding: f})
	}
	byRule := map[string]*topic{}
	for i := range run.Hosts {
		h := &run.Hosts[i]
		for _, f := range h.Findings {
			verdict := audit.Verdict(f.Rule)
			if f.Severity == audit.SeverityInfo || slices.Contains(audit.Verdicts, verdict) && verdict != h.Verdict {
				continue
			}
			t := byRule[f.Rule]
			if t == nil {
				t = &topic{Finding: f}
				byRule[f.Rule], list = t, append(list, t)
			}
			if last := len(t.hosts) - 1; last < 0 || t.hosts[last] != h.Name { // several namespaces
				t.hosts = append(t.hosts, h.Name)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *topic) int {
		return cmp.Or(a.Severity.Rank()-b.Severity.Rank(), min(len(a.hosts), 1)-min(len(b.hosts), 1), len(b.hosts)-len(a.hosts), cmp.Compare(a.Rule, b.Rule))
	})
	return list
}

func (m *mdWriter) notes(notes []string) {
	for i, note := range notes {
		switch {
		case i == mdNotes:
			m.line("- and %s", plural(len(notes)-i, "more note"))
			return
		case i == 0:
			m.line("\n### Notes\n")
		}
		m.line("- %s", mdSentenceOf(note))
	}
}
