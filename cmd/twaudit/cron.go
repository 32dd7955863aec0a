package main

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"twaudit/internal/audit"
	"twaudit/internal/scan"
	"twaudit/internal/text"
)

// cronFlags are for runs that nobody watches.
type cronFlags struct {
	onlyChanges bool
	remind      durationFlag // 0: never
	lock        bool
	waitLock    durationFlag
	splay       durationFlag
	maxFailed   toleranceFlag
	retryFailed bool
}

// toleranceFlag is a share of the hosts that may fail, of which 0 is none.
type toleranceFlag struct{ shareFlag }

func (p *toleranceFlag) Set(s string) error {
	if number := strings.TrimSuffix(strings.TrimSpace(s), "%"); number == "0" {
		p.shareFlag = 0
		return nil
	}
	return p.shareFlag.Set(s)
}

// declareCron: what runs that nobody watches need.
func (f *cronFlags) declareCron(set *pflag.FlagSet) {
	set.BoolVar(&f.onlyChanges, "only-changes", false, "print, and exit with 1, only when a host got worse since the last run of the selection")
	set.Var(&f.remind, "remind", "with --only-changes, print a problem again that was last printed so long ago; 0 is never")
	set.BoolVar(&f.lock, "lock", false, "refuse to run (status 4) while another scan of the same selection does")
	set.Var(&f.waitLock, "wait-lock", "wait so long for that other scan (turns on --lock)")
	set.Var(&f.splay, "splay", "begin after a random part of this time")
	set.Var(&f.maxFailed, "max-failed", "exit as if all had answered when less than this share of the hosts failed")
	set.BoolVar(&f.retryFailed, "retry-failed", false, "ask only the hosts that failed or were left out in the last run of the selection, and keep its other results")
}

// checkCron looks for what contradicts itself.
func (f *scanFlags) checkCron() error {
	switch {
	case f.noHistory && (f.onlyChanges || f.retryFailed):
		return &usageError{errors.New("--only-changes and --retry-failed compare with earlier runs, which --no-history does without"), "--history names the file that keeps them"}
	case f.remind > 0 && !f.onlyChanges:
		return &usageError{errors.New("--remind is about --only-changes"), "give both, or neither; --only-changes=false passes over a remind of the configuration file"}
	case f.onlyChanges && slices.Contains(f.formats, liveFormat) && f.output == "":
		return &usageError{errors.New("--only-changes cannot take back lines that were printed while hosts answered"), "write them to a file with -f jsonl=FILE, or print -f json"}
	}
	return nil
}

// lateStart waits a random part of the splay, so that many machines with the same
// crontab do not ask the same hosts at once.
func (a *App) lateStart(ctx context.Context, splay time.Duration) error {
	if splay <= 0 {
		return nil
	}
	wait := mathrand.N(splay)
	a.say("begins in %s (--splay %s)", text.Duration(wait.Round(time.Second)), text.Duration(splay))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// remaining are the jobs that this run has to do, with --retry-failed the results
// that it keeps instead of asking, and the notes with what there is to say of it.
func (m *memory) remaining(ctx context.Context, flags *scanFlags, selection string, jobs []scan.Job, notes []string) ([]scan.Job, []audit.HostResult, []string, error) {
	if !flags.retryFailed || m == nil {
		return jobs, nil, notes, nil
	}
	entry, err := m.db.Before(ctx, selection, 0)
	if err != nil {
		return nil, nil, nil, err
	}
	if entry == nil {
		return jobs, nil, append(notes, "--retry-failed: there is no earlier run of this selection, so every host is asked"), nil
	}
	run, err := m.app.readStored(ctx, m.db, entry, "")
	if err != nil {
		return nil, nil, nil, err
	}
	if run.Meta.Limits != flags.limits() {
		return jobs, nil, append(notes, "--retry-failed: the last run was judged by other measures, so every host is asked"), nil
	}
	again, kept := retry(run, jobs, m.app.Now())
	return again, kept, append(notes, keptNote(len(again), kept)), nil
}

// keepFor is how old a result may be that stands for a host that is not asked.
const keepFor = 24 * time.Hour

// retry splits the jobs of a selection into those that have to be asked, and the
// results of its last run for the others. A result is kept only as long as it is
// fresh, and for the same way to the same machine: a name that now means another
// would get the verdict of the old one.
func retry(run *audit.Run, jobs []scan.Job, now time.Time) (again []scan.Job, kept []audit.HostResult) {
	good := map[string]*audit.HostResult{}
	for i := range run.Hosts {
		h := &run.Hosts[i]
		if h.Status != audit.StatusAudited {
			continue
		}
		if h.Kept == nil {
			h.Kept = &audit.Kept{Run: run.Meta.ID, At: run.Meta.StartedAt}
		}
		if age := now.Sub(h.Kept.At); age >= 0 && age <= keepFor {
			good[h.Name] = h
		}
	}
	for _, job := range jobs {
		result := good[job.Name]
		if result == nil || result.Target == "" || result.Target != job.Whom {
			again = append(again, job)
			continue
		}
		// It would not show in every format that nobody asked.
		gap := audit.Gap{Section: "run", Reason: "not asked in this run: what is known is of " + result.Kept.At.UTC().Format(time.RFC3339), Remedy: "scan without --retry-failed"}
		result.Gaps = append(slices.DeleteFunc(result.Gaps, func(g audit.Gap) bool { return g.Section == gap.Section }), gap)
		kept = append(kept, *result)
	}
	return again, kept
}

// keptNote says which hosts were asked, and how old the oldest of the others is.
func keptNote(asked int, kept []audit.HostResult) string {
	if len(kept) == 0 {
		return "--retry-failed: every host is asked, for there is no result of the last run to keep"
	}
	oldest := kept[0].Kept
	for i := range kept {
		if kept[i].Kept.At.Before(oldest.At) {
			oldest = kept[i].Kept
		}
	}
	verb := "were"
	if asked == 1 {
		verb = "was"
	}
	return fmt.Sprintf("%d of %d hosts %s asked again; the results of the others are kept, the oldest from run %s, which began at %s",
		asked, asked+len(kept), verb, oldest.Run, oldest.At.UTC().Format(time.RFC3339))
}

// whom says, as a hash, whom a run asks under each name, so that a later one knows
// whether it would ask the same. What ssh_config makes of it is not in it.
func (a *App) whom(flags *scanFlags, jobs []scan.Job) {
	for i := range jobs {
		job := &jobs[i]
		way := a.ways[job.Name]
		parts := []string{job.Target.Alias, job.Target.User, strconv.Itoa(job.Target.Port), strconv.FormatBool(job.Local), fmt.Sprintf("%q", way.ssh),
			flags.sshConfig, flags.user, strconv.Itoa(flags.port.value), flags.jump}
		job.Whom = selectionKey(append(parts, flags.sshOptions...))
	}
}
