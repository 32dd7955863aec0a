package fleet

import (
	"context"
	"sync"
)

// holder is the slot of one job. do may use it from several goroutines.
type holder struct {
	free  chan struct{} // one element for each slot in use, of all jobs
	mu    sync.Mutex
	lease int  // counts the slots taken so far, so that an old release cannot end a new one
	held  bool // the newest lease is not given back
	done  bool // the job ended: what comes late gets nothing
}

func (h *holder) take(ctx context.Context) (release func(), err error) {
	if release, held := h.current(); held {
		return release, nil
	}
	if err := ctx.Err(); err != nil { // select would choose either
		return nil, err
	}
	select {
	case h.free <- struct{}{}:
		return h.begin(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (h *holder) current() (release func(), held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.releaser(), h.held
}

// begin makes a slot just taken the job's own, or puts it back when another
// goroutine of the job was faster, or the job is over.
func (h *holder) begin() (release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held || h.done {
		<-h.free
		return h.releaser()
	}
	h.held = true
	h.lease++
	return h.releaser()
}

// releaser ends the newest lease. The caller holds mu.
func (h *holder) releaser() func() {
	lease := h.lease
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.held && h.lease == lease {
			h.held = false
			<-h.free
		}
	}
}

// close gives back what the job still holds.
func (h *holder) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = true
	if h.held {
		h.held = false
		<-h.free
	}
}
