package report

import (
	"fmt"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// pastEvents are what earlier runs add to the timeline.
func (p *page) pastEvents() []event {
	h := p.host.History
	if h == nil {
		return nil
	}
	var events []event
	last := p.lastLook(h)
	switch {
	case h.FirstSeen == nil:
	case len(last) > 0 && h.FirstSeen.Equal(last[0].at):
		last[0].words = "first " + last[0].words
	default:
		events = append(events, event{*h.FirstSeen, faint, "first audited"})
	}
	for _, c := range h.Limits {
		events = append(events, event{c.And, cyan, fmt.Sprintf("limit first seen at %s; it was %s at %s", p.number(c.To), p.number(c.From), p.stamp(c.Between))})
	}
	// One that leads up to this run is said beside the look before it.
	if r := h.LastRise; r != nil && r.UnmovedLooks > 0 {
		words := plural64(r.Sockets, "socket") + " destroyed before this look"
		if r.From != nil {
			words = plural64(r.Sockets, "socket") + " destroyed since " + p.stamp(*r.From)
		}
		events = append(events, event{r.To, boldRed, "audited; " + words})
	}
	if h.Peak != nil && !h.Peak.At.Equal(p.now) {
		events = append(events, event{h.Peak.At, yellow, "fullest earlier look: " + p.peak(h.Peak)})
	}
	if h.MissedSince != nil {
		events = append(events, event{*h.MissedSince, magenta, "no answer, in " + plural(h.Missed, "run") + " from here on"})
	}
	return append(events, last...)
}

// lastLook is the one that the counter is compared with, or at least the last.
func (p *page) lastLook(h *audit.History) []event {
	switch {
	case h.Since != nil && h.Since.OverflowDelta > 0:
		return []event{{h.Since.At, red, "audited; " + plural64(h.Since.OverflowDelta, "socket") + " destroyed since"}}
	case h.Since != nil:
		return []event{{h.Since.At, faint, "audited; none destroyed since"}}
	case h.LastSeen != nil:
		return []event{{*h.LastSeen, faint, "audited"}}
	}
	return nil
}

// peak is the fill of the fullest earlier look, against the limit of then.
func (p *page) peak(peak *audit.Peak) string {
	words := p.number(peak.Buckets)
	if peak.Limit != nil {
		words += " of " + p.number(*peak.Limit)
	}
	words += " buckets in use"
	if peak.Ratio != nil {
		words += fmt.Sprintf(" (%.0f %%)", *peak.Ratio*100)
	}
	return words
}

// pastNotes are marked: what stands beside them is of this run alone.
func (p *page) pastNotes() {
	h := p.host.History
	if h == nil {
		return
	}
	for _, note := range h.Notes {
		p.line("  earlier runs: ", note)
	}
}

// lastKnown is for a page without an answer: what there was when there was one.
func (p *page) lastKnown() {
	p.pastNotes()
	if h := p.host.History; h != nil && h.LastRun != "" && h.LastSeen != nil {
		age := p.run.Meta.FinishedAt.Sub(*h.LastSeen)
		p.line("  ", fmt.Sprintf("twaudit show %s %s shows it as it was %s ago", p.host.Name, h.LastRun, text.Duration(max(age, time.Duration(0)))))
	}
}
