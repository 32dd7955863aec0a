package probe

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// clockSlack is how far a stamp may lie in the future of what bounds it: log
// daemons keep the zone in which they were started, which may be half a day off.
const clockSlack = 24 * time.Hour

// logClock is what dates the stamps of one log source.
type logClock struct {
	now    time.Time // the host's clock, in the host's zone
	booted time.Time // zero: unknown, and stamps since boot date nothing
	newest time.Time // nothing in the source is younger, such as a file's mtime; zero: now

	// turned tells how often the year turned between the lines of an hour and the
	// last line, where the script saw it turn; ended is the time of that line.
	turned map[yearlessHour]int
	ended  time.Time
}

// yearlessHour is all that a stamp without a year says of an hour.
type yearlessHour struct{ month, day, hour int }

var (
	isoStamp    = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: ?(Z|[+-]\d\d:?\d\d))?(?:\s|$)`)
	unixStamp   = regexp.MustCompile(`^(\d{9,11})\.(\d{1,9})(?:\s|$)`)
	printkStamp = regexp.MustCompile(`^\[ *(\d{1,11})\.(\d{6})\]`)
	priority    = regexp.MustCompile(`^<\d{1,3}>`)
	wordStamp   = regexp.MustCompile(`^\[?(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun) +)?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(\d{1,2}) +(?:(\d{4}) +)?(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(.*)$`)
	// dateTail is what date(1) and dmesg -T write behind the time. Without a
	// weekday in front it is not looked for: four digits may be a host's name.
	dateTail = regexp.MustCompile(`^ (?:([A-Z]{3,5}|[+-]\d{4}) )?(\d{4})\b\]?`)
)

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// dated is the time at the front of a line, nil when it has none that counts,
// and whether its year was told by newer, the next record of the source.
func (c logClock) dated(line string, newer time.Time) (at *time.Time, yearless bool) {
	stamp, yearless := c.stamp(strings.TrimLeft(line, " \t"))
	if stamp.IsZero() {
		return nil, false
	}
	if yearless {
		stamp = earlierYear(stamp, newer)
	}
	return &stamp, yearless
}

// stamp reads the time stamp at the front of s; the zero time when it has none
// that dates anything. Without a year it is the latest one that can be.
func (c logClock) stamp(s string) (at time.Time, yearless bool) {
	s = priority.ReplaceAllString(s, "")
	if m := printkStamp.FindStringSubmatch(s); m != nil {
		return c.sinceBoot(m[1], m[2]), false
	}
	if m := isoStamp.FindStringSubmatch(s); m != nil {
		return c.iso(m), false
	}
	if m := unixStamp.FindStringSubmatch(s); m != nil {
		at = time.Unix(int64(number(m[1])), nanoseconds(m[2])).In(c.now.Location())
		return c.plausible(at), false
	}
	return c.word(s)
}

// word reads the stamps that begin with the name of a weekday or month.
func (c logClock) word(s string) (at time.Time, yearless bool) {
	m := wordStamp.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	parts := clockParts{
		year: number(m[4]), month: monthNumber(m[2]), day: number(m[3]),
		hour: number(m[5]), minute: number(m[6]), second: number(m[7]), nanos: nanoseconds(m[8]),
	}
	zone := c.now.Location()
	if tail := dateTail.FindStringSubmatch(m[9]); tail != nil && m[1] != "" && parts.year == 0 {
		parts.year, zone = number(tail[2]), namedZone(tail[1], zone)
	}
	if parts.year == 0 {
		return c.latestYear(parts), true
	}
	at, _ = parts.in(zone)
	return c.plausible(at.In(c.now.Location())), false
}

func monthNumber(name string) int { return strings.Index(months, name)/3 + 1 }

// namedZone is the zone that date(1) wrote. Abbreviations other than UTC name
// several zones each; they are taken for the host's own.
func namedZone(name string, host *time.Location) *time.Location {
	switch {
	case name == "UTC", name == "GMT":
		return time.UTC
	case strings.HasPrefix(name, "+"), strings.HasPrefix(name, "-"):
		if zone := parseOffset(name); zone != nil {
			return zone
		}
	}
	return host
}

// parseOffset reads +0800 and +08:00; nil when it is neither.
func parseOffset(s string) *time.Location {
	digits := strings.Replace(s, ":", "", 1)
	if len(digits) != 5 || digits[0] != '+' && digits[0] != '-' {
		return nil
	}
	n, err := strconv.Atoi(digits[1:])
	if err != nil || n < 0 || n/100 > 14 || n%100 > 59 {
		return nil
	}
	seconds := (n/100)*3600 + (n%100)*60
	if digits[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds)
}

// iso reads the parts of isoStamp; the zero time when they name no time.
func (c logClock) iso(m []string) time.Time {
	zone := c.now.Location()
	switch {
	case m[8] == "Z":
		zone = time.UTC
	case m[8] != "":
		if zone = parseOffset(m[8]); zone == nil {
			return time.Time{}
		}
	}
	parts := clockParts{number(m[1]), number(m[2]), number(m[3]), number(m[4]), number(m[5]), number(m[6]), nanoseconds(m[7])}
	at, _ := parts.in(zone)
	return c.plausible(at.In(c.now.Location()))
}

// sinceBoot dates a printk stamp. The kernel's clock stands still while a
// machine sleeps, so this is the earliest that it can have been.
func (c logClock) sinceBoot(seconds, micros string) time.Time {
	if c.booted.IsZero() {
		return time.Time{}
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n > 1<<31 {
		return time.Time{}
	}
	at := c.booted.Add(time.Duration(n)*time.Second + time.Duration(nanoseconds(micros)))
	return c.plausible(at.In(c.now.Location()))
}

// plausible drops times that lie in the future: a clock was wrong, or somebody
// lies, and either would make an old record look like a fresh one.
func (c logClock) plausible(at time.Time) time.Time {
	if neverSet(at) || at.After(c.now.Add(clockSlack)) {
		return time.Time{}
	}
	return at
}

// neverSet is before what a clock shows that was ever set: machines without a battery
// begin at 1970 with each boot, in the middle of logs that go on.
func neverSet(t time.Time) bool { return t.Year() < 1990 }

// latestYear dates a stamp without a year: the latest one that does not lie
// beyond the source's newest time. By a clock that was never set it cannot be told.
func (c logClock) latestYear(parts clockParts) time.Time {
	if neverSet(c.now) {
		return time.Time{}
	}
	bound := c.now
	if !c.newest.IsZero() && c.newest.Before(bound) {
		bound = c.newest
	}
	bound = bound.Add(clockSlack)
	latest := bound.Year() + 1
	if turns := c.turned[yearlessHour{parts.month, parts.day, parts.hour}]; turns > 0 && !c.ended.IsZero() {
		latest = min(latest, c.ended.Year()-turns)
	}
	// Nine years hold a 29 February, also around 2100.
	for year := latest; year > latest-10; year-- {
		parts.year = year
		if at, ok := parts.in(c.now.Location()); ok && !at.After(bound) {
			return at
		}
	}
	return time.Time{}
}

// yearTurns reads where the script saw the year turn.
func yearTurns(blocks []*block) map[yearlessHour]int {
	turned := map[yearlessHour]int{}
	for _, b := range blocks {
		for _, value := range b.all("turned") {
			turns, stamp, _ := strings.Cut(value, " ")
			m, n := wordHour.FindStringSubmatch(stamp), count(turns)
			if m == nil || n == nil || *n > 9 || len(turned) >= 10_000 {
				continue
			}
			turned[yearlessHour{monthNumber(m[1]), number(m[2]), number(m[3])}] = int(*n)
		}
	}
	return turned
}

// earlierYear moves a yearless time back while it lies more than half a year
// after the next newer record of its source: a year has turned in between.
// Smaller steps back are clocks that were set, not years.
func earlierYear(at, newer time.Time) time.Time {
	for range 100 {
		if newer.IsZero() || at.Sub(newer) < 183*24*time.Hour {
			break
		}
		at = at.AddDate(-1, 0, 0)
	}
	return at
}

// clockParts are the numbers of a stamp.
type clockParts struct {
	year, month, day, hour, minute, second int
	nanos                                  int64
}

// in is the time that the parts name in a zone; the zero time and false when
// there is no such day or hour. A leap second is the second after.
func (p clockParts) in(zone *time.Location) (time.Time, bool) {
	if p.month < 1 || p.month > 12 || p.hour > 23 || p.minute > 59 || p.second > 60 {
		return time.Time{}, false
	}
	day := time.Date(p.year, time.Month(p.month), p.day, 0, 0, 0, 0, time.UTC)
	if p.day < 1 || day.Day() != p.day {
		return time.Time{}, false
	}
	return time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, int(p.nanos), zone), true
}

// number is the value of a few digits that a pattern has matched; 0 for none.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// nanoseconds reads the digits behind a decimal point.
func nanoseconds(fraction string) int64 {
	return int64(number((fraction + "000000000")[:9]))
}

var (
	wordHour = regexp.MustCompile(`^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) +)?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(\d{1,2}) +(\d\d)(?: +(\d{4}))?$`)
	isoHour  = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)[T ](\d\d)(Z|[+-]\d\d:?\d\d)?$`)
)

// hour reads the stamp of an hour line, in the forms that the wire format
// lists. The zero time means that it dates nothing.
func (c logClock) hour(s string) (at time.Time, yearless bool) {
	s = strings.TrimSpace(s)
	if m := wordHour.FindStringSubmatch(s); m != nil {
		parts := clockParts{year: number(m[4]), month: monthNumber(m[1]), day: number(m[2]), hour: number(m[3])}
		if parts.year == 0 {
			return c.latestYear(parts), true
		}
		at, _ = parts.in(c.now.Location())
		return c.plausible(at), false
	}
	if m := isoHour.FindStringSubmatch(s); m != nil {
		return c.floor(c.iso([]string{"", m[1], m[2], m[3], m[4], "0", "0", "", m[5]})), false
	}
	if digits, ok := strings.CutPrefix(s, "@"); ok {
		if n := count(digits); n != nil && *n < 1<<36 {
			return c.floor(c.plausible(time.Unix(*n, 0).In(c.now.Location()))), false
		}
	}
	if digits, ok := strings.CutPrefix(s, "+"); ok {
		return c.floor(c.sinceBoot(digits, "")), false
	}
	return time.Time{}, false
}

// floor is the full hour of the host's zone, which may lie half an hour beside
// that of UTC.
func (c logClock) floor(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), 0, 0, 0, at.Location())
}
