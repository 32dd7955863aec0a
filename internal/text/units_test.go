package text

import (
	"math"
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "0d": 0, "500ms": 500 * time.Millisecond, "10s": 10 * time.Second, "1h30m": 90 * time.Minute,
		"30d": 30 * day, "2w": 14 * day, "1d12h": 36 * time.Hour, "1w2d3h4s": 9*day + 3*time.Hour + 4*time.Second, "1.5d": 36 * time.Hour,
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "5", "d", "-1d", "-5s", "1d-5s", "2d1w", "1d1d", "10 s", "1y", "NaNd", "Infd", "-Infw", "1e300d",
		"200000w", "53375995d", "106751d24h", "9000w50000d", "ten seconds", "1h1d", "\x1b[2J"} {
		got, err := ParseDuration(in)
		if err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, got)
		} else if !strings.Contains(err.Error(), "30d") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("ParseDuration(%q): error %q, want an example and no raw text", in, err)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"30d", "1w2d3h", "0", "NaNd", "1e9w1e9d", "-1d", "292y", "0x1p-2d", "106751d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err == nil && d < 0 {
			t.Errorf("ParseDuration(%q) = %v, a negative one", s, d)
		}
		if plain, plainErr := time.ParseDuration(s); plainErr == nil && plain >= 0 && (err != nil || d != plain) {
			t.Errorf("ParseDuration(%q) = %v, %v; package time reads %v", s, d, err, plain)
		}
	})
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0ms", 999 * time.Microsecond: "0ms", 250 * time.Millisecond: "250ms", time.Second: "1s", 59*time.Second + 999*time.Millisecond: "59s",
		time.Minute: "1m", time.Hour - 1: "59m", time.Hour: "1h00m", 3*time.Hour + 5*time.Minute: "3h05m", 2*day - 1: "47h59m",
		2 * day: "2d", 26*day + 23*time.Hour: "26d", -5 * time.Minute: "-5m", math.MaxInt64: "106751d", math.MinInt64: "-106751d",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d) = %s, want %s", d, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB", 131072 * 256: "32.0 MiB",
		35232154: "33.6 MiB", 16 << 30: "16.0 GiB", math.MaxInt64: "8.0 EiB", -1: "-1 B",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 131072: "131,072", 1234567: "1,234,567", -999: "-999", -1000: "-1,000",
		math.MaxInt64: "9,223,372,036,854,775,807", math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestParseBytes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{
		"0": 0, "1B": 1, "2 KB": 2000, "1kib": 1024, "1.5MiB": 3 << 19, "500MB": 500_000_000, "1GiB": 1 << 30, "2tb": 2e12,
	} {
		if got, err := ParseBytes(in); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "5", "MB", "-1MB", "1XB", "1MBB", "NaNMB", "1e30GB", "1 2MB", "0x", "1mm"} {
		if got, err := ParseBytes(in); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", in, got)
		}
	}
}
