package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

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
// for the kind seen here, then a larger table with its price. A raise that may have
// been enough, or was not, comes before both: whoever made it looks for that.
func (in *input) cure(t *table) []string {
	var advice []string
	wait, raise := in.waitAdvice(t), in.raiseAdvice(t)
	if wait != "" {
		advice = append(advice, wait)
	}
	if in.tooLittle(t) {
		advice = append(advice, raise)
	}
	if t.own {
		advice = append(advice, in.kindAdvice())
	}
	if raise != "" && !slices.Contains(advice, raise) {
		advice = append(advice, raise)
	}
	if t.delta != nil && *t.delta > 0 && t.ratio() != nil && *t.ratio() < 0.5 {
		advice = append(advice, "Look for memory pressure: closes were refused while the table was far from full, which happens when the kernel cannot allocate an entry")
	}
	return append(advice,
		"Treat it as low harm: data was delivered, and an overflowed close only loses its TIME_WAIT protection, with one reset sent",
		"Leave tcp_tw_recycle off (it drops clients behind NAT, and is gone since 4.12) and tcp_fin_timeout alone (TIME_WAIT lasts 60 s whatever it says)")
}

// step is the one thing to do about the limit, in the words of cure.
func (in *input) step(t *table) string {
	if wait := in.waitAdvice(t); wait != "" {
		return wait
	}
	return in.raiseAdvice(t)
}

// tooLittle reports whether the limit was raised and overflowed again.
func (in *input) tooLittle(t *table) bool {
	return t.own && t.raise != nil && t.overflowed != nil && in.overflowAfter(t, t.raise)
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

// raiseAdvice names a number only where one can be argued for, and the namespace
// where it is not the login's own. Empty where nothing needs a higher limit.
func (in *input) raiseAdvice(t *table) string {
	goal := in.goal(t)
	if t.kind == limitNone || goal > 0 && t.limit != nil && t.kind == limitNumber && goal <= *t.limit {
		return ""
	}
	words, price := "Raise "+tcpTWBucketsKey, "an entry costs 256 B"
	if goal > 0 {
		words, price = words+" to "+text.Count(goal), "at most "+text.Bytes(goal*bytesPerEntry)+" of kernel memory, 256 B an entry"
	}
	words += " (" + price + ") " + in.whereToSet(t, goal)
	if in.tooLittle(t) {
		words = "Raise the limit further: the raise " + t.raise.words() + " was followed by another overflow; r" + strings.TrimPrefix(words, "R")
	}
	return words
}

// goal is the limit to advise: the kernel's own default or what the load needs,
// whichever is more; 0 when neither is known. While a raise waits for its proof the
// default is no reason for another. Beyond sane there is no memory for the entries,
// whatever a host claims.
func (in *input) goal(t *table) int64 {
	const sane = 1 << 40
	var goal int64
	if d := in.facts.TimeWait.DefaultLimit; d != nil && *d < sane && in.waitAdvice(t) == "" {
		goal = *d
	}
	l := in.loadOf(t)
	if n := l.needed(in.lifetime()); n != nil && *n < sane {
		goal = max(goal, *n)
	}
	return goal
}

// advised reports whether a finding about t advises a limit.
func (in *input) advised(t *table) bool {
	return (t.overflowing != nil || t.overflowed != nil || t.near != nil) && in.raiseAdvice(t) != ""
}

// whereToSet says how to set a limit where t is: a file of the host never reaches
// another namespace. A goal of 0 is not known.
func (in *input) whereToSet(t *table, goal int64) string {
	switch {
	case t.sharesHostTable(in) || t.own && in.inContainer() && in.kernel.globalTable():
		return "on the machine itself: before kernel 4.11 all its namespaces share one table"
	case t.gone:
		return "in what makes " + t.label
	case !t.own || in.inContainer() || t.maker == makerNetns:
		return "in " + in.place(t) + ", which files of the host do not reach: " + in.setInside(t, goal)
	case in.conf != nil:
		return "in " + in.conf.source + ", and load it (" + in.load() + ")"
	case in.facts.Config != nil && in.facts.Config.Reader == audit.ReaderBusyBox:
		return "in /etc/sysctl.conf, and load it with sysctl -p"
	}
	return "in a file of its own in /etc/sysctl.d, and load it with sysctl -p FILE"
}

// place names where a table is, the login's own too.
func (in *input) place(t *table) string {
	switch {
	case !t.own:
		return t.label
	case t.maker == makerNetns:
		return "namespace " + t.name
	}
	return "this " + in.facts.Host.Virtualization + " container"
}

// inContainer reports whether the login itself is in a container: its limit is
// set from outside, and its start scripts load no sysctl files.
func (in *input) inContainer() bool { return in.facts.Host.Virtualization != "" }
