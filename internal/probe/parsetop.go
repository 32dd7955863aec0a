package probe

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/audit"
)

// top says who makes the TIME_WAIT sockets.
func (p *parser) top(s *section) error {
	b := s.head()
	if _, ok := b.value("source"); !ok {
		return nil
	}
	top := &audit.Top{
		Inbound: b.count("inbound"), Outbound: b.count("outbound"), Internal: b.count("internal"),
		Sampled: b.yes("cut4") || b.yes("cut6"),
	}
	if top.Sampled {
		top.SampledRows = sum(b.count("rows4"), b.count("rows6"))
	}
	var broken error
	for _, pair := range b.pairs {
		if err := topRow(top, pair); err != nil {
			broken = err
		}
	}
	sortTop(top)
	p.facts.Top = top
	return broken
}

// topRow reads one "port", "peer" or "dest" line; others are not its business.
func topRow(top *audit.Top, row pair) error {
	words := strings.Fields(row.value)
	switch {
	case row.key == "port" && len(words) == 3:
		port, n := portNumber(words[0]), count(words[1])
		if port == 0 || n == nil {
			return syntaxError("port", row.value)
		}
		top.LocalPorts = bounded(top.LocalPorts, audit.PortCount{Port: port, Count: *n, Listening: words[2] == "1"})
	case row.key == "peer" && len(words) == 2:
		peer, ok := peerCount(words[0], "0", words[1])
		if !ok {
			return syntaxError("peer", row.value)
		}
		top.Peers = bounded(top.Peers, peer)
	case row.key == "dest" && len(words) == 3:
		dest, ok := peerCount(words[0], words[1], words[2])
		if !ok || dest.Port == 0 {
			return syntaxError("destination", row.value)
		}
		top.Destinations = bounded(top.Destinations, dest)
	case row.key == "port" || row.key == "peer" || row.key == "dest":
		return syntaxError(row.key, row.value)
	}
	return nil
}

func peerCount(address, port, n string) (audit.PeerCount, bool) {
	addr, err := netip.ParseAddr(strings.Trim(address, "[]"))
	number := count(n)
	if err != nil || number == nil {
		return audit.PeerCount{}, false
	}
	// A zone is text of the host's; it passes through the same door as all text.
	return audit.PeerCount{Address: clean(addr.Unmap().String()), Port: portNumber(port), Count: *number}, true
}

// portNumber is 0 for what is no port.
func portNumber(s string) int {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// bounded drops what a truthful script would not have sent.
func bounded[T any](list []T, item T) []T {
	if len(list) >= maxRows {
		return list
	}
	return append(list, item)
}

// sortTop puts the most first, so that the order does not depend on awk's.
func sortTop(top *audit.Top) {
	slices.SortFunc(top.LocalPorts, func(a, b audit.PortCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Port, b.Port))
	})
	byCount := func(a, b audit.PeerCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Port, b.Port))
	}
	slices.SortFunc(top.Peers, byCount)
	slices.SortFunc(top.Destinations, byCount)
}

// sum adds what is there; nil when nothing is.
func sum(numbers ...*int64) *int64 {
	var total *int64
	for _, n := range numbers {
		if n == nil {
			continue
		}
		if total == nil {
			total = new(int64)
		}
		*total = saturated(*total, *n)
	}
	return total
}

// saturated adds two numbers that are not negative and stops at the largest
// one: hosts may send any numbers, and none may turn a sum negative.
func saturated(a, b int64) int64 {
	if c := a + b; c >= a {
		return c
	}
	return 1<<63 - 1
}
