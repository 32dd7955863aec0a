package fleet

import (
	"context"
	"math/rand/v2"
	"time"

	"twaudit/internal/audit"
)

// retryWait is the middle of the time between a failure and the next try. The
// others of a rack or a jump host failed in the same moment, so that each takes
// half to one and a half of it: together they would meet the same end again.
const retryWait = time.Second

// outcome is the end of one try.
type outcome struct {
	job   int               // its index
	kept  *audit.HostResult // of a try that may be repeated; nil: the sink has the result
	tries int               // so far
	due   time.Time         // when kept is set: not tried again before
}

// line is where hosts wait for their next try. Its channel holds one outcome for
// each job, so that a worker never waits for the goroutine that begins jobs.
type line struct {
	ended chan outcome
	most  int // tries of one job
}

func newLine(jobs int, limits Limits) *line {
	return &line{make(chan outcome, jobs), 1 + max(0, limits.Retries)}
}

// deliver gives the result of a job's last try to results, and keeps one that a
// further try may better, as long as there is time for one.
func (l *line) deliver(job, tries int, result audit.HostResult, more bool, results chan<- audit.HostResult) {
	end := outcome{job: job, tries: tries}
	if more && tries < l.most && result.Failure != nil && result.Failure.Retryable {
		end.kept, end.due = &result, time.Now().Add(retryWait/2+rand.N(retryWait))
	} else {
		results <- result
	}
	l.ended <- end
}

// again begins further tries until all open jobs have given their result. What a
// try left behind is the result when ctx ends before the next one begins.
func (l *line) again(ctx context.Context, open int, pace *pacer, results chan<- audit.HostResult, begin func(int, int, audit.HostResult)) {
	for open > 0 {
		end := <-l.ended // comes: do has to return soon when ctx ends
		switch {
		case end.kept == nil:
			open--
		case until(ctx, end.due) != nil || pace.wait(ctx) != nil:
			results <- *end.kept
			open--
		default:
			begin(end.job, end.tries+1, *end.kept)
		}
	}
}
