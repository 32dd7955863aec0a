package main

import (
	"io"

	"twaudit/internal/audit"
	"twaudit/report"
)

// live writes hosts to one output as they come, from a goroutine of its own: a
// reader that stops reading (a paused pager) must hold neither the hosts nor the
// deadline nor the other outputs.
type live struct {
	stream *report.Stream
	queue  chan audit.HostResult
	done   chan error
}

// startLive takes up to hosts results without ever making their sender wait.
func startLive(w io.Writer, hosts int) *live {
	l := &live{stream: report.NewStream(w), queue: make(chan audit.HostResult, hosts), done: make(chan error, 1)}
	go func() { // ends with close; after a failed write it only empties the queue
		var err error
		for host := range l.queue {
			// The rest of the lines would hide that some are missing.
			if err == nil {
				err = l.stream.Host(&host)
			}
		}
		l.done <- err
	}()
	return l
}

// host queues one finished host.
func (l *live) host(result *audit.HostResult) { l.queue <- *result }

// close waits until everything is written, and adds what the stream has not had.
func (l *live) close(run *audit.Run) error {
	close(l.queue)
	if err := <-l.done; err != nil {
		return err
	}
	return l.stream.Close(run)
}
