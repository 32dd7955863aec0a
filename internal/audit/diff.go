package audit

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Diff is what changed between two runs. Like a Run it is a contract in JSON,
// with the same schema number.
type Diff struct {
	Schema int      `json:"schema"`
	Old    DiffSide `json:"old"`
	New    DiffSide `json:"new"`
	// SameSelection says that both runs asked for the same hosts: only then is
	// a host new or gone, and not merely selected or not.
	SameSelection bool               `json:"same_selection"`
	Compared      int                `json:"compared"` // hosts that both runs were done with: of no others is known whether they changed
	OnlyOld       []string           `json:"only_old"` // names that the newer run has not, sorted; renamed machines are in neither list
	OnlyNew       []string           `json:"only_new"`
	Worse         int                `json:"worse"`   // hosts for which something got worse
	Summary       map[ChangeKind]int `json:"summary"` // hosts by kind of change; all kinds are keys
	Notes         []string           `json:"notes"`
	Hosts         []HostDiff         `json:"hosts"` // only those with a change: what got worse first, then by name
}

// DiffSide names one of the two runs.
type DiffSide struct {
	ID         string    `json:"id"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Hosts      int       `json:"hosts"`
	Partial    bool      `json:"partial"`
}

// HostDiff is one host with a change.
type HostDiff struct {
	Name    string     `json:"name"`
	Worse   bool       `json:"worse"`
	Old     *HostState `json:"old"` // null: not in that run
	New     *HostState `json:"new"`
	Known   *HostState `json:"known,omitempty"` // of one that failed in the older run: what was last known of it then
	Changes []Change   `json:"changes"`         // at least one, in the order of ChangeKinds
}

// HostState is what a run said of a host, in few words.
type HostState struct {
	Status        Status   `json:"status"`
	Verdict       Verdict  `json:"verdict,omitempty"`
	Stage         Stage    `json:"stage,omitempty"`
	Coverage      Coverage `json:"coverage,omitempty"`
	Severity      Severity `json:"severity,omitempty"` // of the verdict
	Buckets       *int64   `json:"buckets,omitempty"`
	Limit         *int64   `json:"limit,omitempty"`
	OverflowTotal *int64   `json:"overflow_total,omitempty"`
}

// ChangeKind is a kind of change.
type ChangeKind string

// The kinds, in the order in which they are shown.
const (
	ChangeWorse       ChangeKind = "worse"       // a worse verdict, a further overflow, less to judge by, or no answer any more
	ChangeOverflow    ChangeKind = "overflow"    // sockets were destroyed between the two looks; worse only as it is said
	ChangeNew         ChangeKind = "new"         // never seen before
	ChangeCameBack    ChangeKind = "came-back"   // it answers again
	ChangeGone        ChangeKind = "gone"        // no longer in the selection
	ChangeBetter      ChangeKind = "better"      // a better verdict, or more to judge by
	ChangeLimit       ChangeKind = "limit"       // the running limit differs
	ChangeFile        ChangeKind = "file"        // the file that sets the limit, or /etc/sysctl.conf, changed
	ChangeRebooted    ChangeKind = "rebooted"    // another boot of the same system
	ChangeReinstalled ChangeKind = "reinstalled" // another system under the same name
	ChangeRenamed     ChangeKind = "renamed"     // a machine that had another name
)

// ChangeKinds lists every kind in the order in which they are shown.
var ChangeKinds = []ChangeKind{
	ChangeWorse, ChangeOverflow, ChangeNew, ChangeCameBack, ChangeGone, ChangeBetter,
	ChangeLimit, ChangeFile, ChangeRebooted, ChangeReinstalled, ChangeRenamed,
}

// Change is one thing that differs.
type Change struct {
	Kind ChangeKind `json:"kind"`
	Text string     `json:"text"` // a few words, lower case
	From string     `json:"from,omitempty"`
	To   string     `json:"to,omitempty"`
}

// Side is one run as Compare takes it.
type Side struct {
	Meta  Meta
	Hosts []Sketch // in any order, each name once
}

// SideOf makes the side of a run.
func SideOf(run *Run) Side {
	s := Side{Meta: run.Meta, Hosts: make([]Sketch, 0, len(run.Hosts))}
	for i := range run.Hosts {
		s.Hosts = append(s.Hosts, SketchOf(&run.Hosts[i]))
	}
	return s
}

// Compare says what changed from an older run to a newer one. The sides stay as
// they are.
func Compare(older, newer Side) *Diff {
	d := &Diff{
		Schema: Schema, Old: older.named(), New: newer.named(),
		SameSelection: older.Meta.Selection != "" && older.Meta.Selection == newer.Meta.Selection,
		OnlyOld:       []string{}, OnlyNew: []string{},
		Summary: map[ChangeKind]int{}, Notes: []string{}, Hosts: []HostDiff{},
	}
	for _, kind := range ChangeKinds {
		d.Summary[kind] = 0
	}
	was, is := byName(older.Hosts), byName(newer.Hosts)
	renamed := renames(was, is)
	for name, now := range is {
		before := was[name]
		if before == nil {
			before = was[renamed[name]]
		}
		switch {
		case before == nil:
			d.OnlyNew = append(d.OnlyNew, name)
		case !before.CutOff() && !now.CutOff():
			d.Compared++
		}
		d.add(compare(before, now, d.SameSelection, older.Meta.StartedAt))
	}
	d.addGone(was, is, renamed)
	slices.Sort(d.OnlyOld)
	slices.Sort(d.OnlyNew)
	d.note(older, newer)
	slices.SortFunc(d.Hosts, compareDiffs)
	return d
}

// addGone lists what the newer run has under no name. Only where that asked for
// the same hosts is it a change.
func (d *Diff) addGone(was, is map[string]*Sketch, renamed map[string]string) {
	moved := map[string]bool{}
	for _, old := range renamed {
		moved[old] = true
	}
	for name, before := range was {
		if is[name] != nil || moved[name] {
			continue
		}
		d.OnlyOld = append(d.OnlyOld, name)
		if d.SameSelection && !before.CutOff() {
			d.add(&HostDiff{Name: name, Old: before.state(), Changes: []Change{{
				Kind: ChangeGone, Text: "no longer in the selection, was " + before.word(), From: before.word(),
			}}})
		}
	}
}

// add takes a host that changed; nil is one that did not.
func (d *Diff) add(h *HostDiff) {
	if h == nil || len(h.Changes) == 0 {
		return
	}
	if h.Worse {
		d.Worse++
	}
	slices.SortStableFunc(h.Changes, func(a, b Change) int { return a.Kind.rank() - b.Kind.rank() })
	for i, c := range h.Changes {
		if i == 0 || c.Kind != h.Changes[i-1].Kind {
			d.Summary[c.Kind]++
		}
	}
	d.Hosts = append(d.Hosts, *h)
}

// note says what limits the comparison.
func (d *Diff) note(older, newer Side) {
	if !d.SameSelection {
		d.Notes = append(d.Notes, "the runs are not known to have asked for the same hosts: which ones are new or gone is not said")
	}
	for _, s := range []struct {
		which string
		side  Side
	}{{"older", older}, {"newer", newer}} {
		n := 0
		for i := range s.side.Hosts {
			if s.side.Hosts[i].CutOff() {
				n++
			}
		}
		if n > 0 {
			d.Notes = append(d.Notes, "not compared, because the "+s.which+" run ended before they were done: "+strconv.Itoa(n)+" of its hosts")
		}
	}
	if newer.Meta.StartedAt.Before(older.Meta.StartedAt) {
		d.Notes = append(d.Notes, "the newer run began before the older one: a clock was set back, or the runs are given in the wrong order")
	}
}

// named is the side without its hosts.
func (s *Side) named() DiffSide {
	return DiffSide{ID: s.Meta.ID, StartedAt: s.Meta.StartedAt, FinishedAt: s.Meta.FinishedAt, Hosts: len(s.Hosts), Partial: s.Meta.Partial}
}

func (s *Sketch) state() *HostState {
	return &HostState{Status: s.Status, Verdict: s.Verdict, Stage: s.Stage, Coverage: s.Coverage, Severity: s.Severity, Buckets: s.Buckets, Limit: s.Limit, OverflowTotal: s.OverflowTotal}
}

func byName(hosts []Sketch) map[string]*Sketch {
	index := make(map[string]*Sketch, len(hosts))
	for i := range hosts {
		index[hosts[i].Name] = &hosts[i]
	}
	return index
}

// renames proposes, for names of the newer run that the older one lacks, the
// name that the same machine had. Cloned images share their machine-id: it
// proves nothing unless it is unique in both runs.
func renames(was, is map[string]*Sketch) map[string]string {
	before, now := byMachine(was), byMachine(is)
	found := map[string]string{}
	for id, name := range now {
		old := before[id]
		if name != "" && old != "" && was[name] == nil && is[old] == nil {
			found[name] = old
		}
	}
	return found
}

// byMachine maps machine-ids to the name that has it; "" where several have.
func byMachine(hosts map[string]*Sketch) map[string]string {
	index := map[string]string{}
	for name, h := range hosts {
		if h.MachineID == "" {
			continue
		}
		if _, taken := index[h.MachineID]; taken {
			name = ""
		}
		index[h.MachineID] = name
	}
	return index
}

// rank is the place of k in ChangeKinds.
func (k ChangeKind) rank() int { return slices.Index(ChangeKinds, k) }

// compareDiffs puts what got worse first, the worst of it before the rest.
func compareDiffs(a, b HostDiff) int {
	if a.Worse != b.Worse {
		if a.Worse {
			return -1
		}
		return 1
	}
	return cmp.Or(a.Changes[0].Kind.rank()-b.Changes[0].Kind.rank(), a.New.rank()-b.New.rank(), strings.Compare(a.Name, b.Name))
}

// rank is that of the verdict; a host that is not there ranks last.
func (s *HostState) rank() int {
	if s == nil {
		return len(Verdicts) + 1
	}
	return s.Verdict.Rank()
}
