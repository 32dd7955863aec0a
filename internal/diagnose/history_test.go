package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// peakOf is the fullest of several looks of a day, on a host whose limit was raised
// two days ago.
func peakOf(age time.Duration, buckets int64) audit.Reading {
	limit := int64(131072)
	if age > 2*day {
		limit = 5000
	}
	return audit.Reading{At: clock.Add(-age), BootID: "boot-1", Limit: &limit, Buckets: &buckets, DayLooks: 24}
}

func TestHistory_marksWhatEarlierRunsAdded(t *testing.T) {
	t.Parallel()
	seen := past(run(3*day, 5000, 2), run(2*day, 131072, 2), run(time.Hour/2, 131072, 2), peakOf(2*day+time.Hour, 700), peakOf(day+time.Hour, 600), peakOf(3*day+time.Hour, 800), peakOf(25*day, 100))
	seen.FirstSeen, seen.LastSeen, seen.LastVerdict, seen.LastRun = ago(90*day), ago(time.Hour/2), overflowed, "run-1"
	seen.Missed, seen.MissedSince = 2, ago(20*time.Minute)
	d := judged(t, modern(overflows(9, 0), fill(100, 131072)), seen)
	h := d.History
	if h == nil || !h.FirstSeen.Equal(*ago(90 * day)) || !h.LastSeen.Equal(*ago(time.Hour / 2)) || h.LastVerdict != overflowed || h.LastRun != "run-1" {
		t.Fatalf("%+v", h)
	}
	if h.Since == nil || h.Since.OverflowDelta != 7 || h.Since.Seconds != 1800 {
		t.Errorf("since %+v", h.Since)
	}
	if h.Peak == nil || h.Peak.Buckets != 800 || *h.Peak.Ratio != 0.16 {
		t.Errorf("peak %+v", h.Peak)
	}
	if h.BusiestHour == nil || *h.BusiestHour != 11 {
		t.Errorf("busiest hour %v", h.BusiestHour)
	}
	if len(h.Limits) != 1 || h.Limits[0].From != 5000 || h.Limits[0].To != 131072 || !h.Limits[0].And.Equal(*ago(2 * day)) {
		t.Errorf("limits %+v", h.Limits)
	}
	if d.Verdict != overflowing || h.VerdictAlone != overflowed || h.UnmovedSince != nil || !slices.Equal(h.Rules, []string{"overflowed", "overflowing"}) {
		t.Errorf("%s, alone %q, rules %v, unmoved %v", d.Verdict, h.VerdictAlone, h.Rules, h.UnmovedSince)
	}
	notes := strings.Join(h.Notes, "\n")
	for _, want := range []string{
		"7 sockets destroyed since the look at 2026-11-22 11:30, 30m ago", "limit raised from 5,000 to 131,072 between 2026-11-20 11:00 and 2026-11-20 12:00",
		"without earlier runs the verdict would be overflowed", "answers again, after 2 runs without an answer since 2026-11-22 11:40", "busiest around 11:00: the fullest look of 3 of 4 days",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q lacks %q", notes, want)
		}
	}
}

// The facts of a quiet host gain nothing from a quiet past, and that is said too.
func TestHistory_nothingNew(t *testing.T) {
	t.Parallel()
	d := judged(t, modern(), past(run(2*day, 131072, 0), run(day, 131072, 0)))
	h := d.History
	if h.VerdictAlone != "" || len(h.Rules) != 0 || len(h.Notes) != 0 || h.Since.OverflowDelta != 0 || !h.UnmovedSince.Equal(*ago(2 * day)) || h.BusiestHour != nil {
		t.Errorf("%+v", h)
	}
	// An hour that came out once is no pattern; single looks are those of a cron job.
	lone := past(peakOf(day, 1), peakOf(2*day+time.Hour, 2), peakOf(3*day+2*time.Hour, 3))
	for i := range 5 {
		r := peakOf(time.Duration(i)*day, 5)
		r.DayLooks = 1
		lone.Readings = append(lone.Readings, r)
	}
	if h := judged(t, modern(), lone).History; h.BusiestHour != nil {
		t.Errorf("busiest hour %d", *h.BusiestHour)
	}
	if h := judged(t, modern(), nil).History; h != nil {
		t.Errorf("a first look has a history: %+v", h)
	}
}

// Our clock may differ from the host's: what is shown beside the host's own times
// is by its clock.
func TestHistory_byTheHostsClock(t *testing.T) {
	t.Parallel()
	late := func(f *audit.Facts) {
		f.Host.Clock, f.Host.ClockSkewMS = new(clock.Add(time.Hour).In(time.FixedZone("", 8*3600))), new(int64(3600_000))
	}
	h := judged(t, modern(late), past(run(day, 131072, 0))).History
	if want := "2026-11-22T21:00:00+08:00"; h.LastSeen.Format(time.RFC3339) == want || h.Since.At.Format(time.RFC3339) != "2026-11-21T21:00:00+08:00" {
		t.Errorf("seen %s, since %s", h.LastSeen, h.Since.At)
	}
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		past *audit.Past
		want string // empty: nothing is known
	}{
		{"a stranger", nil, ""},
		{"known by its name only", &audit.Past{}, ""},
		{"never answered", &audit.Past{Missed: 3, MissedSince: ago(day)}, "it never answered: 3 earlier runs without an answer"},
		{"answered in the run before", &audit.Past{FirstSeen: ago(9 * day), LastSeen: ago(day), LastVerdict: ok}, "last answered at 2026-11-21 12:00 (ok), in the run before"},
		{"away for longer", &audit.Past{FirstSeen: ago(9 * day), LastSeen: ago(day), LastVerdict: overflowing, Missed: 1}, "last answered at 2026-11-21 12:00 (overflowing), and not in 1 run since"},
		{"of a wrong clock", &audit.Past{FirstSeen: ago(-day), LastSeen: ago(-day)}, ""},
	} {
		got := ""
		if h := Absent(c.past, clock); h != nil {
			got = strings.Join(h.Notes, "\n")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
