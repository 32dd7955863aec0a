package audit

import "time"

// History marks what earlier runs contributed to what is said of a host. The
// facts of a host are those of its own run alone; nothing in here is one.
type History struct {
	FirstSeen   *time.Time    `json:"first_seen,omitempty"` // it answered for the first time
	LastSeen    *time.Time    `json:"last_seen,omitempty"`  // it answered last, before this run
	LastVerdict Verdict       `json:"last_verdict,omitempty"`
	LastRun     string        `json:"last_run,omitempty"`     // id of that run
	Missed      int           `json:"missed,omitempty"`       // runs since LastSeen in which it did not answer
	MissedSince *time.Time    `json:"missed_since,omitempty"` // the first of those
	Since       *Since        `json:"since_last,omitempty"`   // nil: nothing to compare the counter with
	Peak        *Peak         `json:"peak,omitempty"`         // the fullest look within --since
	BusiestHour *int          `json:"busiest_hour,omitempty"` // of the day, by the host's clock: most days had their peak in it
	Limits      []LimitChange `json:"limit_changes,omitempty"`
	// UnmovedSince is the oldest look since which the overflow counter stands
	// where it stands now.
	UnmovedSince *time.Time `json:"unmoved_since,omitempty"`
	// LastRise is when the overflow counter of the login's namespace rose last;
	// nil when it never did, or nothing but the boot says when. NamespaceRises
	// are those of the others, by Namespace.ID.
	LastRise       *Rise           `json:"last_rise,omitempty"`
	NamespaceRises map[string]Rise `json:"namespace_rises,omitempty"`
	// VerdictAlone is what this run would have said without the earlier ones;
	// empty when that is the same.
	VerdictAlone Verdict  `json:"verdict_alone,omitempty"`
	Rules        []string `json:"rules,omitempty"` // ids of the findings that rest on earlier runs
	Notes        []string `json:"notes,omitempty"`
}

// Since compares the overflow counter with the last look at the same boot and
// network namespace.
type Since struct {
	At            time.Time `json:"at"`      // of that look
	Seconds       float64   `json:"seconds"` // from then to now
	OverflowDelta int64     `json:"overflow_delta"`
}

// Rise bounds the time in which sockets were destroyed: two looks at the counter,
// between which it rose.
type Rise struct {
	From    *time.Time `json:"from,omitempty"` // nil: the first look already found it
	To      time.Time  `json:"to"`
	Sockets int64      `json:"sockets"`
	// UnmovedLooks are the looks after To, this run's included, that found the
	// counter unmoved. It is a lower bound: of equal looks the history keeps the
	// first and the last. 0: the rise leads up to this run.
	UnmovedLooks int `json:"unmoved_looks"`
}

// Peak is the fullest that a table was seen.
type Peak struct {
	At      time.Time `json:"at"`
	Buckets int64     `json:"buckets"`
	Limit   *int64    `json:"limit,omitempty"` // at that time
	Ratio   *float64  `json:"ratio,omitempty"` // against that limit; absent unless it was above zero
}

// LimitChange is a limit that differed between two looks at the same boot and
// network namespace.
type LimitChange struct {
	From    int64     `json:"from"`
	To      int64     `json:"to"`
	Between time.Time `json:"between"` // last look with From
	And     time.Time `json:"and"`     // first look with To
}

// Past is what earlier runs know of one host. A nil Past is a host seen for the
// first time.
type Past struct {
	Readings []Reading // oldest first
	// FirstSeen and LastSeen are when it answered first and last; nil: as
	// Readings say.
	FirstSeen, LastSeen *time.Time
	LastVerdict         Verdict
	LastRun             string
	Missed              int        // runs since LastSeen in which it did not answer
	MissedSince         *time.Time // the first of those
}

// Reading is one earlier look at one network namespace of a host. Readings are
// comparable only when host name, BootID and Namespace are the same: a counter
// starts again with each boot and each namespace.
type Reading struct {
	At     time.Time // by our clock, which may have been wrong
	BootID string
	// UptimeSeconds is how long the host had been up; nil: not known. Within one
	// boot it tells the distance of two looks, whatever clocks said.
	UptimeSeconds *float64
	MachineID     string // empty: not known
	Namespace     string // Namespace.ID; empty where the kernel has none
	Own           bool   // the login's own namespace; false also where a file does not say
	// Doubtful is a look that is dated after one at the same boot that was stored
	// later.
	Doubtful      bool
	Buckets       *int64
	Limit         *int64
	OverflowTotal *int64
	// DayLooks is above zero for the fullest look of its day, and is the number
	// of looks of that day. Such a reading has no OverflowTotal.
	DayLooks int
}

// Readings are the looks that a run took at a host: at the login's own network
// namespace first, then at the others. nil when the host was not audited. run
// tells when, for hosts without a clock. What a look saw happen between its own two
// readings is a look more, before it: a later boot does not undo that.
func Readings(run *Meta, h *HostResult) []Reading {
	if h.Status != StatusAudited || h.Facts == nil {
		return nil
	}
	f := h.Facts
	base := Reading{At: LookedAt(run, h), BootID: f.Host.BootID, MachineID: f.Host.MachineID, UptimeSeconds: f.Host.UptimeSeconds}
	own := base
	own.Own, own.Buckets, own.Limit, own.OverflowTotal = true, f.TimeWait.Buckets, f.TimeWait.Limit, f.TimeWait.OverflowTotal
	others := f.Namespaces
	if len(others) > 0 && others[0].Name == "host" {
		own.Namespace, others = others[0].ID, others[1:]
	}
	list := own.sampled(make([]Reading, 0, 1+len(others)), f.TimeWait.OverflowDelta, f.TimeWait.SampleSeconds)
	for i := range others {
		n, r := &others[i], base
		r.Namespace, r.Buckets, r.Limit, r.OverflowTotal = n.ID, n.Buckets, n.Limit, n.OverflowTotal
		list = r.sampled(list, n.OverflowDelta, f.TimeWait.SampleSeconds)
	}
	return list
}

// sampled appends a reading, after what it was before when the counter rose by
// delta within the look.
func (r Reading) sampled(list []Reading, delta *int64, seconds *float64) []Reading {
	if delta == nil || r.OverflowTotal == nil || *delta <= 0 || *delta > *r.OverflowTotal {
		return append(list, r)
	}
	before := r
	total, long := *r.OverflowTotal-*delta, 1.0
	if seconds != nil && *seconds > 0 && *seconds < 3600 {
		long = *seconds
	}
	before.At = r.At.Add(-time.Duration(long * float64(time.Second)))
	before.OverflowTotal, before.Buckets = &total, nil
	if r.UptimeSeconds != nil {
		up := max(0, *r.UptimeSeconds-long)
		before.UptimeSeconds = &up
	}
	return append(list, before, r)
}

// LookedAt is when a host was asked, by our clock: before the run began for a
// result that was kept from an earlier one. A host's clock is trusted where there
// is no other, as for an answer that was saved by hand, and never beyond the end of
// the run: a look from the future would hide what comes next.
func LookedAt(run *Meta, h *HostResult) time.Time {
	if h.Facts == nil || h.Facts.Host.Clock == nil {
		return run.FinishedAt
	}
	at, skew := *h.Facts.Host.Clock, h.Facts.Host.ClockSkewMS
	if skew != nil {
		const most = int64(1) << 40 // 34 years: a larger one would wrap, and is a lie
		at = at.Add(-time.Duration(max(-most, min(most, *skew))) * time.Millisecond)
	}
	if at.After(run.FinishedAt) {
		return run.FinishedAt
	}
	return at
}
