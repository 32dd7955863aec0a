package audit

import "time"

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
}

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
	if len(f.Namespaces) > 0 && f.Namespaces[0].Name == "host" {
		s.Namespace = f.Namespaces[0].ID
	}
	if c := f.Config; c != nil {
		s.ConfigRead, s.ConfigValue, s.ConfigSource = true, c.Value, c.Source
		s.ConfigChangedAt, s.SysctlConfChangedAt = c.ChangedAt, c.SysctlConfChangedAt
	}
	return s
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
