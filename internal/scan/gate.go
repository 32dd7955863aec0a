package scan

import (
	"context"
	"sync"
	"time"
)

// gate waits for the slot, keeps the time that took, and starts the host's own
// clock when the host may be worked on: a host must not lose its time in a
// queue, nor in front of a person who looks for a password.
type gate struct {
	slot   func(context.Context) (func(), error)
	limit  time.Duration
	asked  func() time.Duration // nil: nobody is asked
	expire func()
	waited time.Duration

	mu    sync.Mutex // guards what the timer's own goroutine uses
	timer *time.Timer
	known time.Duration // of asked, already granted
}

// admit is called by one goroutine, before run returns.
func (g *gate) admit(ctx context.Context) (func(), error) {
	begun := time.Now()
	release, err := g.slot(ctx)
	g.waited += time.Since(begun)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil && g.timer == nil && g.limit > 0 {
		g.granted()
		g.timer = time.AfterFunc(g.limit, g.expired)
	}
	return release, err
}

// granted is how much people were asked since the last call. The caller holds
// mu.
func (g *gate) granted() time.Duration {
	if g.asked == nil {
		return 0
	}
	before := g.known
	g.known = g.asked()
	return g.known - before
}

func (g *gate) expired() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if more := g.granted(); more > 0 {
		g.timer.Reset(more)
		return
	}
	g.expire()
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.timer != nil {
		g.timer.Stop()
	}
}
