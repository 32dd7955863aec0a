package audit

import "time"

// Status says whether a host was audited at all.
type Status string

// The statuses of a host.
const (
	StatusAudited Status = "audited" // the probe answered; Verdict is set
	StatusFailed  Status = "failed"  // Failure says at which stage and why
	StatusSkipped Status = "skipped" // never begun: the run ended first
)

// Coverage says whether everything on a host that has a table of its own was
// read.
type Coverage string

// The coverages. Partial means that namespaces or containers exist whose
// values could not be read.
const (
	CoverageFull    Coverage = "full"
	CoveragePartial Coverage = "partial"
)

// Stage is where the audit of a host ended when it failed.
type Stage string

// The stages, in the order in which a host passes them.
const (
	StageConfig      Stage = "config"      // its ssh settings cannot be used
	StageResolve     Stage = "resolve"     // its name has no address
	StageConnect     Stage = "connect"     // no TCP connection
	StageHandshake   Stage = "handshake"   // TCP, but no SSH
	StageHostKey     Stage = "host-key"    // its key is unknown, changed or revoked
	StageAuth        Stage = "auth"        // it did not let us in
	StageJump        Stage = "jump"        // a jump host on the way failed; Failure.Via names it
	StageSession     Stage = "session"     // logged in, but no command could be run
	StageSudo        Stage = "sudo"        // sudo was needed and refused
	StageTimeout     Stage = "timeout"     // the host's time was used up
	StageProbe       Stage = "probe"       // the script's answer is missing or incomplete
	StageNotLinux    Stage = "not-linux"   // it answered, and is no Linux
	StageDeadline    Stage = "deadline"    // the run's time was used up
	StageInterrupted Stage = "interrupted" // the operator ended the run
	StageInternal    Stage = "internal"    // a mistake of ours
)

// Failure is why a host could not be audited. Stage, Via and Message hold no
// local path and no user name, so that a run may be shared; Hint may.
type Failure struct {
	Stage   Stage  `json:"stage"`
	Via     string `json:"via,omitempty"` // the jump host at fault
	Message string `json:"message"`       // one sentence, lower case, no full stop
	Hint    string `json:"hint,omitempty"`
	// Retryable says that the same may well succeed a while later. It is for the
	// run that meets the failure, and gone when the run is over.
	Retryable bool `json:"-"`
}

// HostResult is all that a run says of one host.
type HostResult struct {
	Name     string            `json:"name"`   // as the inventory calls it
	Groups   []string          `json:"groups"` // sorted
	Labels   map[string]string `json:"labels"`
	Status   Status            `json:"status"`
	Failure  *Failure          `json:"failure,omitempty"` // set when Status is failed
	Verdict  Verdict           `json:"verdict,omitempty"` // set when Status is audited
	Coverage Coverage          `json:"coverage,omitempty"`
	Flags    []string          `json:"flags"`    // ids of the rules that fired, sorted, each once
	Findings []Finding         `json:"findings"` // worst severity first, then in the order of the rules
	Gaps     []Gap             `json:"gaps"`
	Timing   Timing            `json:"timing"`
	Headroom *Headroom         `json:"headroom,omitempty"`
	History  *History          `json:"history,omitempty"` // what earlier runs contributed; nil without any
	Kept     *Kept             `json:"kept,omitempty"`    // set when this run did not ask the host
	Target   string            `json:"target,omitempty"`  // whom this run asked, as a hash: see --retry-failed
	Facts    *Facts            `json:"facts,omitempty"`   // set when Status is audited
}

// Kept says that a result is that of an earlier run.
type Kept struct {
	Run string    `json:"run"` // which asked the host
	At  time.Time `json:"at"`  // when that began
}

// Timing is what the audit of one host cost. Zero means not reached.
type Timing struct {
	ConnectMS float64 `json:"connect_ms,omitempty"` // dial, key exchange and login
	ProbeMS   float64 `json:"probe_ms,omitempty"`   // the script, from request to end mark
	TotalMS   float64 `json:"total_ms,omitempty"`   // without the time spent waiting for a slot
	Bytes     int64   `json:"bytes,omitempty"`      // of answer received
}

// Gap is something that was not read, why, and what would allow it.
type Gap struct {
	Section string `json:"section"` // of the probe: log, namespaces, config, …
	Reason  string `json:"reason"`
	Remedy  string `json:"remedy,omitempty"` // starts with a verb; empty when nothing helps
}

// Finding is one thing that a rule has to say.
type Finding struct {
	Rule     string     `json:"rule"` // lower-kebab, stable for ever
	Severity Severity   `json:"severity"`
	Title    string     `json:"title"` // one sentence with the numbers in it
	Evidence []Evidence `json:"evidence"`
	Advice   []string   `json:"advice"` // each starts with a verb
}

// Evidence is what a finding rests on.
type Evidence struct {
	Text   string     `json:"text"`
	Source string     `json:"source"` // /proc/net/netstat, /var/log/kern.log.2.gz, …
	At     *time.Time `json:"at,omitempty"`
}

// Headroom is how far the host is from overflowing, in closes per second. The
// rates are estimates: TIME_WAIT entries that are reused live shorter. A nil
// field could not be computed. Earlier runs count as far back as --since: the
// sockets that they saw destroyed, and the fullest look.
type Headroom struct {
	Capacity          *float64 `json:"capacity,omitempty"`            // closes/s that the limit sustains: limit / lifetime
	CloseRate         *float64 `json:"close_rate,omitempty"`          // closes/s between the two readings
	MeanRate          *float64 `json:"mean_rate,omitempty"`           // closes/s over the last lifetime: buckets / lifetime
	OverflowRate      *float64 `json:"overflow_rate,omitempty"`       // sockets/s destroyed, over OverflowSeconds
	OverflowSeconds   *float64 `json:"overflow_seconds,omitempty"`    // between the two readings, or the runs, that OverflowRate is of
	LoadFactor        *float64 `json:"load_factor,omitempty"`         // capacity / the highest rate: 3 means thrice the load fits
	NeededLimit       *int64   `json:"needed_limit,omitempty"`        // for this load with half again to spare; 0: nothing closes
	NeededMemoryBytes *int64   `json:"needed_memory_bytes,omitempty"` // at 256 bytes an entry
	// AdvisedLimit is the number that the advice names: NeededLimit, or the
	// kernel's own default where that is more. nil: no other limit is advised.
	AdvisedLimit *int64 `json:"advised_limit,omitempty"`
	// LowerBound: the table was full, so that the load was higher than anything
	// shows. The rates and NeededLimit are at least, LoadFactor is at most.
	LowerBound bool `json:"lower_bound,omitempty"`
}
