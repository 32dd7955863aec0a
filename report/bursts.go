package report

import (
	"math"
	"slices"
	"strings"
	"time"

	"twaudit/internal/audit"
)

// burst is a stretch of time with overflows and no long pause.
type burst struct {
	from   time.Time // the first hour with events
	events int64
	units  int64   // hours or days, from the first to the last with events
	unit   string  // hour or day
	bar    []int64 // events, in maxBar cells at most
	most   int64   // of all cells of the host: its bars have one scale
}

const (
	maxBursts = 8 // nearer ones are joined until there are no more
	maxBar    = 24
)

// slot is an hour or a day with events.
type slot struct {
	index  int64 // units since the first
	from   time.Time
	events int64
}

// bursts groups a histogram, oldest first: by the hour up to two days, else by
// the day of the host's calendar, in which what causes them repeats.
func bursts(histogram []audit.HourCount) []burst {
	slots, unit := slotsOf(histogram)
	var list []burst
	most := int64(0)
	for _, group := range joined(slots) {
		first, last := group[0], group[len(group)-1]
		b := burst{from: first.from, units: last.index - first.index + 1, unit: unit}
		b.bar = make([]int64, min(b.units, maxBar))
		for _, s := range group {
			cell := float64(s.index-first.index) / float64(b.units) * float64(len(b.bar))
			i := min(int(cell), len(b.bar)-1)
			b.bar[i] = sum(b.bar[i], s.events)
			b.events = sum(b.events, s.events)
		}
		most = max(most, slices.Max(b.bar))
		list = append(list, b)
	}
	for i := range list {
		list[i].most = most
	}
	return list
}

// slotsOf puts hours together where the histogram is too long to show each.
func slotsOf(histogram []audit.HourCount) (slots []slot, unit string) {
	hours := slices.DeleteFunc(slices.Clone(histogram), func(h audit.HourCount) bool { return h.Events <= 0 })
	if len(hours) == 0 {
		return nil, ""
	}
	slices.SortStableFunc(hours, func(a, b audit.HourCount) int { return a.Hour.Compare(b.Hour) })
	begin, seconds, unit := hours[0].Hour, int64(3600), "hour"
	if hours[len(hours)-1].Hour.Sub(begin) >= 48*time.Hour {
		year, month, day := begin.Date()
		begin, seconds, unit = time.Date(year, month, day, 0, 0, 0, 0, begin.Location()), 24*3600, "day"
	}
	for _, h := range hours {
		// In seconds: a Duration ends after 292 years, and a clock may be anywhere.
		index := (h.Hour.Unix() - begin.Unix()) / seconds
		if n := len(slots); n > 0 && slots[n-1].index == index {
			slots[n-1].events = sum(slots[n-1].events, h.Events)
			continue
		}
		slots = append(slots, slot{index, h.Hour, h.Events})
	}
	return slots, unit
}

// joined splits slots at pauses. What counts as one grows until there are few
// enough: 300 single hours are no use to anybody.
func joined(slots []slot) [][]slot {
	for pause := int64(1); ; pause *= 2 {
		var groups [][]slot
		for i, s := range slots {
			if i == 0 || s.index-slots[i-1].index > pause {
				groups = append(groups, nil)
			}
			groups[len(groups)-1] = append(groups[len(groups)-1], s)
		}
		if len(groups) <= maxBursts {
			return groups
		}
	}
}

// words is a burst on the timeline, with its course as a bar.
func (b burst) words(s *screen) string {
	in := "in one " + b.unit
	if b.units > 1 {
		in = "in " + plural64(b.units, b.unit)
	}
	return plural64(b.events, "overflow") + " " + in + " " + s.paint(red, b.spark())
}

// spark draws a cell for each hour or day; an empty one is a dot, and the lowest
// step is not nothing.
func (b burst) spark() string {
	steps := []rune("▁▂▃▄▅▆▇█")
	var bar strings.Builder
	for _, n := range b.bar {
		if n <= 0 {
			bar.WriteRune('·')
			continue
		}
		height := float64(n) / float64(b.most) * float64(len(steps))
		bar.WriteRune(steps[min(max(int(math.Ceil(height))-1, 0), len(steps)-1)])
	}
	return bar.String()
}

// sum stops at the largest number: a saved run may hold any.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
