package history

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// BenchmarkStore stores a run of 10,000 hosts, first into a new history and then
// an hour later, and compares the two. Its seconds are those of all processors
// together: on two of them storing takes half.
func BenchmarkStore(b *testing.B) {
	const hosts = 10_000
	first, second := fleet(hosts, 0), fleet(hosts, 1)
	text, err := json.Marshal(first.Hosts[7])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		db := opened(b, "")
		start := cpuTime(b)
		store(b, db, first)
		b.ReportMetric((cpuTime(b) - start).Seconds(), "cpu-s/first")
		size := sizeOf(b, db)
		start = cpuTime(b)
		store(b, db, second)
		b.ReportMetric((cpuTime(b) - start).Seconds(), "cpu-s/second")
		b.ReportMetric(float64(size)/1e6, "MB/first")
		b.ReportMetric(float64(sizeOf(b, db)-size)/1e6, "MB/second")
		b.ReportMetric(float64(len(text)), "B/host")
		start = cpuTime(b)
		if d := between(b, db, "-1", Latest); d.New.Hosts != hosts {
			b.Fatalf("%+v", d)
		}
		b.ReportMetric((cpuTime(b) - start).Seconds(), "cpu-s/diff")
		start = cpuTime(b)
		for i := range second.Hosts {
			if _, err := db.Past(context.Background(), second.Hosts[i].Name, noon.AddDate(0, 0, -30), noon.Add(2*time.Hour)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((cpuTime(b) - start).Seconds(), "cpu-s/pasts")
	}
}

// BenchmarkOpen opens a history of 1,000 runs of 1,000 hosts.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "history.db")
	db := opened(b, path)
	hosts := make([]audit.HostResult, 0, 1000)
	for i := range 1000 {
		h := silent(fullHost(i, 0, noon).Name)
		hosts = append(hosts, h)
	}
	if os.Getenv("TWAUDIT_FULL_BENCH") != "" {
		hosts = fleet(1000, 0).Hosts
	}
	for i := range 1000 {
		store(b, db, runAt(time.Duration(i)*time.Hour, hosts...))
	}
	db.Close()
	b.ResetTimer()
	for b.Loop() {
		db, err := Open(context.Background(), path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := db.Find(context.Background(), Latest); err != nil {
			b.Fatal(err)
		}
		db.Close()
	}
}

// between compares two stored runs.
func between(t testing.TB, db *DB, older, newer string) *audit.Diff {
	t.Helper()
	ctx := context.Background()
	var sides [2]audit.Side
	for i, arg := range []string{older, newer} {
		e, err := db.Find(ctx, arg)
		if err != nil {
			t.Fatal(err)
		}
		if sides[i], err = db.Side(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	return audit.Compare(sides[0], sides[1])
}

// sizeOf is the size of the file.
func sizeOf(t testing.TB, db *DB) int64 {
	t.Helper()
	info, err := os.Stat(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// cpuTime is what this process has used so far: other work on the machine does
// not change it.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
