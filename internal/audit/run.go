package audit

import (
	"slices"
	"strings"
	"time"
)

// Schema is the version of the JSON form of a Run. It changes when a field
// changes its meaning, not when one is added.
const Schema = 1

// Run is one finished look at a fleet: the canonical result that every report,
// the history and the exit status are functions of.
type Run struct {
	Schema   int          `json:"schema"`
	Tool     Tool         `json:"tool"`
	Meta     Meta         `json:"run"`
	Summary  Summary      `json:"summary"`
	Findings []Finding    `json:"findings"` // about the fleet, not about one host
	Notes    []string     `json:"notes"`    // what the reader should know about the run itself
	Hosts    []HostResult `json:"hosts"`    // in the order of CompareHosts
}

// Tool names the program that made a run.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// ProbeSHA256 is the hash, in hex, of the script that ran on the hosts.
	ProbeSHA256 string `json:"probe_sha256,omitempty"`
}

// Meta says when a run happened and by which measures it judged.
type Meta struct {
	ID         string    `json:"id"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	// Partial is true when the run was interrupted or met its deadline: some
	// hosts are then skipped or failed with StageInterrupted or StageDeadline.
	Partial bool   `json:"partial"`
	Limits  Limits `json:"limits"`
	// Redacted is true when names, addresses, users and paths are pseudonyms.
	Redacted bool `json:"redacted,omitempty"`
	// Merged is the number of runs that this one was made of; 0: it is one run.
	Merged int `json:"merged,omitempty"`
	// Selection names what was asked for, whatever hosts that were, by a hash:
	// runs of the same selection have the same one. Empty is not known.
	Selection string `json:"selection,omitempty"`
}

// Limits are the measures by which a host is judged. The zero value is not
// useful; DefaultLimits has the documented ones.
type Limits struct {
	Near     float64       `json:"near"`      // ratio of buckets to limit from which a host is near-limit
	Critical float64       `json:"critical"`  // ratio from which near-limit is critical
	Since    time.Duration `json:"since_ns"`  // how far back evidence counts
	Recent   time.Duration `json:"recent_ns"` // what counts as now in a log
}

// DefaultLimits are the measures of the command line's defaults.
func DefaultLimits() Limits {
	return Limits{Near: 0.80, Critical: 0.95, Since: 30 * 24 * time.Hour, Recent: time.Hour}
}

// Summary counts the hosts of a run. Every verdict is a key of Verdicts, also
// when no host has it; Failures holds only stages that occurred.
type Summary struct {
	Hosts    int             `json:"hosts"`
	Audited  int             `json:"audited"`
	Failed   int             `json:"failed"`
	Skipped  int             `json:"skipped"`
	Verdicts map[Verdict]int `json:"verdicts"`
	Failures map[Stage]int   `json:"failures"`
}

// Summarize counts hosts.
func Summarize(hosts []HostResult) Summary {
	s := Summary{Hosts: len(hosts), Verdicts: map[Verdict]int{}, Failures: map[Stage]int{}}
	for _, v := range Verdicts {
		s.Verdicts[v] = 0
	}
	for i := range hosts {
		switch h := &hosts[i]; h.Status {
		case StatusAudited:
			s.Audited++
			s.Verdicts[h.Verdict]++
		case StatusFailed:
			s.Failed++
			if h.Failure != nil {
				s.Failures[h.Failure.Stage]++
			}
		case StatusSkipped:
			s.Skipped++
		}
	}
	return s
}

// SortHosts orders hosts by CompareHosts, which is the order of every report.
func SortHosts(hosts []HostResult) {
	slices.SortStableFunc(hosts, func(a, b HostResult) int { return CompareHosts(&a, &b) })
}

// CompareHosts puts the worst first: audited hosts by verdict, the failed ones
// right after the unknown, the skipped ones last; hosts of one rank by name.
func CompareHosts(a, b *HostResult) int {
	if c := hostRank(a) - hostRank(b); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// hostRank ranks failed hosts beside unknown ones: both could not be judged,
// and both want a person before any healthy host does.
func hostRank(h *HostResult) int {
	switch h.Status {
	case StatusAudited:
		return 2 * h.Verdict.Rank()
	case StatusFailed:
		return 2*VerdictUnknown.Rank() + 1
	default:
		return 2*len(Verdicts) + 2
	}
}
