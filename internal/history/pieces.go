package history

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

// How a host's JSON is kept small. Hosts of a fleet resemble each other, and a
// host resembles itself an hour ago:
//
//   - a seed is the text of a few hosts, some 16 KB, stored with the first run of
//     a fleet;
//   - a base is the text of one host, compressed with the seed as its dictionary;
//   - a doc, the text of a host in one run, is compressed with its base as the
//     dictionary, and is empty when the two are the same.
//
// To read a doc takes two steps back and never more: no chain grows with time. A
// host gets a new base when its doc no longer resembles the old one.
const (
	window    = 32 << 10 // how far back the format can refer
	seedBytes = 16 << 10 // more would save little, and is read again for each base
	docBytes  = 64 << 20 // no text of ours is larger; a damaged file may say so
	level     = 3        // as small as 6 to a tenth, in half the time
)

// errTooLarge is a text beyond docBytes.
var errTooLarge = errors.New("a text in it is larger than any that was stored")

// packer compresses. It is for one goroutine.
type packer struct {
	seed   []byte
	seeded *flate.Writer // with seed as its dictionary
	plain  *flate.Writer
	old    unpacker // of the bases that are there
	out    bytes.Buffer
}

func newPacker(seed []byte) *packer {
	p := &packer{seed: seed}
	// The levels exist, so that there is no error.
	p.seeded, _ = flate.NewWriterDict(&p.out, level, seed)
	p.plain, _ = flate.NewWriter(&p.out, level)
	return p
}

// base compresses text with the seed as its dictionary.
func (p *packer) base(text []byte) ([]byte, error) {
	p.out.Reset()
	p.seeded.Reset(&p.out)
	if _, err := p.seeded.Write(text); err != nil {
		return nil, err
	}
	if err := p.seeded.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(p.out.Bytes()), nil
}

// doc compresses text with base as its dictionary. A writer's dictionary cannot
// be replaced, and a new writer costs more than it compresses: base is written
// first, and what becomes of that is thrown away. A reader with base as its
// dictionary then stands where this writer stood.
func (p *packer) doc(text, base []byte) ([]byte, error) {
	if bytes.Equal(text, base) {
		return nil, nil
	}
	p.out.Reset()
	p.plain.Reset(&p.out)
	if _, err := p.plain.Write(tail(base)); err != nil {
		return nil, err
	}
	if err := p.plain.Flush(); err != nil {
		return nil, err
	}
	head := p.out.Len()
	if _, err := p.plain.Write(text); err != nil {
		return nil, err
	}
	if err := p.plain.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(p.out.Bytes()[head:]), nil
}

// tail is as much of a dictionary as the format can refer to.
func tail(dict []byte) []byte { return dict[max(0, len(dict)-window):] }

// unpacker decompresses what packer made. It is for one goroutine.
type unpacker struct {
	in     bytes.Reader
	reader io.ReadCloser
	out    bytes.Buffer
}

// unpack returns the text that was compressed with dict; no data is dict itself.
func (u *unpacker) unpack(data, dict []byte) ([]byte, error) {
	if len(data) == 0 {
		return dict, nil
	}
	u.in.Reset(data)
	if u.reader == nil {
		u.reader = flate.NewReaderDict(&u.in, tail(dict))
	} else if err := u.reader.(flate.Resetter).Reset(&u.in, tail(dict)); err != nil {
		return nil, err
	}
	u.out.Reset()
	n, err := u.out.ReadFrom(io.LimitReader(u.reader, docBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("a text in it cannot be read: %w", err)
	case n > docBytes:
		return nil, errTooLarge
	}
	return bytes.Clone(u.out.Bytes()), nil
}
