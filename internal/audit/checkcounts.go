package audit

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// checkNumbers refuses counts below zero, of which no kernel has any and which
// would rank as nothing bad. Limits may be negative: kernels take such.
func (h *HostResult) checkNumbers() error {
	if t := h.Timing; min(t.ConnectMS, t.ProbeMS, t.TotalMS, float64(t.Bytes)) < 0 {
		return errors.New("timing holds a negative number")
	}
	f := h.Facts
	if f == nil {
		return nil
	}
	tw := f.TimeWait
	if r := tw.Ratio; r != nil && (math.IsNaN(*r) || math.IsInf(*r, 0) || *r < 0) {
		return fmt.Errorf("facts.time_wait.ratio %v is no ratio", *r)
	}
	if s := tw.SampleSeconds; s != nil && !(*s >= 0) {
		return fmt.Errorf("facts.time_wait.sample_seconds %v is negative", *s)
	}
	counts := []countField{
		{"time_wait.buckets", tw.Buckets}, {"time_wait.buckets_first", tw.BucketsFirst},
		{"time_wait.overflow_total", tw.OverflowTotal}, {"time_wait.overflow_delta", tw.OverflowDelta},
	}
	for i, n := range f.Namespaces {
		at := fmt.Sprintf("namespaces[%d].", i)
		counts = append(counts, countField{at + "buckets", n.Buckets}, countField{at + "overflow_total", n.OverflowTotal},
			countField{at + "overflow_delta", n.OverflowDelta})
	}
	if err := notNegative(append(counts, logCounts(f.Log)...)); err != nil {
		return err
	}
	return checkMaps(f)
}

// countField is a count with the name of its field inside facts; nil was not read.
type countField struct {
	field string
	n     *int64
}

func logCounts(l *Log) []countField {
	if l == nil {
		return nil
	}
	counts := []countField{
		{"log.overflow_lines", l.OverflowLines}, {"log.foreign_lines", l.ForeignLines}, {"log.suppressed", l.Suppressed},
		{"log.events_min", l.EventsMin}, {"log.events_max", l.EventsMax}, {"log.undated", l.Undated}, {"log.unattributed", l.Unattributed},
	}
	for i := range l.Histogram {
		counts = append(counts, countField{fmt.Sprintf("log.histogram[%d].events", i), &l.Histogram[i].Events})
	}
	for i := range l.Sources {
		s, at := &l.Sources[i], fmt.Sprintf("log.sources[%d].", i)
		counts = append(counts, countField{at + "lines", &s.Lines}, countField{at + "size_bytes", s.SizeBytes}, countField{at + "unread_bytes", s.UnreadBytes})
	}
	return counts
}

func notNegative(counts []countField) error {
	for _, c := range counts {
		if c.n != nil && *c.n < 0 {
			return fmt.Errorf("facts.%s %d is negative", c.field, *c.n)
		}
	}
	return nil
}

// checkMaps looks at the counts that have names.
func checkMaps(f *Facts) error {
	fields := map[string]map[string]int64{"tcp_states": f.TCPStates}
	if f.Counters != nil {
		fields["counters.first"], fields["counters.last"] = f.Counters.First, f.Counters.Last
	}
	if f.Log != nil {
		fields["log.siblings"], fields["log.containers"], fields["log.other_hosts"] = f.Log.Siblings, f.Log.Containers, f.Log.OtherHosts
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		for _, name := range slices.Sorted(maps.Keys(fields[field])) {
			if n := fields[field][name]; n < 0 {
				return fmt.Errorf("facts.%s.%q %d is negative", field, name, n)
			}
		}
	}
	return nil
}

// maxName is as long as a name of the DNS may be.
const maxName = 255

// checkParts wants what a status promises, and no more.
func (h *HostResult) checkParts() error {
	switch {
	case len(h.Name) > maxName:
		return fmt.Errorf("name is longer than %d bytes", maxName)
	case h.Status == StatusAudited && h.Facts == nil:
		return errors.New("status is audited, and there are no facts")
	case h.Status == StatusAudited && h.Failure != nil:
		return errors.New("status is audited, and there is a failure")
	case h.Status == StatusFailed && h.Failure == nil:
		return errors.New("status is failed, and there is no failure")
	}
	return nil
}

// CheckNames refuses a host that is in a run twice: nobody could tell which one
// counts. Merged runs may hold one twice, and say so; in redacted ones names that
// differ by case have become one.
func (r *Run) CheckNames() error {
	if r.Meta.Redacted || r.Meta.Merged > 0 {
		return nil
	}
	seen := make(map[string]bool, len(r.Hosts))
	for i := range r.Hosts {
		name := r.Hosts[i].Name
		if seen[name] {
			return fmt.Errorf("host %q is in the run twice", name[:min(len(name), maxName)])
		}
		seen[name] = true
	}
	return nil
}
