package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
	"time"
)

// wallZone is a zone that changed once, as every zone with summer time has lately.
// It is made up: a real one would have its change at another distance each day.
type wallZone struct {
	set         bool
	now, before int // seconds east of UTC
	ago         time.Duration
}

func parseZone(words []string) (z wallZone, err error) {
	if len(words) != 3 {
		return z, errors.New("want three words")
	}
	now, err1 := strconv.Atoi(words[0])
	before, err2 := strconv.Atoi(words[1])
	ago, err3 := parseAgo(words[2])
	return wallZone{true, now, before, ago}, errors.Join(err1, err2, err3)
}

// at is a time as the wall shows it.
func (z wallZone) at(t, now time.Time) time.Time {
	offset := z.now
	if t.Before(now.Add(-z.ago)) {
		offset = z.before
	}
	return t.In(time.FixedZone("", offset))
}

// file is the zone as tzfile(5) has it, in its first version.
func (z wallZone) file(now time.Time) []byte {
	var b bytes.Buffer
	b.WriteString("TZif")
	b.Write(make([]byte, 16))
	put := func(values ...int) {
		for _, v := range values {
			_ = binary.Write(&b, binary.BigEndian, int32(v)) // a buffer takes everything
		}
	}
	put(0, 0, 0, 1, 2, 8) // counts: one change, two kinds of time, two names of four bytes
	put(int(now.Add(-z.ago).Unix()))
	b.WriteByte(1) // from then on it is the second kind
	put(z.before)
	b.Write([]byte{0, 0})
	put(z.now)
	b.Write([]byte{0, 4})
	b.WriteString("OLD\x00NEW\x00")
	return b.Bytes()
}
