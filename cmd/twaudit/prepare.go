package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/fleet"
	"twaudit/internal/probe"
	"twaudit/internal/scan"
	"twaudit/report"
)

// preparation is a scan that has asked nobody yet. Its steps run in the order in
// which they stand below; each fills in the fields of its name.
type preparation struct {
	app   *App
	flags *scanFlags
	names []string // the arguments

	// understand
	outputs    []output
	jobs       []scan.Job
	notes      []string
	key, label string // of the selection

	// equip
	auditor  *scan.Auditor
	redactor *report.Redactor
	alarms   []*alarm

	// open
	places outputSet
	memory *memory

	// spare
	kept []audit.HostResult

	ends []func() // give back what the steps took
}

// finish gives everything back, what was taken last first.
func (p *preparation) finish() {
	for _, end := range slices.Backward(p.ends) {
		end()
	}
}

// prepare runs the steps. Whatever can be wrong with a scan ends one of them, so
// that no host is asked in vain.
func (p *preparation) prepare(ctx context.Context) error {
	for _, step := range []func(context.Context) error{p.understand, p.equip, p.await, p.open, p.spare} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// understand finds out what is asked of whom.
func (p *preparation) understand(ctx context.Context) (err error) {
	if err := p.flags.check(p.names); err != nil {
		return err
	}
	if p.outputs, err = parseOutputs(p.flags.formats, p.flags.output); err != nil {
		return err
	}
	if p.jobs, p.notes, err = p.app.jobsInTime(ctx, p.flags, p.names); err != nil {
		return err
	}
	p.key, p.label = p.flags.selection(p.names, p.jobs)
	return checkGroupBy(p.flags.look, p.jobs, func(job scan.Job) map[string]string { return job.Labels })
}

// equip gets ready what asks, judges, hides and tells. It comes before open: a wrong
// ssh_config must not leave temporary files.
func (p *preparation) equip(ctx context.Context) error {
	auditor, closeDialer, err := p.app.auditor(ctx, p.flags, p.jobs...)
	if err != nil {
		return err
	}
	p.auditor, p.ends = auditor, append(p.ends, closeDialer)
	if p.redactor, err = p.flags.redactor(); err != nil {
		return err
	}
	if p.alarms, err = p.app.chosenAlarms(p.flags); err != nil {
		return err
	}
	p.app.whom(p.flags, p.jobs)
	return nil
}

// await lets the time of --splay pass, and then another scan of the selection end.
func (p *preparation) await(ctx context.Context) error {
	if err := p.app.lateStart(ctx, time.Duration(p.flags.splay)); err != nil {
		return err
	}
	unlock, err := p.app.holdLock(ctx, p.flags, p.key)
	if err != nil {
		return err
	}
	p.ends = append(p.ends, unlock)
	return nil
}

// open opens what is written to: the outputs and the history.
func (p *preparation) open(ctx context.Context) (err error) {
	if p.places, err = openOutputs(p.outputs, p.app.Stdout, p.flags.reads()); err != nil {
		return err
	}
	p.ends = append(p.ends, p.places.discard) // what was committed stays
	p.app.onAbruptEnd(p.places.removal())
	if p.memory, err = p.app.openMemory(ctx, p.flags); err != nil {
		return err
	}
	p.ends = append(p.ends, p.memory.close)
	p.auditor.Past = p.memory.past(ctx)
	return nil
}

// spare takes those hosts out of which an earlier run knows enough.
func (p *preparation) spare(ctx context.Context) (err error) {
	p.jobs, p.kept, p.notes, err = p.memory.remaining(ctx, p.flags, p.key, p.jobs, p.notes)
	return err
}

// mission is the scan, ready to start.
func (p *preparation) mission() *mission {
	flags := p.flags
	limits, lowered := flags.pace()
	look := flags.look
	look.Show = cmp.Or(flags.look.Show, flags.showAgain()) // a demo has its own
	if p.memory != nil {
		look.Show = flags.showStored()
	}
	return &mission{
		jobs: p.jobs, audited: p.app.auditing(p.auditor), judged: p.auditor.Limits, script: probe.SHA256(),
		limits: limits, deadline: time.Duration(flags.deadline),
		outputs: p.places, notes: append(p.notes, lowered...), look: look, redactor: p.redactor, progress: !flags.quiet && !flags.noProgress,

		memory: p.memory, selection: p.memory.selected(p.key, p.label),

		kept: p.kept, alarms: p.alarms, told: p.app.toldBeside(flags),
		onlyChanges: flags.onlyChanges, remind: time.Duration(flags.remind),
		silent: flags.quiet && len(flags.formats) == 0 && flags.output == "",
	}
}

// jobsInTime is jobs, within the deadline of the run: an inventory may be a pipe
// that nobody writes to. What is still read then is left to the end of the process.
func (a *App) jobsInTime(ctx context.Context, flags *scanFlags, names []string) ([]scan.Job, []string, error) {
	if flags.deadline == 0 {
		return a.jobs(ctx, flags, names)
	}
	type list struct {
		jobs  []scan.Job
		notes []string
		err   error
	}
	read := make(chan list, 1)
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(flags.deadline), scan.ErrDeadline)
	defer cancel()
	// Ends with the list, or with the process: nothing calls back the opening of a
	// pipe.
	go func() {
		jobs, notes, err := a.jobs(ctx, flags, names)
		read <- list{jobs, notes, err}
	}()
	select {
	case l := <-read:
		if l.err == nil || ctx.Err() == nil {
			return l.jobs, l.notes, l.err
		}
	case <-ctx.Done():
		select {
		case <-read:
		case <-time.After(killTime): // for a program that makes the list
		}
	}
	if cause := context.Cause(ctx); !errors.Is(cause, scan.ErrDeadline) {
		return nil, nil, cause
	}
	return nil, nil, fmt.Errorf("the list of hosts was not read within --deadline %s", &flags.deadline)
}

// auditing audits a host by asking it.
func (a *App) auditing(auditor *scan.Auditor) func(context.Context, scan.Job, fleet.Slot) audit.HostResult {
	ways := a.dialers
	return func(ctx context.Context, job scan.Job, slot fleet.Slot) audit.HostResult {
		return a.withoutScratch(ways.audit(ctx, auditor, job, slot))
	}
}
