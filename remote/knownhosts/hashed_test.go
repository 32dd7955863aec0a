package knownhosts

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // known_hosts has no other hash
	"strings"
	"testing"
)

// Names on both sides of what fits in one block, several keys with one mac.
func TestMAC(t *testing.T) {
	t.Parallel()
	for length := range 130 {
		name := strings.Repeat("h", length)
		m := newMAC(name)
		if want := length <= 55; m.oneBlock != want {
			t.Errorf("%d bytes: one block %v, want %v", length, m.oneBlock, want)
		}
		for _, salt := range []string{"", "01234567890123456789"} {
			oracle := hmac.New(sha1.New, []byte(salt))
			oracle.Write([]byte(name))
			l := &hashedLine{inner: keyState([]byte(salt), 0x36), outer: keyState([]byte(salt), 0x5c)}
			if got := m.of(l); string(got[:]) != string(oracle.Sum(nil)) {
				t.Errorf("%d bytes, salt %q: %x, want %x", length, salt, got, oracle.Sum(nil))
			}
		}
	}
}
