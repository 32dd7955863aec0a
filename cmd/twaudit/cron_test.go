package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/notify"
	"twaudit/internal/scan"
)

// stateApp keeps its state in a directory of its own.
func stateApp(t *testing.T) *App {
	t.Helper()
	dir := t.TempDir()
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	return &App{Stderr: io.Discard, Now: func() time.Time { return at }, Env: func(name string) string {
		if name == "XDG_STATE_HOME" {
			return dir
		}
		return ""
	}}
}

// TestHoldLock: one scan of a selection at a time, and only with --lock.
func TestHoldLock(t *testing.T) {
	t.Parallel()
	a, flags := stateApp(t), newScanFlags()
	if _, err := a.holdLock(t.Context(), flags, "s1"); err != nil {
		t.Fatal(err)
	}
	flags.lock = true
	release, err := a.holdLock(t.Context(), flags, "s1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.holdLock(t.Context(), flags, "s1"); err == nil || !strings.Contains(err.Error(), "another scan of the same selection") {
		t.Errorf("a second scan got the lock: %v", err)
	} else if who := fmt.Sprintf("process %d since 2026-11-23T01:00:00Z (lock ", os.Getpid()); !strings.Contains(err.Error(), who) || strings.Contains(err.Error(), "waited") {
		t.Errorf("%v, want %q", err, who)
	}
	hasty := *flags
	hasty.waitLock = durationFlag(2 * time.Millisecond)
	var hinted *hintedError
	if _, err := a.holdLock(t.Context(), &hasty, "s1"); !errors.As(err, &hinted) || !strings.HasSuffix(err.Error(), "; waited 2ms") || !strings.Contains(hinted.hint, "--deadline") {
		t.Errorf("one that waited in vain: %v", err)
	}
	if other, err := a.holdLock(t.Context(), flags, "s2"); err != nil {
		t.Errorf("another selection: %v", err)
	} else {
		other()
	}
	// One that waits gets it as soon as the first lets go.
	waiting := *flags
	waiting.waitLock = durationFlag(time.Minute)
	got := make(chan error)
	go func() { // ends with the lock
		end, err := a.holdLock(t.Context(), &waiting, "s1")
		if err == nil {
			end()
		}
		got <- err
	}()
	// One that is interrupted says so, and not that the other one is to blame.
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(scan.ErrInterrupted)
	if _, err := a.holdLock(interrupted, &waiting, "s1"); !errors.Is(err, scan.ErrInterrupted) {
		t.Errorf("an interrupted wait: %v", err)
	}
	release()
	if err := <-got; err != nil {
		t.Errorf("the lock was free, and one who waited did not get it: %v", err)
	}
}

// TestNotOurs: a run as the wrong user says whose the file is.
func TestNotOurs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "closed")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := path + " belongs to uid 4242, and this is root"
	if err := os.Chown(path, 4242, -1); err != nil { // not root: a file of root's is another user's
		path = "/"
		want = "/ belongs to root, and this is "
	}
	err := notOurs(fmt.Errorf("open it: %w", &fs.PathError{Op: "open", Path: filepath.Join(path, "deep", "x.lock"), Err: fs.ErrPermission}))
	var hinted *hintedError
	if !errors.As(err, &hinted) || !strings.HasPrefix(hinted.hint, want) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v, want the hint %q", err, want)
	}
	if end := (&ending{began: true, err: err}).status(); end != exitFailed {
		t.Errorf("status %d", end)
	}
	if err := notOurs(fs.ErrNotExist); errors.As(err, &hinted) && err != fs.ErrNotExist {
		t.Errorf("another error got the hint: %v", err)
	}
}

func TestLateStart_endsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := stateApp(t).lateStart(ctx, 1000*time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted wait: %v", err)
	}
	if err := stateApp(t).lateStart(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
}

func TestTold_remembers(t *testing.T) {
	t.Parallel()
	memory := told{filepath.Join(t.TempDir(), "deep", "told.json")}
	if before, err := memory.last("a"); err != nil || !before.At.IsZero() {
		t.Fatalf("%v, %v", before, err)
	}
	now := time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)
	for key, value := range map[string]telling{"old": {At: now.Add(-2 * forgotten)}, "held": {Held: true}, "a": {At: now}} {
		if err := memory.set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := memory.set("b", telling{At: now}); err != nil {
		t.Fatal(err)
	}
	all, err := memory.read()
	if err != nil || len(all) != 3 || !all["a"].At.Equal(now) || !all["held"].Held {
		t.Errorf("%v, %v", all, err)
	}
	// A file that somebody broke is said, and begun anew.
	if err := os.WriteFile(memory.path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := memory.last("a"); err == nil {
		t.Error("a broken file was taken for an empty one")
	}
	if err := memory.set("c", telling{At: now}); err != nil {
		t.Error(err)
	}
	if after, err := memory.last("c"); err != nil || !after.At.Equal(now) {
		t.Errorf("%v, %v", after, err)
	}
}

// TestDue: a time that is still to come puts nothing off.
func TestDue(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		last   time.Time
		remind time.Duration
		want   bool
	}{
		{time.Time{}, time.Hour, true}, {time.Time{}, 0, false}, {now.Add(-time.Hour), time.Hour, true},
		{now.Add(-59 * time.Minute), time.Hour, false}, {now.Add(time.Second), time.Hour, true}, {now.Add(time.Second), 0, false},
	} {
		if got := due(c.last, now, c.remind); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestCounted: what --fail-on and --max-failed let be is no news.
func TestCounted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host      string // as fleetOf takes it
		was       audit.Coverage
		failOn    audit.Verdict
		maxFailed float64
		want      int
	}{
		{"near-limit", audit.CoverageFull, audit.VerdictNearLimit, 0, 1}, {"near-limit", audit.CoverageFull, audit.VerdictOverflowed, 0, 0}, {"overflowing", audit.CoverageFull, audit.VerdictOverflowed, 0, 1},
		{"unknown", audit.CoverageFull, audit.VerdictOverflowed, 0, 1}, {"unknown", audit.CoverageFull, audit.VerdictOverflowed, 0.9, 1}, {"ok*", audit.CoverageFull, audit.VerdictOverflowed, 0, 1},
		{"ok*", audit.CoveragePartial, audit.VerdictOverflowed, 0, 0},
		{"failed", audit.CoverageFull, audit.VerdictOverflowed, 0, 1}, {"failed", audit.CoverageFull, audit.VerdictNearLimit, 0.9, 0}, {"failed", audit.CoverageFull, audit.VerdictNearLimit, 0.5, 1},
	} {
		a, run := stateApp(t), fleetOf(c.host, "ok")
		a.end.failOn, a.end.maxFailed = c.failOn, c.maxFailed
		run.Hosts[0].Name, run.Hosts[1].Name = "web1", "web2"
		change := &audit.Diff{Worse: 1, Hosts: []audit.HostDiff{{Name: "web1", Worse: true, Old: &audit.HostState{Coverage: c.was}}, {Name: "web2"}}}
		got := a.counted(run, change)
		if got.Worse != c.want || got.Hosts[0].Worse != (c.want == 1) || !change.Hosts[0].Worse {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

// recorder is a sink that keeps what it gets.
type recorder struct {
	messages []notify.Message
	err      error
}

func (r *recorder) Send(_ context.Context, m notify.Message) error {
	r.messages = append(r.messages, m)
	return r.err
}

// problemRun has one host that overflows and one that failed.
func problemRun(at time.Time) *audit.Run {
	run := &audit.Run{
		Schema: audit.Schema, Meta: audit.Meta{ID: "r", StartedAt: at, FinishedAt: at, Limits: audit.DefaultLimits()},
		Hosts: []audit.HostResult{
			{Name: "web1", Status: audit.StatusAudited, Verdict: audit.VerdictOverflowing, Findings: []audit.Finding{{Rule: "overflowing", Severity: audit.SeverityCritical, Title: "33 sockets in 1 s"}}},
			{Name: "web2", Status: audit.StatusFailed, Failure: &audit.Failure{Stage: audit.StageConnect, Message: "refused"}},
			{Name: "web3", Status: audit.StatusAudited, Verdict: audit.VerdictOK},
		},
	}
	run.Summary = audit.Summarize(run.Hosts)
	return run
}

// TestTell_timing: on change, at most once in the time of the alarm, and later what
// was held back or could not be sent.
func TestTell_timing(t *testing.T) {
	t.Parallel()
	a := stateApp(t)
	a.end.failOn = audit.VerdictNearLimit
	sink := &recorder{}
	m := &mission{alarms: []*alarm{{name: "ops", on: onChange, every: time.Hour, sink: sink}}, told: a.toldBeside(&scanFlags{}), selection: "s"}
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	worse, same := &audit.Diff{Worse: 1, Hosts: []audit.HostDiff{{Name: "web1", Worse: true}}}, &audit.Diff{}
	for i, step := range []struct {
		after  time.Duration
		change *audit.Diff
		fails  error
		sent   int
	}{
		{0, nil, nil, 1},                  // the first run has a problem
		{time.Minute, same, nil, 0},       // nothing new
		{2 * time.Minute, worse, nil, 0},  // too soon: held back
		{3 * time.Minute, same, nil, 0},   // still too soon
		{61 * time.Minute, same, nil, 1},  // what was held back
		{62 * time.Minute, same, nil, 0},  // told
		{3 * time.Hour, worse, io.EOF, 1}, // could not be sent
		{181 * time.Minute, same, nil, 1}, // tried again at the next run
		{182 * time.Minute, same, nil, 0}, // told
		{-100 * time.Hour, worse, nil, 1}, // the clock was set back: no reason to be silent
	} {
		sink.messages, sink.err = nil, step.fails
		a.tell(t.Context(), m, problemRun(at.Add(step.after)), step.change)
		if len(sink.messages) != step.sent {
			t.Errorf("step %d: %d messages, want %d", i, len(sink.messages), step.sent)
		}
	}
	a.end.interrupted = true
	sink.messages = nil
	a.tell(t.Context(), m, problemRun(at.Add(1000*time.Hour)), worse)
	if len(sink.messages) != 0 {
		t.Error("an interrupted run told somebody")
	}
}

// --redact holds for the subject, too, which names what got worse.
func TestTell_redacted(t *testing.T) {
	t.Parallel()
	a, sink := stateApp(t), &recorder{}
	a.end.failOn = audit.VerdictNearLimit
	redactor, err := (&scanFlags{redact: true}).redactor()
	if err != nil {
		t.Fatal(err)
	}
	m := &mission{alarms: []*alarm{{name: "ops", on: onChange, sink: sink}}, told: a.toldBeside(&scanFlags{}), selection: "s", redactor: redactor}
	a.tell(t.Context(), m, problemRun(time.Now()), &audit.Diff{Worse: 1, Hosts: []audit.HostDiff{{Name: "web1", Worse: true}, {Name: "gone7", Worse: true}}})
	if len(sink.messages) != 1 || !strings.Contains(sink.messages[0].Subject, "worse than before: host-") {
		t.Fatalf("%+v", sink.messages)
	}
	told := sink.messages[0]
	if got := told.Subject + fmt.Sprint(told.Data) + string(told.Markdown) + string(told.JSON); strings.Contains(got, "web1") || strings.Contains(got, "gone7") {
		t.Errorf("a name is told: %s", got)
	}
}

func TestAlarm_due(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		on                         string
		problem, worse, held, want bool
	}{
		{onAlways, false, false, false, true},
		{onProblem, false, true, true, false},
		{onProblem, true, false, false, true},
		{onChange, true, false, false, false},
		{onChange, true, true, false, true},
		{onChange, false, true, false, true},
		{onChange, true, false, true, true},
		{onChange, false, false, true, true},
		{onChange, false, false, false, false},
	} {
		if got := (&alarm{on: c.on}).due(c.problem, c.worse, c.held); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestNewMessage(t *testing.T) {
	t.Parallel()
	run := problemRun(time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC))
	m, err := newMessage(run, &audit.Diff{Worse: 1, Hosts: []audit.HostDiff{{Name: "web1", Worse: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "twaudit: 1 overflowing, 1 failed of 3 hosts; worse than before: web1"; m.Subject != want || m.Data.Title != want {
		t.Errorf("subject %q", m.Subject)
	}
	if len(m.Data.Problems) != 2 || m.Data.Problems[0].Summary != "33 sockets in 1 s" || m.Data.Problems[0].Severity != "critical" || m.Data.Problems[1].Verdict != "failed" {
		t.Errorf("problems %+v", m.Data.Problems)
	}
	if !strings.Contains(string(m.JSON), `"web1"`) || !strings.Contains(string(m.HTML), "<!DOCTYPE html>") && !strings.Contains(strings.ToLower(string(m.HTML)), "<!doctype html>") || !strings.Contains(m.Data.Text, "web1") {
		t.Error("a form is missing")
	}
	for range maxProblems {
		run.Hosts = append(run.Hosts, run.Hosts[0])
	}
	if data := alarmData(run, nil); len(data.Problems) != maxProblems || data.Omitted != 2 {
		t.Errorf("%d problems, %d omitted", len(data.Problems), data.Omitted)
	}
}

// TestRetry: a result is kept while it is fresh and the name means the same machine,
// and says for ever which run asked.
func TestRetry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	host := func(name string, status audit.Status, target string, kept *audit.Kept) audit.HostResult {
		return audit.HostResult{Name: name, Status: status, Target: target, Kept: kept}
	}
	run := &audit.Run{Meta: audit.Meta{ID: "r2", StartedAt: now.Add(-time.Hour)}, Hosts: []audit.HostResult{
		host("good", audit.StatusAudited, "t", nil),
		host("older", audit.StatusAudited, "t", &audit.Kept{Run: "r1", At: now.Add(-3 * time.Hour)}),
		host("stale", audit.StatusAudited, "t", &audit.Kept{Run: "r0", At: now.Add(-25 * time.Hour)}),
		host("future", audit.StatusAudited, "t", &audit.Kept{Run: "r0", At: now.Add(time.Hour)}),
		host("moved", audit.StatusAudited, "t", nil),
		host("unsaid", audit.StatusAudited, "", nil),
		host("failed", audit.StatusFailed, "t", nil),
		host("skipped", audit.StatusSkipped, "t", nil),
	}}
	var jobs []scan.Job
	for _, name := range []string{"good", "older", "stale", "future", "moved", "unsaid", "failed", "skipped", "new"} {
		jobs = append(jobs, scan.Job{Name: name, Whom: "t"})
	}
	jobs[4].Whom, jobs[5].Whom = "another", ""
	again, kept := retry(run, jobs, now)
	if len(again) != 7 || len(kept) != 2 || kept[0].Name != "good" || kept[1].Name != "older" {
		t.Fatalf("asked %d, kept %+v", len(again), kept)
	}
	if kept[0].Kept.Run != "r2" || kept[1].Kept.Run != "r1" || len(kept[1].Gaps) != 1 {
		t.Errorf("kept from %+v and %+v", kept[0].Kept, kept[1].Kept)
	}
	if note := keptNote(len(again), kept); !strings.Contains(note, "7 of 9 hosts") || !strings.Contains(note, "the oldest from run r1, which began at 2026-11-23T09:00:00Z") {
		t.Error(note)
	}
}

func TestIncomplete_maxFailed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		failed, skipped, unknown int
		share                    float64
		want                     bool
	}{
		{0, 0, 0, 0, false}, {1, 0, 0, 0, true}, {0, 1, 0, 0, true}, {0, 0, 1, 0.5, true},
		{4, 0, 0, 0.05, false}, {5, 0, 0, 0.05, true}, {2, 3, 0, 0.05, true}, {0, 0, 0, 0.05, false},
	} {
		s := &audit.Summary{Hosts: 100, Failed: c.failed, Skipped: c.skipped, Verdicts: map[audit.Verdict]int{audit.VerdictUnknown: c.unknown}}
		if got := incomplete(s, c.share); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestEnding_cron: what --only-changes makes of the statuses.
func TestEnding_cron(t *testing.T) {
	t.Parallel()
	at := time.Now()
	none := &audit.Run{Summary: audit.Summary{Failed: 1, Hosts: 1}}
	for name, c := range map[string]struct {
		end  ending
		want int
	}{
		"worse":            {ending{began: true, run: problemRun(at), worse: true}, exitFindings},
		"calm":             {ending{began: true, run: problemRun(at), calm: true}, exitOK},
		"calm, not told":   {ending{began: true, run: problemRun(at), calm: true, err: errors.New("disk full")}, exitFailed},
		"calm, cut short":  {ending{began: true, run: problemRun(at), calm: true, interrupted: true}, exitInterrupted},
		"nobody answered":  {ending{began: true, run: none, calm: true}, exitFailed},
		"nobody any more":  {ending{began: true, run: none, worse: true}, exitFailed},
		"diff has no run":  {ending{began: true, worse: true}, exitFindings},
		"nothing happened": {ending{began: true}, exitOK},
	} {
		c.end.failOn = audit.VerdictNearLimit
		if got := c.end.status(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
