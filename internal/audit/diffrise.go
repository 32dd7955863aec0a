package audit

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// rise is what was destroyed on a host from one look to a later one, as far as the
// two tell; the zero value also where they do not.
type rise struct {
	own, others int64      // in the login's network namespace, and in further ones
	from, to    int64      // the counter of the login's one
	began       start      // where that is not a difference: why it counts from 0
	log         *time.Time // the newest record, where only the log tells
}

// start is why a counter began again between two looks; empty: it did not.
type start string

const (
	startBoot    start = "boot"    // another boot, or another machine
	startReset   start = "reset"   // it fell
	startUnknown start = "unknown" // the login is in a namespace that was not there, or had no overflow
)

func (r rise) any() bool { return r.own > 0 || r.others > 0 || r.log != nil }

// rise compares by the counters, and by the log where those do not tell all. What is
// not known of a boot or a namespace counts as the same: most often a right to read
// it came or went.
func (s *Sketch) rise(now *Sketch) rise {
	var r rise
	if now.OverflowTotal != nil {
		r.addOwn(s, now)
	}
	if s.Others != nil || s.elsewhere(now) {
		for id, n := range now.Others {
			gain, _ := gained(s.base(now, id, n), n)
			r.others += gain
		}
	}
	if !r.any() && !s.counted(now) && s.LogRead && recordedLater(s.LogLast, now.LogLast) {
		r.log = now.LogLast
	}
	return r
}

// addOwn takes the counter of the login's namespace.
func (r *rise) addOwn(s, now *Sketch) {
	r.to = *now.OverflowTotal
	switch {
	case s.elsewhere(now):
		r.began = startBoot
	case apart(s.Namespace, now.Namespace):
		if s.Others == nil {
			return
		}
		if r.from = s.base(now, now.Namespace, r.to); r.from == 0 {
			r.began = startUnknown
		}
	case s.OverflowTotal == nil:
		return
	default:
		r.from = *s.OverflowTotal
	}
	fell := false
	if r.own, fell = gained(r.from, r.to); fell {
		r.began = startReset
	}
}

// base is what a namespace that now counts to had counted at s: 0 when it had no
// overflow, or was not there.
func (s *Sketch) base(now *Sketch, id string, to int64) int64 {
	n, known := s.Others[id]
	switch {
	case s.elsewhere(now):
		return 0
	case known:
		return n
	case id != "" && id == s.Namespace && s.OverflowTotal != nil:
		return *s.OverflowTotal
	case len(s.Others) < mostOthers:
		return 0
	}
	// What the sketch has no room for had no more than what it has.
	return min(to, slices.Min(slices.Collect(maps.Values(s.Others))))
}

// gained is how much a counter rose. One that fell began again: all that it counts
// is new.
func gained(from, to int64) (gain int64, fell bool) {
	if to < from {
		return to, true
	}
	return to - from, false
}

// elsewhere reports whether all counters began again: a reboot, or another machine.
func (s *Sketch) elsewhere(now *Sketch) bool {
	return apart(s.BootID, now.BootID) || apart(s.MachineID, now.MachineID)
}

// apart reports whether two ids are known to differ.
func apart(a, b string) bool { return a != "" && b != "" && a != b }

// counted reports whether the counters tell all that happened between two looks of
// one boot. What was before a boot only a log has.
func (s *Sketch) counted(now *Sketch) bool {
	return !s.elsewhere(now) && s.subtracts(now) && s.Coverage != CoveragePartial && now.Coverage != CoveragePartial
}

func (s *Sketch) subtracts(now *Sketch) bool {
	return now.OverflowTotal != nil && now.Others != nil && (s.elsewhere(now) || s.OverflowTotal != nil && s.Others != nil)
}

// tells reports whether rise would be above zero if anything was destroyed: by the
// counters, or on a kernel that has none by the log.
func (s *Sketch) tells(now *Sketch) bool {
	return s.subtracts(now) || s.OverflowTotal == nil && now.OverflowTotal == nil && s.LogRead && now.LogRead
}

// recordedLater reports whether the newest record is another one than before. Most
// logs have no zone: after a change of the clocks an old record is an hour away, so
// it has to be later as it was written, too. And two sources of one record differ by
// seconds.
func recordedLater(before, now *time.Time) bool {
	const blur = time.Minute
	switch {
	case now == nil:
		return false
	case before == nil:
		return true
	}
	return now.Sub(*before) > blur && wall(*now).Sub(wall(*before)) > blur
}

// wall is a time as the clock on the host's wall shows it.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// destroyed says what was destroyed, one change for each place that tells.
func (h *HostDiff) destroyed(before *Sketch, r rise) {
	from, to := number(&r.from), number(&r.to)
	switch {
	case r.own == 0:
	case r.began == startBoot:
		h.say(ChangeOverflow, sockets(r.own)+" destroyed since it was rebooted", "", to)
	case r.began == startReset:
		h.say(ChangeOverflow, fmt.Sprintf("%s destroyed since the counter began again: it was %s, is %s", sockets(r.own), from, to), from, to)
	case r.began == startUnknown:
		h.say(ChangeOverflow, sockets(r.own)+" destroyed in the network namespace that the login is in now", "", to)
	default:
		h.say(ChangeOverflow, fmt.Sprintf("%s destroyed between the two looks: the counter was %s, is %s", sockets(r.own), from, to), from, to)
	}
	if r.others > 0 {
		h.say(ChangeOverflow, sockets(r.others)+" destroyed in further network namespaces", "", "")
	}
	if r.log == nil {
		return
	}
	last, was := stamp(r.log), ""
	words := "the log has an overflow at " + last
	if before.LogLast != nil {
		was = stamp(before.LogLast)
		words += ", the last one was at " + was
	}
	h.say(ChangeOverflow, words, was, last)
}
