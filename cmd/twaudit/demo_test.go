package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"twaudit/internal/audit"
	"twaudit/internal/diagnose"
	"twaudit/internal/probe"
)

// TestDemoAnswer_judged: each host of the demo, by parser and rules alone, at
// times that are awkward for stamps without a year, at the turn of an hour, and
// where a clock changes.
func TestDemoAnswer_judged(t *testing.T) {
	t.Parallel()
	for _, now := range []time.Time{
		time.Date(2026, 11, 22, 23, 7, 1, 5e8, time.UTC),
		time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2027, 1, 9, 12, 59, 59, 0, time.FixedZone("", -9*3600)),
		time.Date(2028, 2, 29, 4, 0, 30, 0, time.UTC),
	} {
		answers, err := newDemoAnswers(func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range demoFleet(24) {
			if h.verdict == "" {
				continue
			}
			t.Run(now.Format("20060102 15h ")+h.name, func(t *testing.T) {
				t.Parallel()
				judgeDemo(t, answers, &h, now)
			})
		}
	}
}

func judgeDemo(t *testing.T, answers *demoAnswers, h *demoHost, now time.Time) {
	t.Helper()
	nonce := strings.Repeat("0a", 16)
	var out bytes.Buffer
	if err := answers.write(&out, h, nonce); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "\n\n") || !strings.HasSuffix(out.String(), "twaudit-probe "+nonce+" end\n") {
		t.Errorf("the answer is not what the script would print:\n%s", out.String())
	}
	answer, err := probe.Parse(out.Bytes(), nonce, now)
	if err != nil {
		t.Fatal(err)
	}
	got := diagnose.Host(answer.Facts, answer.Gaps, nil, audit.DefaultLimits(), now)
	if got.Verdict != h.verdict || got.Coverage != audit.CoverageFull {
		t.Errorf("%s, %s, want %s, full; findings %+v", got.Verdict, got.Coverage, h.verdict, got.Findings)
	}
	tw := answer.Facts.TimeWait
	want := []int64{h.Buckets, h.Limit}
	if tw.Buckets == nil || tw.Limit == nil || !cmp.Equal([]int64{*tw.Buckets, *tw.Limit}, want) {
		t.Errorf("time_wait %+v, want buckets and limit %v", tw, want)
	}
	if (tw.OverflowTotal == nil) != h.Old {
		t.Errorf("overflow total %v on a host that is old: %v", tw.OverflowTotal, h.Old)
	}
	if len(answer.Gaps) > 0 != h.LogDenied {
		t.Errorf("gaps %+v", answer.Gaps)
	}
}

// TestDemoSeed: the first host shows the numbers of the notes it comes from.
func TestDemoSeed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 29, 18, 23, 50, 0, time.FixedZone("", 8*3600))
	answers, err := newDemoAnswers(func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := answers.write(&out, &demoFleet(1)[0], probe.ManualNonce); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"state TIME_WAIT 7450", "state ESTABLISHED 56", "state LISTEN 13", "net.ipv4.tcp_max_tw_buckets 10000",
		"|36 #net.ipv4.tcp_max_tw_buckets=5000", "|37 net.ipv4.tcp_max_tw_buckets=10000",
		fmt.Sprintf("stat %[1]d %[1]d 1187 /etc/sysctl.conf", time.Date(2026, 3, 9, 18, 23, 0, 0, now.Location()).Unix()),
		"|Mar  9 18:23:35 kernel: : TCP: time wait bucket table overflow",
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("the answer lacks %q", line)
		}
	}
}

func TestDemoFleet_anySize(t *testing.T) {
	t.Parallel()
	fleet := demoFleet(maxDemoHosts)
	names, healthy := map[string]bool{}, 0
	for _, h := range fleet {
		names[h.name] = true
		if h.verdict == audit.VerdictOK {
			healthy++
			if h.Buckets <= 0 {
				t.Errorf("%s has %d buckets", h.name, h.Buckets)
			}
		}
	}
	if len(fleet) != maxDemoHosts || len(names) != maxDemoHosts || healthy < maxDemoHosts/2 {
		t.Errorf("%d hosts, %d names, %d healthy", len(fleet), len(names), healthy)
	}
	if got := demoFleet(1); len(got) != 1 || got[0].name != "legacy01.demo" {
		t.Errorf("a demo of one is %+v", got)
	}
}

func TestSurprises_namesWhatCameOutOtherwise(t *testing.T) {
	t.Parallel()
	hosts := []demoHost{{name: "a", verdict: audit.VerdictOK}, {name: "b", failure: audit.StageConnect}, {name: "c", verdict: audit.VerdictFixed}}
	run := &audit.Run{Hosts: []audit.HostResult{
		{Name: "a", Verdict: audit.VerdictOK},
		{Name: "b", Failure: &audit.Failure{Stage: audit.StageConnect, Message: "refused"}},
		{Name: "c", Verdict: audit.VerdictFixed},
	}}
	if err := surprises(hosts, run); err != nil {
		t.Errorf("as expected: %v", err)
	}
	run.Hosts[0].Verdict = audit.VerdictOverflowing
	run.Hosts[1].Failure.Stage = audit.StageHostKey
	run.Hosts = run.Hosts[:2]
	err := surprises(hosts, run)
	want := `demo: 3 of 3 hosts came out otherwise than expected: a should be "ok" and is "overflowing"; ` +
		`b should be "failed: connect" and is "failed: host-key, refused"; c should be "fixed" and is ""`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestDemo_again(t *testing.T) {
	t.Parallel()
	for want, n := range map[string]int{"twaudit demo --save demo": defaultDemoHosts, "twaudit demo -n 40 --save demo": 40} {
		if got := (&demoFlags{hosts: countFlag{n, maxDemoHosts}}).again(); got != want {
			t.Errorf("%d hosts: %q, want %q", n, got, want)
		}
	}
}
