package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	pretty "github.com/jedib0t/go-pretty/v6/text"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// plainEvery is the distance of the lines that stand for a progress bar where
// there is no terminal: rare enough for a log file, often enough to see life.
const plainEvery = 10 * time.Second

// barRefresh is how often the bar is drawn. The end of a run waits for the first
// drawing, so it is also what a bar may cost a short run.
const barRefresh = 100 * time.Millisecond

// barUnits are the units of a bar that stand for one host. The bar has one more
// than all hosts: a full one would end itself and stay on the screen.
const barUnits = 1000

// meter counts what has come back. Its methods may be called from several
// goroutines.
type meter struct {
	mu        sync.Mutex
	now       func() time.Time
	started   time.Time
	total     int
	done      int
	failed    int
	worst     audit.Verdict // empty until a host is judged
	worstHost string
}

func newMeter(total int, now func() time.Time) *meter {
	return &meter{now: now, started: now(), total: total}
}

func (m *meter) host(result *audit.HostResult) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done++
	switch result.Status {
	case audit.StatusFailed:
		m.failed++
	case audit.StatusAudited:
		if m.worst == "" || result.Verdict.Worse(m.worst) {
			m.worst, m.worstHost = result.Verdict, result.Name
		}
	}
}

// String is "340/1000 hosts, 12 failed, worst overflowing (web17), 2m left".
func (m *meter) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	parts := []string{fmt.Sprintf("%d/%d hosts", m.done, m.total), fmt.Sprintf("%d failed", m.failed)}
	if m.worst != "" {
		parts = append(parts, fmt.Sprintf("worst %s (%s)", m.worst, text.CleanMax(m.worstHost, 60)))
	}
	if left, ok := m.left(); ok {
		parts = append(parts, text.Duration(left)+" left")
	}
	return strings.Join(parts, ", ")
}

// left supposes that the other hosts take as long as those so far. The caller
// holds mu.
func (m *meter) left() (time.Duration, bool) {
	elapsed := m.now().Sub(m.started)
	if m.done == 0 || m.done == m.total || elapsed < time.Second {
		return 0, false
	}
	return time.Duration(float64(elapsed) / float64(m.done) * float64(m.total-m.done)), true
}

// reporter is a way to show a meter while a run goes on.
type reporter struct {
	*meter
	bar     *bar          // nil: plain lines, or nothing
	stop    chan struct{} // closed by close; nil when no goroutine runs
	stopped chan struct{}
}

// plainReporter says a line every now and then.
func plainReporter(m *meter, every time.Duration, say func(string, ...any)) *reporter {
	r := &reporter{meter: m, stop: make(chan struct{}), stopped: make(chan struct{})}
	// Ends when close closes stop, and is waited for there.
	go func() {
		defer close(r.stopped)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				say("%s", m)
			case <-r.stop:
				return
			}
		}
	}()
	return r
}

// barReporter draws on a terminal of the given width.
func barReporter(m *meter, w io.Writer, width int) *reporter {
	return &reporter{meter: m, bar: newBar(m.total, m.String(), w, width)}
}

// host is the sink of the run.
func (r *reporter) host(result *audit.HostResult) {
	r.meter.host(result)
	if r.bar != nil {
		r.bar.step(r.String())
	}
}

// close leaves nothing of the bar on the screen. It may be called twice.
func (r *reporter) close() {
	if r.bar != nil {
		r.bar.close()
	}
	if r.stop != nil {
		close(r.stop)
		<-r.stopped
		r.stop = nil
	}
}

// bar is one progress line, drawn by go-pretty.
type bar struct {
	screen  *screen
	writer  progress.Writer
	tracker *progress.Tracker
	ended   chan struct{} // closed when the last drawing is done

	mu     sync.Mutex
	closed bool
}

// screen passes drawings on, and tells when there was one: go-pretty can be
// stopped safely only after its first.
type screen struct {
	mu    sync.Mutex // held while a question has the terminal: drawings wait
	w     io.Writer
	once  sync.Once
	drawn chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.once.Do(func() { close(s.drawn) })
	return s.w.Write(p)
}

// hold takes the line off, and lets nothing be drawn until resume is called. A
// question of one line that is put meanwhile stands where the bar was, and the
// next drawing takes its place.
func (s *screen) hold() (resume func()) {
	s.mu.Lock()
	select {
	case <-s.drawn:
		fmt.Fprint(s.w, pretty.CursorUp.Sprint(), pretty.EraseLine.Sprint())
	default:
	}
	return s.mu.Unlock
}

func newBar(total int, message string, w io.Writer, width int) *bar {
	b := &bar{
		screen:  &screen{w: w, drawn: make(chan struct{})},
		writer:  progress.NewWriter(),
		tracker: &progress.Tracker{Total: int64(total)*barUnits + 1, Message: message},
		ended:   make(chan struct{}),
	}
	b.writer.SetOutputWriter(b.screen)
	b.writer.SetTerminalWidth(width) // it would ask standard output, which may be a file
	b.writer.SetUpdateFrequency(barRefresh)
	b.writer.SetTrackerLength(20)
	style := b.writer.Style()
	style.Options.PercentFormat, style.Options.Separator = "%3.0f%%", " "
	style.Visibility.Time, style.Visibility.Value = false, false // the message says them
	b.writer.AppendTracker(b.tracker)
	// Ends when close stops the writer, and is waited for there.
	go func() {
		defer close(b.ended)
		b.writer.Render()
	}()
	return b
}

func (b *bar) step(message string) {
	b.tracker.UpdateMessage(message)
	b.tracker.Increment(barUnits)
}

// log prints a line above the bar, and reports false when the bar is gone.
func (b *bar) log(line string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.writer.Log("%s", line)
	}
	return !b.closed
}

// close draws what is still to be logged, and takes the bar off the screen.
func (b *bar) close() {
	b.mu.Lock()
	closed := b.closed
	b.closed = true
	b.mu.Unlock()
	if closed {
		return
	}
	<-b.screen.drawn
	b.writer.Stop()
	<-b.ended
	fmt.Fprint(b.screen.w, pretty.CursorUp.Sprint(), pretty.EraseLine.Sprint()) // a lost terminal is no loss
}
