package diagnose

import (
	"slices"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// trail is what earlier runs saw of one table. Counters are comparable only
// within one boot and one namespace; without a boot id nothing is.
type trail struct {
	same    []audit.Reading // of this boot and namespace, oldest first
	counted []audit.Reading // the end of same whose counters lead up to today's without a fall
	fell    *audit.Reading  // the reading whose counter was higher than a later one: a reset after it
	fellTo  int64           // what that later one had
	peak    *audit.Reading  // most buckets within --since
	earlier *leap           // newest rise within --since that today's counter does not hold: of an earlier boot, or before a reset
}

// leap is a rise of the overflow counter between two readings.
type leap struct {
	from, to audit.Reading
	count    int64
}

// trailOf sorts the earlier readings by what they may be compared with.
func (in *input) trailOf(t *table) trail {
	var tr trail
	var older []audit.Reading
	for _, r := range in.past {
		switch {
		case in.leadsTo(&r, t):
			tr.same = append(tr.same, r)
		case t.follows(&r):
			older = append(older, r)
		}
	}
	// Limits and buckets need no counter: same keeps readings that counted drops.
	start := tr.leadingUp(t.total)
	tr.earlier = in.earlierLeap(append(slices.Clone(older), tr.same[:start]...))
	for _, r := range append(older, tr.same...) {
		if r.Buckets != nil && !r.At.Before(in.now.Add(-in.limits.Since)) &&
			(tr.peak == nil || *r.Buckets > *tr.peak.Buckets) {
			tr.peak = &r
		}
	}
	return tr
}

// leadsTo reports whether a look was at the very counter that t shows today. Without
// root nobody can tell the number of the own namespace; it is the own one all the same.
func (in *input) leadsTo(r *audit.Reading, t *table) bool {
	same := r.Namespace == t.id && (t.own || t.id != "")
	return in.lasts(r) && (same || t.own && r.Own && (r.Namespace == "" || t.id == ""))
}

// follows reports whether a look was at what t was in an earlier boot. Inode numbers
// of namespaces are used again after a boot, except for the first one: only the
// login's own is followed across boots.
func (t *table) follows(r *audit.Reading) bool {
	return t.own && (r.Own || r.Namespace == t.id)
}

// leadingUp walks back from today's total for as long as the counter only ever
// grew, and returns where in same that begins. Readings without a counter are passed
// over; without one today all of same is before it.
func (tr *trail) leadingUp(total *int64) (start int) {
	start = len(tr.same)
	if total == nil {
		return start
	}
	next := *total
	for i := len(tr.same) - 1; i >= 0; i-- {
		n := nonNegative(tr.same[i].OverflowTotal)
		if n == nil {
			continue
		}
		// Counters only grow: what came before a fall counted something else,
		// such as a namespace whose number was used again.
		if *n > next {
			tr.fell, tr.fellTo = &tr.same[i], next
			break
		}
		next, start = *n, i
	}
	for _, r := range tr.same[start:] {
		if nonNegative(r.OverflowTotal) != nil {
			tr.counted = append(tr.counted, r)
		}
	}
	return start
}

// earlierLeap looks for overflows that no counter of today tells of. list is of one
// namespace, or of one in each boot.
func (in *input) earlierLeap(list []audit.Reading) *leap {
	type life struct {
		boot  string
		lasts bool
	}
	var found *leap
	last := map[life]audit.Reading{}
	for _, r := range list {
		if nonNegative(r.OverflowTotal) == nil || r.BootID == "" {
			continue
		}
		key := life{r.BootID, in.lasts(&r)}
		before, seen := last[key]
		last[key] = r
		var l *leap
		if seen && *r.OverflowTotal >= *before.OverflowTotal {
			l = &leap{before, r, *r.OverflowTotal - *before.OverflowTotal}
		} else {
			l = in.sinceItBegan(&r, before.At)
		}
		if l != nil && l.count > 0 && !r.At.Before(in.now.Add(-in.limits.Since)) && (found == nil || r.At.After(found.to.At)) {
			found = l
		}
	}
	return found
}

// sinceItBegan is what a counter held when it was first seen: destroyed after the
// boot, after the last look at another boot, and after a look with a higher counter
// (the zero time: none). nil when none of these lies within --since: it may have been
// long before, and the look itself alarmed.
func (in *input) sinceItBegan(r *audit.Reading, after time.Time) *leap {
	for i := range in.past {
		if p := &in.past[i]; p.BootID != "" && p.BootID != r.BootID && p.At.Before(r.At) && p.At.After(after) {
			after = p.At
		}
	}
	if up, known := uptimeOf(r); known && r.At.Add(-up).After(after) {
		after = r.At.Add(-up)
	}
	if up, told := in.uptime(); told && in.lasts(r) && in.now.Add(-up).After(after) {
		after = earlier(in.now.Add(-up), r.At)
	}
	if after.IsZero() || after.Before(in.now.Add(-in.limits.Since)) {
		return nil
	}
	none := int64(0)
	return &leap{audit.Reading{At: after, BootID: r.BootID, Namespace: r.Namespace, OverflowTotal: &none}, *r, *r.OverflowTotal}
}

// goneTables are the namespaces whose overflow within --since some look saw, and that
// this one does not show: a container that was made anew, or one that only root sees.
// What happened on this host is not undone by that. The newest one stands for all.
func (in *input) goneTables() []*table {
	byID := map[string][]audit.Reading{}
	var ids []string
	for i := range in.past {
		r := in.past[i]
		if r.Namespace == "" || slices.ContainsFunc(in.tables, func(t *table) bool { return in.leadsTo(&r, t) || t.follows(&r) }) {
			continue
		}
		if byID[r.Namespace] == nil {
			ids = append(ids, r.Namespace)
		}
		byID[r.Namespace] = append(byID[r.Namespace], r)
	}
	var newest *table
	for _, id := range ids {
		l := in.earlierLeap(byID[id])
		if l == nil || newest != nil && !l.to.At.After(newest.trail.earlier.to.At) {
			continue
		}
		newest = &table{id: id, label: "namespace net:[" + id + "], which this look does not show", gone: true, trail: trail{earlier: l}}
	}
	if newest == nil {
		return nil
	}
	return []*table{newest}
}

// still is the oldest reading from which on the counter stood where it stands
// today; nil without one.
func (t *table) still() *audit.Reading {
	if t.total == nil {
		return nil
	}
	var still *audit.Reading
	for i := len(t.trail.counted) - 1; i >= 0; i-- {
		if r := &t.trail.counted[i]; *r.OverflowTotal == *t.total {
			still = r
			continue
		}
		break
	}
	return still
}

// quietForSince reports whether the counter is known not to have moved for all
// of --since.
func (in *input) quietForSince(t *table) bool {
	still := t.still()
	return still != nil && !still.At.After(in.now.Add(-in.limits.Since))
}

// leaps lists the rises of this boot, oldest first, up to today's total.
func (in *input) leaps(t *table) []leap {
	if t.total == nil {
		return nil
	}
	var list []leap
	today := audit.Reading{At: in.now, OverflowTotal: t.total}
	for i, r := range t.trail.counted {
		next := today
		if i+1 < len(t.trail.counted) {
			next = t.trail.counted[i+1]
		}
		if gained := *next.OverflowTotal - *r.OverflowTotal; gained > 0 {
			list = append(list, leap{r, next, gained})
		}
	}
	return list
}

// plural writes a count with its noun: 1 overflow, 2 overflows.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return text.Count(n) + " " + noun + "s"
}

// since reports whether at, by the host's clock, lies within --since.
func (in *input) since(at time.Time) bool { return in.clock.Sub(at) <= in.limits.Since }
