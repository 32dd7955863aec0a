package scan

import (
	"context"
	"errors"
	"fmt"

	"twaudit/internal/audit"
	"twaudit/internal/text"
	"twaudit/remote"
)

// stages maps where remote failed to what a run calls that. The words are the
// same today; the table keeps a new stage of remote from entering the contract
// of the JSON by accident.
var stages = map[remote.Stage]audit.Stage{
	remote.StageConfig:    audit.StageConfig,
	remote.StageResolve:   audit.StageResolve,
	remote.StageConnect:   audit.StageConnect,
	remote.StageHandshake: audit.StageHandshake,
	remote.StageHostKey:   audit.StageHostKey,
	remote.StageAuth:      audit.StageAuth,
	remote.StageJump:      audit.StageJump,
	remote.StageSession:   audit.StageSession,
	remote.StageTimeout:   audit.StageTimeout,
}

// maxMessage bounds a message in bytes: a host has a say in some of them.
const maxMessage = 500

// interrupted is the failure of a host whose conversation broke off with err.
// An end of ctx explains only what it can have caused: a key that was refused a
// moment earlier stays refused.
func (a *Auditor) interrupted(ctx context.Context, err error, out *remote.Output) *audit.Failure {
	var failed *remote.Error
	typed := errors.As(err, &failed)
	if ctx.Err() != nil && (!typed || failed.Stage == remote.StageTimeout ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return a.ended(context.Cause(ctx), failed, out)
	}
	// remote promises an *Error; Here and tests may not keep it.
	if !typed {
		return &audit.Failure{Stage: audit.StageInternal, Message: "the connection ended without a reason"}
	}
	stage, known := stages[failed.Stage]
	if !known {
		stage = audit.StageInternal
	}
	return &audit.Failure{
		Stage: stage, Via: text.CleanMax(failed.Via, maxMessage),
		Message: text.CleanMax(failed.Message, maxMessage), Hint: text.CleanMax(failed.Hint, 2*maxMessage),
		Retryable: failed.Retryable,
	}
}

// ended is the failure of a host that had to stop because of cause. failed, when
// not nil, says where.
func (a *Auditor) ended(cause error, failed *remote.Error, out *remote.Output) *audit.Failure {
	where := "before it answered"
	switch {
	case len(out.Stdout) > 0:
		where = fmt.Sprintf("after %s of its answer", text.Bytes(int64(len(out.Stdout))))
	case failed != nil && failed.Stage != remote.StageTimeout:
		where = text.CleanMax(failed.Message, maxMessage)
	}
	switch {
	case errors.Is(cause, errHostTimeout):
		return &audit.Failure{
			Stage:   audit.StageTimeout,
			Message: fmt.Sprintf("not finished within %s, %s", text.Duration(a.Timeout), where),
			Hint:    "allow more time with --host-timeout, or ask for less with --logs none",
		}
	case errors.Is(cause, ErrDeadline):
		return &audit.Failure{
			Stage:   audit.StageDeadline,
			Message: "the run's time was used up, " + where,
			Hint:    "allow more time with --deadline",
		}
	default:
		return &audit.Failure{Stage: audit.StageInterrupted, Message: "the run was interrupted, " + where}
	}
}
