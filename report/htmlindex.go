package report

import (
	"slices"
	"time"

	"twaudit/internal/audit"
)

// htmlIndex is what the script knows of every host without unpacking it: columns,
// because a list of numbers packs and loads faster than a list of objects. An
// element that is null was not read.
type htmlIndex struct {
	Finished   int64    `json:"finished"` // Unix milliseconds
	ID         string   `json:"id"`
	Redacted   bool     `json:"redacted"`
	Near       float64  `json:"near"`
	Critical   float64  `json:"critical"`
	PerPart    int      `json:"per_part"`
	Kinds      []string `json:"kinds"`      // .Kind counts in it
	Dictionary []string `json:"dictionary"` // groups, flags, systems, kernels, stages: the lists below count in it

	Name      []string       `json:"name"`
	Kind      []int          `json:"kind"`
	Word      []string       `json:"word"` // as the row shows it: a verdict of a later version keeps its name
	Groups    [][]int        `json:"groups"`
	Flags     [][]int        `json:"flags"`
	Labels    []stringMap    `json:"labels"` // null: none
	OS        []int          `json:"os"`
	Kernel    []int          `json:"kernel"`
	Stage     []int          `json:"stage"`
	Buckets   []*int64       `json:"buckets"`
	Limit     []*int64       `json:"limit"`     // of the table that the verdict comes from
	OwnLimit  []*int64       `json:"own_limit"` // of the login's namespace: what the configuration is about
	Ratio     []*float64     `json:"ratio"`
	Total     []*int64       `json:"total"`
	Last      []*int64       `json:"last"`      // Unix milliseconds
	Changed   []*int64       `json:"changed"`   // Unix milliseconds
	Room      []*float64     `json:"room"`      // load factor
	Sentences []string       `json:"sentences"` // why it has its verdict
	Cells     [][]string     `json:"cells"`     // of htmlCells, in its order
	words     map[string]int // the Dictionary by word
}

// stringMap is nil for none, which JSON shows as null.
type stringMap map[string]string

// index packs the index of a run.
func (p *packer) index(run *audit.Run) (string, error) {
	index := &htmlIndex{
		Finished: run.Meta.FinishedAt.UnixMilli(), ID: run.Meta.ID, Redacted: run.Meta.Redacted,
		Near: finite(run.Meta.Limits.Near), Critical: finite(run.Meta.Limits.Critical),
		PerPart: hostsPerPart, Kinds: kinds(), words: map[string]int{},
	}
	for i := range run.Hosts {
		index.add(subjectOf(&run.Hosts[i]), run.Meta.FinishedAt)
	}
	return p.json(index)
}

// add appends one host to every column: they are all of one length.
func (x *htmlIndex) add(h subject, now time.Time) {
	facts, config, _ := parts(h.HostResult)
	stage := ""
	if h.Failure != nil {
		stage = string(h.Failure.Stage)
	}
	kind := kindOf(h.HostResult)
	var last *time.Time
	// A host that was not audited has nothing to order by, whatever a saved run says.
	if when := lastOverflow(h); when != nil && h.Status == audit.StatusAudited {
		if last = &when.at; when.now {
			last = &now
		}
	}
	x.Name = append(x.Name, clipped(h.Name, maxHTMLCell))
	x.Kind = append(x.Kind, slices.Index(x.Kinds, kind))
	x.Word = append(x.Word, htmlWord(h.HostResult))
	x.Groups = append(x.Groups, x.lookups(h.Groups))
	x.Flags = append(x.Flags, x.lookups(h.Flags))
	x.Labels = append(x.Labels, labelsOf(h.HostResult))
	x.OS = append(x.OS, x.lookup(facts.Host.OS))
	x.Kernel = append(x.Kernel, x.lookup(facts.Host.Kernel))
	x.Stage = append(x.Stage, x.lookup(stage))
	x.Buckets = append(x.Buckets, h.Buckets)
	x.Limit = append(x.Limit, h.Limit)
	x.OwnLimit = append(x.OwnLimit, facts.TimeWait.Limit)
	x.Ratio = append(x.Ratio, finitePointer(h.Ratio))
	x.Total = append(x.Total, h.OverflowTotal)
	x.Last = append(x.Last, milliseconds(last))
	x.Changed = append(x.Changed, milliseconds(config.ChangedAt))
	x.Room = append(x.Room, room(h))
	x.Sentences = append(x.Sentences, clipped(sentence(h.HostResult), maxHTMLCell))
	c := htmlCellsOf(h, now)
	x.Cells = append(x.Cells, []string{c.Used, c.Fill, c.Overflows, c.Last, c.Config, c.Room, c.Also})
}

// lookup is the place of a word in the dictionary.
func (x *htmlIndex) lookup(word string) int {
	word = clipped(word, maxHTMLCell)
	at, known := x.words[word]
	if !known {
		at = len(x.Dictionary)
		x.words[word] = at
		x.Dictionary = append(x.Dictionary, word)
	}
	return at
}

// lookups is never nil: the script walks it.
func (x *htmlIndex) lookups(words []string) []int {
	list := make([]int, len(words))
	for i, word := range words {
		list[i] = x.lookup(word)
	}
	return list
}

// sentence is the title of the finding that the verdict is named after.
func sentence(h *audit.HostResult) string {
	for _, f := range h.Findings {
		if f.Rule == string(h.Verdict) {
			return f.Title
		}
	}
	return ""
}

// labelsOf is nil for none, which is shorter in JSON.
func labelsOf(h *audit.HostResult) stringMap {
	if len(h.Labels) == 0 {
		return nil
	}
	labels := stringMap{}
	for key, value := range h.Labels {
		labels[clipped(key, maxHTMLCell)] = clipped(value, maxHTMLCell)
	}
	return labels
}

// room is the load factor, by which the column is sorted.
func room(h subject) *float64 {
	if h.namespace != "" || h.Headroom == nil {
		return nil
	}
	return finitePointer(h.Headroom.LoadFactor)
}

// milliseconds is nil for a time that JSON has no form for.
func milliseconds(t *time.Time) *int64 {
	if t == nil || !hasRFC3339(*t) {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}

// finite is 0 for what JSON has no form for.
func finite(f float64) float64 {
	if f-f != 0 { // NaN and infinite
		return 0
	}
	return f
}

// finitePointer is nil for what JSON has no form for.
func finitePointer(f *float64) *float64 {
	if f == nil || *f-*f != 0 {
		return nil
	}
	return f
}
