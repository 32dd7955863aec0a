package remote

import (
	"io"
	"slices"
	"sync/atomic"
)

// readSize is what is asked for at a time. Answers of a healthy host fit in a
// few of them.
const readSize = 4 << 10

// capture keeps the first max bytes of a stream and counts all of them.
type capture struct {
	kept  []byte
	max   int // below 0 counts as 0
	total atomic.Int64
}

// fill reads r to its end, or until it has more than the cap when stop is set.
// It reports whether there was more.
func (c *capture) fill(r io.Reader, stop bool) (over bool) {
	var rest []byte
	for {
		room := c.max - len(c.kept)
		// One byte more than fits tells a full stream from one that is cut.
		if room > 0 {
			c.kept = slices.Grow(c.kept, min(room, readSize))
			n, err := r.Read(c.kept[len(c.kept) : len(c.kept)+min(room, cap(c.kept)-len(c.kept))])
			c.kept = c.kept[:len(c.kept)+n]
			c.total.Add(int64(n))
			if err != nil {
				return over
			}
			continue
		}
		if rest == nil {
			rest = make([]byte, readSize)
		}
		n, err := r.Read(rest)
		c.total.Add(int64(n))
		over = over || n > 0
		if err != nil || over && stop {
			return over
		}
	}
}
