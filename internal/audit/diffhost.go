package audit

import (
	"strconv"
	"time"
)

// compare says what changed for one host. before is nil for one that the older
// run does not have. oldRun is when that run began.
func compare(before, now *Sketch, sameSelection bool, oldRun time.Time) *HostDiff {
	if now.CutOff() || before != nil && before.CutOff() {
		return nil
	}
	if before == nil {
		if !sameSelection {
			return nil
		}
		return appeared(now, oldRun)
	}
	h := &HostDiff{Name: now.Name, Old: before.state(), New: now.state()}
	if before.Name != now.Name {
		h.say(ChangeRenamed, "looks like "+before.Name+" of the older run: the same machine-id", before.Name, now.Name)
	}
	h.judged(before, now)
	if before.Status != StatusAudited && before.Known != nil {
		before, h.Known = before.Known, before.Known.state()
	}
	if before.Status == StatusAudited && now.Status == StatusAudited {
		h.destroyed(before, before.rise(now))
		h.system(before, now)
		h.setting(before, now)
	}
	return h
}

// appeared is a host that the older run did not ask. One that answered before
// that run was away. Nothing was ever said of it: what cannot be judged is news
// as much as a problem is.
func appeared(now *Sketch, oldRun time.Time) *HostDiff {
	h := &HostDiff{Name: now.Name, New: now.state(), Worse: now.troubled() || !now.known()}
	if now.FirstSeen != nil && now.FirstSeen.Before(oldRun) {
		h.say(ChangeCameBack, "not in the older run, in earlier ones; now "+now.word(), "", now.word())
	} else {
		h.say(ChangeNew, "new, "+now.word(), "", now.word())
	}
	return h
}

func (h *HostDiff) say(kind ChangeKind, text, from, to string) {
	h.Changes = append(h.Changes, Change{Kind: kind, Text: text, From: from, To: to})
}

// judged compares what was said of the host. Who can no longer be judged got
// worse, whatever was known before: silence is no recovery.
func (h *HostDiff) judged(before, now *Sketch) {
	from, to := before.word(), now.word()
	words := to + ", was " + from
	switch {
	case before.Status != StatusAudited && now.Status != StatusAudited: // still no answer
	case before.Status != StatusAudited:
		h.returned(before, now)
	case now.Status != StatusAudited:
		h.say(ChangeWorse, "no longer audited: "+words, from, to)
		h.Worse = true
	case before.known() && !now.known():
		h.say(ChangeWorse, "no longer known: "+words, from, to)
		h.Worse = true
	case gravity(now.Verdict) < gravity(before.Verdict):
		h.say(ChangeWorse, words, from, to)
		h.Worse = true
	case before.lost(now):
		h.say(ChangeWorse, "no longer fully judged: "+words, from, to)
		h.Worse = true
	case gravity(now.Verdict) > gravity(before.Verdict):
		h.say(ChangeBetter, words, from, to)
	case now.Verdict == VerdictOverflowed && before.rise(now).any():
		h.say(ChangeWorse, "overflowed again", from, to)
		h.Worse = true
	default:
		h.graded(before, now)
	}
}

// graded compares two looks of one verdict by its severity, and by how much it
// rests on.
func (h *HostDiff) graded(before, now *Sketch) {
	from, to := string(before.Severity), string(now.Severity)
	words := now.word() + " is " + to + " now, was " + from
	switch {
	case before.graver(now):
		h.say(ChangeWorse, words, from, to)
		h.Worse = true
	case now.graver(before):
		h.say(ChangeBetter, words, from, to)
	case before.Coverage == CoveragePartial && now.Coverage == CoverageFull:
		h.say(ChangeBetter, "fully judged again: "+now.word(), before.word(), now.word())
	}
}

// returned is a host that answers again. It got worse when it is worse than it was
// known to be before it fell silent; where that cannot be told, a problem counts as
// a new one.
func (h *HostDiff) returned(before, now *Sketch) {
	from, to, was := before.word(), now.word(), before.Known
	switch {
	case was == nil && now.troubled():
		h.worseSince(to+"; nothing is known from before it failed", from, to)
	case was == nil: // no trouble
	case now.troubled() && gravity(now.Verdict) < gravity(was.Verdict):
		h.worseSince(to+", was "+was.word()+" before it failed", was.word(), to)
	case now.troubled() && was.rise(now).any():
		h.worseSince(to+", and more was destroyed since it answered last", was.word(), to)
	case was.lost(now):
		h.worseSince("no longer fully judged: "+to+", was "+was.word()+" before it failed", was.word(), to)
	case now.troubled() && was.graver(now):
		h.worseSince(to+" is "+string(now.Severity)+" now, was "+string(was.Severity)+" before it failed", was.word(), to)
	case now.overflow() && !was.tells(now):
		h.worseSince(to+"; the counters do not tell whether more was destroyed since it answered last", was.word(), to)
	case now.Verdict == was.Verdict:
		h.say(ChangeCameBack, "came back, as it was: "+to, from, to)
		return
	}
	switch {
	case h.Worse:
		h.say(ChangeCameBack, "answers again, was "+from, from, to)
	case was == nil:
		h.say(ChangeCameBack, "answers again: "+to+", was "+from, from, to)
	default:
		h.say(ChangeCameBack, "answers again: "+to+", was "+from+", before that "+was.word(), from, to)
	}
}

func (h *HostDiff) worseSince(words, from, to string) {
	h.say(ChangeWorse, words, from, to)
	h.Worse = true
}

// sockets is a number of sockets.
func sockets(n int64) string {
	if n == 1 {
		return "1 socket"
	}
	return strconv.FormatInt(n, 10) + " sockets"
}

// gravity is the rank of a verdict; fixed is no worse than ok.
func gravity(v Verdict) int {
	if v == VerdictFixed {
		v = VerdictOK
	}
	return v.Rank()
}

// overflow reports whether the verdict is one about destroyed sockets.
func (s *Sketch) overflow() bool {
	return s.Status == StatusAudited && (s.Verdict == VerdictOverflowing || s.Verdict == VerdictOverflowed)
}

// system compares who answered.
func (h *HostDiff) system(before, now *Sketch) {
	switch {
	case before.MachineID != "" && now.MachineID != "" && before.MachineID != now.MachineID:
		h.say(ChangeReinstalled, "another machine-id: reinstalled, or another machine", before.MachineID, now.MachineID)
	case before.BootID != "" && now.BootID != "" && before.BootID != now.BootID:
		h.say(ChangeRebooted, "rebooted: its counters began again", before.BootID, now.BootID)
	}
}

// setting compares the limit and the files that set it.
func (h *HostDiff) setting(before, now *Sketch) {
	if before.Limit != nil && now.Limit != nil && *before.Limit != *now.Limit {
		verb := "raised"
		if *now.Limit < *before.Limit {
			verb = "lowered"
		}
		from, to := number(before.Limit), number(now.Limit)
		h.say(ChangeLimit, "limit "+verb+" from "+from+" to "+to, from, to)
	}
	if !before.ConfigRead || !now.ConfigRead {
		return
	}
	if number(before.ConfigValue) != number(now.ConfigValue) || before.ConfigSource != now.ConfigSource {
		from, to := before.configured(), now.configured()
		h.say(ChangeFile, "configured "+to+", was "+from, from, to)
	} else if touched(before.ConfigChangedAt, now.ConfigChangedAt) {
		h.say(ChangeFile, now.ConfigSource+" changed", stamp(before.ConfigChangedAt), stamp(now.ConfigChangedAt))
		return // most often the same file as below
	}
	if touched(before.SysctlConfChangedAt, now.SysctlConfChangedAt) {
		h.say(ChangeFile, "/etc/sysctl.conf changed", stamp(before.SysctlConfChangedAt), stamp(now.SysctlConfChangedAt))
	}
}

// configured is the value that the files set, and where.
func (s *Sketch) configured() string {
	if s.ConfigValue == nil {
		return "nowhere"
	}
	return number(s.ConfigValue) + " in " + s.ConfigSource
}

// touched reports whether a file has another time than before. What was not
// read at one of the two looks tells nothing.
func touched(before, now *time.Time) bool { return before != nil && now != nil && !before.Equal(*now) }

func stamp(t *time.Time) string { return t.Format(time.RFC3339) }

// number writes a count that may be absent.
func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
