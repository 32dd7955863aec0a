package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
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
	window    = 32 << 10        // how far back the format can refer
	seedBytes = 16 << 10        // more would save little, and is read again for each base
	docBytes  = 64 << 20        // no text of ours is larger; a damaged file may say so
	level     = flate.BestSpeed // texts this short are hardly smaller at others
)

// errTooLarge is a text beyond docBytes.
var errTooLarge = errors.New("a text in it is larger than any that was stored")

// packer compresses, and gives back what was compressed. It is for one goroutine.
type packer struct {
	unpacker
	writer *flate.Writer
}

func newPacker() *packer {
	p := &packer{}
	p.writer, _ = flate.NewWriter(&p.out, level) // the level exists, so that there is no error
	return p
}

// pack compresses text with dict as its dictionary; the result is empty when the
// two are the same.
func (p *packer) pack(text, dict []byte) ([]byte, error) {
	if bytes.Equal(text, dict) {
		return []byte{}, nil
	}
	p.out.Reset()
	p.writer.ResetDict(&p.out, tail(dict))
	if _, err := p.writer.Write(text); err != nil {
		return nil, err
	}
	if err := p.writer.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(p.out.Bytes()), nil
}

// tail is as much of a dictionary as the format can refer to.
func tail(dict []byte) []byte { return dict[max(0, len(dict)-window):] }

// unpacker decompresses what a packer made. It is for one goroutine.
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
