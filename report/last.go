package report

import (
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// overflowTime is when sockets were last destroyed, as far as that is known.
type overflowTime struct {
	now       bool
	at        time.Time // no later than this; zero for what goes on now
	from      time.Time // no earlier than this; zero where at is exact
	sinceBoot bool      // at some time after at
}

// lastOverflow is nil when there was none, or when nothing says when. A log knows
// the second; of two readings of a counter only the bounds are known.
func lastOverflow(h subject) *overflowTime {
	facts, _, log := parts(h.HostResult)
	rise := riseOf(h)
	logged := h.namespace == "" && log.Last != nil
	switch {
	case h.OverflowDelta != nil && *h.OverflowDelta > 0:
		return &overflowTime{now: true}
	case rise != nil && (!logged || rise.To.After(*log.Last)):
		when := &overflowTime{at: rise.To}
		if rise.From != nil && rise.From.Before(rise.To) {
			when.from = *rise.From
		}
		return when
	case logged:
		return &overflowTime{at: *log.Last}
	case h.OverflowTotal != nil && *h.OverflowTotal > 0 && facts.Host.BootedAt != nil:
		return &overflowTime{at: *facts.Host.BootedAt, sinceBoot: true}
	}
	return nil
}

// riseOf is what earlier runs know of the last rise of the counter; nil without.
func riseOf(h subject) *audit.Rise {
	switch {
	case h.History == nil:
		return nil
	case h.namespace == "":
		return h.History.LastRise
	}
	if rise, known := h.History.NamespaceRises[h.space]; known {
		return &rise
	}
	return nil
}

// lastBound is the latest time at which sockets are known to have been destroyed,
// as rows of one value each have it; nil when nothing but the boot says when.
func lastBound(h subject) *time.Time {
	when := lastOverflow(h)
	switch {
	case when == nil || when.sinceBoot:
		return nil
	case when.now:
		facts, _, _ := parts(h.HostResult)
		return facts.Host.Clock
	}
	return &when.at
}

// ownSubject is a host with the table of the login, whatever its verdict is from.
func ownSubject(h *audit.HostResult) subject {
	s := subject{HostResult: h}
	if h.Facts != nil {
		s.TimeWait = h.Facts.TimeWait
	}
	return s
}

// lastStyle says when in the words of a format.
type lastStyle struct {
	none  string
	since func(time.Time) string          // at an unknown time from then on
	on    func(time.Time) string          // at a time
	span  func(from, to time.Time) string // between two times
	now   time.Time                       // when the run finished
}

// lastWords are none where nothing overflowed as far as is known, "?" where it did
// and even the boot has no date.
func lastWords(h subject, style lastStyle) string {
	when := lastOverflow(h)
	switch {
	case when == nil && h.OverflowTotal != nil && *h.OverflowTotal > 0:
		return "?"
	case when == nil:
		return style.none
	case when.now:
		return "now"
	case when.sinceBoot:
		return style.since(when.at)
	case when.from.IsZero() || text.Duration(style.now.Sub(when.from)) == text.Duration(style.now.Sub(when.at)):
		return style.on(when.at)
	case style.now.Sub(when.at) < time.Minute:
		return style.since(when.from) // up to this run, as far as is known
	}
	return style.span(when.from, when.at)
}

// last is how long ago the last overflow was, or "<" and how long at most.
func (s *screen) last(h subject) string {
	ago := func(at time.Time) string {
		if s.Width < roomy && !s.Wide {
			return strings.TrimSuffix(s.ago(at), " ago")
		}
		return s.ago(at)
	}
	return lastWords(h, lastStyle{none: "-", now: s.now, on: ago,
		since: func(at time.Time) string { return "<" + text.Duration(max(s.now.Sub(at), 0)) },
		span:  func(from, to time.Time) string { return text.Duration(max(s.now.Sub(to), 0)) + "-" + ago(from) },
	})
}

// destroyingNow reports whether a host that is overflowing was seen destroying
// sockets by this run itself: the others did within --recent, as far as is known.
func destroyingNow(h *audit.HostResult) bool {
	s := subjectOf(h)
	facts, _, log := parts(h)
	switch {
	case s.OverflowDelta != nil && *s.OverflowDelta > 0:
		return true
	case s.OverflowTotal != nil:
		return false
	case s.namespace == "" && log.Last != nil && facts.Host.Clock != nil:
		return facts.Host.Clock.Sub(*log.Last) < time.Minute
	}
	return true // a table that was full at both readings, and nothing counts
}
