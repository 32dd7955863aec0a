package main

import (
	"errors"

	"twaudit/internal/audit"
)

// The exit statuses, which scripts rely on.
const (
	exitOK          = 0   // nothing at or above --fail-on
	exitFindings    = 1   // findings at or above --fail-on
	exitUsage       = 2   // the command line or a file it names cannot be used
	exitIncomplete  = 3   // no such findings, but some hosts failed or are unknown
	exitFailed      = 4   // no host could be audited, or the run itself failed: its result was not written, its lock is held
	exitInterrupted = 130 // ended by a signal; the partial report is written, if there is one
)

// exitHelp documents the statuses in --help.
const exitHelp = `Exit status:
  0    nothing at or above --fail-on
  1    findings at or above --fail-on
  2    usage or configuration error; nothing was scanned
  3    no such findings, but some hosts failed or are unknown
  4    no host could be audited, the run itself failed, a result could not be
       written, or --lock found another run
  130  interrupted; the partial report was written, if any host was asked`

// ending is how a command ended: what exit statuses are made of.
type ending struct {
	began       bool       // the command line was understood and the command ran
	err         error      // what went wrong with the run itself
	run         *audit.Run // nil when the command made none
	failOn      audit.Verdict
	interrupted bool    // by a signal
	worse       bool    // something got worse: diff and --only-changes have nothing else to say
	calm        bool    // nothing has to be said, whatever the run found
	short       bool    // but that its deadline came first: calm is about the other hosts
	maxFailed   float64 // share of the hosts that may fail; 0: none
}

// status is the one place that decides the exit status. A result that did not
// arrive outranks all: whoever reads the status must not trust a missing report.
func (e *ending) status() int {
	// Who asks for a status has one number to learn most from: first that the
	// result is missing, then that it is partial, then what it says.
	var usage *usageError
	switch {
	case e.err != nil && (!e.began || errors.As(e.err, &usage)):
		return exitUsage
	case e.err != nil:
		return exitFailed
	case e.interrupted:
		return exitInterrupted
	case e.run != nil && e.run.Summary.Audited == 0:
		return exitFailed
	case e.worse:
		return exitFindings
	case e.calm && e.short:
		return exitIncomplete
	case e.run == nil || e.calm:
		return exitOK
	case atOrAbove(e.run.Hosts, e.failOn):
		return exitFindings
	case incomplete(&e.run.Summary, e.maxFailed):
		return exitIncomplete
	default:
		return exitOK
	}
}

// failOnVerdicts are the values of --fail-on, worst first: fixed and ok never
// fail a run.
var failOnVerdicts = audit.Verdicts[:audit.VerdictUnknown.Rank()+1]

// atOrAbove reports whether a host is as bad as limit, or worse. A host of
// which a part could not be read is as good as unknown, whatever the rest says.
func atOrAbove(hosts []audit.HostResult, limit audit.Verdict) bool {
	for i := range hosts {
		h := &hosts[i]
		if h.Status != audit.StatusAudited {
			continue
		}
		if !limit.Worse(h.Verdict) || limit == audit.VerdictUnknown && h.Coverage == audit.CoveragePartial {
			return true
		}
	}
	return false
}

// incomplete reports whether there is a host of which nothing is known, but for a
// share of failed ones that is below what may fail.
func incomplete(s *audit.Summary, maxFailed float64) bool {
	missing := s.Failed + s.Skipped
	return s.Verdicts[audit.VerdictUnknown] > 0 || missing > 0 && float64(missing) >= maxFailed*float64(s.Hosts)
}

// usageError is a command line, an environment variable or a file named there
// that cannot be used: status 2.
type usageError struct {
	err  error
	hint string // empty when there is no way out to offer
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// hintedError is one of the run itself, with a way out: its status is that of err.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }
