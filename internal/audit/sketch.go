package audit

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Sketch is what two runs are compared by, for one host: little enough that
// ten thousand of them are read in no time.
type Sketch struct {
	Name          string
	Status        Status
	Verdict       Verdict
	Stage         Stage // of the failure, when Status is failed
	Buckets       *int64
	OverflowTotal *int64
	Traits
	// FirstSeen is when the host answered for the first time ever; nil when only
	// its run is known.
	FirstSeen *time.Time
	// Known is what was last known of a host that failed, from when it answered; nil
	// when nothing is. Only the history has it.
	Known *Sketch
}

// Traits are the parts of a sketch that seldom change from run to run.
type Traits struct {
	BootID              string     `json:"boot_id,omitempty"`
	MachineID           string     `json:"machine_id,omitempty"`
	Namespace           string     `json:"namespace,omitempty"` // the login's own
	Limit               *int64     `json:"limit,omitempty"`
	ConfigRead          bool       `json:"config_read,omitempty"` // without it the three below are not known
	ConfigValue         *int64     `json:"config_value,omitempty"`
	ConfigSource        string     `json:"config_source,omitempty"`
	ConfigChangedAt     *time.Time `json:"config_changed_at,omitempty"`
	SysctlConfChangedAt *time.Time `json:"sysctl_conf_changed_at,omitempty"`
	// Others are the overflow counters of further network namespaces that are above
	// zero, by namespace, the highest mostOthers of them; nil is not known.
	Others map[string]int64 `json:"others,omitzero"`
	// Coverage and Severity are empty in what was stored before there were any.
	Coverage Coverage `json:"coverage,omitempty"`
	Severity Severity `json:"severity,omitempty"` // the worst of the findings that are the verdict
	LogRead  bool     `json:"log_read,omitempty"`
	// LogLast is the newest overflow in the log, with the host's offset from UTC; nil:
	// none, unless LogRead is false.
	LogLast *time.Time `json:"log_last,omitempty"`
}

// mostOthers bounds what a host with very many containers takes in the history.
const mostOthers = 32

// SketchOf makes the sketch of a host.
func SketchOf(h *HostResult) Sketch {
	s := Sketch{Name: h.Name, Status: h.Status, Verdict: h.Verdict}
	if h.Failure != nil {
		s.Stage = h.Failure.Stage
	}
	f := h.Facts
	if h.Status != StatusAudited || f == nil {
		return s
	}
	s.Buckets, s.OverflowTotal = f.TimeWait.Buckets, f.TimeWait.OverflowTotal
	s.Traits = Traits{BootID: f.Host.BootID, MachineID: f.Host.MachineID, Limit: f.TimeWait.Limit}
	others := f.Namespaces
	if len(others) > 0 && others[0].Name == "host" {
		s.Namespace, others = others[0].ID, others[1:]
	}
	s.Others, s.Coverage, s.Severity = overflows(others), h.Coverage, h.severity()
	s.LogRead, s.LogLast = f.logged()
	if c := f.Config; c != nil {
		s.ConfigRead, s.ConfigValue, s.ConfigSource = true, c.Value, c.Source
		s.ConfigChangedAt, s.SysctlConfChangedAt = c.ChangedAt, c.SysctlConfChangedAt
	}
	return s
}

// overflows are the highest counters of namespaces that are above zero.
func overflows(list []Namespace) map[string]int64 {
	high := make([]Namespace, 0, len(list))
	for i := range list {
		if n := list[i].OverflowTotal; n != nil && *n > 0 {
			high = append(high, list[i])
		}
	}
	slices.SortFunc(high, func(a, b Namespace) int {
		return cmp.Or(cmp.Compare(*b.OverflowTotal, *a.OverflowTotal), strings.Compare(a.ID, b.ID))
	})
	counted := map[string]int64{}
	for _, n := range high[:min(len(high), mostOthers)] {
		counted[n.ID] = *n.OverflowTotal
	}
	return counted
}

// severity is the worst of the findings that are the verdict: they share its word.
func (h *HostResult) severity() Severity {
	var worst Severity
	for i := range h.Findings {
		if f := &h.Findings[i]; f.Rule == string(h.Verdict) && (worst == "" || f.Severity.Rank() < worst.Rank()) {
			worst = f.Severity
		}
	}
	return worst
}

// logged is whether the log was read, and its newest overflow.
func (f *Facts) logged() (read bool, last *time.Time) {
	if f.Log == nil || f.Log.OverflowLines == nil {
		return false, nil
	}
	if f.Log.Last == nil {
		return true, nil
	}
	at := f.Log.Last.UTC()
	zone, err := time.Parse("-07:00", f.Host.UTCOffset)
	if _, offset := zone.Zone(); err == nil && max(offset, -offset) < 24*3600 && at.Year() > 1 && at.Year() < 9999 {
		at = at.In(time.FixedZone("", offset)) // what JSON can write
	}
	return true, &at
}

// CutOff reports whether the host has no result because its run ended: that
// says nothing about the host.
func (h *HostResult) CutOff() bool {
	s := SketchOf(h)
	return s.CutOff()
}

// CutOff is that of the host.
func (s *Sketch) CutOff() bool {
	return s.Status == StatusSkipped || s.Stage == StageDeadline || s.Stage == StageInterrupted
}

// troubled reports whether the verdict is one that an operator acts on.
func (s *Sketch) troubled() bool {
	return s.Status == StatusAudited && s.Verdict.Worse(VerdictUnknown)
}

// known reports whether there is a judgement at all.
func (s *Sketch) known() bool { return s.Status == StatusAudited && s.Verdict != VerdictUnknown }

// graver reports whether the same verdict of the later look is of a graver severity.
func (s *Sketch) graver(now *Sketch) bool {
	return s.Verdict == now.Verdict && s.Severity != "" && now.Severity != "" && now.Severity.Rank() < s.Severity.Rank()
}

// lost reports whether the later look rests on less: what is no longer seen has not
// recovered.
func (s *Sketch) lost(now *Sketch) bool {
	switch milder := gravity(now.Verdict) > gravity(s.Verdict); {
	case !s.known() || !now.known():
		return false
	case s.Coverage == CoverageFull && now.Coverage == CoveragePartial:
		return true
	case milder && s.LogLast != nil && !now.LogRead:
		return true
	default:
		return milder && now.Coverage == CoveragePartial && s.sawMore(now)
	}
}

// sawMore reports whether a network namespace with an overflow is not among those of
// the later look.
func (s *Sketch) sawMore(now *Sketch) bool {
	for id := range s.Others {
		if _, seen := now.Others[id]; !seen && id != now.Namespace && !s.elsewhere(now) {
			return true
		}
	}
	return false
}

// word is the state in one word or two.
func (s *Sketch) word() string {
	switch {
	case s.Status == StatusAudited:
		return string(s.Verdict)
	case s.Stage != "":
		return string(s.Status) + " at " + string(s.Stage)
	}
	return string(s.Status)
}
