package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/history"
	"twaudit/internal/text"
)

// sameMeasures is how many runs of a selection are looked through for one that was
// judged by the measures of this one.
const sameMeasures = 1000

const (
	nothingKnown = "nothing is known of earlier runs, so all that this one says is new"
	firstRun     = "the first run of this selection: there is none to compare with, so all that it says is new"
	firstJudged  = "the first run of this selection by these measures: there is none to compare with, so all that it says is new"
)

// change is what a finished run, which is not stored yet, differs in from what the
// runs of its selection found last by the same measures; nil when there is none to
// compare with, and then why, in words.
func (m *memory) change(ctx context.Context, run *audit.Run) (change *audit.Diff, without string) {
	if m == nil || m.db == nil {
		return nil, nothingKnown
	}
	ctx = context.WithoutCancel(ctx)
	before, without, err := m.comparable(ctx, run)
	var older audit.Side
	if err == nil && before != nil {
		older, err = m.db.Baseline(ctx, before)
	}
	if err != nil {
		m.app.print("what changed since the last run is not known: " + err.Error())
		return nil, nothingKnown
	}
	if before == nil {
		return nil, without
	}
	return audit.Compare(untold(older, m.app.end.maxFailed), audit.SideOf(run)), ""
}

// comparable is the newest run of the selection that was judged as run is: the verdicts
// of others, as of one by hand with --near, would hide news and make false ones.
func (m *memory) comparable(ctx context.Context, run *audit.Run) (before *history.Entry, without string, err error) {
	without = firstRun
	if run.Meta.Selection == "" {
		return nil, without, nil
	}
	var seq int64
	for range sameMeasures {
		before, err = m.db.Before(ctx, run.Meta.Selection, seq)
		if err != nil || before == nil || before.Meta.Limits == run.Meta.Limits {
			return before, without, err
		}
		seq, without = before.Seq, firstJudged
	}
	return nil, without, nil
}

// untold is a side in which hosts whose failure --max-failed let be stand as they were
// when they answered last. Nobody was told of the failure: from it to anything else
// would be no news. Of one that never answered nothing is known.
func untold(side audit.Side, maxFailed float64) audit.Side {
	failed := 0
	for i := range side.Hosts {
		if side.Hosts[i].Status != audit.StatusAudited {
			failed++
		}
	}
	if !tolerable(failed, len(side.Hosts), maxFailed) {
		return side
	}
	all := side.Hosts
	side.Hosts = make([]audit.Sketch, 0, len(all))
	for _, h := range all {
		if h.Status != audit.StatusAudited {
			if h.Known == nil {
				continue
			}
			known := *h.Known
			known.Name, known.FirstSeen = h.Name, h.FirstSeen
			h = known
		}
		side.Hosts = append(side.Hosts, h)
	}
	return side
}

// tolerable reports whether fewer hosts are missing than may.
func tolerable(missing, hosts int, maxFailed float64) bool {
	return float64(missing) < maxFailed*float64(hosts)
}

// tolerates reports whether fewer hosts are without an answer than --max-failed lets
// be.
func (a *App) tolerates(run *audit.Run) bool {
	return tolerable(run.Summary.Failed+run.Summary.Skipped, run.Summary.Hosts, a.end.maxFailed)
}

// troubled reports whether a run has what its exit status and alarms are about.
func (a *App) troubled(run *audit.Run) bool {
	return atOrAbove(run.Hosts, a.end.failOn) || incomplete(&run.Summary, a.end.maxFailed)
}

// well reports whether there is nothing to be said of any host, by any measure.
func well(run *audit.Run) bool {
	for i := range run.Hosts {
		h := &run.Hosts[i]
		if h.Status != audit.StatusAudited || h.Coverage == audit.CoveragePartial || !audit.VerdictUnknown.Worse(h.Verdict) {
			return false
		}
	}
	return true
}

// gotWorse says what a run without one to compare with is: worse than nothing when
// there is a problem.
func gotWorse(change *audit.Diff, problem bool) bool {
	if change == nil {
		return problem
	}
	return change.Worse > 0
}

// counted is change with those hosts as worse only that --fail-on and --max-failed
// count: they are as bad as that, or can no longer be judged and are too many to be
// let be.
func (a *App) counted(run *audit.Run, change *audit.Diff) *audit.Diff {
	if change == nil {
		return nil
	}
	results := make(map[string]*audit.HostResult, len(run.Hosts))
	for i := range run.Hosts {
		results[run.Hosts[i].Name] = &run.Hosts[i]
	}
	counted := *change
	counted.Hosts = slices.Clone(change.Hosts)
	for i := range counted.Hosts {
		if h := &counted.Hosts[i]; h.Worse && !a.counts(run, results[h.Name], cmp.Or(h.Known, h.Old)) {
			h.Worse = false
			counted.Worse--
		}
	}
	return &counted
}

// counts is counted for one host. before is nil where nothing is known.
func (a *App) counts(run *audit.Run, now *audit.HostResult, before *audit.HostState) bool {
	switch {
	case now.Status != audit.StatusAudited:
		return !a.tolerates(run)
	case !a.end.failOn.Worse(now.Verdict) || now.Verdict == audit.VerdictUnknown:
		return true
	}
	return now.Coverage == audit.CoveragePartial && (before == nil || before.Coverage != audit.CoveragePartial)
}

const (
	worseWords = "worse than at the last run: "
	heldWords  = "an earlier run found something worse, and its report may not have arrived"
)

// printedKey is that of the last printing of a problem.
func printedKey(m *mission) string { return "printed " + m.selection }

// news says, with --only-changes, why the run is printed: it has something new, or a
// problem was printed last so long ago that it may be forgotten. Empty: it is not.
// without says why there is no change. The notes of the run say the same, for a result
// that is read without what stderr said, in words that --redact leaves.
//
// It leaves word of what is new, before the run is kept: for the next run it is no
// news, and this process may end before it has printed anything. An interrupted run
// only does that.
func (a *App) news(m *mission, run *audit.Run, change *audit.Diff, without string) string {
	if !m.onlyChanges {
		return ""
	}
	before, err := m.told.last(printedKey(m))
	if err != nil {
		a.say("it is not known when problems were printed last: %v", err)
	}
	problem := a.troubled(run)
	worse := gotWorse(change, problem)
	if held := before.Held && !well(run) || worse; held != before.Held && (held || !a.end.interrupted) {
		before.Held = held
		a.remember(m, printedKey(m), before)
	}
	if a.end.interrupted {
		return ""
	}
	said, noted := "", ""
	switch {
	case worse && change != nil:
		// Pseudonyms replace whole names, and not those in ranges.
		said, noted = worseWords+fewHosts(worseHosts(change)), worseWords+few(worseHosts(change))
	case worse:
		said = without
	case before.Held:
		said = heldWords
	case problem && due(before.At, run.Meta.FinishedAt, m.remind):
		noted = reminder(before.At, run.Meta.FinishedAt)
		said = "a reminder: " + noted
	}
	if said != "" {
		run.Notes = slices.Insert(run.Notes, 0, cmp.Or(noted, said))
	}
	return said
}

// due reports whether a problem that was printed at last is to be printed again. A time
// that is still to come is of a clock that was ahead, and tells nothing.
func due(last, now time.Time, remind time.Duration) bool {
	return remind > 0 && (now.Sub(last) >= remind || last.After(now))
}

// reminder says that an old problem is printed once more.
func reminder(last, now time.Time) string {
	const words = "nothing is worse than at the last run; shown once more, because what lasts "
	at := last.UTC().Format(time.RFC3339)
	switch {
	case last.IsZero():
		return words + "was never printed"
	case last.After(now):
		return words + "was printed last at " + at + ", by a clock that was ahead"
	}
	return words + "was printed last at " + at
}

// cutShort says, also with --quiet, that the deadline of a run with --only-changes left
// hosts out: one that does so every time would be silent for ever.
func (a *App) cutShort(m *mission, run *audit.Run) bool {
	left := 0
	for i := range run.Hosts {
		if run.Hosts[i].CutOff() {
			left++
		}
	}
	if left == 0 || m.deadline == 0 || a.tolerates(run) {
		return false
	}
	a.print(fmt.Sprintf("--deadline %s ended the run before it was done with %d of %d hosts", text.Duration(m.deadline), left, len(run.Hosts)))
	return true
}

// silence keeps the run from standard output; files are written all the same.
func (set outputSet) silence() outputSet {
	return keep(set, func(o *openOutput) bool { return o.place.file != nil })
}
