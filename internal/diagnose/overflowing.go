package diagnose

import (
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Overflowing is urgent in what it says of the load; in the harm of each single
// socket it is not, and the advice says so.
func overflowingRule() Rule {
	return Rule{
		ID: "overflowing", Severity: audit.SeverityCritical,
		Title: "sockets are being destroyed, now or within --recent, because the TIME_WAIT bucket table is full",
		Meaning: "A close that finds the table full skips TIME_WAIT: the kernel destroys the socket at once and answers the peer's late segments with a reset. " +
			"The harm is small, since data was already delivered, but protection against stray duplicates is gone, and it says that this host closes more connections than its limit sustains.",
		Needs: []string{"two readings of TCPTimeWaitOverflow in /proc/net/netstat, or one by an earlier run; on kernels before 2.6.38 the kernel log, or two readings of /proc/net/sockstat with the limit"},
		Advice: []string{
			"Raise net.ipv4.tcp_max_tw_buckets; an entry costs 256 B",
			"Keep connections open longer (keep-alive, pools), so that fewer are closed",
		},
		Sources: []string{"Linux net/ipv4/tcp_minisocks.c, tcp_time_wait()", "Linux commit 67631510a318"},
		check: func(in *input) []audit.Finding {
			return in.each(func(t *table) *audit.Finding { return t.overflowing })
		},
	}
}

// overflowing takes the counter's word where there is a counter, also when the
// table is full and the counter stands still; only without one do the log and
// the fill count.
func (in *input) overflowing(t *table) *audit.Finding {
	switch {
	case t.total != nil || t.delta != nil:
		return in.counterRising(t)
	case t.own:
		if found := in.loggingNow(); found != nil {
			return found
		}
		return in.fullTwice(t)
	}
	return nil
}

// counterRising looks at the sample first, which is the present, then back over
// the runs within --recent.
func (in *input) counterRising(t *table) *audit.Finding {
	if t.delta != nil && *t.delta > 0 {
		over, rate := "between two readings", ""
		if t.seconds != nil {
			over, rate = "in "+seconds(*t.seconds), " ("+perSecond(float64(*t.delta) / *t.seconds)+")"
		}
		return &audit.Finding{
			Title:    t.say("%s destroyed %s%s%s", plural(*t.delta, "socket"), over, rate, t.fill(", with ")),
			Evidence: append([]audit.Evidence{{Text: "TCPTimeWaitOverflow rose by " + text.Count(*t.delta) + " " + over, Source: t.netstat(), At: in.facts.Host.Clock}}, t.fillEvidence(in)...),
		}
	}
	// The newest reading alone could be a minute old and miss what the one
	// before it shows; all within --recent are "now".
	l := in.lastLeap(t)
	if l == nil || in.now.Sub(l.from.At) > in.limits.Recent {
		return nil
	}
	from := in.hostTime(l.from.At)
	return &audit.Finding{
		Title: t.say("%s destroyed %s", plural(l.count, "socket"), in.recently(t, l)),
		Evidence: append([]audit.Evidence{
			{Text: "TCPTimeWaitOverflow was " + text.Count(*l.from.OverflowTotal), Source: "history", At: &from},
			{Text: "TCPTimeWaitOverflow is " + text.Count(*t.total), Source: t.netstat(), At: in.facts.Host.Clock},
		}, t.fillEvidence(in)...),
	}
}

// recently says when a rise was that history bounds, and that it is over where a
// later look found the counter unmoved.
func (in *input) recently(t *table, l *leap) string {
	from, to := in.bounds(l)
	looks := t.unmovedLooks()
	if looks == 0 {
		return "since the run " + text.Duration(in.now.Sub(l.from.At).Round(time.Second)) + " ago" + t.fill(", now with ")
	}
	words := between(from, to) + ", none since (" + atLeast(looks) + ")"
	if r := t.raise; r != nil && !to.After(r.after) {
		words += "; limit raised from " + text.Count(r.from) + " to " + text.Count(r.to) + " since"
	}
	return words + t.fill("; now with ")
}

// atLeast counts looks. The history keeps the first and the last of equal ones, so
// that there may have been more than several.
func atLeast(looks int) string {
	if looks == 1 {
		return "1 look"
	}
	return text.Count(int64(looks)) + " looks or more"
}

// loggingNow goes by the host's clock. A stamp from the future (a wrong clock or
// a guessed year) is no proof of now.
func (in *input) loggingNow() *audit.Finding {
	if in.logged() <= 0 || in.facts.Log.Last == nil {
		return nil
	}
	age := in.clock.Sub(*in.facts.Log.Last)
	if age > in.limits.Recent || age < -grace {
		return nil
	}
	return &audit.Finding{
		Title:    "the kernel logged an overflow " + text.Duration(max(age, 0)) + " ago" + in.own.fill(", with "),
		Evidence: append(in.loggedEvidence(), in.own.fillEvidence(in)...),
	}
}

// fullTwice is the weakest evidence and the last resort: a full table at both
// readings leaves no bucket for the closes between them.
func (in *input) fullTwice(t *table) *audit.Finding {
	if t.kind != limitNumber || t.first == nil || t.buckets == nil || *t.first < *t.limit || *t.buckets < *t.limit {
		return nil
	}
	return &audit.Finding{
		Title:    "the table was full at both readings" + t.fill(": ") + ", and every further close is destroyed",
		Evidence: t.fillEvidence(in),
	}
}
