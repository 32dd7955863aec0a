package probe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"twaudit/internal/audit"
)

// log reads what the kernel log says. With no source that could be read there
// are no counts at all.
func (p *parser) log(s *section) error {
	if s.head().text("mode") == "none" {
		p.gap("log", "no log was asked for", "scan with --logs auto")
		return nil
	}
	r := &logReader{p: p, told: s.gaps, log: &audit.Log{}, families: map[string]*family{}}
	blocks := s.blocks[1:]
	for len(blocks) > 0 {
		end := 1
		for end < len(blocks) && blocks[end].name != "source" {
			end++
		}
		if blocks[0].name == "source" && len(r.sources) < maxRows {
			r.source(blocks[:end])
		}
		blocks = blocks[end:]
	}
	r.finish()
	p.facts.Log = r.log
	return r.broken
}

// logReader reads the log section, source by source.
type logReader struct {
	p        *parser
	told     []string // the section's own gap lines
	log      *audit.Log
	sources  []*logSource
	families map[string]*family
	names    []string // of families, in the order in which they came
	broken   error    // the last thing that could not be understood
}

// logSource is one file, or the output of one command, while it is read.
type logSource struct {
	audit.LogSource
	family  *family
	clock   logClock
	blocks  []*block
	why     string // the script's word for what went wrong; empty
	grouped int64  // lines with our words that the groups hold, whosever they are
	alien   bool   // some of those are not ours
}

// family is what the log sources of one kind say together. Families hold the
// same records (kern.log and syslog, the journal and dmesg), so they are never
// added up: the one that knows most speaks for all.
type family struct {
	read                               bool
	lines, events, suppressed, foreign int64
	undated, unattributed              int64

	hours    map[time.Time]int64
	siblings map[string]int64
	cts      map[string]int64
	others   map[string]int64
}

// source reads one source with all its blocks. Its own lines may stand in any
// of them, because the script learns some only while it reads.
func (r *logReader) source(blocks []*block) {
	kind, path, _ := strings.Cut(blocks[0].args, " ")
	kind = clean(kind)
	if path = clean(path); path == "" {
		path = kind
	}
	s := &logSource{family: r.family(kind), blocks: blocks}
	s.Path, s.Kernel = path, s.value("kernel") == "yes"
	s.SizeBytes, s.UnreadBytes = s.sum("size"), s.sum("unread")
	s.clock = logClock{now: r.p.now()}
	if booted := r.p.facts.Host.BootedAt; booted != nil {
		s.clock.booted = *booted
	}
	if mtime := r.p.epoch(s.value("mtime")); mtime != nil {
		s.clock.newest, s.Last = *mtime, mtime
	}
	if s.why = clean(s.value("error")); s.why != "" {
		s.Error = reason(s.why)
	}
	r.sources = append(r.sources, s)
	s.ends(kind)
	for _, b := range blocks {
		if b.name == "group" {
			r.group(s, b)
		}
	}
	r.beyond(s)
	// On a log server it may be any host's.
	if !s.alien && s.value("alien") != "yes" {
		s.family.unattributed = saturated(s.family.unattributed, s.spared())
	}
	if n := s.sum("dropped"); n != nil && *n > 0 {
		r.p.gap("log", fmt.Sprintf("%s: %d records were not grouped", s.Path, *n), "")
	}
}

func (r *logReader) family(kind string) *family {
	if f := r.families[kind]; f != nil {
		return f
	}
	f := &family{
		hours: map[time.Time]int64{}, siblings: map[string]int64{},
		cts: map[string]int64{}, others: map[string]int64{},
	}
	r.families[kind] = f
	r.names = append(r.names, kind)
	return f
}

// value is the first line with that key among all blocks of the source.
func (s *logSource) value(key string) string {
	for _, b := range s.blocks {
		if v, ok := b.value(key); ok {
			return v
		}
	}
	return ""
}

// sum adds all lines with that key; nil when there is none.
func (s *logSource) sum(key string) *int64 {
	var all []*int64
	for _, b := range s.blocks {
		for _, v := range b.all(key) {
			all = append(all, count(v))
		}
	}
	return sum(all...)
}

// spared is the sum of "unattributed LINES SUM".
func (s *logSource) spared() (total int64) {
	for _, b := range s.blocks {
		for _, value := range b.all("unattributed") {
			_, sum, _ := strings.Cut(value, " ")
			if n := count(sum); n != nil {
				total = saturated(total, *n)
			}
		}
	}
	return total
}

// line is the first raw line of the block of that name; empty without one.
func (s *logSource) line(name string) string {
	for _, b := range s.blocks {
		if b.name == name && len(b.raw) > 0 {
			return b.raw[0]
		}
	}
	return ""
}

// ends dates the first and the last line, and tells whether the source was read
// at all. What commands print is nothing but kernel lines, logread's apart; what
// was cut short was read in part when anything of it was read.
func (s *logSource) ends(kind string) {
	at, _ := s.clock.dated(s.line("last"), s.clock.newest)
	switch {
	case at != nil:
		s.Last, s.clock.ended = at, *at
	case s.value("alien") == "yes":
		s.Last = nil // others wrote to it since, so its mtime tells nothing
	}
	s.clock.turned = yearTurns(s.blocks)
	first, yearless := s.clock.dated(s.line("first"), s.clock.newest)
	// The first line got the latest year there is. It cannot be the younger one.
	if yearless && s.Last != nil && first.After(s.Last.Add(clockSlack)) {
		*first = first.AddDate(-1, 0, 0)
	}
	s.First = first
	printed := (kind == "journal" || kind == "dmesg" || kind == "logread") && s.line("first") != ""
	s.Kernel = s.Kernel || printed && kind != "logread"
	read := s.sum("read")
	if s.why == "" || printed || read != nil && *read > 0 {
		s.family.read = true
	}
}

// groupHead is what "= group KIND FORM LINES EVENTS HOST CT" says.
type groupHead struct {
	kind, form, host, ct string
	lines, events        int64
}

func parseGroup(args string) (groupHead, error) {
	words := strings.Fields(args)
	if len(words) != 6 {
		return groupHead{}, syntaxError("log group", args)
	}
	lines, events := count(words[2]), count(words[3])
	if lines == nil || events == nil {
		return groupHead{}, syntaxError("log group", args)
	}
	return groupHead{
		kind: words[0], form: words[1], host: words[4],
		ct: strings.TrimPrefix(words[5], "CT"), lines: *lines, events: *events,
	}, nil
}

// siblingKinds are the other overflows that the log is searched for.
var siblingKinds = []string{"conntrack", "neighbour", "tcp-memory", "orphans", "syn-flood"}

// group files one group of records: ours, another host's, a sibling's, or
// somebody else's words.
func (r *logReader) group(s *logSource, b *block) {
	g, err := parseGroup(b.args)
	if err != nil {
		// Whatever it said, this log's silence proves nothing any more.
		r.broken, s.why, s.Error = fmt.Errorf("%s: %w", s.Path, err), "unclear", reason("unclear")
		return
	}
	mine := sameHost(g.host, r.p.facts.Host.Hostname)
	if g.kind == "ours" {
		s.grouped = saturated(s.grouped, g.lines)
		s.alien = s.alien || g.form != "kernel" || !mine
	}
	switch f := s.family; {
	case g.kind == "ours" && g.form != "kernel":
		f.foreign = saturated(f.foreign, g.lines)
	case g.kind == "ours" && !mine:
		addTo(f.others, g.host, g.lines)
	case g.kind == "ours":
		r.ours(s, g, b)
	case g.form == "kernel" && mine && slices.Contains(siblingKinds, g.kind):
		addTo(f.siblings, g.kind, g.lines)
	}
}

// ours adds records of this host's table.
func (r *logReader) ours(s *logSource, g groupHead, b *block) {
	f := s.family
	f.read, s.Kernel = true, true // also when the reading was cut short
	s.Lines = saturated(s.Lines, g.lines)
	f.lines, f.events = saturated(f.lines, g.lines), saturated(f.events, g.events)
	if g.ct != "-" && g.ct != "0" && g.ct != "" {
		addTo(f.cts, g.ct, g.lines)
	}
	for _, value := range b.all("suppressed") {
		if words := strings.Fields(value); len(words) == 3 {
			if n := count(words[2]); n != nil {
				f.suppressed = saturated(f.suppressed, *n)
			}
		}
	}
	r.span(s, b.raw)
	s.hours(b.all("hour"))
}

// beyond adds the records that were counted and not looked at, because there
// were too many. They are taken for ours only where all others of the source are.
func (r *logReader) beyond(s *logSource) {
	counted := s.sum("count")
	if counted == nil || s.alien || *counted <= s.grouped {
		return
	}
	more := *counted - s.grouped
	s.Lines = saturated(s.Lines, more)
	s.family.read = true
	s.family.lines, s.family.events = saturated(s.family.lines, more), saturated(s.family.events, more)
	r.span(s, []string{s.line("earliest")})
}

// span widens First and Last by records of ours, the oldest first.
func (r *logReader) span(s *logSource, records []string) {
	newer := s.clock.newest
	for _, line := range slices.Backward(records) {
		at, _ := s.clock.dated(line, newer)
		if at == nil || s.precedes(*at) {
			continue
		}
		newer = *at
		if r.log.First == nil || at.Before(*r.log.First) {
			r.log.First = at
		}
		if r.log.Last == nil || at.After(*r.log.Last) {
			r.log.Last = at
		}
	}
}

// hours adds a group's hours, from the newest back, which is the direction in
// which a year can be told.
func (s *logSource) hours(values []string) {
	newer, hours := s.clock.newest, s.family.hours
	for _, value := range slices.Backward(values) {
		words := strings.SplitN(value, " ", 4)
		if len(words) != 4 {
			continue
		}
		events := count(words[0])
		at, yearless := s.clock.hour(words[3])
		if events == nil || *events == 0 {
			continue
		}
		if yearless && !at.IsZero() {
			at = earlierYear(at, newer)
		}
		if at.IsZero() || s.precedes(at) {
			s.family.undated = saturated(s.family.undated, *events)
			continue
		}
		newer = at
		if _, ok := hours[at]; ok || len(hours) < 10_000 {
			hours[at] = saturated(hours[at], *events)
		}
	}
}

// precedes is whether a record is dated before its log begins. The clock was wrong
// when it was written, as it is early in a boot without a battery; it stands in a
// log of today, and an old date would hide it.
func (s *logSource) precedes(at time.Time) bool {
	return s.First != nil && at.Before(s.First.Add(-clockSlack))
}

// finish lets the best family speak.
func (r *logReader) finish() {
	for _, s := range r.sources {
		r.log.Sources = append(r.log.Sources, s.LogSource)
	}
	r.gaps()
	var best *family
	for _, name := range r.names {
		if f := r.families[name]; f.read && (best == nil || f.events > best.events) {
			best = f
		}
	}
	if best == nil {
		if r.broken == nil && !slices.ContainsFunc(r.p.gaps, func(g audit.Gap) bool { return g.Section == "log" }) {
			r.p.gap("log", "there is no kernel log that could be read", r.p.logRemedy("log"))
		}
		return
	}
	log, most, foreign := r.log, saturated(best.events, best.suppressed), int64(0)
	log.OverflowLines, log.EventsMin, log.EventsMax = &best.lines, &best.events, &most
	log.Suppressed, log.ForeignLines = &best.suppressed, &foreign
	if best.undated > 0 {
		log.Undated = &best.undated
	}
	if best.unattributed > 0 {
		log.Unattributed = &best.unattributed
	}
	for _, f := range r.families {
		foreign = max(foreign, f.foreign)
		log.Siblings = largest(log.Siblings, f.siblings)
		log.OtherHosts = largest(log.OtherHosts, f.others)
		log.Containers = largest(log.Containers, f.cts)
	}
	for _, hour := range slices.SortedFunc(maps.Keys(best.hours), time.Time.Compare) {
		log.Histogram = append(log.Histogram, audit.HourCount{Hour: hour, Events: best.hours[hour]})
	}
}

// sameHost compares the name in a log line with this host's, either of which
// may be the short or the full one. Early in a boot the name is not set yet.
func sameHost(named, own string) bool {
	named, own = strings.ToLower(named), strings.ToLower(own)
	switch {
	case named == "" || named == "-" || own == "" || named == own:
		return true
	case named == "localhost" || strings.HasPrefix(named, "localhost.") || named == "(none)":
		return true
	}
	return strings.HasPrefix(named, own+".") || strings.HasPrefix(own, named+".")
}

// addTo counts under a name that a host chose, within bounds.
func addTo(counts map[string]int64, name string, n int64) {
	name = clean(name)
	if _, ok := counts[name]; ok || len(counts) < 100 {
		counts[name] = saturated(counts[name], n)
	}
}

// largest takes for each key the larger number, and makes no map for nothing.
func largest(into, from map[string]int64) map[string]int64 {
	for name, n := range from {
		if into == nil {
			into = map[string]int64{}
		}
		into[name] = max(into[name], n)
	}
	return into
}
