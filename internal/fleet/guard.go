package fleet

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// maxPanicText is the number of bytes of a panic's own words that are kept.
const maxPanicText = 300

// guard calls do and delivers its result, or, after a panic or a runtime.Goexit,
// the failure of that host. It is the only place that recovers: a mistake that
// one host provokes must not cost the results of all others.
func guard[J Job](ctx context.Context, job J, slot *holder,
	do func(context.Context, J, Slot) audit.HostResult, deliver func(audit.HostResult)) {
	var result audit.HostResult
	returned := false
	defer func() {
		if !returned {
			result = broken(job, recover())
		}
		slot.close() // before the result waits for the sink
		deliver(result)
	}()
	result = do(ctx, job, slot.take)
	returned = true
}

// broken is the result of a host whose audit panicked with value, which is nil
// after a runtime.Goexit.
func broken[J Job](job J, value any) audit.HostResult {
	message := "the audit of this host ended without a result"
	if value != nil {
		message = "panic: " + withoutPaths(fmt.Sprint(value)) + place()
	}
	result := job.Blank()
	result.Status = audit.StatusFailed
	result.Failure = &audit.Failure{
		Stage:   audit.StageInternal,
		Message: message,
		Hint:    "this is a mistake in twaudit: report it with this message and the output of `twaudit version`",
	}
	return result
}

// withoutPaths cleans the words of a panic and blots out what looks like a
// path, because messages may leave the operator's machine.
func withoutPaths(s string) string {
	words := strings.Fields(text.CleanMax(s, maxPanicText))
	for i, word := range words {
		if strings.ContainsAny(word, `/\`) {
			words[i] = "(path)"
		}
	}
	return strings.Join(words, " ")
}

// place names the function and line that panicked, by their last names: the
// stack itself holds paths of the machine that built the program.
func place() string {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers[:])])
	panicked := false
	for {
		frame, more := frames.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			panicked = true
		case panicked && !strings.HasPrefix(frame.Function, "runtime."):
			return fmt.Sprintf(" in %s (%s:%d)", path.Base(frame.Function), path.Base(frame.File), frame.Line)
		}
		if !more {
			return ""
		}
	}
}
