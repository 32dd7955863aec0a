package remote

import (
	"context"
	"fmt"
	"sync"
	"time"

	"twaudit/internal/text"
)

// limitError is the cause of a context that one of our limits ended.
type limitError struct {
	limit time.Duration
	of    Stage // what is limited: StageResolve, StageConnect (to the key exchange), StageAuth, or StageTimeout for the host
}

func (e *limitError) Error() string {
	return fmt.Sprintf("not finished within %s", text.Duration(e.limit))
}

// clock is the time that one attempt at a host has. The limit that runs changes
// with the stage, and none runs while the attempt waits for something that is
// not the host's fault; when one strikes, the context ends with a limitError.
type clock struct {
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	stage   Stage
	timer   *time.Timer // nil: no limit runs
	limit   limitError  // the one that runs or is paused
	left    time.Duration
	started time.Time
	ended   bool
}

func newClock(ctx context.Context) *clock {
	c := &clock{stage: StageConnect}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	return c
}

// enter says at which stage the attempt is; the limit that runs goes on.
func (c *clock) enter(s Stage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stage = s
}

// at returns the stage.
func (c *clock) at() Stage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stage
}

// begin enters s and replaces the limit by a new one of length d.
func (c *clock) begin(s Stage, d time.Duration, of Stage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halt()
	c.stage, c.limit, c.left = s, limitError{d, of}, d
	c.run()
}

// widen replaces the limit by a longer one that began with it: the time that the
// one has used up counts for the other.
func (c *clock) widen(d time.Duration, of Stage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halt()
	used := c.limit.limit - c.left
	c.limit, c.left = limitError{d, of}, max(0, d-used)
	c.run()
}

// pause stops the limit; resume lets what is left of it run.
func (c *clock) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halt()
}

func (c *clock) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil && c.limit.limit > 0 {
		c.run()
	}
}

// end stops the limit for good and ends the context, with no cause of its own.
func (c *clock) end() {
	c.mu.Lock()
	c.halt()
	c.ended = true
	c.mu.Unlock()
	c.cancel(nil)
}

func (c *clock) run() {
	if c.ended {
		return
	}
	cause := c.limit
	c.started = time.Now()
	c.timer = time.AfterFunc(c.left, func() { c.cancel(&cause) })
}

func (c *clock) halt() {
	if c.timer == nil {
		return
	}
	c.timer.Stop()
	c.timer = nil
	c.left = max(0, c.left-time.Since(c.started))
}
