package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// limitKey is the setting that the page is about.
const limitKey = "net.ipv4.tcp_max_tw_buckets"

// event is one point of a host's timeline.
type event struct {
	at    time.Time
	hue   hue
	words string
}

// timeline draws what happened to a host, oldest first, down to when it was
// asked: whether a change of a file came before or after the overflows is what
// decides about a cure.
func (p *page) timeline() {
	events := slices.Concat(p.boot(), p.changes(), p.overflowEvents(), p.pastEvents())
	events = append(events, event{p.now, bold, p.today()})
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	p.section("Timeline")
	room := 0
	for _, e := range events {
		room = max(room, width(p.ago(e.at)))
	}
	for i, e := range events {
		node, below := "├", "│"
		switch {
		case len(events) == 1:
			node, below = "─", " "
		case i == 0:
			node = "┌"
		case i == len(events)-1:
			node, below = "└", " "
		}
		first := fmt.Sprintf("  %s  %*s ", p.stamp(e.at), room, p.ago(e.at))
		for n, part := range fold(e.words, p.Width-width(first)-2) {
			if n > 0 {
				first, node = strings.Repeat(" ", width(first)), below
			}
			p.WriteString(strings.TrimRight(first+p.paint(e.hue, node)+" "+part, " ") + "\n")
		}
	}
	p.pastNotes()
}

// boot is the last one: what was before it, counters do not know.
func (p *page) boot() []event {
	if at := p.facts.Host.BootedAt; at != nil {
		return []event{{*at, bold, "booted"}}
	}
	return nil
}

// today is what the host showed when it was asked: the login's own namespace, and
// the one that the verdict comes from when that is another.
func (p *page) today() string {
	tw := p.facts.TimeWait
	words := "asked: " + p.optional(tw.Buckets) + " of " + p.optional(tw.Limit) + " buckets in use"
	switch {
	case tw.OverflowTotal == nil:
		words += "; this kernel does not count overflows, or they could not be read"
	case *tw.OverflowTotal == 0:
		words += "; no socket destroyed since boot"
	default:
		words += "; " + plural64(*tw.OverflowTotal, "socket") + " destroyed since boot"
		words += p.when()
	}
	if d := tw.OverflowDelta; d != nil && *d > 0 {
		words += ", " + p.number(*d) + " of them just now"
	}
	if worst := subjectOf(p.host); worst.namespace != "" {
		words += "; in " + worst.namespace + " " + p.fill(worst)
		if n := worst.OverflowTotal; n != nil {
			words += " and " + plural64(*n, "socket") + " destroyed"
		}
	}
	return words
}

// when is what is known of the time of the last overflow, by the counter: the
// kernel has none for it.
func (p *page) when() string {
	rise := riseOf(ownSubject(p.host))
	switch {
	case rise != nil && rise.From != nil:
		return ", the last of them between " + p.stamp(*rise.From) + " and " + p.stamp(rise.To)
	case rise != nil:
		return ", the last of them before " + p.stamp(rise.To)
	case p.log.Last == nil:
		return ", the kernel does not say when"
	}
	return ""
}

// plural64 is plural for the numbers of facts.
func plural64(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return text.Count(n) + " " + noun + "s"
}

// maxFiles bounds the files of the timeline, newest first.
const maxFiles = 16

// changes are the files that say something about the limit, /etc/sysctl.conf
// always, and the running value itself.
func (p *page) changes() []event {
	var events []event
	listed := false
	for i := range p.config.Files {
		f := &p.config.Files[i]
		words, ours := p.says(f)
		if f.MTime == nil || !ours && f.Path != "/etc/sysctl.conf" {
			continue
		}
		listed = listed || f.Path == "/etc/sysctl.conf"
		events = append(events, event{*f.MTime, cyan, f.Path + " changed: " + words})
	}
	if at := p.config.SysctlConfChangedAt; at != nil && !listed {
		events = append(events, event{*at, cyan, "/etc/sysctl.conf changed: it does not mention the limit"})
	}
	if len(events) > maxFiles {
		slices.SortStableFunc(events, func(a, b event) int { return b.at.Compare(a.at) })
		events = events[:maxFiles]
	}
	// Whoever looks at it first gives it the time of looking, so that one from a
	// moment ago is our own.
	if at := p.config.RuntimeChangedAt; at != nil && p.now.Sub(*at).Abs() > time.Minute {
		events = append(events, event{*at, cyan, "running value written, or looked at first (mtime of /proc/sys/net/ipv4/tcp_max_tw_buckets)"})
	}
	return events
}

// says is what a file says about the limit: what it sets and what it has
// commented out, which is what it mostly was before. ours is false when the
// file says nothing.
func (p *page) says(f *audit.ConfigFile) (words string, ours bool) {
	var parts []string
	for _, e := range f.Entries {
		if e.Key != limitKey {
			continue
		}
		verb := "sets "
		if e.Commented {
			verb = "has, commented out, "
		}
		parts = append(parts, verb+snip(e.Value, 24)+" (line "+strconv.Itoa(e.Line)+")")
	}
	ours = len(parts) > 0
	if !ours {
		parts = []string{"it does not mention the limit"}
	}
	if f.Target != "" {
		parts = append(parts, "a link to "+f.Target)
	}
	if f.Ignored != "" {
		parts = append(parts, "not read: "+f.Ignored)
	}
	const most = 6 // a file with more is a heap, and its last lines count
	if len(parts) > most {
		parts = append([]string{"…"}, parts[len(parts)-most:]...)
	}
	return strings.Join(parts, ", "), ours
}

// overflowEvents are what the log knows: where it begins, its first and last
// overflow, and the bursts between them.
func (p *page) overflowEvents() []event {
	var events []event
	if path, at := p.logBegins(); at != nil {
		events = append(events, event{*at, faint, path + " begins"})
	}
	for _, b := range bursts(p.log.Histogram) {
		events = append(events, event{b.from, red, b.words(p.screen)})
	}
	first, last := p.log.First, p.log.Last
	switch {
	case first != nil && last != nil && first.Equal(*last): // two lines would look like two
		events = append(events, event{*first, boldRed, "the only overflow in the log"})
	default:
		if first != nil {
			events = append(events, event{*first, boldRed, "first overflow in the log"})
		}
		if last != nil {
			events = append(events, event{*last, boldRed, "last overflow in the log" + p.bounds()})
		}
	}
	return events
}

// bounds are the numbers of the log, when the kernel suppressed some.
func (p *page) bounds() string {
	low, high := p.log.EventsMin, p.log.EventsMax
	switch {
	case low == nil:
		return ""
	case high == nil || *high <= *low:
		return ", " + p.number(*low) + " in all"
	}
	return fmt.Sprintf(", between %s and %s in all", p.number(*low), p.number(*high))
}

// logBegins is the oldest line of the kernel log: what was before it, the log
// cannot tell.
func (p *page) logBegins() (path string, at *time.Time) {
	for i := range p.log.Sources {
		s := &p.log.Sources[i]
		if s.Kernel && s.First != nil && (at == nil || s.First.Before(*at)) {
			path, at = s.Path, s.First
		}
	}
	return path, at
}
