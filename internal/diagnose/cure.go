package diagnose

import (
	"fmt"
	"net/netip"
	"strconv"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// kind is who makes the TIME_WAIT sockets of a host.
type kind string

// The kinds. More than half of the sockets must agree on one of the last three.
const (
	kindUnknown  kind = ""
	kindMixed    kind = "mixed"
	kindInbound  kind = "inbound"  // our service closes first
	kindOutbound kind = "outbound" // we are the client and close first
	kindInternal kind = "internal" // both ends are here
)

// kindOf goes by the majority; without one the kinds are mixed.
func (in *input) kindOf() (k kind, share float64) {
	top := in.facts.Top
	if top == nil {
		return kindUnknown, 0
	}
	var sum, most float64
	for _, c := range []struct {
		kind  kind
		count *int64
	}{{kindInbound, top.Inbound}, {kindOutbound, top.Outbound}, {kindInternal, top.Internal}} {
		if nonNegative(c.count) == nil {
			continue
		}
		n := float64(*c.count)
		sum += n
		if n > most {
			k, most = c.kind, n
		}
	}
	switch {
	case sum == 0:
		return kindUnknown, 0
	case most/sum <= 0.5:
		return kindMixed, most / sum
	}
	return k, most / sum
}

// cure is the advice for a table that is or was too small: first fewer closes,
// for the kind seen here, then a larger table with its price.
func (in *input) cure(t *table) []string {
	var advice []string
	if t.own {
		advice = append(advice, in.kindAdvice())
	}
	if a := in.raiseAdvice(t); a != "" {
		advice = append(advice, a)
	}
	if t.delta != nil && *t.delta > 0 && t.ratio() != nil && *t.ratio() < 0.5 {
		advice = append(advice, "Look for memory pressure: closes were refused while the table was far from full, which happens when the kernel cannot allocate an entry")
	}
	return append(advice,
		"Treat it as low harm: data was delivered, and an overflowed close only loses its TIME_WAIT protection, with one reset sent",
		"Leave tcp_tw_recycle off (it drops clients behind NAT, and is gone since 4.12) and tcp_fin_timeout alone (TIME_WAIT lasts 60 s whatever it says)")
}

// kindAdvice treats the cause. It comes before the larger table, which treats
// the symptom.
func (in *input) kindAdvice() string {
	k, share := in.kindOf()
	switch k {
	case kindInbound:
		return fmt.Sprintf("Let clients keep their connections (HTTP keep-alive, a longer keepalive_timeout) or close first: %s of the TIME_WAIT sockets are connections to %s that this host closed; tcp_tw_reuse does nothing for them",
			percent(share), in.servicePort())
	case kindOutbound:
		return fmt.Sprintf("Pool connections or keep them alive toward %s: %s of the TIME_WAIT sockets are connections that this host opened and closed; toward so few destinations the local ports run out before the table; tcp_tw_reuse=1 with tcp_timestamps=1 helps these only",
			in.destination(), percent(share))
	case kindInternal:
		return fmt.Sprintf("Use unix sockets or keep-alive between the programs of this host: %s of the TIME_WAIT sockets have both ends here; tcp_tw_reuse=2 covers 127.0.0.0/8 and ::1 only",
			percent(share))
	}
	return "Find out which side closes first: keep-alive where this host serves, connection pools where it is the client"
}

// servicePort is the listening port with the most TIME_WAIT sockets.
func (in *input) servicePort() string {
	for _, p := range in.facts.Top.LocalPorts {
		if p.Listening {
			return "port " + strconv.Itoa(p.Port)
		}
	}
	return "its services"
}

// destination is the busiest one; without addresses (--no-peers) nobody in
// particular.
func (in *input) destination() string {
	if d := in.facts.Top.Destinations; len(d) > 0 {
		return endpoint(&d[0])
	}
	return "its backends"
}

// endpoint writes a destination with its port, IPv6 in brackets.
func endpoint(p *audit.PeerCount) string {
	if p.Port == 0 {
		return p.Address
	}
	if a, err := netip.ParseAddr(p.Address); err == nil && a.Is6() {
		return "[" + p.Address + "]:" + strconv.Itoa(p.Port)
	}
	return p.Address + ":" + strconv.Itoa(p.Port)
}

// raiseAdvice names a number only where one can be argued for: the kernel's own
// default or the measured need, whichever is more, and above today's limit.
func (in *input) raiseAdvice(t *table) string {
	if t.kind == limitNone {
		return ""
	}
	goal := in.goal(t)
	if goal <= 0 {
		return "Raise " + tcpTWBucketsKey + "; an entry costs 256 B"
	}
	return fmt.Sprintf("Raise %s to %s (at most %s of kernel memory, 256 B an entry) %s",
		tcpTWBucketsKey, text.Count(goal), text.Bytes(goal*bytesPerEntry), in.whereToSet(t))
}

// goal is the limit to advise; 0 when none can be argued for. Beyond sane there
// is no memory for the entries, whatever a host claims.
func (in *input) goal(t *table) int64 {
	const sane = 1 << 40
	var goal int64
	if d := in.facts.TimeWait.DefaultLimit; d != nil && *d < sane {
		goal = *d
	}
	if t.own {
		if h := in.headroom(); h != nil && h.NeededLimit != nil && *h.NeededLimit < sane {
			goal = max(goal, *h.NeededLimit)
		}
	}
	if t.kind == limitNumber && *t.limit < sane {
		goal = max(goal, *t.limit/2*3)
	}
	return goal
}

// whereToSet: a file of the host never reaches another namespace.
func (in *input) whereToSet(t *table) string {
	switch {
	case t.sharesHostTable(in) || t.own && in.inContainer() && in.kernel.globalTable():
		return "on the machine itself: before kernel 4.11 all its namespaces share one table"
	case !t.own || in.inContainer():
		return "inside that namespace (" + in.setInside(t) + "); files of the host do not reach it"
	case in.conf != nil:
		return "in " + in.conf.source + ", and load it (" + in.load() + ")"
	case in.facts.Config != nil && in.facts.Config.Reader == audit.ReaderBusyBox:
		return "in /etc/sysctl.conf, and load it with sysctl -p"
	}
	return "in a file of its own in /etc/sysctl.d, and load it with sysctl -p FILE"
}

// inContainer reports whether the login itself is in a container: its limit is
// set from outside, and its start scripts load no sysctl files.
func (in *input) inContainer() bool { return in.facts.Host.Virtualization != "" }
