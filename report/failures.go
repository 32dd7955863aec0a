package report

import (
	"cmp"
	"slices"
	"strings"

	"twaudit/internal/audit"
)

// Bounds of the sections below the hosts, for a terminal.
const (
	maxNames    = 4 // hosts named in a line of Markdown before the rest is counted
	maxStages   = 8 // stages shown: behind each jump host is another
	maxReasons  = 3 // messages shown of one stage
	maxFindings = 8 // rules shown
)

// reason is what several hosts failed of alike.
type reason struct {
	message, hint string
	hosts         []string
}

// stage is where hosts failed. Behind another jump host it is another one.
type stage struct {
	name    audit.Stage
	via     string
	count   int
	reasons []*reason // most hosts first
}

// failures says why hosts have no verdict, and which were never asked. A fleet
// behind one dead switch is one cause, and must not be a thousand lines.
func (s *screen) failures(hosts []audit.HostResult) {
	stages, skipped := failedStages(hosts)
	failed := 0
	for _, stage := range stages {
		failed += stage.count
	}
	if failed > 0 {
		s.heading("Failed: " + plural(failed, "host"))
	}
	for i, stage := range stages {
		if i == maxStages && !s.full() {
			left := 0
			for _, rest := range stages[i:] {
				left += rest.count
			}
			s.line("  ", s.paint(faint, "and "+plural(left, "more host")+" at other stages: --all shows them"))
			break
		}
		title := string(stage.name)
		if stage.via != "" {
			title += " via " + stage.via
		}
		s.line("  ", s.paint(boldRed, title)+": "+plural(stage.count, "host"))
		s.reasons(stage)
	}
	if len(skipped) > 0 {
		s.heading("Not begun: " + plural(len(skipped), "host"))
		s.line("  ", s.names(skipped))
	}
}

// reasons says each hint once: hosts that fail alike mostly need the same.
func (s *screen) reasons(stage *stage) {
	said := map[string]bool{"": true}
	for i, reason := range stage.reasons {
		if i == maxReasons && !s.full() {
			var rest []string
			for _, r := range stage.reasons[i:] {
				rest = append(rest, r.hosts...)
			}
			s.line("    ", s.paint(faint, "and "+plural(len(rest), "more host")+" for other reasons, which --all shows: "+s.names(rest)))
			return
		}
		s.line("    ", s.names(reason.hosts)+": "+reason.message)
		if !said[reason.hint] {
			said[reason.hint] = true
			s.hint("      ", s.paint(cyan, "hint: ")+reason.hint)
		}
	}
}

// names lists hosts: each in full in a pipe, where words are looked for, and for
// people folded in one line.
func (s *screen) names(hosts []string) string {
	if !s.terminal() {
		return strings.Join(hosts, ", ")
	}
	return s.roll(hosts, s.Width*2/3, 1)
}

// failedStages groups the failed hosts by stage and message, the largest first,
// and names the skipped ones.
func failedStages(hosts []audit.HostResult) (stages []*stage, skipped []string) {
	groups := failureGroups{stages: map[audit.Failure]*stage{}, reasons: map[audit.Failure]*reason{}}
	for i := range hosts {
		switch h := &hosts[i]; h.Status {
		case audit.StatusFailed:
			groups.add(h)
		case audit.StatusSkipped:
			skipped = append(skipped, h.Name)
		}
	}
	for _, stage := range groups.order {
		slices.SortStableFunc(stage.reasons, func(a, b *reason) int {
			return cmp.Or(len(b.hosts)-len(a.hosts), strings.Compare(a.message, b.message))
		})
	}
	slices.SortStableFunc(groups.order, func(a, b *stage) int {
		return cmp.Or(b.count-a.count, cmp.Compare(a.name, b.name), strings.Compare(a.via, b.via))
	})
	return groups.order, skipped
}

// failureGroups finds the group of a failure by those of its fields that count:
// a fleet may fail in as many words as it has hosts.
type failureGroups struct {
	stages  map[audit.Failure]*stage
	reasons map[audit.Failure]*reason
	order   []*stage
}

// add counts a host also when nobody said why it failed: it must not vanish.
func (g *failureGroups) add(h *audit.HostResult) {
	failure := audit.Failure{Stage: audit.StageInternal, Message: "no reason is given"}
	if h.Failure != nil {
		failure = *h.Failure
	}
	key := audit.Failure{Stage: failure.Stage, Via: failure.Via}
	at := g.stages[key]
	if at == nil {
		at = &stage{name: failure.Stage, via: failure.Via}
		g.stages[key], g.order = at, append(g.order, at)
	}
	key.Message = failure.Message
	why := g.reasons[key]
	if why == nil {
		why = &reason{message: failure.Message, hint: failure.Hint}
		g.reasons[key], at.reasons = why, append(at.reasons, why)
	}
	at.count++
	why.hosts = append(why.hosts, h.Name)
}
