package scan

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/remote"
)

// talkative answers with addresses, whatever it was asked for.
func talkative(nonce string) string {
	return strings.Replace(minimal(nonce), mark(nonce, "end"), mark(nonce, "section limits")+"net.ipv4.ip_local_port_range 32768 60999\n"+
		mark(nonce, "section top")+"source proc\nrows4 28000\nrows6 0\ninbound 0\noutbound 28000\ninternal 0\nport 443 5 1\n"+
		"peer 203.0.113.77 28000\ndest 203.0.113.77 5432 28000\ndest 2001:db8:77::1 80 4\n"+mark(nonce, "end"), 1)
}

func TestHost_without_peers_no_address_is_in_the_result(t *testing.T) {
	t.Parallel()
	for peers, want := range map[bool]bool{true: true, false: false} {
		a := &Auditor{Limits: audit.DefaultLimits(), Options: probe.Options{Peers: peers}, Remote: answering(func(nonce string) (*remote.Output, error) {
			return &remote.Output{Stdout: []byte(talkative(nonce))}, nil
		})}
		result := a.Host(t.Context(), Job{Name: "web1"}, free)
		text, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range []string{"203.0.113.77", "2001:db8:77"} {
			if got := strings.Contains(string(text), address); got != want {
				t.Errorf("peers %v: the result holds %s: %v, want %v", peers, address, got, want)
			}
		}
		if result.Facts.Top == nil || len(result.Facts.Top.LocalPorts) != 1 {
			t.Errorf("peers %v: top %+v, want the local ports", peers, result.Facts.Top)
		}
	}
}

func TestWithoutPeers_hostsInALogKeepTheirNumber(t *testing.T) {
	t.Parallel()
	facts := &audit.Facts{Log: &audit.Log{OtherHosts: map[string]int64{"web1": 3, "203.0.113.7": 4, "2001:db8::7": 5}}}
	withoutPeers(facts)
	if want := map[string]int64{"web1": 3, unnamed: 9}; !maps.Equal(facts.Log.OtherHosts, want) {
		t.Errorf("got %v, want %v", facts.Log.OtherHosts, want)
	}
	withoutPeers(&audit.Facts{}) // nothing was read
}
