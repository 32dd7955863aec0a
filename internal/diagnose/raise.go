package diagnose

import (
	"fmt"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// grace is how much younger than the change of its file the last overflow may
// be: the file is saved first and loaded a moment later, and the log has
// seconds where ls shows minutes.
const grace = 2 * time.Minute

// raise is the proof that the limit of a table was once lower in this boot.
type raise struct {
	from, to int64
	at       time.Time // by the host's clock; when seen by history, the first run after it
	after    time.Time // the earliest that it can have been: the last run before it, else at
	where    string    // path:line, or "history"
	evidence []audit.Evidence
}

// words is from what to what, when, and how that is known.
func (r *raise) words() string {
	return fmt.Sprintf("from %s to %s at %s (%s)", text.Count(r.from), text.Count(r.to), stamp(r.at), r.where)
}

// raiseOf prefers what earlier runs saw; the file then tells the time when its
// change lies between the two runs.
func (in *input) raiseOf(t *table) *raise {
	seen, after := in.raiseSeen(t)
	if !t.own {
		return seen // no file of the host reaches another namespace
	}
	written := in.raiseWritten()
	if seen == nil {
		return written
	}
	if c := in.conf; c != nil && c.at != nil && c.value == seen.to && c.at.After(after) && !c.at.After(seen.at) {
		seen.at, seen.after, seen.where = *c.at, *c.at, c.source
		seen.evidence = append(seen.evidence, in.configEvidence()...)
	}
	return seen
}

// raiseSeen looks for a lower limit in the readings of this boot. after is when
// it was last seen, by the host's clock.
func (in *input) raiseSeen(t *table) (r *raise, after time.Time) {
	if t.kind != limitNumber {
		return nil, time.Time{}
	}
	// Newest first: of several raises only the last one can be the cure.
	for i := len(t.trail.same) - 1; i >= 0; i-- {
		low := t.trail.same[i]
		if low.Limit == nil || *low.Limit <= 0 || *low.Limit >= *t.limit {
			continue
		}
		at := in.clock
		for _, high := range t.trail.same[i+1:] {
			if high.Limit != nil && *high.Limit == *t.limit {
				at = in.hostTime(high.At)
				break
			}
		}
		after = in.hostTime(low.At)
		return &raise{from: *low.Limit, to: *t.limit, at: at, after: after, where: "history", evidence: []audit.Evidence{{
			Text: "an earlier run saw the limit " + text.Count(*low.Limit), Source: "history", At: &after,
		}}}, after
	}
	return nil, time.Time{}
}

// raiseWritten reads the raise from the file that sets the value: it still
// holds a smaller one, commented out or overridden, and changed after boot.
func (in *input) raiseWritten() *raise {
	c, booted := in.conf, in.bootedAt()
	if c == nil || c.file == nil || c.at == nil || booted == nil || !c.at.After(*booted) {
		return nil
	}
	old := in.smaller(c)
	if old == nil {
		return nil
	}
	return &raise{from: old.value, to: c.value, at: *c.at, after: *c.at, where: c.source, evidence: append(
		in.configEvidence(), audit.Evidence{Text: old.words(), Source: old.where(), At: c.at})}
}

// words quotes a line that no longer counts, and says why it does not.
func (s *setting) words() string {
	state := "overridden"
	if s.entry.Commented {
		state = "commented out"
	}
	return fmt.Sprintf("%s = %d, %s", tcpTWBucketsKey, s.value, state)
}

// smaller is the line of the same file with a smaller value that stands nearest
// before the winning one, else the first one after it.
func (in *input) smaller(than *assignment) *setting {
	var found *setting
	for _, s := range in.settings(tcpTWBucketsKey) {
		if s.file != than.file || s.entry.Line == than.line || s.value <= 0 || s.value >= than.value {
			continue
		}
		if s.entry.Line < than.line || found == nil {
			found = &s
		}
	}
	return found
}
