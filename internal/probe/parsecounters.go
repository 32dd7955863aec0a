package probe

import (
	"strings"

	"twaudit/internal/audit"
)

// keptCounters are the counters that say something about closing, refusing or
// losing connections. The kernel has some 150; a fleet's results would be
// mostly those.
var keptCounters = map[string]bool{
	"ActiveOpens": true, "PassiveOpens": true, "AttemptFails": true, "EstabResets": true,
	"CurrEstab": true, "InSegs": true, "OutSegs": true, "RetransSegs": true, "OutRsts": true,

	"TW": true, "TWRecycled": true, "TWKilled": true, "TCPTimeWaitOverflow": true,
	"SyncookiesSent": true, "SyncookiesRecv": true, "SyncookiesFailed": true,
	"TCPReqQFullDoCookies": true, "TCPReqQFullDrop": true, "EmbryonicRsts": true,
	"ListenOverflows": true, "ListenDrops": true, "TCPBacklogDrop": true,
	"TCPAbortOnMemory": true, "TCPMemoryPressures": true, "TCPAbortOnLinger": true,
	"PAWSActive": true, "PAWSEstab": true, "PAWSPassive": true, "TCPDeferAcceptDrop": true,
}

// counters is the first of two readings, or the only one.
func (p *parser) counters(s *section) error {
	first, err := readCounters(s)
	if first != nil {
		p.facts.Counters = &audit.Counters{First: first}
	}
	p.facts.Sockstat = sockstat(s)
	// Where the script missed the file, it has said so.
	if p.facts.Sockstat == nil && len(s.gaps) == 0 {
		p.gap("counters", "/proc/net/sockstat could not be read", "")
	}
	tw := &p.facts.TimeWait
	if p.facts.Sockstat != nil {
		tw.Buckets = p.facts.Sockstat.TW
	}
	tw.OverflowTotal = counter(first, overflowCounter)
	tw.Ratio = ratio(tw)
	return err
}

const overflowCounter = "TCPTimeWaitOverflow"

// countersLast is the second reading: it becomes the one that counts, and the
// first what it is compared with.
func (p *parser) countersLast(s *section) error {
	last, err := readCounters(s)
	tw, facts := &p.facts.TimeWait, p.facts
	if facts.Counters != nil && last != nil {
		facts.Counters.Last = last
		if delta := p.sampleSeconds(s); delta > 0 {
			facts.Counters.Seconds, tw.SampleSeconds = &delta, &delta
		}
	}
	if later := counter(last, overflowCounter); later != nil {
		if earlier := tw.OverflowTotal; earlier != nil {
			if tw.OverflowDelta = rise(*earlier, *later); tw.OverflowDelta == nil {
				p.gap("counters", counterReset, "")
			}
		}
		tw.OverflowTotal = later
	}
	if sockets := sockstat(s); sockets != nil {
		facts.Sockstat = sockets
		if sockets.TW != nil {
			tw.BucketsFirst, tw.Buckets = tw.Buckets, sockets.TW
		}
	}
	tw.Ratio = ratio(tw)
	return err
}

// counterReset says why there is no rise of a counter that was read twice.
const counterReset = "the overflow counter was reset between the two readings"

// rise is what a counter gained; nil when it fell, which only a reset makes it do.
func rise(earlier, later int64) *int64 {
	if later < earlier {
		return nil
	}
	gained := later - earlier
	return &gained
}

// sampleSeconds is the distance of the two readings by the host's own uptime,
// which no clock adjustment moves; 0 when it cannot be told.
func (p *parser) sampleSeconds(last *section) float64 {
	first := p.frame.sections["counters"]
	if first == nil {
		return 0
	}
	from, to := first.head().seconds("uptime"), last.head().seconds("uptime")
	if from == nil || to == nil {
		return 0
	}
	// Uptime has two decimals; their difference should have no more.
	return float64(int64((*to-*from)*100+0.5)) / 100
}

// ratio is nil where division would say nothing: without a limit, or with one
// that means always or never.
func ratio(tw *audit.TimeWait) *float64 {
	if tw.Buckets == nil || tw.Limit == nil || *tw.Limit <= 0 {
		return nil
	}
	r := float64(*tw.Buckets) / float64(*tw.Limit)
	return &r
}

func counter(counters map[string]int64, name string) *int64 {
	if n, ok := counters[name]; ok {
		return &n
	}
	return nil
}

// readCounters joins TcpExt and Tcp; nil when neither could be read.
func readCounters(s *section) (map[string]int64, error) {
	counters, err := netstatTable(s.block("netstat"), "TcpExt:")
	tcp, tcpErr := netstatTable(s.block("snmp"), "Tcp:")
	if err == nil {
		err = tcpErr
	}
	if counters == nil {
		return tcp, err
	}
	for name, n := range tcp {
		counters[name] = n
	}
	return counters, err
}

// netstatTable reads pairs of a line of names and a line of values, as in
// /proc/net/netstat: any order of columns, any number of pairs. Nil means that
// there was nothing to read.
func netstatTable(b *block, label string) (map[string]int64, error) {
	if b == nil {
		return nil, nil
	}
	var counters map[string]int64
	var names []string
	for _, line := range b.raw {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != label {
			continue
		}
		if names == nil {
			names = words
			continue
		}
		if len(words) != len(names) {
			return nil, syntaxError(label+" has other numbers of names and values", line)
		}
		if counters == nil {
			counters = map[string]int64{}
		}
		if err := netstatRow(counters, names[1:], words[1:]); err != nil {
			return nil, err
		}
		names = nil
	}
	if names != nil {
		return nil, syntaxError(label+" has names without values", strings.Join(names, " "))
	}
	return counters, nil
}

func netstatRow(counters map[string]int64, names, values []string) error {
	for i, name := range names {
		if !keptCounters[name] {
			continue
		}
		n := count(values[i])
		if n == nil {
			return syntaxError("counter "+name, values[i])
		}
		counters[name] = *n
	}
	return nil
}

// sockstat reads /proc/net/sockstat and sockstat6; nil without a TCP line.
func sockstat(s *section) *audit.Sockstat {
	tcp, tcp6 := sockstatLine(s.block("sockstat"), "TCP:"), sockstatLine(s.block("sockstat6"), "TCP6:")
	if len(tcp) == 0 {
		return nil
	}
	return &audit.Sockstat{
		Inuse: tcp["inuse"], Inuse6: tcp6["inuse"], Orphan: tcp["orphan"],
		TW: tcp["tw"], Alloc: tcp["alloc"], MemoryPages: tcp["mem"],
	}
}

// sockstatLine reads "LABEL name N name N …".
func sockstatLine(b *block, label string) map[string]*int64 {
	if b == nil {
		return nil
	}
	for _, line := range b.raw {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != label {
			continue
		}
		values := map[string]*int64{}
		for i := 1; i+1 < len(words); i += 2 {
			values[words[i]] = count(words[i+1])
		}
		return values
	}
	return nil
}
