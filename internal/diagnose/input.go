package diagnose

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// input is all that the rules may look at, and what judging has found so far.
type input struct {
	facts  *audit.Facts // never nil
	gaps   []audit.Gap
	past   []audit.Reading // see dated
	limits audit.Limits
	now    time.Time // our clock
	clock  time.Time // the host's clock
	kernel kernel

	conf    *assignment // nil when nothing sets our key, or the files were not read
	own     *table      // of the namespace that the login is in
	tables  []*table    // own first
	verdict audit.Verdict
}

// table is the bucket table of one network namespace with what was concluded
// about it. Numbers that cannot be (negative counts) are absent.
type table struct {
	own     bool
	gone    bool // this look does not show it: see goneTables
	id      string
	pid     int    // a process in it; 0 when not known
	name    string // as the facts have it
	maker   string // audit.Namespace.Kind
	label   string // how to name it in a sentence; empty for the login's own
	buckets *int64
	first   *int64
	limit   *int64
	kind    limitKind
	total   *int64
	delta   *int64 // may be negative: the counter began again
	seconds *float64

	trail trail
	raise *raise

	overflowing, overflowed, near, unknown, fixed *audit.Finding
	missing                                       []doubt
	verdict                                       audit.Verdict
}

// newInput prepares the facts for the rules. The host's clock is the measure
// for everything that the host stamped itself; without one, ours has to do: a
// clock that is a year off must not turn an old line into a recent one.
func newInput(facts *audit.Facts, gaps []audit.Gap, past *audit.Past, limits audit.Limits, now time.Time) *input {
	if facts == nil {
		facts = &audit.Facts{}
	}
	if limits == (audit.Limits{}) {
		limits = audit.DefaultLimits()
	}
	in := &input{facts: facts, gaps: gaps, limits: limits, now: now, clock: now, kernel: parseKernel(facts.Host.Kernel)}
	if facts.Host.Clock != nil {
		in.clock = *facts.Host.Clock
	}
	if past != nil {
		in.past = in.dated(past.Readings)
	}
	in.own = in.ownTable()
	in.conf = in.configure()
	in.tables = append([]*table{in.own}, in.otherTables()...)
	for _, t := range in.tables {
		t.kind = in.kernel.limitMeans(t.limit)
		t.trail = in.trailOf(t)
	}
	in.tables = append(in.tables, in.goneTables()...)
	return in
}

// ownTable comes from TimeWait, which has both readings, and not from the list of
// namespaces, which is there for root only.
func (in *input) ownTable() *table {
	w := &in.facts.TimeWait
	t := &table{
		own: true, buckets: nonNegative(w.Buckets), first: nonNegative(w.BucketsFirst), limit: w.Limit,
		total: nonNegative(w.OverflowTotal), delta: w.OverflowDelta, seconds: positive(w.SampleSeconds),
	}
	if in.listsOwn() {
		n := &in.facts.Namespaces[0]
		t.id = n.ID
		// A mark of the machine, such as docker's, says nothing of a namespace that
		// ip netns made on it.
		if n.Netns != "" {
			t.name, t.maker = n.Netns, makerNetns
		}
	}
	return t
}

// listsOwn reports whether the first namespace is the login's own, which the
// probe puts first and calls host.
func (in *input) listsOwn() bool {
	return len(in.facts.Namespaces) > 0 && in.facts.Namespaces[0].Name == "host"
}

// otherTables keeps the order of the facts, so that namespaces can put the
// verdicts back.
func (in *input) otherTables() []*table {
	list := in.facts.Namespaces
	if in.listsOwn() {
		list = list[1:]
	}
	tables := make([]*table, 0, len(list))
	for i := range list {
		n := &list[i]
		tables = append(tables, &table{
			id: n.ID, pid: n.PID, name: n.Name, maker: n.Kind, label: label(n), buckets: nonNegative(n.Buckets), limit: n.Limit,
			total: nonNegative(n.OverflowTotal), delta: n.OverflowDelta, seconds: in.own.seconds,
		})
	}
	return tables
}

// label names a namespace so that an operator can enter it: by what the probe
// called it, and by its inode.
func label(n *audit.Namespace) string {
	name := n.Name
	if name == "" {
		name = "of process " + strconv.Itoa(n.PID)
	}
	if n.ID == "" {
		return "namespace " + name
	}
	return fmt.Sprintf("namespace %s (net:[%s])", name, n.ID)
}

// say puts the namespace in front of a sentence when it is not the login's own.
func (t *table) say(format string, args ...any) string {
	s := fmt.Sprintf(format, args...)
	if t.own {
		return s
	}
	return t.label + ": " + s
}

// ratio is buckets by limit, at the later reading. It may exceed 1; nil unless
// both are known and the limit is a number.
func (t *table) ratio() *float64 {
	buckets := t.buckets
	if buckets == nil {
		buckets = t.first
	}
	if buckets == nil || t.kind != limitNumber {
		return nil
	}
	r := float64(*buckets) / float64(*t.limit)
	return &r
}

// uptime is how long the host runs; false when it is not known.
func (in *input) uptime() (time.Duration, bool) {
	if up, ok := lengthOf(in.facts.Host.UptimeSeconds); ok {
		return up, true
	}
	if b := in.facts.Host.BootedAt; b != nil && !b.After(in.clock) {
		return in.clock.Sub(*b), true
	}
	return 0, false
}

// bootedAt is by the host's clock; nil when it is not known.
func (in *input) bootedAt() *time.Time {
	// BootedAt is by the host's clock already, as the probe derives it.
	if in.facts.Host.BootedAt != nil {
		return in.facts.Host.BootedAt
	}
	up, ok := in.uptime()
	if !ok {
		return nil
	}
	at := in.clock.Add(-up)
	return &at
}

// hostTime turns a time by our clock into the host's, so that an earlier run
// can be compared with a file's change. ClockSkewMS is the host's clock less
// ours.
func (in *input) hostTime(t time.Time) time.Time {
	if skew := in.facts.Host.ClockSkewMS; skew != nil && abs(*skew) < math.MaxInt64/int64(time.Millisecond) {
		t = t.Add(time.Duration(*skew) * time.Millisecond)
	}
	return t.In(in.clock.Location())
}

// sysctl is the value of a key as a number; false when the key was not read or
// is no number.
func (in *input) sysctl(key string) (int64, bool) { return number(in.facts.Sysctl[key]) }

// number is the first integer of a sysctl value, as the kernel reads it: hex
// with 0x, and whatever follows a blank is ignored.
func number(value string) (int64, bool) {
	fields := strings.Fields(value)
	if len(fields) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(fields[0], 0, 64)
	return n, err == nil
}

// counter is the later value of a kernel counter; nil when it was not read.
func (in *input) counter(name string) *int64 {
	c := in.facts.Counters
	if c == nil {
		return nil
	}
	// With one reading there is no Last, and First is today's value.
	if v, ok := c.Last[name]; ok {
		return nonNegative(&v)
	}
	if v, ok := c.First[name]; ok {
		return nonNegative(&v)
	}
	return nil
}

// rise is what a counter gained between the two readings; nil unless both hold
// it and it did not fall.
func (in *input) rise(name string) *int64 {
	c := in.facts.Counters
	if c == nil {
		return nil
	}
	first, ok1 := c.First[name]
	last, ok2 := c.Last[name]
	if !ok1 || !ok2 || first < 0 || last < first {
		return nil
	}
	gained := last - first
	return &gained
}

// lifetime is how long a bucket lives, in seconds: 60, unless the kernel is one
// of those (Alibaba's) that let it be set.
func (in *input) lifetime() float64 {
	if n, ok := in.sysctl(tcpTWTimeoutKey); ok && n > 0 && n <= 600 {
		return float64(n)
	}
	return 60
}

// lengthOf is false for a length of time that is not known, or cannot be.
func lengthOf(seconds *float64) (time.Duration, bool) {
	const century = 100 * 365 * 24 * 3600
	if seconds == nil || !(*seconds >= 0 && *seconds < century) {
		return 0, false
	}
	return time.Duration(*seconds * float64(time.Second)), true
}

// nonNegative drops counts that cannot be: better absent than believed.
func nonNegative(p *int64) *int64 {
	if p == nil || *p < 0 {
		return nil
	}
	return p
}

// positive drops lengths of time that nothing may be divided by.
func positive(p *float64) *float64 {
	if p == nil || math.IsNaN(*p) || math.IsInf(*p, 0) || *p <= 0 {
		return nil
	}
	return p
}

// abs is safe for the smallest number, which has no positive counterpart.
func abs(n int64) int64 {
	if n < 0 {
		return -max(n, -math.MaxInt64)
	}
	return n
}

// stamp writes a time in a title: to the minute, in its own zone.
func stamp(t time.Time) string { return t.Format("2006-01-02 15:04") }

// percent keeps one digit where the whole number would be a crude one.
func percent(ratio float64) string {
	p := ratio * 100
	if p > 0 && p < 10 {
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(p, 'f', 0, 64) + " %"
}

// perSecond writes a rate with as many digits as it deserves.
func perSecond(rate float64) string {
	if rate >= 10 || rate == math.Trunc(rate) {
		return text.Count(int64(math.Round(min(rate, 1e15)))) + "/s"
	}
	return strconv.FormatFloat(rate, 'g', 2, 64) + "/s"
}

// seconds writes the distance of the two readings.
func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 1, 64) + " s" }
