package diagnose

import (
	"slices"
	"time"

	"twaudit/internal/audit"
)

// snap is how far two ways of telling the time of a look may differ without
// meaning anything: clocks are read in whole seconds.
const snap = 2 * time.Second

// dated are the earlier looks at this machine that are evidence, oldest first and
// with the times that they can be believed to be of. Clocks are wrong at times, also
// ours, on the first run before it was set; a host's uptime is not. It therefore
// tells the distance of looks at one boot, and a date that it contradicts counts for
// nothing. A look that cannot be placed is dropped: dated wrongly it would hide an
// overflow, or make one.
func (in *input) dated(readings []audit.Reading) []audit.Reading {
	type placed struct {
		audit.Reading
		exact time.Time
	}
	ours := in.ours(readings)
	starts := in.earlierStarts(ours)
	var list []placed
	for _, r := range ours {
		at, believed := in.dateOf(&r, starts)
		if !believed {
			continue
		}
		if at.Sub(r.At).Abs() > snap || r.At.After(in.now) {
			r.At = at
		}
		list = append(list, placed{r, at})
	}
	slices.SortStableFunc(list, func(a, b placed) int { return a.exact.Compare(b.exact) })
	sorted := make([]audit.Reading, 0, len(list))
	for i := range list {
		sorted = append(sorted, list[i].Reading)
	}
	return sorted
}

// ours leaves out the looks at another machine of the same name, by date. The
// fullest looks of days know their machine by its boot.
func (in *input) ours(readings []audit.Reading) []audit.Reading {
	id := in.facts.Host.MachineID
	strange := map[string]bool{}
	for _, r := range readings {
		if id != "" && r.MachineID != "" && r.MachineID != id {
			strange[r.BootID] = true
		}
	}
	delete(strange, in.facts.Host.BootID)
	list := slices.DeleteFunc(slices.Clone(readings), func(r audit.Reading) bool {
		return id != "" && r.MachineID != "" && r.MachineID != id || r.BootID != "" && strange[r.BootID]
	})
	slices.SortStableFunc(list, func(a, b audit.Reading) int { return a.At.Compare(b.At) })
	return list
}

// dateOf is when a look was, by our clock; false when that cannot be told.
func (in *input) dateOf(r *audit.Reading, starts map[string]time.Time) (time.Time, bool) {
	up, known := uptimeOf(r)
	if !in.thisBoot(r) {
		start, there := starts[r.BootID]
		if known && there {
			return earlier(start.Add(up), in.now), true
		}
		return r.At, !r.At.After(in.now)
	}
	now, told := in.uptime()
	switch {
	case told && known && up < now:
		return in.looked().Add(up - now), true
	case r.At.After(in.now):
		return r.At, false
	case told && known && up > now:
		return r.At, true // see lasts
	}
	// An uptime that stands still tells nothing, and a look before the boot that it
	// was at was not then.
	return r.At, !r.Doubtful && (!told || !r.At.Before(in.now.Add(-now-grace)))
}

// earlierStarts are the starts of the boots that are over, by our clock. Where looks
// disagree the latest is taken: an overflow is then forgotten too late, not too early.
func (in *input) earlierStarts(readings []audit.Reading) map[string]time.Time {
	starts := map[string]time.Time{}
	for i := range readings {
		r := &readings[i]
		up, known := uptimeOf(r)
		if !known || r.BootID == "" || r.At.After(in.now) || in.thisBoot(r) {
			continue
		}
		start := r.At.Add(-up)
		if old, there := starts[r.BootID]; !there || start.After(old) {
			starts[r.BootID] = start
		}
	}
	return starts
}

// thisBoot reports whether a look was at the boot of today.
func (in *input) thisBoot(r *audit.Reading) bool {
	return r.BootID != "" && r.BootID == in.facts.Host.BootID
}

// lasts reports whether what was looked at may still be there: this boot, and no
// container that was started again since, whose uptime begins with it.
func (in *input) lasts(r *audit.Reading) bool {
	up, known := uptimeOf(r)
	now, told := in.uptime()
	return in.thisBoot(r) && !(known && told && up > now)
}

// looked is when the host was asked, by our clock.
func (in *input) looked() time.Time {
	at := in.now
	if c := in.facts.Host.Clock; c != nil {
		at = c.Add(in.now.Sub(in.hostTime(in.now)))
	}
	// A run takes minutes at most.
	if d := in.now.Sub(at); d < 0 || d > 10*time.Minute {
		return in.now
	}
	return at
}

// uptimeOf is false for one that is not known, or cannot be.
func uptimeOf(r *audit.Reading) (time.Duration, bool) { return lengthOf(r.UptimeSeconds) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
