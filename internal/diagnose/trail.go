package diagnose

import (
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
	peak    *audit.Reading  // most buckets within --since
	earlier *leap           // newest rise in an earlier boot within --since
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
		case r.Namespace != t.id:
		case r.BootID != "" && r.BootID == in.facts.Host.BootID:
			tr.same = append(tr.same, r)
		case t.own:
			// Inode numbers of namespaces are used again after a boot, except
			// for the first one: only the login's own is followed across boots.
			older = append(older, r)
		}
	}
	// Limits and buckets need no counter: same keeps readings that counted drops.
	tr.counted, tr.fell = leadingUp(tr.same, t.total)
	tr.earlier = in.earlierLeap(older)
	for _, r := range append(older, tr.same...) {
		if r.Buckets != nil && !r.At.Before(in.now.Add(-in.limits.Since)) &&
			(tr.peak == nil || *r.Buckets > *tr.peak.Buckets) {
			tr.peak = &r
		}
	}
	return tr
}

// leadingUp walks back from today's total for as long as the counter only ever
// grew. Readings without a counter are passed over.
func leadingUp(same []audit.Reading, total *int64) (counted []audit.Reading, fell *audit.Reading) {
	if total == nil {
		return nil, nil
	}
	next := *total
	start := len(same)
	for i := len(same) - 1; i >= 0; i-- {
		n := nonNegative(same[i].OverflowTotal)
		if n == nil {
			continue
		}
		// Counters only grow: what came before a fall counted something else,
		// such as a namespace whose number was used again.
		if *n > next {
			fell = &same[i]
			break
		}
		next, start = *n, i
	}
	for _, r := range same[start:] {
		if nonNegative(r.OverflowTotal) != nil {
			counted = append(counted, r)
		}
	}
	return counted, fell
}

// earlierLeap looks for overflows in boots that are over. What a counter held
// when such a boot was first seen is undated and does not count.
func (in *input) earlierLeap(older []audit.Reading) *leap {
	var found *leap
	last := map[string]audit.Reading{}
	for _, r := range older {
		if nonNegative(r.OverflowTotal) == nil || r.BootID == "" {
			continue
		}
		before, seen := last[r.BootID]
		last[r.BootID] = r
		if seen && *r.OverflowTotal > *before.OverflowTotal && !r.At.Before(in.now.Add(-in.limits.Since)) {
			found = &leap{before, r, *r.OverflowTotal - *before.OverflowTotal}
		}
	}
	return found
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
