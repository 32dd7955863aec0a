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
	p := newPacker()
	seed := bytes.Repeat(host(3), 10)
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
		{"the first host of a fleet", seed, host(4), 60},
		{"after all of these", host(1), host(2), 80},
	} {
		doc, err := p.pack(c.text, c.base)
		if err != nil {
			t.Fatal(err)
		}
		if len(doc) > c.atMost {
			t.Errorf("%s: %d bytes, want at most %d", c.name, len(doc), c.atMost)
		}
		if got, err := p.unpack(doc, c.base); err != nil || !bytes.Equal(got, c.text) {
			t.Errorf("%s: %d bytes came back (%v), want %d", c.name, len(got), err, len(c.text))
		}
	}
}

func FuzzUnpack(f *testing.F) {
	p := newPacker()
	for _, words := range []string{"", "text", "base text", "a longer text that repeats, repeats, repeats"} {
		doc, err := p.pack([]byte(words), []byte("base text"))
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

// FuzzPack packs two texts with one packer, each with the other as its dictionary.
func FuzzPack(f *testing.F) {
	f.Add([]byte(`{"name":"web1","buckets":100}`), []byte(`{"name":"web2","buckets":4000}`))
	f.Add([]byte{}, []byte("x"))
	f.Add(bytes.Repeat([]byte("0123456789abcdef"), 4<<10), bytes.Repeat([]byte("fedcba98"), 9<<10))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		p := newPacker()
		for _, c := range [][2][]byte{{one, two}, {two, one}, {one, nil}, {one, one}} {
			data, err := p.pack(c[0], c[1])
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.unpack(data, c[1]); err != nil || !bytes.Equal(got, c[0]) {
				t.Fatalf("%q with %q came back as %q: %v", c[0], c[1], got, err)
			}
		}
	})
}
