package report

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// gauge is a number drawn against its limit, or against the largest of its kind.
type gauge struct {
	name    string
	share   *float64 // nil: without a bar, because there is nothing to divide by
	numbers string
	neutral bool // a full bar is nothing bad
}

// gauges draws bars below one another; names share what room is left of a line.
func (p *page) gauges(list []gauge) {
	const gaps = 2 + 2 + 2
	cells, names, numbers := 20, 0, 0
	// Names and numbers say more than a longer bar.
	if p.terminal() && p.Width < 100 {
		cells = 10
	}
	for _, g := range list {
		names, numbers = max(names, width(g.name)), max(numbers, width(g.numbers))
	}
	if p.terminal() {
		names = min(names, max(p.Width-gaps-cells-numbers, 8))
	}
	for _, g := range list {
		bar := strings.Repeat(" ", cells)
		if g.share != nil {
			hue := fillHue(*g.share)
			if g.neutral {
				hue = cyan
			}
			bar = p.filled(*g.share, cells, hue)
		}
		p.WriteString(strings.TrimRight("  "+pad(snip(g.name, names), names)+"  "+bar+"  "+g.numbers, " ") + "\n")
	}
}

// numbers are the tables of the kernel that a host with many short connections
// fills, each against its limit.
func (p *page) numbers() {
	tw := p.facts.TimeWait
	list := []gauge{p.against("TIME_WAIT buckets", tw.Buckets, tw.Limit)}
	if worst := subjectOf(p.host); worst.namespace != "" {
		list = append(list, p.against("buckets in "+worst.namespace, worst.Buckets, worst.Limit))
	}
	for _, table := range []struct{ key, name string }{
		{"orphans", "orphaned sockets"},
		{"conntrack", "conntrack entries"},
		{"neighbour-ipv4", "IPv4 neighbours"},
		{"neighbour-ipv6", "IPv6 neighbours"},
		{"tcp-memory-pages", "TCP memory, pages"},
	} {
		if u, read := p.facts.Tables[table.key]; read {
			list = append(list, p.against(table.name, u.Used, u.Limit))
		}
	}
	list = append(list, p.ephemeral()...)
	refusing := p.refusing()
	for _, b := range refusing {
		list = append(list, p.against(b.name(), &b.Held, &b.Limit))
	}
	p.section("Numbers against limits")
	p.gauges(list)
	for _, b := range refusing {
		p.line("  ", b.name()+" was refused "+plural64(b.FailCnt, "time"))
	}
	if tw.Limit != nil && *tw.Limit <= 0 {
		p.line("  ", "a limit of "+p.number(*tw.Limit)+" is no number of buckets: see the finding limit-zero")
	}
}

// against says "?" for what was not read: it is not zero.
func (p *page) against(name string, used, limit *int64) gauge {
	g := gauge{name: name, numbers: p.optional(used) + " of " + p.optional(limit)}
	if used != nil && limit != nil && *limit > 0 {
		share := float64(*used) / float64(*limit)
		g.share = &share
		g.numbers += fmt.Sprintf(" (%.0f %%)", min(share*100, 1e6))
	}
	return g
}

// maxShown bounds the lists of ports, peers and destinations, most first.
const maxShown = 5

// ephemeral is how many of the local ports toward one destination are taken: a
// total over all destinations says nothing about any.
func (p *page) ephemeral() []gauge {
	if p.facts.Top == nil {
		return nil
	}
	ports := portRange(p.facts.Sysctl["net.ipv4.ip_local_port_range"])
	var list []gauge
	for i, d := range p.facts.Top.Destinations {
		if i == maxShown {
			break
		}
		list = append(list, p.against("ports to "+endpoint(d), &d.Count, ports))
	}
	return list
}

// portRange is the size of a range as the kernel writes it; nil when it is none.
func portRange(value string) *int64 {
	fields := strings.Fields(value)
	if len(fields) != 2 {
		return nil
	}
	low, err1 := strconv.ParseInt(fields[0], 10, 32)
	high, err2 := strconv.ParseInt(fields[1], 10, 32)
	if err1 != nil || err2 != nil || low < 0 || high < low {
		return nil
	}
	size := high - low + 1
	return &size
}

// endpoint is an address with its port, where it has one; an IPv6 address is in
// brackets then.
func endpoint(c audit.PeerCount) string {
	if c.Port == 0 {
		return c.Address
	}
	return net.JoinHostPort(c.Address, strconv.Itoa(c.Port))
}

// refusal is a limit of OpenVZ that refused something.
type refusal struct{ audit.Beancounter }

func (r refusal) name() string { return "CT" + r.UID + " " + r.Resource }

// refusing lists them in the order of the file, which is by container.
func (p *page) refusing() []refusal {
	if p.facts.OpenVZ == nil {
		return nil
	}
	var list []refusal
	for _, b := range p.facts.OpenVZ.Beancounters {
		if b.FailCnt > 0 && len(list) < maxShown {
			list = append(list, refusal{b})
		}
	}
	return list
}

// perSecond writes a rate with as many digits as an estimate deserves.
func perSecond(rate float64) string {
	if rate < 100 || rate > 1e15 {
		return decimal(&rate, 1)
	}
	return text.Count(int64(rate + 0.5))
}

// headroomLines is how much more of this load the limit sustains, and what would.
func (p *page) headroomLines() {
	h := p.host.Headroom
	if h == nil {
		return
	}
	p.section("Headroom (an estimate, in closes per second)")
	for _, r := range []struct {
		label string
		rate  *float64
		rest  string
	}{
		{"the limit sustains", h.Capacity, ""},
		{"measured", h.CloseRate, "between the two readings"},
		{"the last minute", h.MeanRate, "on average, by what is in the table"},
	} {
		if r.rate != nil {
			p.labelled(r.label, strings.TrimSpace(perSecond(*r.rate)+"/s "+r.rest))
		}
	}
	if r, over := h.OverflowRate, h.OverflowSeconds; r != nil && over != nil {
		p.labelled("destroyed", perSecond(*r)+"/s beside them, over "+text.Duration(time.Duration(min(*over, 1e9)*float64(time.Second))))
	}
	if f := h.LoadFactor; f != nil {
		p.labelled("room for", p.headroom(subject{HostResult: p.host})+" "+ofLoad(h))
	}
	p.toBeSafe(h)
}

// ofLoad says which load the room is measured by.
func ofLoad(h *audit.Headroom) string {
	switch {
	case !h.LowerBound:
		return "this load"
	case h.OverflowRate != nil:
		return "the load that it overflowed under, of which earlier runs saw an average only"
	}
	return "this load: the table was full, and what it refused is not known"
}

// toBeSafe names the limit that the advice names. 0 is the need of a host that
// closes nothing, and no limit.
func (p *page) toBeSafe(h *audit.Headroom) {
	limit, rest := h.NeededLimit, ""
	if limit == nil || *limit <= 0 {
		limit = nil
	}
	least := ""
	if h.LowerBound {
		least = "at least "
	}
	if a := h.AdvisedLimit; a != nil && (limit == nil || *a != *limit) {
		if limit != nil {
			rest = ", the kernel's default; the load needs " + least + text.Count(*limit)
		}
		limit, least = a, ""
	}
	if limit == nil || *limit > 1<<40 {
		return
	}
	p.labelled("to be safe", "a limit of "+least+text.Count(*limit)+", "+text.Bytes(*limit*256)+" of memory at most"+rest)
}
