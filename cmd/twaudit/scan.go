package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"twaudit/internal/audit"
	"twaudit/internal/diagnose"
	"twaudit/internal/fleet"
	"twaudit/internal/scan"
	"twaudit/remote"
	"twaudit/remote/sshconfig"
	"twaudit/report"
)

// scanCommand declares scan. Its flags are its own: nothing is shared with other
// commands but their names.
func (a *App) scanCommand() *cobra.Command {
	flags := newScanFlags()
	cmd := &cobra.Command{
		Use:   "scan [HOST|PATTERN...] [-i INVENTORY]...",
		Short: "Audit hosts over SSH, or this machine",
		Long: `Audits hosts read-only, over SSH, and reports the worst first. Without -i the
arguments are hosts ([user@]host[:port]); with -i they select among its hosts.

Each flag has an environment variable: TWAUDIT_CONNECT_TIMEOUT is
--connect-timeout; a repeatable one takes one value a line. The flag wins.

` + exitHelp,
		Example: "  twaudit scan web1 root@db1:2222\n  twaudit scan -i hosts.txt -f table -f json=run.json\n  twaudit scan --local",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.scan(cmd.Context(), flags, args)
		},
	}
	flags.declare(cmd)
	return cmd
}

// scan runs the command: everything that can be wrong with it is found out
// before the first host is asked.
func (a *App) scan(ctx context.Context, flags *scanFlags, names []string) error {
	a.quiet = flags.quiet
	a.end.failOn, a.end.maxFailed = audit.Verdict(flags.failOn.value), float64(flags.maxFailed.shareFlag)
	a.expectAnswers()
	p := &preparation{app: a, flags: flags, names: names}
	defer p.finish()
	if err := p.prepare(ctx); err != nil {
		return err
	}
	return a.audit(ctx, p.mission())
}

// mission is a run that is ready to start.
type mission struct {
	jobs     []scan.Job
	audited  func(context.Context, scan.Job, fleet.Slot) audit.HostResult // of one job
	judged   audit.Limits                                                 // by which measures
	script   string                                                       // SHA-256 of what runs on the hosts; empty when nothing does
	limits   fleet.Limits
	deadline time.Duration // 0: none
	outputs  outputSet
	notes    []string
	look     report.Options   // on a terminal
	redactor *report.Redactor // nil: results have real names
	progress bool

	memory    *memory // nil: earlier runs are not known, and this one is not kept
	selection string  // see scanFlags.selection

	kept        []audit.HostResult // of hosts that are not asked again
	alarms      []*alarm           // who is told
	told        told               // when that was
	onlyChanges bool               // print only what is new
	remind      time.Duration      // and old problems after this time; 0: never
	silent      bool               // print nothing when all is well
}

// audit runs a mission to its end, keeps the run and writes its outputs. Its
// error is one of writing: what became of hosts is in the run.
func (a *App) audit(ctx context.Context, m *mission) error {
	run := a.conduct(ctx, m)
	change, without := m.memory.change(ctx, run)
	change = a.counted(run, change)
	a.promise(m, run, change)
	fresh := a.news(m, run, change, without)
	m.memory.keep(ctx, run)
	a.mute(m, run, fresh)
	err := a.write(m, run)
	if err == nil && fresh != "" {
		a.remember(m, printedKey(m), telling{At: run.Meta.FinishedAt})
	}
	a.tell(ctx, m, run, change)
	return err
}

// mute takes standard output from a run that has nothing to say there. fresh is what
// is new in it, in words.
func (a *App) mute(m *mission, run *audit.Run, fresh string) {
	switch {
	case m.onlyChanges && !a.end.interrupted:
		a.end.calm, a.end.worse = fresh == "", fresh != ""
		if fresh != "" {
			a.print(fresh)
		}
		a.end.short = a.cutShort(m, run)
	case m.silent:
		a.end.calm = a.end.status() == exitOK
	}
	if status := a.end.status(); a.end.calm && (status == exitOK || a.end.short && status == exitIncomplete) {
		m.outputs = m.outputs.silence()
	}
}

// write renders the run into the outputs of its mission.
func (a *App) write(m *mission, run *audit.Run) error {
	look := m.look
	if path := m.outputs.savedRun(); path != "" {
		look.Show = showFrom(path)
	}
	if m.redactor != nil {
		run, look = m.redactor.Run(run), pseudonymous(look, m.redactor)
	}
	return m.outputs.write(run, func(p *place) report.Options { return a.style(p, look) })
}

// conduct runs a mission to its end, whatever ends it.
func (a *App) conduct(ctx context.Context, m *mission) *audit.Run {
	run := a.newRun(m)
	a.sayNotes(m.notes)
	if m.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, m.deadline, scan.ErrDeadline)
		defer cancel()
	}
	// The order of the result is that of the verdicts, whatever this does.
	shuffle(m.jobs, run.Meta.StartedAt)
	run.Hosts = append(a.auditAll(ctx, m), m.kept...)
	run.Meta.FinishedAt = a.Now()
	run.Meta.Partial = partial(run.Hosts)
	if note := sudoNote(run.Hosts); note != "" {
		a.say("%s", note) // the run has it as gaps
	}
	run.Notes = a.shareable(append(run.Notes, a.warned()...))
	m.memory.compare(ctx, run)
	diagnose.Fleet(run)

	// Asked here, not after the writing: a signal that comes later finds a
	// complete report.
	a.end.run = run
	a.end.interrupted = errors.Is(context.Cause(ctx), scan.ErrInterrupted)
	return run
}

// auditAll returns one result for each job, in any order.
func (a *App) auditAll(ctx context.Context, m *mission) []audit.HostResult {
	m.outputs.startLive(len(m.jobs))
	m.announce()
	show := a.showProgress(m)
	defer func() {
		a.prompting().close() // the bar cannot go while a question has the screen
		a.setBar(nil)
		show.close()
	}()
	defer thrifty(min(m.limits.Concurrency, len(m.jobs)), len(m.jobs))()
	// Results are all that grows with the fleet: raw answers are gone by now.
	hosts := make([]audit.HostResult, 0, len(m.jobs))
	fleet.Run(ctx, m.jobs, m.limits, m.audited, func(result audit.HostResult) {
		hosts = append(hosts, result)
		m.live(&result)
		show.host(&result)
	})
	return hosts
}

// newRun is a run that has begun, without hosts.
func (a *App) newRun(m *mission) *audit.Run {
	started := a.Now()
	return &audit.Run{
		Schema: audit.Schema,
		Tool:   audit.Tool{Name: "twaudit", Version: toolVersion(), ProbeSHA256: m.script},
		Meta:   audit.Meta{ID: newRunID(started), StartedAt: started, Limits: m.judged, Selection: m.selection},
		Notes:  append([]string{}, m.notes...), // a list in JSON also when it is empty
	}
}

// shareable writes notes for a result that others may read: without the name of
// the user's home, which holds that of the user.
func (a *App) shareable(notes []string) []string {
	if len(a.Home) < 2 { // "/" is no secret
		return notes
	}
	for i := range notes {
		notes[i] = strings.ReplaceAll(notes[i], a.Home+"/", "~/")
	}
	return notes
}

// newRunID sorts by time, and differs between two runs in the same second.
func newRunID(started time.Time) string {
	var b [4]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	return started.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// partial reports whether the run ended before its hosts did.
func partial(hosts []audit.HostResult) bool {
	for i := range hosts {
		h := &hosts[i]
		if h.Status == audit.StatusSkipped ||
			h.Failure != nil && (h.Failure.Stage == audit.StageDeadline || h.Failure.Stage == audit.StageInterrupted) {
			return true
		}
	}
	return false
}

// shuffle spreads the hosts of one rack or one jump host, which stand together
// in most inventories, over the run.
func shuffle(jobs []scan.Job, seed time.Time) {
	random := mathrand.New(mathrand.NewPCG(uint64(seed.UnixNano()), 0))
	random.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
}

// dialer reaches hosts as the flags say, until its second result is called. It
// connects nowhere yet; what is wrong with ssh_config or the flags about SSH is
// found out here.
func (a *App) dialer(ctx context.Context, flags *scanFlags) (*remote.Dialer, func(), error) {
	options := flags.dialing()
	options.Home, options.LocalUser, options.Env = a.sshHome(), a.User, a.Env
	options.Warn = a.warn
	if options.Home == noHome {
		a.say("there is no home directory: keys, known_hosts and ssh_config are what is named (--identity, UserKnownHostsFile, -F)")
	}
	endAsking, err := a.secrets(ctx, flags, &options)
	if err != nil {
		return nil, nil, err
	}
	if a.dialers, err = openDialers(options, a.ways); err != nil {
		endAsking()
		return nil, nil, err
	}
	return a.dialers.usual, func() {
		endAsking()
		a.dialers.close()
	}, nil
}

// auditor asks and judges as the flags say, over connections that its second
// result gives back. jobs are some of those that will be asked for: with them it
// finds out whether ssh refuses its configuration as a whole.
func (a *App) auditor(ctx context.Context, flags *scanFlags, jobs ...scan.Job) (*scan.Auditor, func(), error) {
	dialer, end, err := a.dialer(ctx, flags)
	if err != nil {
		return nil, nil, err
	}
	if at := slices.IndexFunc(jobs, func(j scan.Job) bool { return !j.Local }); at >= 0 {
		if err := dialer.Check(ctx, jobs[at].Target); err != nil {
			end()
			return nil, nil, unusableConfig(err)
		}
	}
	auditor := &scan.Auditor{
		Remote:  dialer.Run,
		Way:     namesOnTheWay(dialer),
		Options: flags.asking(),
		Sudo:    flags.sudo,
		SudoAsk: flags.askSudoPass,
		Limits:  flags.limits(),
		Timeout: time.Duration(flags.hostTimeout),
		Asked:   a.prompting().waited,
		Now:     a.Now,
	}
	return auditor, end, nil
}

// unusableConfig is err with the hint that it has.
func unusableConfig(err error) error {
	var bad *sshconfig.Error
	if errors.As(err, &bad) {
		return &usageError{err, bad.Hint}
	}
	return &usageError{err, ""}
}

// pace lowers the concurrency to what the process can open, and says so.
func (f *scanFlags) pace() (fleet.Limits, []string) {
	limits := fleet.Limits{Concurrency: f.concurrency.value, PerSecond: float64(f.rate), Retries: int(f.retries)}
	files := openFiles()
	fits := fleet.Concurrency(limits.Concurrency, files)
	if fits == limits.Concurrency {
		return limits, nil
	}
	limits.Concurrency = fits
	return limits, []string{fmt.Sprintf("concurrency is %d, not %d: this process may open %d files only (ulimit -n)", fits, f.concurrency.value, files)}
}

// maxNotesSaid bounds the notes on stderr; the result has them all. A list that
// was pasted twice has as many as hosts.
const maxNotesSaid = 5

// sayNotes tells the operator at once what the report will say at the end.
func (a *App) sayNotes(notes []string) {
	for i, note := range notes {
		if i == maxNotesSaid {
			a.say("and %d more notes, which the result holds", len(notes)-i)
			return
		}
		a.say("%s", note)
	}
}
