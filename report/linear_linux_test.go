package report

import (
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// TestRender_staysLinear compares what ten times as many hosts take: ten times
// the processor, and not a hundred times. It is not parallel, and takes the best
// of several tries, because machines are busy.
func TestRender_staysLinear(t *testing.T) {
	small, large := fleet(200, 9), fleet(2000, 9)
	for _, run := range []*audit.Run{small, large} {
		for i := range run.Hosts { // addresses, whose numbers fold in every place
			run.Hosts[i].Name = fmt.Sprintf("10.%d.%d.%d", i%3, i/250, i%250)
		}
	}
	for _, format := range []string{"csv", "jsonl", "markdown", "prom"} {
		few, many := best(t, small, format), best(t, large, format)
		if ratio := float64(many) / float64(max(few, 100*time.Microsecond)); ratio > 50 {
			t.Errorf("%s: %v for 200 hosts and %v for 2,000: %.0f times", format, few, many, ratio)
		}
	}
}

// best is the processor time that one rendering needs.
func best(t *testing.T, run *audit.Run, format string) time.Duration {
	t.Helper()
	shortest := time.Hour
	for range 3 {
		begun := processorTime(t)
		if err := Render(io.Discard, run, format, Options{}); err != nil {
			t.Fatal(err)
		}
		shortest = min(shortest, processorTime(t)-begun)
	}
	return shortest
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
