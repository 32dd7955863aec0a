package diagnose

import (
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Its conditions are strict because fixed never fails a scan: whoever is told
// fixed stops looking.
func fixedRule() Rule {
	return Rule{
		ID: "fixed", Severity: audit.SeverityInfo,
		Title: "the table overflowed until its limit was raised, and not since",
		Meaning: "Proven only when all of this holds: the limit was raised in this boot; the last overflow is dated and not younger than the raise (plus 2 minutes); " +
			"the evidence goes on without a hole and was alive through all of the quiet time; the running limit is the configured one, with room left; and it has been quiet for twice the longest earlier pause, at least a day.",
		Needs:   []string{"the file that sets " + tcpTWBucketsKey + " and its change time, or an earlier run with a lower limit", "a kernel log, or an earlier run after the raise"},
		Advice:  []string{"Keep the setting; nothing else is needed"},
		Sources: []string{"sysctl.conf(5)", "sysctl.d(5)"},
		check: func(in *input) []audit.Finding {
			return in.each(func(t *table) *audit.Finding { return t.fixed })
		},
	}
}

// lastOne is the end of the overflows, as far as it is dated.
type lastOne struct {
	at       time.Time     // by the host's clock; seen by history, no later than this
	words    string        // at, as far as it is known
	quiet    time.Time     // what was quiet counts from here
	until    time.Time     // how far the evidence has watched since: a counter until now, a log to its end
	gap      time.Duration // the longest pause between earlier overflows
	evidence []audit.Evidence
}

// fixed needs every condition; a missing one leaves the host overflowed, with
// raised-unproven where a raise is known. Another namespace is never fixed:
// no file of the host sets its limit, so nothing keeps the raise.
func (in *input) fixed(t *table, h *happening) *audit.Finding {
	r := t.raise
	if !t.own || r == nil || t.overflowing != nil || t.near != nil || !in.settled(t, r) {
		return nil
	}
	last := in.endOfOverflows(t, r, h)
	if last == nil {
		return nil
	}
	quiet := last.until.Sub(last.quiet)
	// The time since a burst says nothing before it is well beyond the pauses
	// that there were between bursts anyway.
	if quiet < day || quiet/2 < last.gap {
		return nil
	}
	since := "since"
	if last.quiet.After(last.at) {
		since += " the raise"
	}
	return &audit.Finding{
		Title: t.say("raised %s; last overflow %s, quiet for %s %s%s",
			r.words(), last.words, text.Duration(quiet), since, t.fill(", with ")),
		Evidence: append(append(last.evidence, r.evidence...), t.fillEvidence(in)...),
	}
}

// settled is what must hold of today's state: the raise is not in the future,
// what runs is what the files set, there is room, and nothing was lost between
// the two readings.
func (in *input) settled(t *table, r *raise) bool {
	ratio := t.ratio()
	return !r.at.After(in.clock) &&
		in.conf != nil && t.limit != nil && in.conf.value == *t.limit && r.to == *t.limit &&
		ratio != nil && *ratio < in.limits.Near &&
		(t.delta == nil || *t.delta == 0) && in.fell(t) == 0
}

// endOfOverflows dates the last overflow; nil when it cannot be dated, or is
// younger than the raise, or the source fell silent for another reason.
func (in *input) endOfOverflows(t *table, r *raise, h *happening) *lastOne {
	// A counter above zero has the last word on this boot: log lines may be older
	// than it, and on its kernel there are none for what it counted.
	if t.total != nil && *t.total > 0 {
		if h == nil {
			return nil // unmoved for all of --since: as if it had not been
		}
		return in.endCounted(t, r)
	}
	return in.endLogged(t, r)
}

// endLogged goes by the log. Records of OpenVZ containers are about a limit of
// their own, which no raise of the host's cures.
func (in *input) endLogged(t *table, r *raise) *lastOne {
	last := in.lastLogged(t)
	if last == nil || in.undated() > 0 || last.After(r.at.Add(grace)) || len(in.facts.Log.Containers) > 0 || t.trail.earlier != nil {
		return nil
	}
	// A counter at zero watches by itself; a log must have gone on speaking, and what
	// is quiet behind its end nobody knows.
	until := in.clock
	if t.total == nil {
		until = in.heard(r.at)
		if !in.kernel.mayLog() || in.muted() || until.IsZero() {
			return nil
		}
	}
	return &lastOne{*last, stamp(*last), *last, until, longestPause(in.facts.Log), in.loggedEvidence()}
}

// endCounted goes by history: the counter stood still since a run that came
// after the raise, or since one before it. Only what was quiet under the new limit
// says anything of it: a counter may well stand still for a day under the old one.
func (in *input) endCounted(t *table, r *raise) *lastOne {
	still := t.still()
	if still == nil {
		return nil
	}
	// Either it had already stopped when the limit was raised, or a run that saw
	// the new limit also saw the last of the counter. In between the overflows
	// may have gone on past the raise, which nobody can see: hence the lull.
	at := in.hostTime(still.At)
	proven := !at.After(r.at.Add(grace))
	for _, run := range t.trail.counted {
		after := !run.At.Before(still.At) && !in.hostTime(run.At).Before(r.at)
		proven = proven || after && run.Limit != nil && *run.Limit == *t.limit
	}
	if !proven || in.overflowAfter(t, r) {
		return nil
	}
	quiet := at
	if r.at.After(at) {
		quiet = r.at
	}
	return &lastOne{at, "before " + stamp(at), quiet, in.clock, in.longestLull(t), []audit.Evidence{
		{Text: "TCPTimeWaitOverflow was already " + text.Count(*t.total), Source: "history", At: &at},
		{Text: "TCPTimeWaitOverflow is " + text.Count(*t.total), Source: t.netstat(), At: in.facts.Host.Clock},
	}}
}

// longestPause is the longest time between two hours with overflows. Without a
// histogram it could be all the time between the first and the last record.
func longestPause(log *audit.Log) time.Duration {
	if len(log.Histogram) == 0 {
		if log.First == nil || log.Last == nil {
			return 0
		}
		return max(log.Last.Sub(*log.First), 0)
	}
	var longest time.Duration
	for i := 1; i < len(log.Histogram); i++ {
		longest = max(longest, log.Histogram[i].Hour.Sub(log.Histogram[i-1].Hour))
	}
	return longest
}

// longestLull is the same by history: between two runs that each saw a rise, or for
// as long as a counter above zero stood still before it rose again.
func (in *input) longestLull(t *table) time.Duration {
	var longest time.Duration
	leaps := in.leaps(t)
	for i := range leaps {
		if i > 0 {
			longest = max(longest, leaps[i].to.At.Sub(leaps[i-1].to.At))
		} else if first := t.trail.counted[0]; *first.OverflowTotal > 0 {
			longest = max(longest, leaps[i].from.At.Sub(first.At))
		}
	}
	return longest
}
