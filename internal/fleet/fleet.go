// Package fleet works on many hosts at once within bounds: it is the only
// worker pool of the program. It knows nothing of SSH or of what is asked; it
// refuses to fail because a host did, to start a goroutine for a host that only
// waits, and to lose a host: each job gives exactly one result, whatever
// happens to it. Start with Run.
package fleet

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"twaudit/internal/audit"
)

// Job is one host to be worked on. Blank is called from several goroutines.
type Job interface {
	// Blank is what the result of this host starts from whatever happens: its
	// name, groups and labels.
	Blank() audit.HostResult
}

// Slot waits for one of the host slots. It fails only with the error of ctx.
// release gives the slot back; further calls do nothing, and what is still held
// when the work on the host ends is given back then. A job has one slot at most:
// asking again while holding it does not wait and does not count.
type Slot func(ctx context.Context) (release func(), err error)

// Limits bound a run.
type Limits struct {
	Concurrency int     // host slots; below 1 counts as 1
	Dials       int     // hosts being worked on at all, with or without a slot; 0 is 4 x Concurrency
	PerSecond   float64 // hosts begun per second, evenly spread; 0 is no limit
	Retries     int     // further tries of a host whose failure is retryable, after all others have begun
}

// dialsPerSlot is how many hosts may be dialing for each that is being asked.
// Dialing costs next to nothing and mostly waits, so that dead hosts do not
// take the slots of live ones.
const dialsPerSlot = 4

// slots and dials are the limits as they hold, with the zero values resolved.
func (l Limits) slots() int { return max(l.Concurrency, 1) }

func (l Limits) dials() int {
	if l.Dials > 0 {
		return l.Dials
	}
	return dialsPerSlot * l.slots()
}

// Run takes the jobs in the given order, calls do for each, and gives every
// result to sink as it comes. It returns when sink has had all of them. sink is
// only called from the goroutine that called Run; while it works, finished hosts
// wait, without their slots.
//
// When ctx ends, jobs not begun become StatusSkipped, and do has to return soon
// because its own context is ctx. A host whose failure is retryable is tried
// again after the others, as often as the limits say; its last result counts. A
// panic in do is that host's failure, stage
// internal; a panic in a goroutine that do started is not caught.
func Run[J Job](ctx context.Context, jobs []J, limits Limits,
	do func(context.Context, J, Slot) audit.HostResult, sink func(audit.HostResult)) {
	results := make(chan audit.HostResult)
	slots := make(chan struct{}, limits.slots())
	// Ends when all jobs have given their result and all workers have returned,
	// which Run waits for by reading until results is closed.
	go func() {
		defer close(results)
		feed(ctx, jobs, limits, results, func(job J, deliver func(audit.HostResult)) {
			guard(ctx, job, &holder{free: slots}, do, deliver)
		})
	}()
	for result := range results {
		sink(result)
	}
}

// feed begins the jobs one after the other, as fast as the limits allow, and
// after them those that are tried again.
func feed[J Job](ctx context.Context, jobs []J, limits Limits,
	results chan<- audit.HostResult, work func(J, func(audit.HostResult))) {
	var workers errgroup.Group // without a context: a host must not end the others
	workers.SetLimit(limits.dials())
	pace := newPacer(limits.PerSecond)
	waiting := newLine(len(jobs), limits)
	begin := func(i, tries int, before audit.HostResult) {
		// Blocks at the limit; the worker ends when do returns and the
		// result is taken.
		workers.Go(func() error {
			if ctx.Err() != nil { // ended while this job waited for its place
				waiting.deliver(i, tries, before, false, results)
				return nil
			}
			work(jobs[i], func(result audit.HostResult) {
				waiting.deliver(i, tries, result, ctx.Err() == nil, results)
			})
			return nil
		})
		pace.begun(time.Now())
	}
	open := 0
	for i, job := range jobs {
		if pace.wait(ctx) != nil {
			results <- skipped(job)
			continue
		}
		begin(i, 1, skipped(job))
		open++
	}
	waiting.again(ctx, open, pace, results, begin)
	_ = workers.Wait() // workers return no error
}

func skipped[J Job](job J) audit.HostResult {
	result := job.Blank()
	result.Status = audit.StatusSkipped
	return result
}
