package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/history"
	"twaudit/internal/text"
	"twaudit/report"
)

// Retention of a history that nobody prunes.
const (
	keepAge   = 400 * 24 * time.Hour
	keepBytes = 1 << 30
)

// memory is what a scan knows of earlier runs, and where it leaves its own. A nil
// one knows nothing and keeps nothing.
type memory struct {
	app    *App
	db     *history.DB
	label  string
	failed sync.Once // of asking: said once, not for each host
}

// openMemory opens the history for a scan. Whatever is wrong with it costs the
// memory and not the run, but for a file that was named and is something else:
// that is a mistyped command.
func (a *App) openMemory(ctx context.Context, flags *scanFlags) (*memory, error) {
	return a.recall(ctx, flags, history.Options{Encode: encodeHost})
}

// recall is openMemory for those who look only, with options.Existing.
func (a *App) recall(ctx context.Context, flags *scanFlags, options history.Options) (*memory, error) {
	if flags.noHistory {
		return nil, nil
	}
	path, err := a.historyPath(flags.history)
	if err != nil {
		a.forgetful(err, "set one of them, name a file with --history, or use --no-history")
		return nil, nil
	}
	m := &memory{app: a}
	m.db, err = history.Open(ctx, path, options)
	var damaged *history.DamagedError
	if errors.As(err, &damaged) && !options.Existing && a.setAside(damaged) {
		m.db, err = history.Open(ctx, path, options)
	}
	var newer *history.NewerError
	switch {
	case err == nil:
		return m, nil
	case options.Existing && errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, history.ErrForeign) && flags.history != "":
		return nil, &usageError{err, "it is left as it is; name another file with --history"}
	case errors.As(err, &newer):
		a.forgetful(err, "use the twaudit that wrote it, or another file with --history; it is left as it is")
	case whose(err) != "":
		a.forgetful(err, whose(err)+"; run as the user whose history it is, or name another file with --history")
	default:
		a.forgetful(err, "--history names another file, --no-history does without")
	}
	return nil, nil
}

// selected keeps the label of the selection for the run, and returns its key.
func (m *memory) selected(key, label string) string {
	if m != nil {
		m.label = label
	}
	return key
}

// encodeHost is the form of a host in every JSON of ours.
func encodeHost(h *audit.HostResult) ([]byte, error) {
	var line bytes.Buffer
	if err := report.Line(&line, h); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line.Bytes(), []byte("\n")), nil
}

// setAside makes room for a new history, and says where the old one went.
func (a *App) setAside(damaged *history.DamagedError) bool {
	aside, err := history.SetAside(damaged, a.Now())
	if err != nil {
		a.forgetful(errors.Join(damaged, err), "")
		return false
	}
	if aside == "" {
		return true // another process was faster
	}
	a.print(damaged.Error())
	a.print("it is set aside as " + aside + ", and a new history begins")
	a.note("the history was damaged and begins anew: nothing is known of earlier runs")
	return true
}

// forgetful says that the run does without its memory, also with --quiet: a cron
// job that forgets compares with nothing from then on. The result says so
// without the path.
func (a *App) forgetful(err error, hint string) {
	a.print("this run has no history: " + err.Error())
	if hint != "" {
		a.print("hint: " + hint)
	}
	a.note("this run has no history: nothing is known of earlier runs, and it is not kept")
}

// note adds to what the result says beside its hosts.
func (a *App) note(words string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.warnings = append(a.warnings, text.Clean(words))
}

// past is what earlier runs know of a host. It is called from any goroutine.
func (m *memory) past(ctx context.Context) func(name string) *audit.Past {
	if m == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx) // a host that answered is judged, whatever ended the run
	return func(name string) *audit.Past {
		now := m.app.Now()
		past, err := m.db.Past(ctx, name, now.Add(-keepAge), now)
		if err != nil {
			m.failed.Do(func() {
				m.app.print("what earlier runs know of hosts cannot be read: " + err.Error())
				m.app.note("what earlier runs know could not be read for every host")
			})
			return nil
		}
		return past
	}
}

// compare adds to a run what the history says about all of it.
func (m *memory) compare(ctx context.Context, run *audit.Run) {
	if m == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	newest, err := m.db.Find(ctx, history.Latest)
	if err != nil {
		return // the first run of all, or damage that store meets and tells
	}
	if newest.Meta.StartedAt.After(run.Meta.FinishedAt) {
		words := "the newest earlier run began at " + newest.Meta.StartedAt.UTC().Format(time.RFC3339) +
			", after this one: the clock was set back, and what is dated after now counts for nothing"
		m.app.say("%s", words)
		run.Notes = append(run.Notes, words)
	}
	before, err := m.db.Before(ctx, run.Meta.Selection, 0)
	if err != nil || before == nil || run.Meta.Selection == "" {
		return
	}
	names, err := m.db.Names(ctx, before)
	if err != nil {
		return
	}
	here := map[string]bool{}
	for i := range run.Hosts {
		here[run.Hosts[i].Name] = true
	}
	gone := slices.DeleteFunc(names, func(name string) bool { return here[name] })
	if len(gone) > 0 {
		run.Notes = append(run.Notes, "in the selection at the run before, and no longer: "+few(gone)) // --redact hides names, and would leave the numbers of ranges
	}
}

// keep stores a finished run, and lets the oldest ones go.
func (m *memory) keep(ctx context.Context, run *audit.Run) {
	if m == nil {
		return
	}
	ctx = context.WithoutCancel(ctx) // an interrupted run is kept as far as it went
	since, err := m.oldestOfLate(ctx, run)
	if err == nil {
		err = m.db.Store(ctx, run, m.label)
	}
	var damaged *history.DamagedError
	if errors.As(err, &damaged) {
		m.close()
		if m.app.setAside(damaged) {
			err = m.again(ctx, run)
		}
	}
	if err != nil {
		m.app.print("this run is not kept: " + err.Error())
		run.Notes = append(run.Notes, "this run could not be kept in the history")
		return
	}
	if _, err := m.db.Prune(ctx, history.Keep{Since: since.Add(-keepAge), Bytes: keepBytes}); err != nil {
		m.app.say("the oldest runs could not be removed: %v", err)
	}
}

// lateRuns is how many runs in a row a clock may be years ahead before what is
// old by it goes.
const lateRuns = 5

// oldestOfLate is when the earliest of the latest runs began, this one included:
// age counts from there.
func (m *memory) oldestOfLate(ctx context.Context, run *audit.Run) (time.Time, error) {
	began := run.Meta.StartedAt
	for i := range lateRuns {
		e, err := m.db.Find(ctx, fmt.Sprintf("-%d", i))
		if none := (*history.NoRunError)(nil); errors.As(err, &none) {
			break
		}
		if err != nil {
			return began, err
		}
		if e.Meta.StartedAt.Before(began) {
			began = e.Meta.StartedAt
		}
	}
	return began, nil
}

// again stores the run in a new file, where the old one turned out to be damaged.
func (m *memory) again(ctx context.Context, run *audit.Run) (err error) {
	path := m.db.Path()
	if m.db, err = history.Open(ctx, path, history.Options{Encode: encodeHost}); err != nil {
		m.db = nil
		return err
	}
	return m.db.Store(ctx, run, m.label)
}

func (m *memory) close() {
	if m != nil && m.db != nil {
		m.db.Close() // everything is committed
	}
}
