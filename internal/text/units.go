package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration is time.ParseDuration that also knows days and weeks, alone or
// in front of the other units: 30d, 2w, 1d12h. A bare 0 is fine; negative
// durations and other bare numbers are errors.
func ParseDuration(s string) (time.Duration, error) {
	rest, total := s, time.Duration(0)
	for _, unit := range []struct {
		suffix string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		head, tail, found := strings.Cut(rest, unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(head, 64)
		// Two of these and the rest of ParseDuration do not overflow; NaN
		// compares false with everything.
		if length := n * float64(unit.length); err != nil || !(length >= 0 && length < 1<<61) {
			return 0, badDuration(s)
		}
		total, rest = total+time.Duration(n*float64(unit.length)), tail
	}
	if rest == "" && s != "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || total+d < 0 {
		return 0, badDuration(s)
	}
	return total + d, nil
}

func badDuration(s string) error {
	return fmt.Errorf("%q is no duration: write a number with a unit, such as 500ms, 10s, 5m, 1h or 30d", s)
}

// Duration writes d for people, in the largest one or two units: 45s, 12m,
// 3h05m, 26d. It rounds towards zero.
func Duration(d time.Duration) string {
	switch {
	case d == math.MinInt64: // has no positive counterpart
		return Duration(d + 1)
	case d < 0:
		return "-" + Duration(-d)
	case d < time.Second:
		return fmt.Sprintf("%dms", d/time.Millisecond)
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
}

// Bytes writes n for people in powers of 1024: 512 B, 33.6 MiB.
func Bytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n), "KMGTPE"
	i := -1
	for value >= 1023.95 && i < len(units)-1 { // what would be written as 1024.0
		value, i = value/1024, i+1
	}
	return fmt.Sprintf("%.1f %ciB", value, units[i])
}

// Count writes n with thousands separated by commas: 131,072.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// ParseBytes reads a size: a number with B, KB, MB, GB or TB (powers of 1000) or
// KiB, MiB, GiB or TiB (powers of 1024) in any case, such as 500MB or 1.5 GiB. A
// bare 0 is fine; other bare numbers are errors.
func ParseBytes(s string) (int64, error) {
	number := strings.TrimRight(strings.TrimSpace(s), "abgikmtABGIKMT")
	unit := strings.ToLower(strings.TrimSpace(s)[len(number):])
	factor, known := map[string]float64{
		"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}[unit]
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	// The negation also refuses NaN.
	if err != nil || !(n >= 0 && n*factor < 1<<62) || !known && (unit != "" || n != 0) {
		return 0, fmt.Errorf("%q is no size: write a number with a unit, such as 500MB or 1GiB", s)
	}
	return int64(n * factor), nil
}
