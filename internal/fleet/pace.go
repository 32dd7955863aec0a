package fleet

import (
	"context"
	"math"
	"time"
)

// catchUp is how much lateness the pacer makes good for. Timers of the kernel
// are up to a millisecond late, which would halve a rate of 1000 a second; more
// than this would let a burst of logins follow every pause.
const catchUp = 10 * time.Millisecond

// pacer spreads beginnings evenly over time. It belongs to one goroutine.
type pacer struct {
	interval time.Duration // 0: no limit
	next     time.Time
}

func newPacer(perSecond float64) *pacer {
	p := &pacer{}
	if perSecond > 0 && !math.IsInf(perSecond, 1) {
		p.interval = time.Duration(min(float64(time.Second)/perSecond, float64(math.MaxInt64/2)))
	}
	return p
}

// wait returns when the next job may begin, or with the error of ctx.
func (p *pacer) wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil || p.interval == 0 {
		return err
	}
	return until(ctx, p.next)
}

// until returns at due, or earlier with the error of ctx.
func until(ctx context.Context, due time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	delay := time.Until(due)
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begun says that a job began at now, which may be long after wait when there
// was no place for it.
func (p *pacer) begun(now time.Time) {
	p.next = p.next.Add(p.interval)
	if earliest := now.Add(p.interval - catchUp); p.next.Before(earliest) {
		p.next = earliest
	}
}
