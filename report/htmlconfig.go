package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// maxHTMLLimits is how many values of the limit are shown, most hosts first.
const maxHTMLLimits = 16

// htmlLimit is one value of the limit with the hosts that run with it. It is that of
// the login's own namespace: files of the host reach no other.
type htmlLimit struct {
	limit   *int64
	Value   string // formatted
	Query   string // of the filter
	Count   int
	Percent string
	Width   string // of the bar, per cent of the most common value
	Kinds   []htmlKind
	Others  []string // hosts whose verdict is that of another namespace
	SetBy   []htmlSource
	Drift   int  // a file says otherwise
	Lowered int  // below what the kernel would have chosen
	Outlier bool // rare, where another value is the rule
}

// htmlSource is what sets a value, on so many hosts.
type htmlSource struct {
	Name  string
	Count int
	file  bool
}

// IsFile is for the template, which sets paths in another type.
func (s htmlSource) IsFile() bool { return s.file }

// limitSet gathers the hosts of one value.
//
// sources count by name, with a Count of zero in the key.
type limitSet struct {
	htmlLimit
	kinds   map[string]int // by the namespace that has this limit
	others  map[string]int // by another one
	sources map[htmlSource]int
}

// htmlLimits is the configuration of the fleet: which limit runs on how many
// hosts, what set it there, and where the files say otherwise.
func htmlLimits(hosts []audit.HostResult) []htmlLimit {
	sets := map[string]*limitSet{}
	for i := range hosts {
		h := &hosts[i]
		if h.Status != audit.StatusAudited {
			continue
		}
		facts, config, _ := parts(h)
		limit := facts.TimeWait.Limit // nil has a row of its own: not known is no value
		key := whole(limit)
		s := sets[key]
		if s == nil {
			s = &limitSet{htmlLimit{limit: limit, Value: "not read", Query: "none"}, map[string]int{}, map[string]int{}, map[htmlSource]int{}}
			if limit != nil {
				s.Value, s.Query = text.Count(*limit), key
			}
			sets[key] = s
		}
		s.add(h, facts, config)
	}
	return sortLimits(sets)
}

// add counts a host. Drift needs both values: a file that was not read contradicts
// nothing.
func (s *limitSet) add(h *audit.HostResult, facts audit.Facts, config audit.Config) {
	s.Count++
	own, other := ownKind(h)
	if own != "" {
		s.kinds[own]++
	}
	if other != "" {
		s.others[other]++
	}
	source := sourceOf(facts, config)
	s.sources[source]++
	if s.limit != nil && config.Value != nil && *config.Value != *s.limit {
		s.Drift++
	}
	if slices.Contains(h.Flags, "limit-lowered") {
		s.Lowered++
	}
}

// ownKind is the kind of a host by its login's own namespace alone, empty when that
// was not judged. other is its kind where that comes from another namespace, with
// which the limit of the login's own has nothing to do.
func ownKind(h *audit.HostResult) (own, other string) {
	if subjectOf(h).namespace == "" {
		return kindOf(h), ""
	}
	if v := h.Facts.Namespaces[0].Verdict; slices.Contains(audit.Verdicts, v) {
		own = string(v)
	}
	return own, kindOf(h)
}

// otherWords say how many hosts have which kind by another namespace, worst first.
func otherWords(counts map[string]int) []string {
	var words []string
	for _, kind := range kinds() {
		if n := counts[kind]; n > 0 {
			words = append(words, text.Count(int64(n))+" "+kind+" in another namespace")
		}
	}
	return words
}

// sourceOf is the file that sets the value, without its line: the same file has
// another line on the next host.
func sourceOf(facts audit.Facts, config audit.Config) htmlSource {
	switch {
	case facts.Config == nil:
		return htmlSource{Name: "files not read"}
	case config.Value == nil:
		return htmlSource{Name: "no file: the kernel's default, or by hand"}
	case config.Source == "":
		return htmlSource{Name: "a file"}
	}
	path := config.Source
	if i := strings.LastIndexByte(path, ':'); i > 0 {
		if _, err := strconv.Atoi(path[i+1:]); err == nil {
			path = path[:i]
		}
	}
	return htmlSource{Name: clipped(path, 120), file: true}
}

// sortLimits puts the most common value first, and marks the rare ones: values
// that at most one host in twenty has where another is the rule.
func sortLimits(sets map[string]*limitSet) []htmlLimit {
	var list []*limitSet
	total := 0
	for _, s := range sets {
		list = append(list, s)
		total += s.Count
	}
	slices.SortFunc(list, func(a, b *limitSet) int {
		return cmp.Or(b.Count-a.Count, strings.Compare(a.Query, b.Query))
	})
	var views []htmlLimit
	for _, s := range list[:min(len(list), maxHTMLLimits)] {
		s.Kinds, s.Others = htmlKinds(s.kinds, s.Count), otherWords(s.others)
		s.SetBy = topSources(s.sources)
		s.Percent = shareWords(s.Count, total)
		s.Width = strconv.FormatFloat(max(100*float64(s.Count)/float64(list[0].Count), 0.5), 'f', 2, 64)
		s.Outlier = s.limit != nil && total >= 20 && s.Count*20 <= total && list[0].Count*2 > total
		views = append(views, s.htmlLimit)
	}
	return views
}

// topSources names three sources and counts the rest.
func topSources(counts map[htmlSource]int) []htmlSource {
	const most = 3
	var list []htmlSource
	for source, n := range counts {
		source.Count = n
		list = append(list, source)
	}
	slices.SortFunc(list, func(a, b htmlSource) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Name, b.Name)) })
	if len(list) > most+1 {
		rest := htmlSource{Name: plural(len(list)-most, "other file")}
		for _, s := range list[most:] {
			rest.Count += s.Count
		}
		list = append(list[:most], rest)
	}
	return list
}
