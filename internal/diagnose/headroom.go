package diagnose

import (
	"math"

	"twaudit/internal/audit"
)

// bytesPerEntry is the slab slot of one TIME_WAIT socket.
const bytesPerEntry = 256

// spare is the room to leave above what was measured.
const spare = 1.5

// headroom computes what the readings allow, and what earlier runs add to them,
// for the login's own table; nil when they allow nothing.
func (in *input) headroom() *audit.Headroom {
	t, life := in.own, in.lifetime()
	l := in.loadOf(t)
	h := &audit.Headroom{CloseRate: in.closeRate(), NeededLimit: l.needed(life)}
	if t.kind == limitNumber {
		h.Capacity = rate(float64(*t.limit) / life)
	}
	if used := t.used(); used != nil {
		h.MeanRate = rate(float64(*used) / life)
	}
	if l.lost > 0 {
		h.OverflowRate, h.OverflowSeconds = rate(l.lost), rate(l.seconds)
	}
	if n := h.NeededLimit; n != nil {
		bytes := *n * bytesPerEntry
		h.NeededMemoryBytes = &bytes
	}
	if n := in.goal(t); n > 0 && in.advised(t) {
		h.AdvisedLimit = &n
	}
	h.LoadFactor = loadFactor(h, l.rate(life))
	if *h == (audit.Headroom{}) {
		return nil
	}
	h.LowerBound = l.atLeast
	return h
}

// closeRate is entries into TIME_WAIT, or refused it, per second between the
// two readings. TW counts entries since 5.18 (commit 27dd35e02235) and expiries
// before it, where what the table gained has to be added. Without an overflow
// counter the refused ones cannot be seen once the table is full.
func (in *input) closeRate() *float64 {
	c, t := in.facts.Counters, in.own
	if c == nil || !in.kernel.known {
		return nil
	}
	dt, tw := positive(c.Seconds), in.rise("TW")
	if dt == nil {
		dt = t.seconds
	}
	if dt == nil || tw == nil {
		return nil
	}
	// An entry is counted in one of the two: TWKilled is for those that are kept
	// for a short time only. A kernel that does not show it is taken to have none.
	closes := float64(*tw)
	if killed := in.rise("TWKilled"); killed != nil {
		closes += float64(*killed)
	}
	lost := in.lost()
	if lost == nil && (t.ratio() == nil || *t.ratio() >= 1) {
		return nil
	}
	if lost != nil {
		closes += float64(*lost)
	}
	if !in.kernel.atLeast(5, 18, 0) {
		if t.first == nil || t.buckets == nil {
			return nil
		}
		closes += float64(*t.buckets) - float64(*t.first)
	}
	return rate(closes / *dt)
}

// lost is the overflows between the two readings; nil when not known.
func (in *input) lost() *int64 {
	if d := nonNegative(in.own.delta); d != nil {
		return d
	}
	if in.own.delta != nil {
		return nil
	}
	return in.rise("TCPTimeWaitOverflow")
}

// rate is the closes per second of a load that earlier runs saw to be too much; 0
// without one. Those between the two readings are in their close rate.
func (l *load) rate(life float64) float64 {
	if !l.atLeast || l.lost == 0 || l.fill == nil {
		return 0
	}
	return *l.fill/life + l.lost
}

// loadFactor compares with the highest of the rates: the readings are a second
// apart and may miss the load of the minute, and the other way round.
func loadFactor(h *audit.Headroom, highest float64) *float64 {
	for _, r := range []*float64{h.CloseRate, h.MeanRate} {
		if r != nil {
			highest = max(highest, *r)
		}
	}
	if h.Capacity == nil || highest <= 0 {
		return nil
	}
	return rate(*h.Capacity / highest)
}

// rate keeps nonsense out of the report: NaN, infinite and negative are absent.
func rate(r float64) *float64 {
	if math.IsNaN(r) || math.IsInf(r, 0) || r < 0 {
		return nil
	}
	return &r
}
