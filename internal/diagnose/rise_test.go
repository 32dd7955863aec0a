package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// burst is a host that overflowed between two runs and was left alone since, on
// which the limit was raised after that.
func burst(limit int64) (*audit.Facts, *audit.Past) {
	return modern(kernelIs("6.1.0"), overflows(1541, 0), fill(0, limit), normally(131072)),
		past(run(10*time.Minute, 2000, 0), run(10*time.Minute-2*time.Second, 2000, 1541), run(5*time.Minute, 2000, 1541))
}

func normally(n int64) edit { return func(f *audit.Facts) { f.TimeWait.DefaultLimit = &n } }

func TestRise_thatEnded(t *testing.T) {
	t.Parallel()
	facts, seen := burst(20000)
	d := judged(t, facts, seen)
	d.wantTitle(t, "overflowing", "1,541 sockets destroyed between 2026-11-22 11:50:00 and 11:50:02, none since (2 looks or more); limit raised from 2,000 to 20,000 since; now with 0 of 20,000")
	d.wantTitle(t, "raised-unproven", "limit raised from 2,000 to 20,000")
	f := d.find("overflowing")
	if d.Verdict != overflowing || !strings.HasPrefix(f.Advice[0], "Wait, and scan again") {
		t.Errorf("%s: %q", d.Verdict, f.Advice)
	}
	r := d.History.LastRise
	if r == nil || !r.From.Equal(*ago(10 * time.Minute)) || !r.To.Equal(*ago(10*time.Minute - 2*time.Second)) || r.Sockets != 1541 || r.UnmovedLooks != 2 {
		t.Errorf("%+v", r)
	}
	// With the limit of then there is nothing to wait for.
	facts, seen = burst(2000)
	d = judged(t, facts, seen)
	if f := d.find("overflowing"); strings.Contains(strings.Join(f.Advice, ""), "Wait") || strings.Contains(f.Title, "raised") || d.find("raised-unproven") != nil {
		t.Errorf("%s: %q", f.Title, f.Advice)
	}
}

func TestRise_upToNowAndBefore(t *testing.T) {
	t.Parallel()
	d := judged(t, modern(overflows(9, 0)), past(run(time.Hour/2, 131072, 2)))
	d.wantTitle(t, "overflowing", "7 sockets destroyed since the run 30m ago, now with")
	if r := d.History.LastRise; r.UnmovedLooks != 0 || !r.To.Equal(clock) {
		t.Errorf("%+v", r)
	}
	// The first look already found it: it lies between the boot and that look.
	d = judged(t, modern(overflows(9, 0)), past(run(3*day, 131072, 9)))
	if r := d.History.LastRise; !r.To.Equal(*ago(3 * day)) || !r.From.Equal(*ago(40 * day)) || r.Sockets != 9 {
		t.Errorf("%+v", r)
	}
	d = judged(t, modern(overflows(9, 4)), past(run(3*day, 131072, 5)))
	if r := d.History.LastRise; !r.To.Equal(clock) || !r.From.Equal(*ago(time.Second)) || r.Sockets != 4 {
		t.Errorf("%+v", r)
	}
	for name, never := range map[string]Diagnosis{
		"no overflow": judged(t, modern(), past(run(day, 131072, 0))), "a first look": judged(t, modern(overflows(9, 0)), past(peakOf(day, 1))),
	} {
		if never.History.LastRise != nil {
			t.Errorf("%s: %+v", name, never.History.LastRise)
		}
	}
}

func TestRise_ofAnotherNamespace(t *testing.T) {
	t.Parallel()
	inside := run(2*day, 100, 0)
	inside.Namespace = "2"
	d := judged(t, modern(namespaces(child("web", 1, 100, 7, 0))), past(inside))
	if r := d.History.NamespaceRises["2"]; r.Sockets != 7 || !r.To.Equal(clock) || d.History.LastRise != nil {
		t.Errorf("%+v, own %+v", d.History.NamespaceRises, d.History.LastRise)
	}
}

// One number: what the load needs counts the sockets that history saw destroyed,
// and the advice, the headroom and each finding name the same limit.
func TestHeadroom_afterAnOverflow(t *testing.T) {
	t.Parallel()
	d := judged(t, modern(overflows(1541, 0), fill(2000, 2000)), past(run(2*time.Second, 2000, 0)))
	h := d.Headroom
	const needed = (2000 + 60*1541/2) * 3 / 2
	if *h.NeededLimit != needed || *h.AdvisedLimit != needed || *h.LoadFactor > 0.1 || *h.OverflowRate != 770.5 || *h.OverflowSeconds != 2 || !h.LowerBound {
		t.Errorf("needed %d, advised %d, factor %v, rate %v, lower bound %v", *h.NeededLimit, *h.AdvisedLimit, *h.LoadFactor, *h.OverflowRate, h.LowerBound)
	}
	for _, tt := range []struct {
		name            string
		facts           *audit.Facts
		past            *audit.Past
		needed, advised int64
		lower           bool
	}{
		{"drained, at an unknown time", modern(overflows(9, 0), fill(0, 500)), nil, 750, 750, true},
		{"the default is more", modern(overflows(9, 0), fill(0, 500), normally(131072)), nil, 750, 131072, true},
		{"an earlier look was fuller", modern(fill(100, 6000)), past(peakOf(day, 2000)), 3000, 0, false},
		{"nothing counts what a full table refuses", old(fill(6000, 6000)), nil, 9000, 9000, true},
		{"measured", modern(fill(600, 6000)), nil, 900, 0, false},
	} {
		h := judged(t, tt.facts, tt.past).Headroom
		advised := int64(0)
		if h.AdvisedLimit != nil {
			advised = *h.AdvisedLimit
		}
		if *h.NeededLimit != tt.needed || advised != tt.advised || h.LowerBound != tt.lower {
			t.Errorf("%s: needed %d, advised %d, lower bound %v", tt.name, *h.NeededLimit, advised, h.LowerBound)
		}
	}
}

// Each limit is to be set once, however many findings are about it, and a mark of
// the machine does not make a container of what ip netns made.
func TestAdvice_onePerAction(t *testing.T) {
	t.Parallel()
	login := func(f *audit.Facts) {
		f.Host.Virtualization = "docker"
		blue := child("newc1", 2, 100, 7, 7)
		blue.Kind = "netns"
		f.Namespaces = []audit.Namespace{{ID: "1", Name: "host", Netns: "newc2"}, blue}
	}
	d := judged(t, modern(fill(500, 500), overflows(40, 4), normally(131072), login), nil)
	var limits []string
	for _, f := range d.Findings {
		for _, a := range f.Advice {
			if strings.Contains(a, "docker run") {
				t.Errorf("%s: %s", f.Rule, a)
			}
			if strings.Contains(a, tcpTWBucketsKey) && !slices.Contains(limits, a) {
				limits = append(limits, a)
			}
		}
	}
	want := []string{"ip netns exec newc2 sysctl -w net.ipv4.tcp_max_tw_buckets=131072", "ip netns exec newc1 sysctl -w net.ipv4.tcp_max_tw_buckets=131072"}
	if len(limits) != 2 || !strings.Contains(limits[0], want[0]) || !strings.Contains(limits[1], want[1]) {
		t.Errorf("%q", limits)
	}
}
