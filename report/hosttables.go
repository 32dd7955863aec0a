package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// states counts the TCP sockets by state, most first. States without a socket
// are left out, and that is said: a source that does not list one at all would
// look the same.
func (p *page) states() {
	if len(p.facts.TCPStates) == 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(p.facts.TCPStates), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.facts.TCPStates[b], p.facts.TCPStates[a]), strings.Compare(a, b))
	})
	var words []string
	for _, name := range names {
		if n := p.facts.TCPStates[name]; n != 0 {
			words = append(words, name+" "+p.number(n))
		}
	}
	switch {
	case len(words) == 0:
		words = []string{"none"}
	case len(words) < len(names):
		words = append(words, "no others")
	}
	title := "TCP sockets by state"
	if p.facts.TCPStatesSource != "" {
		title += " (" + p.facts.TCPStatesSource + ")"
	}
	p.section(title)
	p.line("  ", strings.Join(words, ", "))
}

// maxNamespaces is how many of them a terminal shows.
const maxNamespaces = 30

// namespaces lists the network namespaces, each with a table of its own, worst
// first. The login's own alone is what the rest of the page is about.
func (p *page) namespaces() {
	list := slices.Clone(p.facts.Namespaces)
	if len(list) < 2 {
		return
	}
	slices.SortStableFunc(list, func(a, b audit.Namespace) int { return a.Verdict.Rank() - b.Verdict.Rank() })
	p.section("Network namespaces: " + text.Count(int64(len(list))))
	columns := []column{
		{title: "   VERDICT", rank: 0},
		{title: "NAMESPACE", rank: 1, least: max(12, p.Width/3), short: snip},
		{title: "USED", right: true, rank: 2},
		{title: "BUCKETS/LIMIT", right: true, rank: 4},
		{title: "OVERFLOWS", right: true, rank: 3},
		{title: "PID", right: true, rank: 5},
	}
	var rows [][]string
	for i := range list {
		if i == maxNamespaces && !p.full() {
			break
		}
		rows = append(rows, p.namespaceRow(&list[i]))
	}
	p.WriteString(strings.Join(p.draw(columns, rows, p.fit(columns, rows)), "\n") + "\n")
	if left := len(list) - len(rows); left > 0 {
		p.line("   ", p.paint(faint, "and "+plural(left, "more namespace")+": a pipe shows them all"))
	}
}

// ownNamespace is the name of the login's own one in facts.
const ownNamespace = "host"

// namespaceRow borrows the cells of the table of hosts, so that a number looks the
// same in both. A namespace that was not judged has no verdict at all: the sign
// for an unknown one would be a judgement.
func (p *page) namespaceRow(n *audit.Namespace) []string {
	h := subject{
		HostResult: &audit.HostResult{Status: audit.StatusAudited, Verdict: n.Verdict, Facts: &audit.Facts{}}, namespace: n.Name,
		TimeWait: audit.TimeWait{Buckets: n.Buckets, Limit: n.Limit, OverflowTotal: n.OverflowTotal, OverflowDelta: n.OverflowDelta},
	}
	h.Ratio = ratioOf(n)
	name, pid := n.Name, ""
	switch {
	case name == "":
		name = "net:[" + n.ID + "]"
	case name == ownNamespace && p.facts.Host.Virtualization != "":
		name = "the login's own" // inside a container: the host's is another one
	}
	if n.PID > 0 {
		pid = strconv.Itoa(n.PID)
	}
	if n.Verdict == "" {
		return []string{"", name, used(h), p.fill(h), p.overflows(h), pid}
	}
	return []string{p.verdict(h), name, used(h), p.fill(h), p.overflows(h), pid}
}

// makers says whose connections end in TIME_WAIT here: which side has to change
// depends on it.
func (p *page) makers() {
	top := p.facts.Top
	if top == nil {
		return
	}
	var list []gauge
	for i, port := range top.LocalPorts {
		if i == maxShown {
			break
		}
		name := "local port " + strconv.Itoa(port.Port)
		if port.Listening {
			name += ", listens"
		}
		list = append(list, p.maker(name, port.Count))
	}
	for i, peer := range top.Peers {
		if i == maxShown {
			break
		}
		list = append(list, p.maker("peer "+endpoint(peer), peer.Count))
	}
	directions := p.directions(top)
	if len(list) == 0 && directions == "" {
		return
	}
	p.section("Who makes the TIME_WAIT sockets")
	if directions != "" {
		p.line("  ", directions)
	}
	if top.Sampled {
		words := "scaled up from a sample"
		if top.SampledRows != nil {
			words += " of " + plural64(*top.SampledRows, "socket")
		}
		p.line("  ", words)
	}
	p.gauges(list)
}

// maker is measured by all TIME_WAIT sockets that were told apart.
func (p *page) maker(name string, count int64) gauge {
	top := p.facts.Top
	total := 0.0
	for _, n := range []*int64{top.Inbound, top.Outbound, top.Internal} {
		if n != nil {
			total += float64(*n)
		}
	}
	g := gauge{name: name, numbers: p.number(count), neutral: true}
	if total > 0 {
		share := float64(count) / total
		g.share = &share
		g.numbers += fmt.Sprintf(" (%.0f %%)", min(share*100, 100))
	}
	return g
}

// directions tells the three kinds apart, since the cure of one is none for the
// others. Empty when nothing was counted.
func (p *page) directions(top *audit.Top) string {
	var words []string
	for _, d := range []struct {
		count *int64
		what  string
	}{
		{top.Inbound, "of clients of this host"},
		{top.Outbound, "that this host opened"},
		{top.Internal, "of the host with itself"},
	} {
		if d.count != nil {
			words = append(words, p.number(*d.count)+" "+d.what)
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "connections " + strings.Join(words, ", ")
}

// sources are the places where the kernel log was looked for, and how much of
// each was read: a line that is not there proves something only when it was.
func (p *page) sources() {
	for i := range p.log.Sources {
		if i == 0 {
			p.section("Kernel log")
		}
		s := &p.log.Sources[i]
		p.line("  ", s.Path+": "+p.sourceWords(s))
	}
	if n := p.log.ForeignLines; n != nil && *n > 0 {
		p.line("  ", plural64(*n, "line")+" of other programs quote the message and do not count")
	}
	if n := p.log.Suppressed; n != nil && *n > 0 {
		p.line("  ", "the kernel left out "+p.number(*n)+" more messages beside ours, of any kind")
	}
}

// sourceWords is the span that a source covers, or why it covers none.
func (p *page) sourceWords(s *audit.LogSource) string {
	if s.Error != "" {
		return s.Error
	}
	words := []string{plural64(s.Lines, "overflow")}
	switch {
	case s.First != nil && s.Last != nil:
		words = append(words, p.stamp(*s.First)+" to "+p.stamp(*s.Last))
	case s.Last != nil:
		words = append(words, "until "+p.stamp(*s.Last))
	}
	if !s.Kernel {
		words = append(words, "no kernel lines")
	}
	if s.UnreadBytes != nil && *s.UnreadBytes > 0 {
		words = append(words, text.Bytes(*s.UnreadBytes)+" not read")
	}
	return strings.Join(words, ", ")
}
