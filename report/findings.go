package report

import (
	"cmp"
	"slices"

	"twaudit/internal/audit"
)

// topic is one rule with the hosts that it fired on, worst first.
type topic struct {
	audit.Finding          // of the first host
	hosts         []string // none: a finding about the fleet
}

// findings says what the rules found, each once, with the words of the worst
// host and its first advice.
func (s *screen) findings(run *audit.Run) {
	topics := s.topics(run)
	for i, t := range topics {
		if i == 0 {
			s.heading("Findings")
		}
		// Sorted by weight: what is left out matters less than all above.
		if i == maxFindings && !s.full() {
			s.line("  ", s.paint(faint, "and "+plural(len(topics)-i, "more rule")+": --all shows them"))
			return
		}
		title, words := s.paint(severityHue(t.Severity), t.Rule), t.Title
		switch len(t.hosts) {
		case 0:
			title += " over the fleet"
		case 1:
			title += " on " + t.hosts[0]
		default:
			title += " on " + plural(len(t.hosts), "host") + ": " + s.names(t.hosts)
			words = t.hosts[0] + ": " + words
		}
		s.line("  ", title)
		s.line("    ", words)
		if len(t.Advice) > 0 {
			s.line("    "+s.paint(cyan, "> "), t.Advice[0])
		}
	}
}

// severityHue has a hue for a severity of a later version too.
func severityHue(severity audit.Severity) hue {
	switch severity {
	case audit.SeverityCritical:
		return boldRed
	case audit.SeverityWarning:
		return yellow
	}
	return bold
}

// topics groups findings by rule: worst severity first, then worst verdict, then
// what concerns the fleet, then what concerns most hosts.
func (s *screen) topics(run *audit.Run) []*topic {
	var topics []*topic
	for _, f := range run.Findings {
		topics = append(topics, &topic{Finding: f})
	}
	byRule := map[string]*topic{}
	for i := range run.Hosts {
		for _, f := range run.Hosts[i].Findings {
			if !s.worthSaying(&run.Hosts[i], f) {
				continue
			}
			t := byRule[f.Rule]
			switch {
			case t == nil:
				t = &topic{Finding: f}
				byRule[f.Rule] = t
				topics = append(topics, t)
			case f.Severity.Rank() < t.Severity.Rank():
				t.Finding = f
				t.hosts = slices.DeleteFunc(t.hosts, func(name string) bool { return name == run.Hosts[i].Name })
				t.hosts = append([]string{run.Hosts[i].Name}, t.hosts...)
				continue
			}
			// A rule may fire for several namespaces of one host, which is then
			// the last one so far, or the first.
			if n := len(t.hosts); n == 0 || t.hosts[n-1] != run.Hosts[i].Name && t.hosts[0] != run.Hosts[i].Name {
				t.hosts = append(t.hosts, run.Hosts[i].Name)
			}
		}
	}
	slices.SortStableFunc(topics, func(a, b *topic) int {
		return cmp.Or(a.Severity.Rank()-b.Severity.Rank(),
			audit.Verdict(a.Rule).Rank()-audit.Verdict(b.Rule).Rank(),
			min(len(a.hosts), 1)-min(len(b.hosts), 1),
			len(b.hosts)-len(a.hosts), cmp.Compare(a.Rule, b.Rule))
	})
	return topics
}

// worthSaying leaves out that all is well, a milder verdict beside the one that
// the host has (so that the numbers of hosts are those of the summary) and, where
// brevity counts, what needs nobody. Good news stays: a cure that is proven.
func (s *screen) worthSaying(h *audit.HostResult, f audit.Finding) bool {
	if verdict := audit.Verdict(f.Rule); slices.Contains(audit.Verdicts, verdict) {
		return verdict == h.Verdict && verdict != audit.VerdictOK
	}
	return f.Severity != audit.SeverityInfo || s.full()
}
