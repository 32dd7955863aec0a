package diagnose

import (
	"fmt"
	"slices"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Absent says what earlier runs know of a host that did not answer this time;
// nil when they know nothing, or are dated after now: a clock is wrong then.
func Absent(past *audit.Past, now time.Time) *audit.History {
	if past == nil || past.FirstSeen == nil && past.Missed == 0 || past.LastSeen != nil && past.LastSeen.After(now) {
		return nil
	}
	h := &audit.History{
		FirstSeen: past.FirstSeen, LastSeen: past.LastSeen, LastVerdict: past.LastVerdict, LastRun: past.LastRun,
		Missed: past.Missed, MissedSince: past.MissedSince,
	}
	switch {
	case past.LastSeen == nil:
		h.Notes = []string{"it never answered: " + plural(int64(past.Missed), "earlier run") + " without an answer"}
	case past.Missed > 0:
		h.Notes = []string{fmt.Sprintf("last answered at %s (%s), and not in %s since", stamp(*past.LastSeen), past.LastVerdict, plural(int64(past.Missed), "run"))}
	default:
		h.Notes = []string{fmt.Sprintf("last answered at %s (%s), in the run before", stamp(*past.LastSeen), past.LastVerdict)}
	}
	return h
}

// history says what the earlier runs contributed to the findings; nil without
// any earlier run. Those that are dated after now count for nothing.
func (in *input) history(past *audit.Past, findings []audit.Finding) *audit.History {
	if past == nil || len(in.past) == 0 && (past.Missed == 0 || in.seen(past.MissedSince) == nil) {
		return nil
	}
	h := &audit.History{
		LastVerdict: past.LastVerdict, LastRun: past.LastRun, Missed: past.Missed,
		FirstSeen: in.seen(past.FirstSeen), LastSeen: in.seen(past.LastSeen), MissedSince: in.seen(past.MissedSince),
		Since: in.sinceLast(), Peak: in.peak(), Limits: in.limitChanges(), Rules: resting(findings),
	}
	if n := len(in.past); n > 0 {
		h.FirstSeen = earliest(h.FirstSeen, in.seen(&in.past[0].At))
		if h.LastSeen == nil {
			h.LastSeen = in.seen(&in.past[n-1].At)
		}
	}
	if len(in.past) > 0 {
		h.LastRise, h.NamespaceRises = in.lastRise(in.own), in.namespaceRises()
	}
	if still := in.own.still(); still != nil {
		h.UnmovedSince = in.seen(&still.At)
	}
	if alone := in.alone(); alone != in.verdict {
		h.VerdictAlone = alone
	}
	var days, of int
	h.BusiestHour, days, of = in.busiestHour()
	h.Notes = in.notes(h)
	if h.BusiestHour != nil {
		h.Notes = append(h.Notes, fmt.Sprintf("busiest around %d:00: the fullest look of %d of %d days", *h.BusiestHour, days, of))
	}
	return h
}

// seen is a time by our clock as the host's clock would have had it; nil for one
// that is not known or not yet come.
func (in *input) seen(t *time.Time) *time.Time {
	if t == nil || t.After(in.now) {
		return nil
	}
	at := in.hostTime(*t)
	return &at
}

func earliest(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}

// alone is the verdict without any history.
func (in *input) alone() audit.Verdict {
	if len(in.past) == 0 {
		return in.verdict
	}
	other := newInput(in.facts, in.gaps, nil, in.limits, in.now)
	other.judge()
	return other.verdict
}

// resting lists the rules with evidence from earlier runs.
func resting(findings []audit.Finding) []string {
	var rules []string
	for i := range findings {
		f := &findings[i]
		if slices.ContainsFunc(f.Evidence, func(e audit.Evidence) bool { return e.Source == "history" }) {
			rules = append(rules, f.Rule)
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// sinceLast compares with the last look whose counter leads up to today's.
func (in *input) sinceLast() *audit.Since {
	counted := in.own.trail.counted
	if len(counted) == 0 {
		return nil
	}
	last := counted[len(counted)-1]
	return &audit.Since{
		At: in.hostTime(last.At), Seconds: in.now.Sub(last.At).Round(time.Second).Seconds(),
		OverflowDelta: *in.own.total - *last.OverflowTotal,
	}
}

// peak is the fullest look within --since.
func (in *input) peak() *audit.Peak {
	r := in.own.trail.peak
	if r == nil || *r.Buckets < 0 {
		return nil
	}
	p := &audit.Peak{At: in.hostTime(r.At), Buckets: *r.Buckets, Limit: r.Limit}
	if in.kernel.limitMeans(r.Limit) == limitNumber {
		ratio := float64(*r.Buckets) / float64(*r.Limit)
		p.Ratio = &ratio
	}
	return p
}

// maxLimits bounds the changes that are listed, newest last.
const maxLimits = 8

// limitChanges are those of this boot, up to now.
func (in *input) limitChanges() []audit.LimitChange {
	var list []audit.LimitChange
	looks := append(slices.Clone(in.own.trail.same), audit.Reading{At: in.now, Limit: in.own.limit})
	var last *audit.Reading
	for i := range looks {
		r := &looks[i]
		if r.Limit == nil {
			continue
		}
		if last != nil && *last.Limit != *r.Limit {
			between, and := in.bounds(&leap{from: *last, to: *r})
			list = append(list, audit.LimitChange{From: *last.Limit, To: *r.Limit, Between: between, And: and})
		}
		last = r
	}
	return list[max(0, len(list)-maxLimits):]
}

// busiestHour is the hour of the host's day in which most days had their
// fullest look. It needs three days with several looks each, and an hour that
// came out twice: else it would only be the hour of a cron job.
func (in *input) busiestHour() (hour *int, days, of int) {
	var peaks [24]int
	for _, r := range in.past {
		if r.DayLooks > 1 && r.Namespace == in.own.id {
			peaks[in.hostTime(r.At).Hour()]++
			of++
		}
	}
	for h, n := range peaks {
		if n > days && n > 1 && of > 2 {
			hour, days = &h, n
		}
	}
	return hour, days, of
}

// notes are for the reader of a report: what history changed about a verdict, or
// could not help with.
func (in *input) notes(h *audit.History) []string {
	var notes []string
	for _, t := range in.tables {
		notes = append(notes, in.pastNotes(t)...)
	}
	if s := h.Since; s != nil && s.OverflowDelta > 0 {
		notes = append(notes, fmt.Sprintf("%s destroyed since the look at %s, %s ago", plural(s.OverflowDelta, "socket"), stamp(s.At),
			text.Duration(time.Duration(s.Seconds)*time.Second)))
	}
	for _, c := range h.Limits {
		verb := "raised"
		if c.To < c.From {
			verb = "lowered"
		}
		notes = append(notes, fmt.Sprintf("limit %s from %s to %s %s", verb, text.Count(c.From), text.Count(c.To), between(c.Between, c.And)))
	}
	if h.VerdictAlone != "" {
		notes = append(notes, fmt.Sprintf("without earlier runs the verdict would be %s", h.VerdictAlone))
	}
	if h.Missed > 0 && h.MissedSince != nil {
		notes = append(notes, fmt.Sprintf("answers again, after %s without an answer since %s", plural(int64(h.Missed), "run"), stamp(*h.MissedSince)))
	}
	return notes
}

// pastNotes is what history says about one table.
func (in *input) pastNotes(t *table) []string {
	var notes []string
	if fell := t.trail.fell; fell != nil {
		notes = append(notes, t.say("the overflow counter fell from %s at %s to %s: it was reset, and only counts from then on",
			text.Count(*fell.OverflowTotal), stamp(in.hostTime(fell.At)), text.Count(t.trail.fellTo)))
	}
	if still := t.still(); still != nil && *t.total > 0 {
		notes = append(notes, t.say("%s before %s, none since", plural(*t.total, "overflow"), stamp(in.hostTime(still.At))))
	}
	if len(t.trail.same) == 0 && t.own && in.facts.Host.BootID != "" && len(in.past) > 0 {
		if last := in.past[len(in.past)-1]; last.BootID != "" && last.BootID != in.facts.Host.BootID {
			notes = append(notes, "the host was booted after "+stamp(in.hostTime(last.At))+": its counters began again")
		}
	}
	return notes
}
