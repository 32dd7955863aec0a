package probe

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

const firstReading = "counters\nuptime 100.25\n" +
	"= netstat\n|TcpExt: SyncookiesSent TW TCPTimeWaitOverflow\n|TcpExt: 1 500 10\n" +
	"= snmp\n|Tcp: MaxConn OutRsts\n|Tcp: -1 6\n" +
	"= sockstat\n|sockets: used 9\n|TCP: inuse 14 orphan 0 tw 165 alloc 14 mem 3\n= sockstat6\n|TCP6: inuse 2\n"

func TestCounters_twoReadings(t *testing.T) {
	t.Parallel()
	a := parsed(t, "limits\nnet.ipv4.tcp_max_tw_buckets 200\nnet.ipv4.tcp_max_orphans 77\nnet.ipv4.tcp_mem 1 2 3\n", firstReading,
		"counters-last\nuptime 101.27\n= netstat\n|TcpExt: TCPTimeWaitOverflow TW\n|TcpExt: 25 560\n"+
			"= sockstat\n|TCP: inuse 15 orphan 1 tw 180 alloc 16 mem 4\n", "tables\nneighbour4 5\n")
	tw := a.Facts.TimeWait
	is(t, "buckets", tw.Buckets, 180)
	is(t, "first buckets", tw.BucketsFirst, 165)
	is(t, "overflow", tw.OverflowTotal, 25)
	is(t, "delta", tw.OverflowDelta, 15)
	if *tw.SampleSeconds != 1.02 || *tw.Ratio != 0.9 {
		t.Errorf("seconds %v, ratio %v", *tw.SampleSeconds, *tw.Ratio)
	}
	c := a.Facts.Counters
	if c.First["TW"] != 500 || c.Last["TW"] != 560 || c.First["OutRsts"] != 6 || *c.Seconds != 1.02 {
		t.Errorf("counters = %+v", c)
	}
	if _, ok := c.Last["SyncookiesSent"]; ok {
		t.Error("a column that is not there has a value")
	}
	is(t, "inuse", a.Facts.Sockstat.Inuse, 15)
	is(t, "orphans", a.Facts.Tables["orphans"].Used, 1)
	is(t, "max orphans", a.Facts.Tables["orphans"].Limit, 77)
	is(t, "memory", a.Facts.Tables["tcp-memory-pages"].Limit, 3)
	is(t, "neighbours", a.Facts.Tables["neighbour-ipv4"].Used, 5)
	is(t, "neighbour limit", a.Facts.Tables["neighbour-ipv4"].Limit, absent)
	if _, ok := a.Facts.Tables["conntrack"]; ok {
		t.Error("a table that nobody read is there")
	}
}

func TestCounters_oneReading(t *testing.T) {
	t.Parallel()
	tw := parsed(t, "limits\nnet.ipv4.tcp_max_tw_buckets 0\n", firstReading).Facts.TimeWait
	is(t, "buckets", tw.Buckets, 165)
	is(t, "first buckets", tw.BucketsFirst, absent)
	is(t, "overflow", tw.OverflowTotal, 10)
	is(t, "delta", tw.OverflowDelta, absent)
	if tw.SampleSeconds != nil || tw.Ratio != nil {
		t.Errorf("seconds %v, ratio with limit 0: %v", tw.SampleSeconds, tw.Ratio)
	}
}

func TestCounters_afterAResetThereIsNoRise(t *testing.T) {
	t.Parallel()
	a := parsed(t, firstReading, "counters-last\nuptime 99.00\n= netstat\n|TcpExt: TCPTimeWaitOverflow\n|TcpExt: 3\n")
	is(t, "delta", a.Facts.TimeWait.OverflowDelta, absent)
	is(t, "total", a.Facts.TimeWait.OverflowTotal, 3)
	hasGap(t, a, "counters", "reset between the two readings")
	if a.Facts.TimeWait.SampleSeconds != nil {
		t.Errorf("sample of %v s", *a.Facts.TimeWait.SampleSeconds)
	}
}

func TestCounters_outOfRangeIsNotUnderstood(t *testing.T) {
	t.Parallel()
	const before = "counters\n= netstat\n|TcpExt: TCPTimeWaitOverflow\n|TcpExt: 18446744073709551610\n"
	a := parsed(t, before, "counters-last\n= netstat\n|TcpExt: TCPTimeWaitOverflow\n|TcpExt: 3\n", "limits\nnet.ipv4.tcp_max_tw_buckets 9223372036854775808\n")
	is(t, "delta", a.Facts.TimeWait.OverflowDelta, absent)
	is(t, "total", a.Facts.TimeWait.OverflowTotal, 3)
	is(t, "limit", a.Facts.TimeWait.Limit, absent)
	hasGap(t, a, "counters", "18446744073709551610")
	hasGap(t, a, "limits", "9223372036854775808")
}

func TestIdentity_uptime(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "uptime -5\n", "uptime 1e300\n", "uptime 1e10\n", "uptime NaN\n", "uptime soon\n"} {
		a := parsedAs(t, "ostype Linux\nclock 1795375589 +0000\n"+line)
		if host := a.Facts.Host; host.UptimeSeconds != nil || host.BootedAt != nil {
			t.Errorf("%q: up %v, booted %v", line, host.UptimeSeconds, host.BootedAt)
		}
		hasGap(t, a, "identity", "uptime could not be read")
	}
}

func TestNamespaces_refusedBesideContainers(t *testing.T) {
	t.Parallel()
	const refused = "namespaces\nown 5\nby ns\nprocesses 9\nrefused 2\nfound 0\n"
	hasGap(t, parsedAs(t, "ostype Linux\nuptime 5.00\ndockerenv yes\n", refused), "namespaces", "of some processes (2) could not be told")
	for _, g := range parsed(t, refused).Gaps {
		if g.Section == "namespaces" {
			t.Errorf("nothing shows a container, and there is a gap: %s", g.Reason)
		}
	}
}

func TestNamespaces_resetCounter(t *testing.T) {
	t.Parallel()
	a := parsed(t, "namespaces\nown 5\nby ns\n= ns 77 9\noverflow 9\nlimit 4\n", "namespaces-last\n= ns 77 9\noverflow 5\n")
	ns := a.Facts.Namespaces[1]
	is(t, "total", ns.OverflowTotal, 9)
	is(t, "delta", ns.OverflowDelta, absent)
	hasGap(t, a, "counters", "reset between the two readings")
}

// hasGap wants a gap of the section with these words.
func hasGap(t *testing.T, a *Answer, section, words string) {
	t.Helper()
	for _, g := range a.Gaps {
		if g.Section == section && strings.Contains(g.Reason, words) {
			return
		}
	}
	t.Errorf("no gap of %s says %q: %v", section, words, a.Gaps)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ limit, fallback int64 }{
		"net.ipv4.tcp_max_tw_buckets 131072\nnet.ipv4.tcp_ehash_entries 262144":          {131072, 131072},
		"net.ipv4.tcp_max_tw_buckets -1\nnet.ipv4.tcp_ehash_entries -262144":             {-1, 131072}, // a namespace on the shared table
		"net.ipv4.tcp_max_tw_buckets 5\nnet.ipv4.tcp_ehash_entries 0":                    {5, absent},
		"net.ipv4.tcp_max_tw_buckets 180000":                                             {180000, absent},
		"net.ipv4.tcp_fin_timeout 60":                                                    {absent, absent},
		"net.ipv4.tcp_max_tw_buckets 7\nnet.ipv4.tcp_ehash_entries -9999999999999999999": {7, absent},
	}
	for lines, want := range tests {
		tw := parsed(t, "limits\n"+lines+"\n").Facts.TimeWait
		is(t, lines+": limit", tw.Limit, want.limit)
		if want.fallback == absent && tw.DefaultLimit != nil && *tw.DefaultLimit < 0 {
			t.Errorf("%s: default %d", lines, *tw.DefaultLimit)
		} else if want.fallback != absent {
			is(t, lines+": default", tw.DefaultLimit, want.fallback)
		}
	}
	got := parsed(t, "limits\nnet.ipv4.ip_local_port_range 32768\t  60999\n../x 1\n").Facts.Sysctl
	if len(got) != 1 || got["net.ipv4.ip_local_port_range"] != "32768 60999" {
		t.Errorf("sysctl = %v", got)
	}
}

func TestConntrack(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string][2]int64{
		"net.netfilter.nf_conntrack_count 5\nnet.netfilter.nf_conntrack_max 9":           {5, 9},
		"net.ipv4.netfilter.ip_conntrack_count 6\nnet.ipv4.netfilter.ip_conntrack_max 8": {6, 8},
		"net.netfilter.nf_conntrack_count 0\nnet.ipv4.netfilter.ip_conntrack_max 8":      {0, absent},
	} {
		u := parsed(t, "limits\n"+lines+"\n", "tables\n").Facts.Tables["conntrack"]
		is(t, lines+": used", u.Used, want[0])
		is(t, lines+": limit", u.Limit, want[1])
	}
}

func TestNetstatTable(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw  []string
		want map[string]int64 // nil: nothing was read
		err  string
	}{
		"two pairs of lines":     {raw: []string{"TcpExt: TW", "TcpExt: 1", "TcpExt: TWKilled", "TcpExt: 2"}, want: map[string]int64{"TW": 1, "TWKilled": 2}},
		"64 bits":                {raw: []string{"TcpExt: TW TWKilled", "TcpExt: 18446744073709551615 9223372036854775807"}, err: `TW: "18446744073709551615"`},
		"63 bits":                {raw: []string{"TcpExt: TWKilled", "TcpExt: 9223372036854775807"}, want: map[string]int64{"TWKilled": math.MaxInt64}},
		"other labels":           {raw: []string{"IpExt: TW", "IpExt: 1"}},
		"nothing":                {},
		"fewer values":           {raw: []string{"TcpExt: TW TWKilled", "TcpExt: 1"}, err: "other numbers"},
		"more values":            {raw: []string{"TcpExt: TW", "TcpExt: 1 2"}, err: "other numbers"},
		"cut before the values":  {raw: []string{"TcpExt: TW"}, err: "without values"},
		"no number":              {raw: []string{"TcpExt: TW", "TcpExt: 1x"}, err: `TW: "1x"`},
		"negative":               {raw: []string{"TcpExt: TW", "TcpExt: -4"}, err: `TW: "-4"`},
		"columns we do not know": {raw: []string{"TcpExt: New TW", "TcpExt: x 3"}, want: map[string]int64{"TW": 3}},
	}
	for name, test := range tests {
		got, err := netstatTable(&block{raw: test.raw}, "TcpExt:")
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: err = %v, want %q", name, err, test.err)
		}
		if err != nil {
			continue
		}
		if (got == nil) != (test.want == nil) || len(got) != len(test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
		for counter, n := range test.want {
			if got[counter] != n {
				t.Errorf("%s: %s = %d, want %d", name, counter, got[counter], n)
			}
		}
	}
}

func TestSockstat(t *testing.T) {
	t.Parallel()
	read := func(lines string) *section {
		f, err := readFrame([]byte(wire("counters\n"+lines)), wireNonce)
		if err != nil {
			t.Fatal(err)
		}
		return f.sections["counters"]
	}
	s := sockstat(read("= sockstat\n|TCP: tw 5 mem 18446744073709551615 odd\n= sockstat6\n|TCP6: inuse 2\n"))
	is(t, "tw", s.TW, 5)
	is(t, "inuse", s.Inuse, absent)
	is(t, "inuse6", s.Inuse6, 2)
	is(t, "mem", s.MemoryPages, absent)
	for _, lines := range []string{"", "= sockstat\n", "= sockstat\n|UDP: inuse 5\n", "= sockstat\n|TCP:\n"} {
		if s := sockstat(read(lines)); s != nil {
			t.Errorf("%q gives %+v", lines, s)
		}
	}
	is(t, "a negative count", sockstat(read("= sockstat\n|TCP: tw -5 inuse 1\n")).TW, absent)
}

func TestOpenVZ(t *testing.T) {
	t.Parallel()
	a := parsed(t, "limits\nnet.ipv4.tcp_max_tw_buckets 1\nnet.ipv4.tcp_max_tw_buckets_ub 16536\nnet.ipv4.tcp_max_tw_kmem_fraction 384\n",
		"openvz\nbc 103 kmemsize 10 20 30 9223372036854775807 0\nbc 103: numtcpsock 1 2 3 4 5\nbc 103 short 1\n")
	vz := a.Facts.OpenVZ
	is(t, "ub", vz.BucketsPerContainer, 16536)
	is(t, "fraction", vz.KmemFraction, 384)
	if len(vz.Beancounters) != 2 || vz.Beancounters[0].Limit != math.MaxInt64 || vz.Beancounters[1].UID != "103" || vz.Beancounters[1].FailCnt != 5 {
		t.Errorf("beancounters = %+v", vz.Beancounters)
	}
	gapIn(t, a, "openvz")
	if a := parsed(t, "openvz\n"); a.Facts.OpenVZ != nil {
		t.Errorf("OpenVZ on a plain kernel: %+v", a.Facts.OpenVZ)
	}
}

func FuzzNetstatBlock(f *testing.F) {
	f.Add("TcpExt: TW TWKilled\nTcpExt: 1 2")
	f.Add("TcpExt: TW\nTcpExt: 18446744073709551616\nTcpExt: TW")
	f.Add("TcpExt:\nTcpExt:")
	f.Fuzz(func(t *testing.T, text string) {
		counters, err := netstatTable(&block{raw: strings.Split(text, "\n")}, "TcpExt:")
		if err != nil && !utf8.ValidString(err.Error()) {
			t.Errorf("%q", err)
		}
		for name, n := range counters {
			if n < 0 || !keptCounters[name] {
				t.Errorf("%s = %d", name, n)
			}
		}
	})
}

func FuzzSockstat(f *testing.F) {
	f.Add("TCP: inuse 14 orphan 0 tw 165 alloc 14 mem 0")
	f.Add("TCP: tw -1 tw")
	f.Fuzz(func(t *testing.T, line string) {
		for name, n := range sockstatLine(&block{raw: []string{line}}, "TCP:") {
			if n != nil && *n < 0 {
				t.Errorf("%q = %d", name, *n)
			}
		}
	})
}
