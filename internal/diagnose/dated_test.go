package diagnose

import (
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// lived is a look with the uptime that the host had.
func lived(r audit.Reading, up time.Duration) audit.Reading {
	r.UptimeSeconds = new(up.Seconds())
	return r
}

// of is a look at the login's own namespace with this number; none for 0.
func of(r audit.Reading, id string) audit.Reading {
	r.Own, r.Namespace = true, id
	return r
}

// inside is a look at another namespace.
func inside(r audit.Reading, id string) audit.Reading {
	r.Namespace = id
	return r
}

func onMachine(r audit.Reading, id string) audit.Reading {
	r.MachineID = id
	return r
}

func doubted(r audit.Reading) audit.Reading {
	r.Doubtful = true
	return r
}

func uptime(d time.Duration) edit {
	return func(f *audit.Facts) { f.Host.UptimeSeconds, f.Host.BootedAt = new(d.Seconds()), ago(d) }
}

// TestHost_wrongDates: what earlier runs saw counts from when it was, not from when a
// clock that was wrong said; what cannot be dated proves nothing.
func TestHost_wrongDates(t *testing.T) {
	t.Parallel()
	const hour, limit = time.Hour, 131072
	cured := []edit{overflows(500, 0), fill(100, 10000), raised(5000, 10000, time.Minute)}
	tests := []struct {
		name  string
		facts *audit.Facts
		past  *audit.Past
		want  audit.Verdict
		words string // of the verdict's finding
	}{
		{"40 days off, and up for an hour", modern(overflows(500, 0), uptime(70*time.Minute)),
			past(lived(run(40*day, limit, 500), hour)), overflowed, "500 sockets destroyed before 2026-11-22 11:50"},
		{"the same of a file that knows no uptime", modern(overflows(500, 0), uptime(70*time.Minute)),
			past(run(40*day, limit, 500)), overflowed, "at an unknown time in 1h10m"},
		{"just before the boot, as clocks drift", modern(overflows(500, 0), uptime(31*day)),
			past(run(31*day+time.Minute, limit, 500)), ok, ""},
		{"40 days, and up for as long", modern(overflows(500, 0), uptime(50*day)),
			past(lived(run(40*day, limit, 500), 10*day)), ok, "no overflow since 2026-10-13 12:00"},
		{"an uptime that stands still", modern(overflows(500, 0), uptime(50*day)),
			past(lived(run(40*day, limit, 500), 50*day)), ok, ""},
		{"two days off, and ten minutes to be fixed in", modern(append(cured, uptime(70*time.Minute))...),
			past(lived(run(2*day+10*time.Minute, 5000, 500), hour)), overflowed, ""},
		{"from the future, and before now by its uptime", modern(overflows(9, 0), uptime(10*day)),
			past(lived(run(-30*time.Second, limit, 8), 10*day-30*time.Minute)), overflowing, "1 socket destroyed since the run 30m ago"},
		{"from the future indeed", modern(overflows(9, 0), uptime(10*day)),
			past(lived(run(-hour, limit, 8), 10*day+hour)), overflowed, "at an unknown time"},
		{"a peak of our clock ahead", modern(fill(10, 1000), uptime(10*day)),
			past(lived(peak(-30*time.Second, 900), 10*day-5*time.Minute)), near, "at 2026-11-22 11:55"},
		{"a look of our clock ahead comes first by its uptime", modern(overflows(500, 0), uptime(10*day)),
			past(lived(run(4*time.Second, limit, 0), 10*day-9*time.Second), lived(run(6*time.Second, limit, 500), 10*day-6*time.Second)),
			overflowing, "between 2026-11-22 11:59:51 and 11:59:54"},
		{"stored before one that is dated before it", modern(overflows(500, 0)),
			past(doubted(run(time.Minute, limit, 0)), run(hour, limit, 500)), overflowed, "500 sockets destroyed before 2026-11-22 11:00"},

		// Reboots cure nothing.
		{"rose after a look at the boot before", modern(uptime(time.Minute)),
			past(other(run(day, limit, 0), "A"), other(run(2*hour, limit, 500), "B")), overflowed, "500 sockets destroyed between 2026-11-21 12:00 and 2026-11-22 10:00, in an earlier boot"},
		{"and after its own boot", modern(uptime(time.Minute)),
			past(other(run(day, limit, 0), "A"), lived(other(run(2*hour, limit, 500), "B"), 30*time.Minute)), overflowed, "between 2026-11-22 09:30 and 2026-11-22 10:00, in an"},
		{"first seen with an uptime within --since", modern(uptime(time.Minute)),
			past(lived(other(run(2*hour, limit, 500), "B"), 20*day)), overflowed, ""},
		{"first seen with one beyond it", modern(uptime(time.Minute)),
			past(lived(other(run(2*hour, limit, 500), "B"), 40*day)), ok, ""},
		{"before --since", modern(uptime(time.Minute)),
			past(other(run(33*day, limit, 0), "A"), other(run(32*day, limit, 500), "B")), ok, ""},
		{"a boot whose newest look was dated 40 days back", modern(uptime(time.Minute)),
			past(lived(other(run(2*hour, limit, 0), "A"), hour), lived(other(run(40*day, limit, 500), "A"), 2*hour)), overflowed, "between 2026-11-22 10:00 and 2026-11-22 11:00"},
		{"rose before the counter began again", modern(uptime(50 * day)),
			past(run(3*day, limit, 1), run(2*day, limit, 500)), overflowed, "499 sockets destroyed between 2026-11-19 12:00 and 2026-11-20 12:00, before the counter began again"},
		{"a container with our login that was started again", modern(uptime(hour)),
			past(lived(run(3*day, limit, 1), 20*day), lived(run(2*day, limit, 500), 21*day)), overflowed, ""},

		// Other machines, and namespaces.
		{"of another machine", modern(uptime(time.Minute)),
			past(onMachine(other(run(3*hour, limit, 5), "B"), "m-2"), onMachine(other(run(2*hour, limit, 9), "B"), "m-2"), other(peak(2*hour, limit), "B")), ok, ""},
		{"of a machine without an id", modern(uptime(time.Minute)),
			past(onMachine(other(run(3*hour, limit, 5), "B"), "m-1"), other(run(2*hour, limit, 9), "B")), overflowed, ""},
		{"a namespace that is gone", modern(), past(inside(run(3*day, limit, 0), "99"), inside(run(2*day, limit, 7), "99")), overflowed,
			"namespace net:[99], which this look does not show: 7 sockets destroyed between 2026-11-19 12:00"},
		{"one that stood still", modern(), past(inside(run(3*day, limit, 7), "99"), inside(run(2*day, limit, 7), "99")), ok, ""},
		{"one that is there", modern(namespaces(child("web", 1, 100, 7, 0))), past(of(run(40*day, limit, 0), "1"), inside(run(35*day, limit, 7), "2")), ok, ""},
		{"the own number, which root alone can tell", modern(overflows(500, 0), uptime(50*day)),
			past(of(run(40*day, limit, 500), "4026531840")), ok, "no overflow since 2026-10-13 12:00, 500 before"},
		{"the own number, known again", modern(overflows(500, 0), namespaces()), past(of(run(31*day, limit, 500), "")), ok, ""},
		{"another own number", modern(overflows(500, 0), namespaces()), past(of(run(31*day, limit, 500), "7")), overflowed, ""},
		{"another own number, that rose", modern(namespaces()), past(of(run(2*day, limit, 0), "7"), of(run(day, limit, 5), "7")), overflowed, ""},

		// Quiet is what was quiet under the new limit.
		{"raised a minute ago", modern(append(cured, uptime(50*day))...), past(run(26*hour, 5000, 500)), overflowed, ""},
		{"raised a day ago", modern(overflows(500, 0), fill(100, 10000), raised(5000, 10000, 25*hour), uptime(50*day)), past(run(26*hour, 5000, 500)), fixed,
			"last overflow before 2026-11-21 10:00, quiet for 25h00m since the raise"},
		{"raised a day ago, and quiet for longer before", modern(overflows(500, 0), fill(100, 10000), raised(5000, 10000, 25*hour), uptime(50*day)),
			past(run(9*day, 5000, 5), run(5*day, 5000, 5), run(26*hour, 5000, 500)), overflowed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := judged(t, tt.facts, tt.past)
			if d.Verdict != tt.want {
				t.Errorf("verdict %s, want %s; %+v", d.Verdict, tt.want, d.Findings)
			}
			d.wantTitle(t, string(tt.want), tt.words)
		})
	}
}

// A reset is told with the count that came after it, which need not be today's.
func TestHistory_namesTheFall(t *testing.T) {
	t.Parallel()
	h := judged(t, modern(overflows(500, 0)), past(run(2*day, 131072, 500), run(day, 131072, 3))).History
	if notes := strings.Join(h.Notes, "\n"); !strings.Contains(notes, "the overflow counter fell from 500 at 2026-11-20 12:00 to 3: ") {
		t.Errorf("%q", notes)
	}
}
