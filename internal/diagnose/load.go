package diagnose

import (
	"math"
	"time"

	"twaudit/internal/audit"
)

// load is what a table had to hold, now or at the worst that earlier runs saw of
// it within --since.
type load struct {
	fill    *float64 // entries; nil when not known
	lost    float64  // sockets/s destroyed beside them, 0 for none
	seconds float64  // the span that lost is of
	atLeast bool     // the table was full then, and nobody saw what it refused, or only over a long span
}

// loadOf takes the fullest look, and of the rises the one with the highest rate.
// It may be asked only when the verdict findings of t are there.
func (in *input) loadOf(t *table) load {
	var l load
	raiseTo := func(n int64) {
		if fill := float64(n); n >= 0 && (l.fill == nil || fill > *l.fill) {
			l.fill = &fill
		}
	}
	if used := t.used(); used != nil {
		raiseTo(*used)
	}
	if p := t.trail.peak; p != nil {
		raiseTo(*p.Buckets)
	}
	sampled := t.delta != nil && *t.delta > 0
	if sampled && t.seconds != nil {
		l.lost, l.seconds = float64(*t.delta) / *t.seconds, *t.seconds
	}
	// A cure that is proven has withstood the load of then.
	if t.fixed != nil {
		return l
	}
	for _, rise := range in.countingLeaps(t) {
		span := max(rise.to.At.Sub(rise.from.At), time.Second).Seconds()
		if rate := float64(rise.count) / span; rate > l.lost {
			l.lost, l.seconds, l.atLeast = rate, span, true
		}
		if full := fullAt(&rise); full != nil {
			raiseTo(*full)
		}
	}
	// It was full when it overflowed, whatever it holds now.
	if (t.overflowing != nil || t.overflowed != nil) && l.lost == 0 && t.kind == limitNumber {
		l.atLeast = true
		if t.raise != nil {
			raiseTo(t.raise.from)
		} else {
			raiseTo(*t.limit)
		}
	}
	l.atLeast = l.atLeast || !sampled && t.fullOnce()
	return l
}

// countingLeaps are the rises within --since.
func (in *input) countingLeaps(t *table) []leap {
	var list []leap
	leaps := in.leaps(t)
	if t.trail.earlier != nil {
		leaps = append(leaps, *t.trail.earlier)
	}
	for _, l := range leaps {
		if !l.to.At.Before(in.now.Add(-in.limits.Since)) {
			list = append(list, l)
		}
	}
	return list
}

// fullAt is the limit that a rise met: the lower one where two looks saw two. nil
// when none of them saw one.
func fullAt(l *leap) *int64 {
	var least *int64
	for _, r := range []*audit.Reading{&l.from, &l.to} {
		if r.Limit != nil && *r.Limit > 0 && (least == nil || *r.Limit < *least) {
			least = r.Limit
		}
	}
	return least
}

// fullOnce reports whether the table was full at a reading: what it would have
// held beyond that, no fill can show.
func (t *table) fullOnce() bool {
	if t.kind != limitNumber {
		return false
	}
	return t.first != nil && *t.first >= *t.limit || t.buckets != nil && *t.buckets >= *t.limit
}

// needed is the limit for a load, and half again. A refused close counts for as
// long as its entry would have stayed. nil when the fill is not known.
func (l *load) needed(life float64) *int64 {
	if l.fill == nil {
		return nil
	}
	needed := math.Ceil((*l.fill + life*l.lost) * spare)
	if !(needed >= 0 && needed < math.MaxInt64/(4*bytesPerEntry)) {
		return nil
	}
	n := int64(needed)
	return &n
}
