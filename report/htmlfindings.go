package report

import (
	"cmp"
	"slices"

	"twaudit/internal/audit"
)

// Bounds of the lists of the page. The table and the drawers have everything.
const (
	maxHTMLNames  = 6
	maxHTMLTopics = 24
	maxHTMLGaps   = 16
)

// htmlTopic is one rule with the hosts that it fired on.
type htmlTopic struct {
	audit.Finding        // of the worst host
	Host          string // the one that Finding is of
	Count         int
	Hosts         string // the worst ones by name, and how many more
}

// htmlTopics says what the rules found, each once: worst severity first, then
// worst verdict, then what concerns most hosts. It leaves out what needs nobody,
// and a milder verdict beside the one that a host has, so that the numbers of
// hosts are those of the summary.
func htmlTopics(run *audit.Run) []htmlTopic {
	byRule, names := map[string]*htmlTopic{}, map[string][]string{}
	var rules []string
	for i := range run.Hosts {
		h, counted := &run.Hosts[i], map[string]bool{}
		for _, f := range h.Findings {
			if !htmlWorthSaying(h, f) {
				continue
			}
			t := byRule[f.Rule]
			switch {
			case t == nil:
				t = &htmlTopic{Finding: shortFinding(f), Host: clipped(h.Name, maxHTMLCell)}
				byRule[f.Rule], rules = t, append(rules, f.Rule)
			case f.Severity.Rank() < t.Severity.Rank():
				t.Finding, t.Host = shortFinding(f), clipped(h.Name, maxHTMLCell)
			}
			if !counted[f.Rule] { // a rule may fire for several namespaces of one host
				counted[f.Rule] = true
				t.Count++
				names[f.Rule] = append(names[f.Rule], h.Name)
			}
		}
	}
	list := make([]htmlTopic, 0, len(rules))
	for _, rule := range rules {
		byRule[rule].Hosts = someNames(names[rule])
		list = append(list, *byRule[rule])
	}
	slices.SortStableFunc(list, func(a, b htmlTopic) int {
		return cmp.Or(a.Severity.Rank()-b.Severity.Rank(),
			audit.Verdict(a.Rule).Rank()-audit.Verdict(b.Rule).Rank(),
			b.Count-a.Count, cmp.Compare(a.Rule, b.Rule))
	})
	return list[:min(len(list), maxHTMLTopics)]
}

// shortFinding is f with texts that cannot become the page; the drawers have more.
func shortFinding(f audit.Finding) audit.Finding {
	const most = 600
	return tidyText(f, func(s string) string { return clipped(s, most) })
}

// htmlFleet are the findings about the fleet.
func htmlFleet(run *audit.Run) []audit.Finding {
	list := make([]audit.Finding, len(run.Findings))
	for i := range run.Findings {
		list[i] = shortFinding(run.Findings[i])
	}
	return list
}

// htmlWorthSaying leaves out what is no call for action: that all is well, a cure, an
// information, and a milder verdict beside the one that the host has.
func htmlWorthSaying(h *audit.HostResult, f audit.Finding) bool {
	if verdict := audit.Verdict(f.Rule); slices.Contains(audit.Verdicts, verdict) {
		return verdict == h.Verdict && verdict != audit.VerdictOK && verdict != audit.VerdictFixed
	}
	return f.Severity != audit.SeverityInfo
}

// someNames lists hosts, and counts those for which there is no room.
func someNames(names []string) string {
	rest := ""
	if len(names) > maxHTMLNames {
		rest = " and " + plural(len(names)-maxHTMLNames, "more host")
		names = names[:maxHTMLNames]
	}
	words := ""
	for i, name := range names {
		if i > 0 {
			words += ", "
		}
		words += clipped(name, 80)
	}
	return words + rest
}

// clipped keeps a name that is no name from becoming the page.
func clipped(s string, max int) string {
	if len(s) <= max {
		return s
	}
	// Bytes are counted first, because that is free; characters only where it may matter.
	n := 0
	for i := range s {
		if n == max {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// htmlStage is where hosts failed, most hosts first.
type htmlStage struct {
	// Via is the jump host at fault; empty elsewhere.
	Stage, Via string
	Count      int
	Reasons    []htmlReason
	More       int  // reasons that are not shown
	Rest       bool // it stands for all further stages
}

// htmlReason is what several hosts failed of alike.
type htmlReason struct {
	Message string
	Count   int
	Hosts   string
}

// htmlFailures leaves hints out: they may name local files and users, and the
// page is made to be passed on.
func htmlFailures(hosts []audit.HostResult) []htmlStage {
	const most, mostStages = 8, 24 // behind each jump host is another stage
	stages, _ := failedStages(hosts)
	var list []htmlStage
	for i, s := range stages {
		if i == mostStages {
			rest := htmlStage{Stage: "other stages", Rest: true}
			for _, s := range stages[i:] {
				rest.Count += s.count
			}
			return append(list, rest)
		}
		view := htmlStage{Stage: clipped(string(s.name), 40), Via: clipped(s.via, 80), Count: s.count}
		for i, r := range s.reasons {
			if i == most {
				view.More = len(s.reasons) - most
				break
			}
			view.Reasons = append(view.Reasons, htmlReason{clipped(r.message, 400), len(r.hosts), someNames(r.hosts)})
		}
		list = append(list, view)
	}
	return list
}

// htmlGap is something that was not read.
type htmlGap struct {
	audit.Gap
	Count int
	Hosts string
}

// htmlGaps joins equal gaps; those of most hosts come first.
func htmlGaps(hosts []audit.HostResult) []htmlGap {
	var list []htmlGap
	for _, g := range gatherGaps(hosts) {
		if len(list) == maxHTMLGaps {
			break
		}
		short := tidyText(g.Gap, func(s string) string { return clipped(s, maxHTMLCell) })
		list = append(list, htmlGap{short, len(g.hosts), someNames(g.hosts)})
	}
	return list
}
