package scan

import (
	"net/netip"

	"twaudit/internal/audit"
)

// unnamed stands for the addresses of hosts in the log of another.
const unnamed = "unnamed"

// withoutPeers takes the addresses of others out of what a host said. It was not
// asked for them, but a forced command has options of its own, and a host may
// say what it likes. It comes before judging, which writes about what it sees.
func withoutPeers(facts *audit.Facts) {
	if facts.Top != nil {
		facts.Top.Peers, facts.Top.Destinations = nil, nil
	}
	if facts.Log == nil {
		return
	}
	for name, lines := range facts.Log.OtherHosts {
		if _, err := netip.ParseAddr(name); err == nil {
			delete(facts.Log.OtherHosts, name)
			facts.Log.OtherHosts[unnamed] += lines
		}
	}
}
