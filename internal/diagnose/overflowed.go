package diagnose

import (
	"math"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// It fires beside overflowing too: now and before are two statements.
func overflowedRule() Rule {
	return Rule{
		ID: "overflowed", Severity: audit.SeverityWarning,
		Title: "sockets were destroyed because the TIME_WAIT bucket table was full, and no cure is proven",
		Meaning: "The counter only grows, so after a single look nobody can say when a modern kernel overflowed: it happened since boot. " +
			"Later runs date it. An old kernel's log gives the time at once.",
		Needs: []string{"TCPTimeWaitOverflow in /proc/net/netstat, or on kernels before 2.6.38 the kernel log"},
		Advice: []string{
			"Raise net.ipv4.tcp_max_tw_buckets; an entry costs 256 B",
			"Scan again: a later run tells whether the counter still moves",
		},
		Sources: []string{"Linux net/ipv4/tcp_minisocks.c, tcp_time_wait()", "Linux commit 67631510a318"},
		check: func(in *input) []audit.Finding {
			return in.each(func(t *table) *audit.Finding { return t.overflowed })
		},
	}
}

// happening is an overflow that counts: within --since, or at an unknown time
// since boot.
type happening struct {
	title    string
	evidence []audit.Evidence
}

// happened collects every proof of an overflow; the first one gives the title.
func (in *input) happened(t *table) *happening {
	var h happening
	for _, proof := range []func(*table) *happening{in.countedOverflow, in.resetOverflow, in.earlierOverflow, in.loggedOverflow} {
		if p := proof(t); p != nil {
			if h.title == "" {
				h.title = p.title
			}
			h.evidence = append(h.evidence, p.evidence...)
		}
	}
	if h.title == "" {
		return nil
	}
	return &h
}

// countedOverflow says when as exactly as history allows: between two runs,
// before a run, or at an unknown time since boot.
func (in *input) countedOverflow(t *table) *happening {
	if t.total == nil || *t.total == 0 || in.quietForSince(t) {
		return nil
	}
	evidence := []audit.Evidence{{Text: "TCPTimeWaitOverflow is " + text.Count(*t.total), Source: t.netstat(), At: in.facts.Host.Clock}}
	// The newest rise is what matters: the older ones are in the total.
	if leaps := in.leaps(t); len(leaps) > 0 {
		last := leaps[len(leaps)-1]
		from, to := in.bounds(&last)
		evidence = append(evidence, audit.Evidence{Text: "TCPTimeWaitOverflow was " + text.Count(*last.from.OverflowTotal), Source: "history", At: &from})
		return &happening{t.say("%s destroyed %s", plural(last.count, "socket"), between(from, to)), evidence}
	}
	// A single look knows the boot and nothing else. A rate over the uptime is
	// not when it happened; it is for telling a trickle from a flood, and below
	// a day of uptime it would be an extrapolation.
	when := " since boot, at an unknown time"
	if !t.own {
		when = " since the namespace was made, at an unknown time"
	} else if up, ok := in.uptime(); ok && up > 0 {
		perDay := float64(*t.total) / (float64(up) / float64(day))
		when = " at an unknown time in " + text.Duration(up) + " of uptime"
		if up >= day {
			when += " (" + daily(perDay) + ")"
		}
	}
	if still := t.still(); still != nil {
		at := in.hostTime(still.At)
		when = " before " + stamp(at) + ", none seen since"
		evidence = append(evidence, audit.Evidence{Text: "TCPTimeWaitOverflow was already " + text.Count(*t.total), Source: "history", At: &at})
	}
	return &happening{t.say("%s destroyed%s", plural(*t.total, "socket"), when), evidence}
}

// resetOverflow is for a counter that began again between the two readings: what
// it stood for at the first one has happened, whatever it says now.
func (in *input) resetOverflow(t *table) *happening {
	fell := in.fell(t)
	if t.total == nil || fell <= 0 || fell > math.MaxInt64-*t.total {
		return nil
	}
	before := *t.total + fell
	for _, r := range t.trail.same {
		// Unmoved for all of --since, up to the first reading.
		if r.OverflowTotal != nil && *r.OverflowTotal == before && !r.At.After(in.now.Add(-in.limits.Since)) {
			return nil
		}
	}
	return &happening{
		t.say("%s destroyed before the counter began again, between the two readings", plural(before, "socket")),
		[]audit.Evidence{{Text: "TCPTimeWaitOverflow fell from " + text.Count(before) + " to " + text.Count(*t.total), Source: t.netstat(), At: in.facts.Host.Clock}},
	}
}

// daily writes a rate of which little is known beyond its size.
func daily(perDay float64) string {
	if perDay < 1 {
		return "less than one a day"
	}
	return text.Count(int64(min(perDay, 1e15))) + " a day"
}

// earlierOverflow is for boots and namespaces that are over: a reboot resets the
// counter, and cures nothing by itself.
func (in *input) earlierOverflow(t *table) *happening {
	l := t.trail.earlier
	if l == nil {
		return nil
	}
	from, to := in.hostTime(l.from.At), in.hostTime(l.to.At)
	when := ", in an earlier boot"
	if in.thisBoot(&l.to) {
		when = ", before the counter began again"
	}
	if t.gone {
		when = ""
	}
	return &happening{
		t.say("%s destroyed %s%s", plural(l.count, "socket"), between(from, to), when),
		[]audit.Evidence{{Text: "TCPTimeWaitOverflow rose by " + text.Count(l.count), Source: "history", At: &to}},
	}
}

// loggedOverflow counts an undated record too: it is in the window that was read,
// also beside others that are dated and old.
func (in *input) loggedOverflow(t *table) *happening {
	if !t.own || in.logged() <= 0 {
		return nil
	}
	last := in.facts.Log.Last
	if last == nil {
		return &happening{plural(in.logged(), "overflow record") + " without a time in the kernel log", in.loggedEvidence()}
	}
	if !in.since(*last) {
		if n := in.undated(); n > 0 {
			return &happening{plural(n, "overflow record") + " without a time in the kernel log", in.loggedEvidence()}
		}
		return nil
	}
	title := plural(in.logged(), "overflow record") + " in the kernel log, the last at " + stamp(*last)
	if first := in.facts.Log.First; first != nil && last.Sub(*first) > time.Minute {
		title = plural(in.logged(), "overflow record") + " in the kernel log from " + stamp(*first) + " to " + stamp(*last)
	}
	return &happening{title, in.loggedEvidence()}
}

func (in *input) overflowed(t *table, h *happening) *audit.Finding {
	return &audit.Finding{Title: h.title, Evidence: append(h.evidence, t.fillEvidence(in)...)}
}

// overflowAfter reports whether an overflow is known to be younger than a raise.
func (in *input) overflowAfter(t *table, r *raise) bool {
	if t.delta != nil && *t.delta > 0 {
		return true
	}
	if t.own && t.total == nil && in.fullTwice(t) != nil {
		return true
	}
	if last := in.lastLogged(t); last != nil && last.After(r.at.Add(grace)) {
		return true
	}
	l := in.lastLeap(t)
	return l != nil && in.hostTime(l.from.At).After(r.at)
}

// lastLogged is the time of the newest record in the log; nil when there is no
// record, none with a time, or the table is not the login's own.
func (in *input) lastLogged(t *table) *time.Time {
	if !t.own || in.logged() <= 0 {
		return nil
	}
	return in.facts.Log.Last
}
