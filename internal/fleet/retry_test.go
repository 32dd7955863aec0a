package fleet

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"twaudit/internal/audit"
)

// lost is the result of a host whose connection broke.
func lost(j job, retryable bool) audit.HostResult {
	result := j.Blank()
	result.Status = audit.StatusFailed
	result.Failure = &audit.Failure{Stage: audit.StageSession, Message: "lost", Retryable: retryable}
	return result
}

// tries counts how often each job was begun, and remembers the order.
type tries struct {
	mu    sync.Mutex
	count map[string]int
	order []string
}

func newTries() *tries { return &tries{count: map[string]int{}} }

// begin returns the number of this try.
func (t *tries) begin(j job) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count[j.name]++
	t.order = append(t.order, j.name)
	return t.count[j.name]
}

func TestRun_triesAgainAfterAllOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		list := jobs(500)
		seen := newTries()
		var begun gauge
		got := collect(t, t.Context(), list, Limits{Concurrency: 3, Dials: 5, Retries: 1}, func(_ context.Context, j job, _ Slot) audit.HostResult {
			begun.enter()
			defer begun.leave()
			n := seen.begin(j)
			time.Sleep(time.Millisecond)
			switch {
			case j.name < "h00010" && n == 1, j.name == "h00011":
				return lost(j, true)
			case j.name == "h00012":
				return lost(j, false)
			}
			return audited(j)
		})
		for name, result := range got {
			want, status := 1, audit.StatusAudited
			switch {
			case name < "h00010":
				want = 2
			case name == "h00011":
				want, status = 2, audit.StatusFailed
			case name == "h00012":
				status = audit.StatusFailed
			}
			if seen.count[name] != want || result.Status != status {
				t.Errorf("%s: %d tries, %s; want %d, %s", name, seen.count[name], result.Status, want, status)
			}
		}
		for i, name := range seen.order[len(list):] {
			if seen.count[name] != 2 {
				t.Errorf("begin %d is that of %s, before all hosts had their first", len(list)+i, name)
			}
		}
		if begun.most.Load() > 5 {
			t.Errorf("%d hosts at work at once, want 5 at most", begun.most.Load())
		}
	})
}

func TestRun_triesAsOftenAsTheLimitsSay(t *testing.T) {
	t.Parallel()
	for _, retries := range []int{-1, 0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			seen := newTries()
			begun := time.Now()
			got := collect(t, t.Context(), jobs(2), Limits{Retries: retries}, func(_ context.Context, j job, _ Slot) audit.HostResult {
				seen.begin(j)
				return lost(j, true)
			})
			most := max(0, retries)
			if n := seen.count["h00000"]; n != 1+most || got["h00000"].Failure == nil {
				t.Errorf("%d retries: %d tries", retries, n)
			}
			if took := time.Since(begun); took < time.Duration(most)*retryWait/2 || took > time.Duration(most)*retryWait*3/2 {
				t.Errorf("%d retries took %s", retries, took)
			}
		})
	}
}

// The end of a run leaves a host what its first try had to say, whether it waits
// for the second, stands in it, or waits for a place.
func TestRun_endBeforeTheNextTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), retryWait/4)
		defer cancel()
		seen := newTries()
		got := collect(t, ctx, jobs(3), Limits{Retries: 1}, func(ctx context.Context, j job, _ Slot) audit.HostResult {
			seen.begin(j)
			if j.name == "h00002" {
				<-ctx.Done()
			}
			return lost(j, true)
		})
		for name, result := range got {
			if seen.count[name] != 1 || result.Status != audit.StatusFailed || result.Failure.Message != "lost" {
				t.Errorf("%s: %d tries, %+v", name, seen.count[name], result)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		seen := newTries()
		got := collect(t, ctx, jobs(2), Limits{Dials: 1, Retries: 1}, func(_ context.Context, j job, _ Slot) audit.HostResult {
			if seen.begin(j) == 2 {
				time.Sleep(2 * retryWait) // the other's turn comes, and finds no place
				cancel()
			}
			return lost(j, true)
		})
		if len(seen.order) != 3 || got["h00000"].Failure == nil || got["h00001"].Failure == nil {
			t.Errorf("begun %v, results %+v", seen.order, got)
		}
	})
}

func TestRun_aPanicIsNotRepeated(t *testing.T) {
	t.Parallel()
	seen := newTries()
	got := collect(t, t.Context(), jobs(1), Limits{Retries: 5}, func(_ context.Context, j job, _ Slot) audit.HostResult {
		seen.begin(j)
		panic("a mistake")
	})
	if seen.count["h00000"] != 1 || got["h00000"].Failure.Stage != audit.StageInternal {
		t.Errorf("%d tries, %+v", seen.count["h00000"], got["h00000"])
	}
}
