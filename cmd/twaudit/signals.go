package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"twaudit/internal/scan"
)

// killTime is how long an abrupt end waits for those goroutines which end programs
// that run for us, such as an inventory, when the context does.
const killTime = 50 * time.Millisecond

// watchSignals derives a context that the first SIGINT, SIGTERM or SIGHUP cancels; the
// second, or one before there is anything to report, ends the process at once.
// stop ends the watch and waits for it.
//
// SIGPIPE is caught as well, and ignored: a reader that goes away must cost one
// output, not the run and its other outputs.
func (a *App) watchSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals, pipes := make(chan os.Signal, 2), make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		// Who starts us with a signal ignored (nohup, a shell's background
		// job) wants it to stay so.
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	signal.Notify(pipes, syscall.SIGPIPE)
	done, ended := make(chan struct{}), make(chan struct{})
	// Ends when stop closes done.
	go func() {
		defer close(ended)
		for count := 0; ; count++ {
			select {
			case <-signals:
			case <-done:
				return
			}
			if count > 0 || !a.scanning() {
				if count == 0 {
					a.print(a.interruption())
				}
				cancel(scan.ErrInterrupted)
				time.Sleep(killTime)
				a.quitAtOnce()
				return
			}
			cancel(scan.ErrInterrupted)
			a.print(a.lastSteps())
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		signal.Stop(pipes)
		close(done)
		<-ended
		cancel(nil)
	}
}

// interruption says what a signal ended that came before there was anything to
// report.
func (a *App) interruption() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asks {
		return "interrupted before any host was asked: no report is written"
	}
	return "interrupted"
}

// lastSteps says what a first signal leaves to be done.
func (a *App) lastSteps() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tells {
		return "interrupted: the report is complete, and alarms may not have been sent; once more quits at once"
	}
	return "interrupted: writing the report so far; once more quits at once"
}

// beginTelling is called when the report is written and alarms are left to be sent.
func (a *App) beginTelling() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tells = true
}

// expectAnswers is for commands that ask hosts, as soon as they run.
func (a *App) expectAnswers() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asks = true
}

// quitAtOnce leaves no half-written file behind, and nothing else undone.
func (a *App) quitAtOnce() {
	a.mu.Lock()
	cleanup, restore, scratch := a.cleanup, a.restore, a.scratch
	a.mu.Unlock()
	if restore != nil {
		restore()
	}
	if cleanup != nil {
		cleanup()
	}
	if scratch != "" {
		_ = os.RemoveAll(scratch) // nobody is left to tell
	}
	a.Exit(exitInterrupted)
}
