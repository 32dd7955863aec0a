package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"twaudit/internal/audit"
)

// at counts hours from a Friday evening before summer time began in Europe.
func at(hour int, events int64) audit.HourCount {
	zone := time.FixedZone("", 3600)
	return audit.HourCount{Hour: time.Date(2026, 3, 27, 20, 0, 0, 0, zone).Add(time.Duration(hour) * time.Hour), Events: events}
}

func TestBursts(t *testing.T) {
	t.Parallel()
	s := &screen{}
	for name, c := range map[string]struct {
		histogram []audit.HourCount
		want      []string
	}{
		"nothing":             {nil, nil},
		"no events":           {[]audit.HourCount{at(0, 0), at(1, -5)}, nil},
		"one hour":            {[]audit.HourCount{at(0, 1)}, []string{"1 overflow in one hour █"}},
		"hours in a row":      {[]audit.HourCount{at(2, 50), at(0, 100), at(1, 1)}, []string{"151 overflows in 3 hours █▁▄"}},
		"a pause parts":       {[]audit.HourCount{at(0, 10), at(2, 20)}, []string{"10 overflows in one hour ▄", "20 overflows in one hour █"}},
		"days beyond 48 h":    {[]audit.HourCount{at(0, 10), at(1, 10), at(5, 80), at(60, 40)}, []string{"100 overflows in 2 days ▂█", "40 overflows in one day ▄"}},
		"the same hour twice": {[]audit.HourCount{at(0, 3), at(0, 4)}, []string{"7 overflows in one hour █"}},
	} {
		var got []string
		for _, b := range bursts(c.histogram) {
			got = append(got, b.words(s))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Whatever a log or a saved run says, the list and its bars stay short, no event
// is lost, and nothing depends on the order.
func TestBursts_bounded(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		var histogram []audit.HourCount
		total := int64(0)
		for range random.IntN(400) {
			h := at(random.IntN(1+random.IntN(9000)), 1+random.Int64N(1000))
			histogram = append(histogram, h)
			total += h.Events
		}
		list := bursts(histogram)
		shuffled := slices.Clone(histogram)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		again, sum := bursts(shuffled), int64(0)
		for i, b := range list {
			sum += b.events
			if cells := utf8.RuneCountInString(b.spark()); cells > maxBar || int64(cells) > b.units || b.units < 1 {
				t.Fatalf("a bar of %d cells for %d units", cells, b.units)
			}
			if b.spark() != again[i].spark() || !b.from.Equal(again[i].from) {
				t.Fatalf("the order of the histogram changes %+v to %+v", b, again[i])
			}
		}
		if sum != total || len(list) > maxBursts {
			t.Fatalf("%d bursts with %d events, want at most %d with %d", len(list), sum, maxBursts, total)
		}
	}
}

func TestBursts_absurdTimesAndCounts(t *testing.T) {
	t.Parallel()
	list := bursts([]audit.HourCount{
		{Hour: time.Time{}, Events: math.MaxInt64}, {Hour: time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC), Events: math.MaxInt64},
		{Hour: time.Date(9999, 12, 31, 22, 0, 0, 0, time.UTC), Events: 1},
	})
	if len(list) != 2 || list[1].events != math.MaxInt64 || list[0].spark() != "█" {
		t.Errorf("got %+v", list)
	}
}
