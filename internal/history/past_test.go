package history

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// words writes a past in short: age in hours after noon, boot, limit and counter
// of each reading, and the buckets of the fullest look of a day.
func words(p *audit.Past) string {
	var list []string
	for _, r := range p.Readings {
		s := fmt.Sprintf("%gh %s", r.At.Sub(noon).Hours(), strings.TrimPrefix(r.BootID, "boot-"))
		if r.DayLooks > 0 {
			s += fmt.Sprintf(" peak %d of %d in %d", *r.Buckets, *r.Limit, r.DayLooks)
		} else {
			s += fmt.Sprintf(" %d %d", *r.Limit, *r.OverflowTotal)
		}
		list = append(list, s)
	}
	return strings.Join(list, "; ")
}

func pastOf(t *testing.T, db *DB, name string, since time.Duration) *audit.Past {
	t.Helper()
	past, err := db.Past(context.Background(), name, noon.Add(since), noon.Add(1000*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return past
}

func TestPast_keepsWhatMoved(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	for _, c := range []struct {
		name  string
		looks map[time.Duration]audit.HostResult // by time after noon, stored in order
		order []time.Duration                    // of storing; nil is that of time
		since time.Duration
		want  string
	}{
		{"one look", map[time.Duration]audit.HostResult{0: web("w")}, nil, 0,
			"0h 1 5000 0; 0h 1 peak 100 of 5000 in 1"},
		{"nothing moved", map[time.Duration]audit.HostResult{0: web("w"), hour: web("w", buckets(300)), 2 * hour: web("w")}, nil, 0,
			"0h 1 5000 0; 1h 1 peak 300 of 5000 in 3; 2h 1 5000 0"},
		{"counter and limit moved", map[time.Duration]audit.HostResult{0: web("w"), hour: web("w"), 2 * hour: web("w", total(7)), 3 * hour: web("w", total(7)), 4 * hour: web("w", total(7), limit(9000))}, nil, 20 * hour,
			"0h 1 5000 0; 1h 1 5000 0; 2h 1 5000 7; 3h 1 5000 7; 4h 1 9000 7"},
		{"rebooted", map[time.Duration]audit.HostResult{0: web("w", total(3)), hour: web("w", boot("boot-2"))}, nil, 20 * hour,
			"0h 1 5000 3; 1h 2 5000 0"},
		{"rebooted, and nothing else", map[time.Duration]audit.HostResult{0: web("w"), hour: web("w", boot("boot-2"))}, nil, 20 * hour,
			"0h 1 5000 0; 1h 2 5000 0"},
		{"a peak on each day", map[time.Duration]audit.HostResult{0: web("w"), 13 * hour: web("w", buckets(50)), 14 * hour: web("w", buckets(40))}, nil, 0,
			"0h 1 5000 0; 0h 1 peak 100 of 5000 in 1; 13h 1 peak 50 of 5000 in 2; 14h 1 5000 0"},
		{"a clock that was set back", map[time.Duration]audit.HostResult{5 * hour: web("w"), 6 * hour: web("w"), hour: web("w", total(9)), 2 * hour: web("w", total(9))},
			[]time.Duration{5 * hour, 6 * hour, hour, 2 * hour}, 20 * hour,
			"1h 1 5000 9; 2h 1 5000 9; 5h 1 5000 0; 6h 1 5000 0"},
		{"an answer that waited", map[time.Duration]audit.HostResult{0: web("w"), hour: web("w"), 2 * hour: web("w")},
			[]time.Duration{0, 2 * hour, hour}, 20 * hour,
			"0h 1 5000 0; 2h 1 5000 0"},
	} {
		db := opened(t, "")
		order := c.order
		if order == nil {
			for after := range 24 * 2 {
				if _, there := c.looks[time.Duration(after)*hour]; there {
					order = append(order, time.Duration(after)*hour)
				}
			}
		}
		for _, after := range order {
			h := c.looks[after]
			h.Facts.Host.Clock = new(noon.Add(after))
			store(t, db, runAt(after, h))
		}
		if got := words(pastOf(t, db, "w", c.since)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestPast_whenItAnswered(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	cut := silent("w")
	cut.Failure.Stage = audit.StageDeadline
	for i, h := range []audit.HostResult{silent("w"), web("w", verdict(audit.VerdictOverflowed)), silent("w"), cut, silent("w")} {
		store(t, db, runAt(time.Duration(i)*time.Hour, h))
	}
	p := pastOf(t, db, "w", 0)
	at := noon.Add(time.Hour + time.Second)
	if !p.FirstSeen.Equal(at) || !p.LastSeen.Equal(at) || p.LastVerdict != audit.VerdictOverflowed || p.LastRun == "" {
		t.Errorf("seen %v to %v, %s in %s", p.FirstSeen, p.LastSeen, p.LastVerdict, p.LastRun)
	}
	// A run that ended too early says nothing about the host.
	if p.Missed != 2 || !p.MissedSince.Equal(noon.Add(2*time.Hour+time.Second)) {
		t.Errorf("missed %d since %v", p.Missed, p.MissedSince)
	}
	store(t, db, runAt(5*time.Hour, web("w")))
	if p := pastOf(t, db, "w", 0); p.Missed != 0 || p.MissedSince != nil || !p.FirstSeen.Equal(at) {
		t.Errorf("after an answer: %+v", p)
	}
	if p := pastOf(t, db, "nobody", 0); p != nil {
		t.Errorf("a stranger has a past: %+v", p)
	}
}

// Namespaces have trails of their own.
func TestPast_namespaces(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	for i := range 2 {
		h := web("w")
		h.Facts.Namespaces = append(h.Facts.Namespaces, audit.Namespace{ID: "77", Name: "docker-x", Limit: new(int64(100)), OverflowTotal: new(int64(i)), Buckets: new(int64(90))})
		store(t, db, runAt(time.Duration(i)*time.Hour, h))
	}
	var own, other int
	for _, r := range pastOf(t, db, "w", 0).Readings {
		switch r.Namespace {
		case "4026531840":
			own++
		case "77":
			other++
		}
	}
	if own != 3 || other != 3 {
		t.Errorf("%d readings of the login's own namespace, %d of the other", own, other)
	}
}

func up(seconds float64) edit {
	return func(h *audit.HostResult) { h.Facts.Host.UptimeSeconds = &seconds }
}

func machine(id string) edit { return func(h *audit.HostResult) { h.Facts.Host.MachineID = id } }

func asked(after time.Duration) edit {
	return func(h *audit.HostResult) { h.Facts.Host.Clock = new(noon.Add(after)) }
}

// Dates may be wrong: what tells when a look really was goes with it.
func TestPast_whenItReallyWas(t *testing.T) {
	t.Parallel()
	const hour, id = time.Hour, "5f0c7d1e2b3a49586c7d8e9fa0b1c2d3"
	db := opened(t, "")
	for i, h := range []audit.HostResult{
		web("w", up(1000.25), machine(id), asked(5*hour), buckets(900)), // an hour ahead
		web("w", up(1001), machine(id), asked(4*hour), total(7)),
		web("w", up(4600), machine(id), asked(5*hour+time.Second), total(7)),
		web("w", up(4900), machine(id), asked(4*hour+time.Second), total(7)), // set back; the uptime says that it is later
		web("w", up(8000), machine("Another one"), asked(6*hour), total(7)),
		web("w", machine(""), asked(7*hour), boot("boot-2")),
	} {
		store(t, db, runAt(9*hour+time.Duration(i)*time.Minute, h))
	}
	var got []string
	for _, r := range pastOf(t, db, "w", 0).Readings {
		uptime := -1.0
		if r.UptimeSeconds != nil {
			uptime = *r.UptimeSeconds
		}
		got = append(got, fmt.Sprintf("%s up %g on %.7s own %t doubtful %t", r.At.Sub(noon), uptime, r.MachineID, r.Own, r.Doubtful))
	}
	want := []string{
		"4h0m0s up 1001 on 5f0c7d1 own true doubtful false", "4h0m1s up 4900 on 5f0c7d1 own true doubtful false",
		"5h0m0s up 1000.25 on 5f0c7d1 own true doubtful true", "5h0m0s up 1000.25 on  own false doubtful false",
		"5h0m1s up 4600 on 5f0c7d1 own true doubtful false", "6h0m0s up 8000 on Another own true doubtful false", "7h0m0s up -1 on  own true doubtful false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What overflowed within a look is there after the boot that followed it.
func TestPast_riseWithinALook(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	store(t, db, runAt(0, web("w", asked(0), total(500), func(h *audit.HostResult) {
		h.Facts.TimeWait.OverflowDelta, h.Facts.TimeWait.SampleSeconds = new(int64(100)), new(36.0)
	})))
	if got, want := words(pastOf(t, db, "w", 1000*time.Hour)), "-0.01h 1 5000 400; 0h 1 5000 500"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A file of schema 1 is brought up to date, and goes on with what it has.
func TestPast_ofSchema1(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "history.db")
	old, err := sql.Open("sqlite", dsn(path, "rwc", true))
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(ctx, old, migrations()[:1], true); err != nil {
		t.Fatal(err)
	}
	const rows = `INSERT INTO host (id, name, last_run) VALUES (1, 'w', 1);
		INSERT INTO state (host, namespace, first, last, boot, lim, total) VALUES (1, '4026531840', ?1, ?1, 'boot-1', 5000, 3);
		INSERT INTO peak (day, host, namespace, at, boot, buckets, lim, looks) VALUES (?2, 1, '4026531840', ?1, 'boot-1', 40, 5000, 1)`
	if _, err := old.Exec(rows, noon.UnixMilli(), dayOf(noon.UnixMilli())); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	reading, err := Open(ctx, path, Options{Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := words(pastOf(t, reading, "w", 0)), "0h 1 5000 3; 0h 1 peak 40 of 5000 in 1"; got != want {
		t.Errorf("for reading: got %s, want %s", got, want)
	}
	if err := reading.Close(); err != nil {
		t.Fatal(err)
	}
	db := opened(t, path)
	store(t, db, runAt(time.Hour, web("w", asked(time.Hour), up(90), total(3), buckets(90))))
	p := pastOf(t, db, "w", 0)
	if got, want := words(p), "0h 1 5000 3; 1h 1 5000 3; 1h 1 peak 90 of 5000 in 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if p.Readings[0].UptimeSeconds != nil || *p.Readings[1].UptimeSeconds != 90 || *p.Readings[2].UptimeSeconds != 90 {
		t.Errorf("%+v", p.Readings)
	}
}
