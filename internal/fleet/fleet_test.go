package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"twaudit/internal/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type job struct{ name string }

func (j job) Blank() audit.HostResult {
	return audit.HostResult{Name: j.name, Groups: []string{"g-" + j.name}, Labels: map[string]string{"l": j.name}}
}

func jobs(n int) []job {
	list := make([]job, n)
	for i := range list {
		list[i] = job{name: fmt.Sprintf("h%05d", i)}
	}
	return list
}

func audited(j job) audit.HostResult {
	result := j.Blank()
	result.Status, result.Verdict = audit.StatusAudited, audit.VerdictOK
	return result
}

// collect runs the jobs, fails the test when any of them has not exactly one
// result with its labels, and returns the results by name.
func collect(t *testing.T, ctx context.Context, list []job, limits Limits,
	do func(context.Context, job, Slot) audit.HostResult) map[string]audit.HostResult {
	t.Helper()
	got := map[string]audit.HostResult{}
	Run(ctx, list, limits, do, func(r audit.HostResult) {
		if _, twice := got[r.Name]; twice {
			t.Errorf("%s has two results", r.Name)
		}
		got[r.Name] = r
	})
	for _, j := range list {
		if r, found := got[j.name]; !found || r.Labels["l"] != j.name || !slices.Equal(r.Groups, []string{"g-" + j.name}) {
			t.Errorf("%s: result %+v, found %v; want one with its groups and labels", j.name, r, found)
		}
	}
	if len(got) != len(list) {
		t.Errorf("%d results for %d jobs", len(got), len(list))
	}
	return got
}

// gauge counts who is inside and remembers the most.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) enter() {
	n := g.now.Add(1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
	}
}

func (g *gauge) leave() { g.now.Add(-1) }

func TestRun_boundsHoldAndAreUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var working, slotted gauge
		limits := Limits{Concurrency: 7, Dials: 20}
		collect(t, t.Context(), jobs(2000), limits, func(ctx context.Context, j job, slot Slot) audit.HostResult {
			working.enter()
			defer working.leave()
			time.Sleep(time.Duration(1+rand.IntN(50)) * time.Millisecond)
			release, err := slot(ctx)
			if err != nil {
				t.Error(err)
			}
			defer release()
			slotted.enter()
			defer slotted.leave()
			// Tests beside this one have some hundred.
			if n := runtime.NumGoroutine(); n > 1000 {
				t.Errorf("%d goroutines for %d dials: waiting hosts must have none", n, limits.Dials)
			}
			time.Sleep(time.Duration(1+rand.IntN(50)) * time.Millisecond)
			return audited(j)
		})
		if got := working.most.Load(); got != 20 {
			t.Errorf("at most %d hosts at work at once, want exactly the limit 20", got)
		}
		if got := slotted.most.Load(); got != 7 {
			t.Errorf("at most %d slots at once, want exactly the limit 7", got)
		}
	})
}

func TestRun_tenThousandJobsInTheGivenOrder(t *testing.T) {
	t.Parallel()
	list := jobs(10_000)
	var mu sync.Mutex
	var begun []string
	got := collect(t, t.Context(), list, Limits{Concurrency: 64, Dials: 1}, func(_ context.Context, j job, _ Slot) audit.HostResult {
		mu.Lock()
		defer mu.Unlock()
		begun = append(begun, j.name)
		return audited(j)
	})
	for i, j := range list {
		if begun[i] != j.name || got[j.name].Status != audit.StatusAudited {
			t.Fatalf("job %d: began %s with status %s, want %s audited", i, begun[i], got[j.name].Status, j.name)
		}
	}
}

func TestRun_resultsComeInCompletionOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		durations := []int{5, 1, 4, 2, 3}
		var order []string
		Run(t.Context(), jobs(5), Limits{Concurrency: 5}, func(_ context.Context, j job, _ Slot) audit.HostResult {
			time.Sleep(time.Duration(durations[j.name[5]-'0']) * time.Second)
			return audited(j)
		}, func(r audit.HostResult) { order = append(order, r.Name) })
		want := []string{"h00001", "h00003", "h00004", "h00002", "h00000"}
		if !slices.Equal(order, want) {
			t.Errorf("results in order %v, want %v", order, want)
		}
	})
}

func TestRun_zeroLimitsStillWork(t *testing.T) {
	t.Parallel()
	collect(t, t.Context(), jobs(10), Limits{}, func(ctx context.Context, j job, slot Slot) audit.HostResult {
		if _, err := slot(ctx); err != nil {
			t.Error(err)
		}
		return audited(j) // the slot is given back for it
	})
	Run(t.Context(), nil, Limits{}, func(context.Context, job, Slot) audit.HostResult { panic("no job") },
		func(audit.HostResult) { t.Error("a result without a job") })
}

func TestRun_panicIsThatHostsFailure(t *testing.T) {
	t.Parallel()
	do := func(ctx context.Context, j job, slot Slot) audit.HostResult {
		if _, err := slot(ctx); err != nil {
			t.Error(err)
		}
		switch j.name {
		case "h00001":
			panic(errors.New("open /home/someone/.ssh/id: \x1b[31mboom\nagain"))
		case "h00002":
			var none []int
			_ = none[len(j.name)]
		case "h00003":
			runtime.Goexit()
		}
		return audited(j)
	}
	// One slot: the panicking hosts have to give it back.
	got := collect(t, t.Context(), jobs(20), Limits{Concurrency: 1}, do)
	for name, want := range map[string]string{
		"h00001": "panic: open (path) \ufffd[31mboom\ufffdagain in fleet.TestRun_panicIsThatHostsFailure",
		"h00002": "panic: runtime error: index out of range [6] with length 0 in fleet.TestRun_panicIsThatHostsFailure",
		"h00003": "ended without a result",
	} {
		r := got[name]
		if r.Status != audit.StatusFailed || r.Failure == nil || r.Failure.Stage != audit.StageInternal {
			t.Errorf("%s: %+v, want a failure of stage internal", name, r)
			continue
		}
		if m := r.Failure.Message; !strings.Contains(m, want) || strings.Contains(m, "/") {
			t.Errorf("%s: message %q, want %q in it and no path", name, m, want)
		}
	}
	if got["h00004"].Status != audit.StatusAudited {
		t.Errorf("a host after the panics is %s, want audited", got["h00004"].Status)
	}
}

func TestRun_endOfContextSkipsWhatIsNotBegun(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]Limits{
		"waiting for a place": {Concurrency: 2, Dials: 8},
		"waiting for a slot":  {Concurrency: 1, Dials: 8},
		"waiting for the pace": {Concurrency: 50, Dials: 200,
			PerSecond: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
				defer cancel()
				began := map[string]bool{}
				var mu sync.Mutex
				start := time.Now()
				got := collect(t, ctx, jobs(1000), limits, func(ctx context.Context, j job, slot Slot) audit.HostResult {
					if ctx.Err() != nil {
						t.Errorf("%s begun after the end", j.name)
					}
					mu.Lock()
					began[j.name] = true
					mu.Unlock()
					result := audited(j)
					release, err := slot(ctx)
					if err == nil {
						defer release()
						select {
						case <-time.After(time.Second):
							return result
						case <-ctx.Done():
							err = ctx.Err()
						}
					}
					result.Status = audit.StatusFailed
					result.Failure = &audit.Failure{Stage: audit.StageDeadline, Message: err.Error()}
					return result
				})
				if took := time.Since(start); took != 3500*time.Millisecond {
					t.Errorf("took %v, want the end to come with the context, at 3.5s", took)
				}
				count := map[audit.Status]int{}
				for host, r := range got {
					count[r.Status]++
					if began[host] == (r.Status == audit.StatusSkipped) {
						t.Errorf("%s: begun %v, status %s", host, began[host], r.Status)
					}
				}
				if count[audit.StatusAudited] == 0 || count[audit.StatusFailed] == 0 || count[audit.StatusSkipped] < 900 {
					t.Errorf("statuses %v, want some audited, some failed, the rest skipped", count)
				}
			})
		})
	}
}

func TestRun_contextEndedBeforehand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := collect(t, ctx, jobs(100), Limits{Concurrency: 4}, func(_ context.Context, j job, _ Slot) audit.HostResult {
		t.Errorf("%s begun", j.name)
		return audited(j)
	})
	for name, r := range got {
		if r.Status != audit.StatusSkipped {
			t.Errorf("%s is %s, want skipped", name, r.Status)
		}
	}
}

func TestRun_slowSinkHoldsNoSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var lastSlot time.Duration
		Run(t.Context(), jobs(8), Limits{Concurrency: 1, Dials: 8}, func(ctx context.Context, j job, slot Slot) audit.HostResult {
			if _, err := slot(ctx); err != nil {
				t.Error(err)
			}
			lastSlot = max(lastSlot, time.Since(start)) // one slot: no two hosts are here at once
			return audited(j)
		}, func(audit.HostResult) { time.Sleep(time.Minute) })
		if lastSlot != 0 {
			t.Errorf("the last slot came after %v, want none to wait for the sink", lastSlot)
		}
	})
}

func TestRun_rateSpreadsBeginnings(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{0.5, 10, 400, 5000} {
		t.Run(fmt.Sprint(perSecond), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var begun []time.Time
				var mu sync.Mutex
				n := min(int(perSecond*4)+2, 3000)
				// The first hosts block every place for a while: no burst may follow.
				collect(t, t.Context(), jobs(n), Limits{Concurrency: 5, Dials: 5, PerSecond: perSecond},
					func(_ context.Context, j job, _ Slot) audit.HostResult {
						mu.Lock()
						begun = append(begun, time.Now())
						first := len(begun) <= 5
						mu.Unlock()
						if first {
							time.Sleep(7 * time.Second)
						}
						return audited(j)
					})
				for i := range begun {
					j := i
					for j < len(begun) && begun[j].Sub(begun[i]) < time.Second {
						j++
					}
					if limit := int(perSecond*1.01) + 2; j-i > limit {
						t.Fatalf("%d hosts began within one second, want at most %d", j-i, limit)
					}
				}
				ideal := 7 + float64(n)/perSecond + 2
				if took := begun[n-1].Sub(begun[0]).Seconds(); took > ideal {
					t.Errorf("%d hosts took %.1f s, want at most %.1f: the rate is a limit, not a brake", n, took, ideal)
				}
			})
		})
	}
}

func TestPacer_makesGoodForLateTimers(t *testing.T) {
	t.Parallel()
	p, start := newPacer(1000), time.Now()
	now := start
	for range 100 {
		p.begun(now)
		now = p.next.Add(900 * time.Microsecond)
	}
	if took := now.Sub(start); took > 102*time.Millisecond {
		t.Errorf("100 beginnings at 1000/s with late timers took %v, want about 100ms", took)
	}
}

func TestSlot_releaseIsIdempotentAndOneJobHasOne(t *testing.T) {
	t.Parallel()
	free := make(chan struct{}, 2)
	one, other := &holder{free: free}, &holder{free: free}
	first := take(t, one)
	again := take(t, one)
	if len(free) != 1 {
		t.Errorf("%d slots in use after a job took twice, want 1", len(free))
	}
	take(t, other)
	again()
	first()
	first()
	if len(free) != 1 {
		t.Errorf("%d slots in use after releasing three times, want the other job's", len(free))
	}
	second := take(t, one)
	first() // of an earlier attempt, late
	if len(free) != 2 {
		t.Error("a late release of the first attempt ended the second")
	}
	one.close()
	second()
	other.close()
	if len(free) != 0 {
		t.Errorf("%d slots in use after both jobs ended, want 0", len(free))
	}
	take(t, one)
	if len(free) != 0 {
		t.Error("a job that ended took a slot and kept it")
	}
}

func take(t *testing.T, h *holder) func() {
	t.Helper()
	release, err := h.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want      int
		openFiles uint64
		got       int
	}{
		{256, 0, 256},
		{256, ^uint64(0), 256},
		{256, 1 << 20, 256},
		{256, 1344, 256},
		{256, 1343, 255},
		{256, 1024, 192},
		{256, 256, 38},
		{256, 68, 1},
		{256, 3, 1},
		{1, 1024, 1},
		{0, 1024, 1},
		{-5, 0, 1},
	} {
		if got := Concurrency(c.want, c.openFiles); got != c.got {
			t.Errorf("Concurrency(%d, %d) = %d, want %d", c.want, c.openFiles, got, c.got)
		}
	}
}
