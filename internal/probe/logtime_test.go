package probe

import (
	"testing"
	"time"
)

// logNow is the clock of the host that wrote the logs below: its zone is half an
// hour off, as some are.
var logNow = time.Date(2026, time.March, 9, 18, 30, 0, 0, time.FixedZone("", 5*3600+1800))

func TestLogClock_dated(t *testing.T) {
	t.Parallel()
	c := logClock{now: logNow, booted: logNow.Add(-1000 * time.Second)}
	for line, want := range map[string]string{
		"Mar  9 18:23:35 web kernel: x":                  "2026-03-09T18:23:35+05:30",
		"Mar 9 18:23:35 kernel: x":                       "2026-03-09T18:23:35+05:30",
		"Mar 10 10:00:00 web kernel: x":                  "2026-03-10T10:00:00+05:30", // within the slack
		"Mar 11 10:00:00 web kernel: x":                  "2025-03-11T10:00:00+05:30", // cannot be in the future
		"Feb 29 10:00:00 web kernel: x":                  "2024-02-29T10:00:00+05:30",
		"Dec 31 23:59:60 web kernel: x":                  "2026-01-01T00:00:00+05:30", // a leap second
		"<6>Mar  9 18:23:35 web kernel: x":               "2026-03-09T18:23:35+05:30",
		"Mar  9 2025 18:23:35 web kernel: x":             "2025-03-09T18:23:35+05:30",
		"Mon Mar  9 18:23:35 2026 kern.info kernel: x":   "2026-03-09T18:23:35+05:30",
		"Mon Mar  9 12:53:35 UTC 2026 x":                 "2026-03-09T18:23:35+05:30",
		"Mon Mar  9 18:23:35 CET 2026 x":                 "2026-03-09T18:23:35+05:30",
		"[Mon Mar  9 18:23:35 2026] x":                   "2026-03-09T18:23:35+05:30",
		"Mar  9 18:23:35 2026 kernel: x":                 "2026-03-09T18:23:35+05:30", // 2026 is a host here
		"2026-03-09T12:53:35Z web kernel: x":             "2026-03-09T18:23:35+05:30",
		"2026-03-09T12:53:35.529456+00:00 web kernel: x": "2026-03-09T18:23:35.529456+05:30",
		"2026-03-09T20:53:35+0800 web kernel: x":         "2026-03-09T18:23:35+05:30",
		"2026-03-09 18:23:35 web kernel: x":              "2026-03-09T18:23:35+05:30",
		"2026-03-09T18:23:35,385898+05:30 x":             "2026-03-09T18:23:35.385898+05:30",
		"1773060815.943805 web kernel: x":                "2026-03-09T18:23:35.943805+05:30",
		"[  615.500000] x":                               "2026-03-09T18:23:35.5+05:30",
		"[99999999999.000000] x":                         "",
		"2027-03-09T18:23:35Z x":                         "", // the future
		"1969-03-09T18:23:35Z x":                         "",
		"2026-02-30T18:23:35Z x":                         "",
		"Feb 30 18:23:35 x":                              "",
		"Mar  9 24:00:00 x":                              "",
		"TCP: time wait bucket table overflow":           "",
		"":                                               "",
	} {
		at, _ := c.dated(line, time.Time{})
		got := ""
		if at != nil {
			got = at.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if at, _ := (logClock{now: logNow}).dated("[  615.500000] x", time.Time{}); at != nil {
		t.Errorf("seconds since an unknown boot are %v", at)
	}
}

func TestLogClock_yearFromTheFile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ mtime, line, newer, want string }{
		{"2024-05-01", "Apr 30 10:00:00 x", "", "2024-04-30"},
		{"2024-05-01", "May 20 10:00:00 x", "", "2023-05-20"},
		{"2026-01-02", "Dec 31 10:00:00 x", "", "2025-12-31"},           // New Year
		{"2026-01-02", "Dec 31 10:00:00 x", "2025-01-15", "2024-12-31"}, // and the one before
		{"2026-03-01", "Mar 20 10:00:00 x", "2025-03-01", "2025-03-20"}, // a clock that was set back is no year
		{"2027-01-01", "Mar 20 10:00:00 x", "", "2025-03-20"},           // an mtime in the future is worth nothing
	} {
		at := func(day string) time.Time {
			if day == "" {
				return time.Time{}
			}
			d, err := time.ParseInLocation(time.DateOnly, day, logNow.Location())
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		c := logClock{now: logNow, newest: at(test.mtime)}
		got, _ := c.dated(test.line, at(test.newer))
		if got == nil || got.Format(time.DateOnly) != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestLogClock_hour(t *testing.T) {
	t.Parallel()
	c := logClock{now: logNow, booted: logNow.Add(-1000 * time.Second)}
	for stamp, want := range map[string]string{
		"Mar  9 18":             "2026-03-09T18:00:00+05:30",
		"Nov 22 19":             "2025-11-22T19:00:00+05:30",
		"Mon Mar  9 18 2026":    "2026-03-09T18:00:00+05:30",
		"2026-03-09T18+05:30":   "2026-03-09T18:00:00+05:30",
		"2026-03-09T12Z":        "2026-03-09T17:00:00+05:30", // begins half past
		"2026-03-09T18":         "2026-03-09T18:00:00+05:30",
		"@1773060815":           "2026-03-09T18:00:00+05:30",
		"+0":                    "2026-03-09T18:00:00+05:30",
		"-":                     "",
		"@99999999999":          "",
		"2026-13-09T18Z":        "",
		"Mar 40 18":             "",
		"+99999999999999999999": "",
	} {
		at, _ := c.hour(stamp)
		got := ""
		if !at.IsZero() {
			got = at.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", stamp, got, want)
		}
	}
}

func FuzzLogTime(f *testing.F) {
	f.Add("Mar  9 18:23:35 x", int64(0))
	f.Add("Mon Mar  9 18:23:35 UTC 2026 x", int64(1))
	f.Add("2026-03-09T12:53:35.529456+00:00 web", int64(1773060815))
	f.Add("1773060815.943805 web", int64(-5))
	f.Add("<6>[  615.500000] x", int64(1<<40))
	f.Add("+3600", int64(2))
	f.Fuzz(func(t *testing.T, line string, newest int64) {
		c := logClock{now: logNow, booted: logNow.Add(-time.Hour), newest: time.Unix(newest%(1<<36), 0)}
		at, _ := c.dated(line, time.Time{})
		hour, _ := c.hour(line)
		if at == nil {
			at = new(time.Time)
		}
		for _, got := range []time.Time{*at, hour} {
			if got.After(logNow.Add(clockSlack)) || !got.IsZero() && got.Year() < 1960 {
				t.Errorf("%q is %v", line, got)
			}
		}
	})
}
