package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"twaudit/internal/audit"
)

func TestMeter_says_done_failed_worst_and_time_left(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	m := newMeter(10, func() time.Time { return now })
	if got := m.String(); got != "0/10 hosts, 0 failed" {
		t.Errorf("at the start: %q", got)
	}
	now = now.Add(30 * time.Second)
	m.host(&audit.HostResult{Name: "a", Status: audit.StatusAudited, Verdict: audit.VerdictOK})
	m.host(&audit.HostResult{Name: "b\x1b[2J", Status: audit.StatusAudited, Verdict: audit.VerdictOverflowed})
	m.host(&audit.HostResult{Name: "c", Status: audit.StatusFailed})
	want := "3/10 hosts, 1 failed, worst overflowed (b\ufffd[2J), 1m left"
	if got := m.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPlainReporter_says_a_line_every_ten_seconds_and_ends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		m := newMeter(2, time.Now)
		r := plainReporter(m, plainEvery, func(format string, args ...any) {
			lines = append(lines, fmt.Sprintf(format, args...))
		})
		time.Sleep(25 * time.Second) // of the bubble's clock
		synctest.Wait()
		r.host(&audit.HostResult{Status: audit.StatusFailed})
		time.Sleep(6 * time.Second)
		r.close()
		r.close()
		if len(lines) != 3 || lines[0] != "0/2 hosts, 0 failed" || lines[2] != "1/2 hosts, 1 failed, 30s left" {
			t.Errorf("lines %q", lines)
		}
	})
}

// syncBuffer is a terminal's place: written by the bar's goroutine.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestBar_keeps_messages_and_leaves_nothing_else_behind(t *testing.T) {
	t.Parallel()
	screen := &syncBuffer{}
	app := &App{Stderr: screen}
	r := barReporter(newMeter(3, time.Now), screen, 100)
	app.setBar(r.bar)
	for range 3 { // the last host must not end the bar before close
		r.host(&audit.HostResult{Name: "web1", Status: audit.StatusAudited, Verdict: audit.VerdictOverflowing})
	}
	app.print("while it runs")
	r.close()
	app.print("after it")
	got := screen.String()
	if !strings.Contains(got, "100% [") || !strings.Contains(got, "3/3 hosts, 0 failed, worst overflowing (web1)") {
		t.Errorf("the bar shows %q", got)
	}
	if strings.Count(got, "twaudit: while it runs\n") != 1 || !strings.HasSuffix(got, "\x1b[A\x1b[Ktwaudit: after it\n") {
		t.Errorf("screen %q", got)
	}
}

func TestBar_total_of_one_host(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := make(chan struct{})
	// Ends with the bar, which ends at once.
	go func() {
		defer close(ended)
		r := barReporter(newMeter(1, time.Now), &syncBuffer{}, 80)
		r.host(&audit.HostResult{Status: audit.StatusSkipped})
		r.close()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		t.Fatal("the bar does not end")
	}
}
