package knownhosts

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/crypto/ssh"
)

// testKey returns the ed25519 key number n, always the same.
func testKey(t testing.TB, n int) ssh.PublicKey { return testSigner(t, n).PublicKey() }

func testSigner(t testing.TB, n int) ssh.Signer {
	t.Helper()
	seed := sha256.Sum256([]byte(strconv.Itoa(n)))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// entry is a line of a known_hosts file.
func entry(names string, key ssh.PublicKey) string {
	return names + " " + string(ssh.MarshalAuthorizedKey(key))
}

// tenThousand is an index of 10,000 hosts, all with the same key.
func tenThousand(t testing.TB, hash bool) *Index {
	t.Helper()
	key := testKey(t, 1)
	var file bytes.Buffer
	for i := range 10_000 {
		name := fmt.Sprintf("host%d.example.com", i)
		if hash {
			name = hashName(name)
		}
		file.WriteString(entry(name, key))
	}
	x := &Index{names: map[string][]int{}}
	if warnings, err := x.read("known_hosts", &file); err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	return x
}

func BenchmarkLookup(b *testing.B) {
	for _, hash := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "hashed"}[hash], func(b *testing.B) {
			x, key := tenThousand(b, hash), testKey(b, 1)
			b.ReportAllocs()
			for b.Loop() {
				if err := x.Lookup("host7000.example.com", 22).Check(key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestLookup_hashedMakesNoGarbage(t *testing.T) {
	x := tenThousand(t, true)
	allocs := testing.AllocsPerRun(3, func() { x.Lookup("host7000.example.com", 22) })
	limit := 30.0
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		limit += 20_000 // crypto/sha1 makes some then, two a line
	}
	if allocs > limit {
		t.Errorf("%v allocations for 10,000 hashed lines", allocs)
	}
}
