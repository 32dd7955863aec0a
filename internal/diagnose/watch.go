package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// day is how far back a log must reach, and how fresh its newest line must be,
// before its silence says anything.
const day = 24 * time.Hour

// rotated is what log rotation appends to a name: .1, -20161109, .2.gz.
var rotated = regexp.MustCompile(`(?:[.-][0-9]+)*(?:\.(?:gz|xz|bz2|zst))?$`)

// watcher is one kernel log with its rotated files, seen as one record.
type watcher struct {
	path     string
	from, to *time.Time // the unbroken stretch up to its newest line; nil when unknown
	kernel   bool
	parts    []part
}

// part is what one file of a log covers. From is nil when that is not known.
type part struct {
	from *time.Time
	to   time.Time
}

// watchers groups the readable sources by the name that rotation gave them.
func (in *input) watchers() []watcher {
	if in.facts.Log == nil {
		return nil
	}
	var list []watcher
	for i := range in.facts.Log.Sources {
		s := &in.facts.Log.Sources[i]
		// Refused, cut short, or older than the window: whatever was found in it
		// counts, but its silence does not.
		if s.Error != "" {
			continue
		}
		base := rotated.ReplaceAllString(s.Path, "")
		at := slices.IndexFunc(list, func(w watcher) bool { return w.path == base })
		if at < 0 {
			list = append(list, watcher{path: base})
			at = len(list) - 1
		}
		list[at].add(s, in.clock)
	}
	for i := range list {
		list[i].join()
	}
	return list
}

// add puts one file into the record.
func (w *watcher) add(s *audit.LogSource, clock time.Time) {
	w.kernel = w.kernel || s.Kernel
	from, to := s.First, s.Last
	// What a source holds before the part that was read proves nothing.
	if s.UnreadBytes != nil && *s.UnreadBytes > 0 {
		from = nil
	}
	// The kernel's own buffer is never behind, however long nothing was said.
	if s.Path == "dmesg" {
		to = &clock
	}
	// Rotation has just made it: it covers nothing yet, and hides nothing.
	if s.SizeBytes != nil && *s.SizeBytes == 0 {
		from = to
	}
	if to != nil {
		w.parts = append(w.parts, part{from, *to})
	}
}

// join goes back from the newest file for as long as each one begins where the
// one before it ended. A file that was deleted, or a daemon that was down, leaves
// a hole, and what an older file covers says nothing about the hole. A quiet log
// has pauses too: less than a day is none of these.
func (w *watcher) join() {
	slices.SortStableFunc(w.parts, func(a, b part) int { return b.to.Compare(a.to) })
	for i := range w.parts {
		p := &w.parts[i]
		switch {
		case i == 0:
			w.from, w.to = p.from, &p.to
		case w.from == nil || p.from == nil || w.from.Sub(p.to) > day:
			return
		case p.from.Before(*w.from):
			w.from = p.from
		}
	}
}

// heard is until when a log that goes on from at without a hole has watched: now
// when it is alive, else to its newest line; the zero time when there is none. A file
// that is gone, or could not be read, may hold what came after.
func (in *input) heard(at time.Time) (until time.Time) {
	for _, w := range in.watchers() {
		if !w.kernel || w.from == nil || w.from.After(at) || !w.to.After(at) {
			continue
		}
		if in.clock.Sub(*w.to) <= day {
			return in.clock
		}
		if w.to.After(until) {
			until = *w.to
		}
	}
	return until
}

// muted reports whether this kernel was told not to print its network messages.
// A key that the kernel does not have mutes nothing.
func (in *input) muted() bool {
	n, ok := in.sysctl(warningsKey)
	return ok && n == 0
}

// inOpenVZ reports whether the login is inside an OpenVZ container: those
// kernels print for all containers into the hardware node's log only.
func (in *input) inOpenVZ() bool {
	return strings.EqualFold(in.facts.Host.Virtualization, "openvz")
}

// silence is what an old kernel's log proves by not holding a line: how far back
// and by which log. doubt says why it proves nothing, and is empty when it does.
func (in *input) silence() (span time.Duration, path, doubt string) {
	log := in.facts.Log
	switch {
	case in.muted():
		return 0, "", warningsKey + " is 0, with which this kernel prints no overflow"
	case in.inOpenVZ():
		return 0, "", "this is an OpenVZ container, whose overflows only the hardware node's log names"
	case log == nil || log.OverflowLines == nil:
		return 0, "", "the kernel log could not be read"
	case in.inContainer():
		return in.containerSilence()
	}
	// A log of mail or web lines alone would never hold ours: only one that the
	// kernel writes to can be silent. The one that reaches back farthest wins.
	return in.silenceOf("no readable log holds kernel lines", func(w *watcher) bool { return w.kernel })
}

// containerSilence believes the kernel's own buffer alone: of the lines of one
// kernel each syslog daemon that reads them gets a part, the machine's and those of
// its containers.
func (in *input) containerSilence() (span time.Duration, path, doubt string) {
	return in.silenceOf("this is a container, whose logs need not hold what the kernel printed",
		func(w *watcher) bool { return w.path == "dmesg" })
}

// silenceOf takes the log that reaches back farthest of those that would hold our
// line; doubt is what to say where there is none of them.
func (in *input) silenceOf(doubt string, would func(*watcher) bool) (time.Duration, string, string) {
	var span time.Duration
	path := ""
	for _, w := range in.watchers() {
		if !would(&w) {
			continue
		}
		reach, why := in.reach(&w)
		if why == "" && reach > span {
			span, path = reach, w.path
		}
		if why != "" {
			doubt = why
		}
	}
	if path != "" {
		doubt = ""
	}
	return span, path, doubt
}

// reach is how long w has watched, or why that is not good enough.
func (in *input) reach(w *watcher) (time.Duration, string) {
	switch {
	case w.to == nil || w.from == nil:
		return 0, "it is not known what time " + w.path + " covers"
	case in.clock.Sub(*w.to) > day:
		return 0, fmt.Sprintf("the newest line of %s is from %s", w.path, stamp(*w.to))
	case w.to.Sub(in.clock) > day:
		return 0, fmt.Sprintf("%s has lines from the future (%s)", w.path, stamp(*w.to))
	case w.to.Sub(*w.from) < day:
		return 0, fmt.Sprintf("%s reaches back %s only", w.path, text.Duration(w.to.Sub(*w.from)))
	}
	return w.to.Sub(*w.from), ""
}

// logged is the number of overflow records that speak of this machine, those of
// OpenVZ containers included; 0 when no log was read, which proves nothing.
func (in *input) logged() int64 {
	log := in.facts.Log
	if log == nil {
		return 0
	}
	// Lines and unfolded records both undercount in their own way: repeats fold
	// lines, and a parser that could not unfold leaves the records out.
	var containers int64
	for _, n := range log.Containers {
		containers += min(max(n, 0), 1<<40) // no log has more; the sum must not wrap
	}
	for _, p := range []*int64{log.OverflowLines, log.EventsMin} {
		if p != nil {
			containers = max(containers, *p)
		}
	}
	return containers
}

// undated is the number of those records whose time could not be told.
func (in *input) undated() int64 {
	if in.facts.Log == nil || nonNegative(in.facts.Log.Undated) == nil {
		return 0
	}
	return *in.facts.Log.Undated
}

// loggedEvidence is what the log holds, as evidence; nil without a record.
func (in *input) loggedEvidence() []audit.Evidence {
	n := in.logged()
	if n <= 0 {
		return nil
	}
	log := in.facts.Log
	words := plural(n, "overflow record") + " in the kernel log"
	if m := log.EventsMax; m != nil && *m > n {
		words += ", up to " + text.Count(*m) + " with the suppressed ones"
	}
	return []audit.Evidence{{Text: words, Source: in.loggedWhere(), At: log.Last}}
}

// loggedWhere names the source with the newest records: the first one that has any.
func (in *input) loggedWhere() string {
	for i := range in.facts.Log.Sources {
		if s := &in.facts.Log.Sources[i]; s.Lines > 0 {
			return s.Path
		}
	}
	return "kernel log"
}
