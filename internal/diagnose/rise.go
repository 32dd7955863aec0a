package diagnose

import (
	"time"

	"twaudit/internal/audit"
)

// lastRise bounds the newest time at which sockets of a table were destroyed, by
// its counter and what earlier runs saw of it; nil when it never rose, or nothing
// but the boot says when.
func (in *input) lastRise(t *table) *audit.Rise {
	now := in.clock
	if t.delta != nil && *t.delta > 0 {
		r := &audit.Rise{To: now, Sockets: *t.delta}
		if t.seconds != nil && *t.seconds < 1e6 {
			from := now.Add(-time.Duration(*t.seconds * float64(time.Second)))
			r.From = &from
		}
		return r
	}
	if l := in.lastLeap(t); l != nil {
		return in.riseOf(l, t.unmovedLooks())
	}
	// What the first look already found lies before it, and after the boot.
	if still := t.still(); still != nil && *t.total > 0 {
		r := &audit.Rise{To: in.hostTime(still.At), Sockets: *t.total, UnmovedLooks: t.unmovedLooks()}
		if boot := in.bootedAt(); boot != nil && boot.Before(r.To) {
			r.From = boot
		}
		return r
	}
	if l := t.trail.earlier; l != nil && (t.total == nil || *t.total == 0) {
		return in.riseOf(l, 0)
	}
	return nil
}

func (in *input) riseOf(l *leap, unmoved int) *audit.Rise {
	from, to := in.bounds(l)
	return &audit.Rise{From: &from, To: to, Sockets: l.count, UnmovedLooks: unmoved}
}

// bounds are those of a leap by the host's clock. A look is dated by when it began,
// today's too: the next run will say the same of it.
func (in *input) bounds(l *leap) (from, to time.Time) {
	from, to = in.hostTime(l.from.At), in.hostTime(l.to.At)
	if l.to.At.Equal(in.now) && in.clock.After(from) {
		to = in.clock
	}
	return from, to
}

// lastLeap is the newest rise that history bounds; nil without one.
func (in *input) lastLeap(t *table) *leap {
	leaps := in.leaps(t)
	if len(leaps) == 0 {
		return nil
	}
	return &leaps[len(leaps)-1]
}

// unmovedLooks counts the looks that found the counter where the look before them
// did, back to its last rise, today's included. It goes by their order: two looks may
// be of one second.
func (t *table) unmovedLooks() int {
	n := 0
	for i := len(t.trail.counted) - 1; i >= 0 && *t.trail.counted[i].OverflowTotal == *t.total; i-- {
		n++
	}
	return n
}

// namespaceRises are those of the tables beside the login's own; nil without any.
func (in *input) namespaceRises() map[string]audit.Rise {
	var rises map[string]audit.Rise
	for _, t := range in.tables[1:] {
		r := in.lastRise(t)
		if r == nil || t.id == "" || len(t.trail.counted) == 0 {
			continue
		}
		if rises == nil {
			rises = map[string]audit.Rise{}
		}
		rises[t.id] = *r
	}
	return rises
}

// between writes the bounds of an interval: to the second where it is short, and
// the day once.
func between(from, to time.Time) string {
	const short = 10 * time.Minute
	if to.Sub(from) >= short {
		return "between " + stamp(from) + " and " + stamp(to)
	}
	end := to.Format(time.TimeOnly)
	if from.Format(time.DateOnly) != to.Format(time.DateOnly) {
		end = to.Format(time.DateTime)
	}
	return "between " + from.Format(time.DateTime) + " and " + end
}
