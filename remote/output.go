package remote

import (
	"bytes"
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
	max   int           // below 0 counts as 0
	end   []byte        // bytes after which nothing more is needed; nil: none
	ended chan struct{} // closed when what is kept ends with end
	cue   *cue          // hears everything; nil: nobody listens
	total atomic.Int64
}

// fill reads r to its end, or until it has more than spare bytes beyond the cap.
// It reports whether it was the latter.
func (c *capture) fill(r io.Reader, spare int) (over bool) {
	var rest []byte
	whole := len(c.end) == 0
	for {
		room := c.max - len(c.kept)
		// One byte more than fits tells a full stream from one that is cut.
		if room > 0 {
			c.kept = slices.Grow(c.kept, min(room, readSize))
			n, err := r.Read(c.kept[len(c.kept) : len(c.kept)+min(room, cap(c.kept)-len(c.kept))])
			c.kept = c.kept[:len(c.kept)+n]
			c.total.Add(int64(n))
			c.cue.hear(c.kept[len(c.kept)-n:])
			if !whole && bytes.HasSuffix(c.kept, c.end) {
				whole = true
				close(c.ended)
			}
			if err != nil {
				return false
			}
			continue
		}
		if rest == nil {
			rest = make([]byte, readSize)
		}
		n, err := r.Read(rest)
		c.total.Add(int64(n))
		c.cue.hear(rest[:n])
		spare -= n
		if err != nil || spare < 0 {
			return spare < 0
		}
	}
}
