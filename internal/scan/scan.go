// Package scan audits one host: it lets remote run the script of probe, and
// diagnose judge the answer. It is the only package that knows all three, and
// the one that turns everything that can go wrong on the way into a failure
// that an operator understands. It prints nothing, keeps nothing between two
// hosts, and puts neither local paths nor user names into a message. Start with
// Auditor.Host.
package scan

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/diagnose"
	"twaudit/internal/probe"
	"twaudit/remote"
)

// The causes by which a caller ends the context of Host. Any other end of the
// context counts as an interruption.
var (
	ErrDeadline    = errors.New("the run's time is used up")
	ErrInterrupted = errors.New("the run was interrupted")
)

// errHostTimeout is our own end of one host.
var errHostTimeout = errors.New("the host's time is used up")

// What a host may send. The script keeps well below it: more is a host that
// answers with something else, or for ever.
const (
	maxAnswer = 2 << 20
	maxStderr = 16 << 10
)

// Job is one host to be audited.
type Job struct {
	Name   string // as the inventory calls it; unique in a run
	Groups []string
	Labels map[string]string
	Target remote.Target
	Local  bool   // this machine, without SSH; Target is not used
	Whom   string // stands for the way to the machine in the result; may be empty
}

// Blank is the result of a host of which nothing is known yet.
func (j Job) Blank() audit.HostResult {
	groups := slices.Clone(j.Groups)
	slices.Sort(groups)
	labels := maps.Clone(j.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	return audit.HostResult{
		Name: j.Name, Groups: orEmpty(groups), Labels: labels, Target: j.Whom,
		Flags: []string{}, Findings: []audit.Finding{}, Gaps: []audit.Gap{},
	}
}

// orEmpty keeps a list from becoming null in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Auditor audits hosts, many at once. Its fields do not change while it works.
type Auditor struct {
	// Remote runs the command on a host over SSH: the Run of a remote.Dialer.
	Remote func(context.Context, remote.Target, remote.Command) (*remote.Output, error)
	// Here runs it on this machine; nil is remote.Local.
	Here func(context.Context, remote.Command) (*remote.Output, error)
	// Way are the names and addresses that the operator has for a host and for
	// those on the way to it; nil knows none beyond those of the job.
	Way     func(context.Context, remote.Target) []string
	Options probe.Options
	Sudo    bool // the script runs as root by sudo, where that needs no password
	SudoAsk bool // and with the password of Remote's options, where it needs one
	Limits  audit.Limits
	Timeout time.Duration // of one host, from its slot on; 0 is no limit
	// Past is what earlier runs know of a host; nil, also as the answer, is
	// nothing.
	Past func(name string) *audit.Past
	// Asked is for how long people have been asked something so far: that is no
	// time of the hosts that wait for the answer. nil: nobody is asked.
	Asked func() time.Duration
	Now   func() time.Time // nil is time.Now
}

// Host audits one host and always returns within the time of ctx and Timeout.
// slot waits for the right to work on the host: a TCP connection may stand
// before, nothing else.
func (a *Auditor) Host(ctx context.Context, job Job, slot func(context.Context) (func(), error)) audit.HostResult {
	result := job.Blank()
	visit := a.visit(ctx, job, slot)
	result.Timing = visit.timing
	if !a.Options.Peers {
		a.withoutPeers(ctx, job, visit)
	}
	if visit.failure != nil {
		result.Status, result.Failure = audit.StatusFailed, visit.failure
		result.History = diagnose.Absent(a.past(result.Name), a.now())
		return result
	}
	a.judge(&result, visit.answer, a.now())
	return result
}

// judge fills in the result of a host that answered, as of now.
func (a *Auditor) judge(result *audit.HostResult, answer *probe.Answer, now time.Time) {
	d := diagnose.Host(answer.Facts, answer.Gaps, a.past(result.Name), a.Limits, now)
	result.Status = audit.StatusAudited
	result.Facts, result.Gaps = answer.Facts, orEmpty(d.Gaps)
	// The facts come from us alone, so that the verdicts of the namespaces can
	// be written where readers look for them.
	result.Facts.Namespaces = d.Namespaces
	result.Verdict, result.Coverage = d.Verdict, d.Coverage
	result.Findings, result.Flags = orEmpty(d.Findings), orEmpty(d.Flags)
	result.Headroom, result.History = d.Headroom, d.History
}

// past is nil where nothing is known.
func (a *Auditor) past(name string) *audit.Past {
	if a.Past == nil {
		return nil
	}
	return a.Past(name)
}

func (a *Auditor) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}

// visit is one conversation with a host: an answer or a failure.
type visit struct {
	answer  *probe.Answer
	failure *audit.Failure
	timing  audit.Timing
}

func (a *Auditor) visit(ctx context.Context, job Job, slot func(context.Context) (func(), error)) visit {
	nonce, err := probe.NewNonce(rand.Reader)
	if err != nil { // crypto/rand ends the program before it fails
		return visit{failure: &audit.Failure{Stage: audit.StageInternal, Message: "no random numbers"}}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	gate := &gate{slot: slot, limit: a.Timeout, asked: a.Asked, expire: func() { cancel(errHostTimeout) }}
	defer gate.close()

	begun := time.Now() // not a.now: durations want the monotonic clock
	out, err := a.run(ctx, job, a.command(nonce), gate)
	v := visit{timing: timing(out, time.Since(begun)-gate.waited)}
	if out == nil {
		out = &remote.Output{ExitStatus: -1}
	}
	// The host reads its clock first, so skew counts from when the script began.
	answer, parseErr := probe.Parse(out.Stdout, nonce, a.now().Add(-out.Command))
	var other *probe.VersionError
	switch {
	case parseErr == nil:
		// A complete answer counts, whatever became of the connection after it.
		v.answer = answer
		a.unheardSudo(job, answer)
		refusedSudo(answer.Gaps, out.Sudo, a.SudoAsk)
	case err != nil:
		v.failure = a.interrupted(ctx, err, out)
	case errors.As(parseErr, &other):
		v.answer = unread(other)
	default:
		v.failure = unanswered(out, parseErr)
		if job.Local && strings.Contains(v.failure.Hint, "ssh HOST") {
			v.failure.Hint = "run `twaudit probe | sh -s` to see what happens"
		}
	}
	return v
}

// command asks with a nonce of its own, so that nothing a host says by itself,
// or replays, is taken for an answer.
func (a *Auditor) command(nonce string) remote.Command {
	var sudo *remote.Sudo
	if a.SudoAsk {
		sudo = a.asRoot(nonce)
	}
	return remote.Command{
		Line:      probe.CommandLine(nonce, a.Options, a.Sudo || a.SudoAsk),
		Sudo:      sudo,
		Stdin:     probe.Script(),
		MaxStdout: maxAnswer,
		MaxStderr: maxStderr,
		End:       []byte("twaudit-probe " + nonce + " end\n"),
	}
}

// run lets remote run the command, over SSH or here, within the gate.
func (a *Auditor) run(ctx context.Context, job Job, command remote.Command, gate *gate) (*remote.Output, error) {
	if !job.Local {
		command.Admit = gate.admit
		return a.Remote(ctx, job.Target, command)
	}
	// This machine takes a slot like any other: its own load counts as well.
	release, err := gate.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if a.Here == nil {
		return remote.Local(ctx, command)
	}
	return a.Here(ctx, command)
}

// timing is what a visit cost; total leaves out the wait for the slot.
func timing(out *remote.Output, total time.Duration) audit.Timing {
	t := audit.Timing{TotalMS: milliseconds(total)}
	if out != nil {
		t.ConnectMS, t.ProbeMS, t.Bytes = milliseconds(out.Connect), milliseconds(out.Command), out.Bytes
	}
	return t
}

// milliseconds keeps two decimals: more would only make reports unlike.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}
