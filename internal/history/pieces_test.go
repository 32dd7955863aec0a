package history

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestPieces_come_back_whole_and_small(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	host := func(n int) []byte {
		return fmt.Appendf(nil, `{"name":"web%d","buckets":%d,"noise":"%x"}`, n, n*7919, n*104729)
	}
	var long []byte
	for i := range 2500 {
		long = append(long, host(i)...)
	}
	p, u := newPacker(bytes.Repeat(host(3), 10)), &unpacker{}
	for _, c := range []struct {
		name       string
		base, text []byte
		atMost     int
	}{
		{"the same", host(1), host(1), 0},
		{"a little different", host(1), host(2), 80},
		{"empty after something", host(1), []byte{}, 10},
		{"something after nothing", nil, host(1), 100},
		{"longer than the window", long, append(bytes.Clone(long), "more"...), len(long) / 3},
		{"begins like a long base ends", long, long[len(long)-20_000:], 2000},
		{"noise", noise(5000), noise(5000), 5100},
	} {
		doc, err := p.doc(c.text, c.base)
		if err != nil {
			t.Fatal(err)
		}
		if len(doc) > c.atMost {
			t.Errorf("%s: %d bytes, want at most %d", c.name, len(doc), c.atMost)
		}
		if got, err := u.unpack(doc, c.base); err != nil || !bytes.Equal(got, c.text) {
			t.Errorf("%s: %d bytes came back (%v), want %d", c.name, len(got), err, len(c.text))
		}
	}
	base, err := p.base(host(4))
	if err != nil || len(base) > 60 {
		t.Errorf("a base has %d bytes: %v", len(base), err)
	}
	if got, err := u.unpack(base, p.seed); err != nil || !bytes.Equal(got, host(4)) {
		t.Errorf("the base came back as %q: %v", got, err)
	}
}

func FuzzUnpack(f *testing.F) {
	p := newPacker([]byte("seed"))
	for _, words := range []string{"", "text", "seed", "a longer text that repeats, repeats, repeats"} {
		doc, err := p.doc([]byte(words), []byte("base text"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc, []byte("base text"))
	}
	f.Fuzz(func(t *testing.T, data, dict []byte) {
		u := &unpacker{}
		first, err := u.unpack(data, dict)
		if err == nil && len(first) > docBytes {
			t.Errorf("%d bytes", len(first))
		}
		// What came before leaves nothing behind.
		if again, err2 := u.unpack(data, dict); (err == nil) != (err2 == nil) || !bytes.Equal(first, again) {
			t.Errorf("%q, then %q", first, again)
		}
	})
}
