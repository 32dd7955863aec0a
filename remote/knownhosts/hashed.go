package knownhosts

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // known_hosts has no other hash
	"encoding"
	"encoding/base64"
	"hash"
	"strings"
)

// keyed is the state of SHA-1 after one block of HMAC key.
type keyed []byte

// hashedLine is a line whose name is hashed: |1|salt|HMAC-SHA1(salt, name). The
// states after the padded salt are kept, which halves the work of a comparison,
// and lets all of them share one hash.
type hashedLine struct {
	inner, outer keyed
	sum          [sha1.Size]byte
	line         int
}

// newHashedLine reads the name field of a line.
func newHashedLine(name string, line int) (hashedLine, bool) {
	h := hashedLine{line: line}
	fields := strings.Split(name, "|")
	if len(fields) != 4 || fields[1] != "1" {
		return h, false
	}
	salt, err := base64.StdEncoding.DecodeString(fields[2])
	sum, err2 := base64.StdEncoding.DecodeString(fields[3])
	if err != nil || err2 != nil || len(salt) != sha1.Size || len(sum) != sha1.Size {
		return h, false
	}
	h.inner, h.outer = keyState(salt, 0x36), keyState(salt, 0x5c)
	copy(h.sum[:], sum)
	return h, true
}

// keyState hashes the salt, padded as HMAC (RFC 2104) wants it.
func keyState(salt []byte, pad byte) keyed {
	block := make([]byte, sha1.BlockSize)
	copy(block, salt)
	for i := range block {
		block[i] ^= pad
	}
	h := sha1.New()
	h.Write(block)
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic("knownhosts: sha1 cannot save its state: " + err.Error())
	}
	return state
}

// appendHashed appends the lines that hash name. It allocates once for all of
// them: with 10,000 lines each allocation counts.
func appendHashed(found []int, lines []hashedLine, name string) []int {
	if len(lines) == 0 {
		return found
	}
	h, message := sha1.New(), []byte(name)
	restore := h.(encoding.BinaryUnmarshaler)
	sum := make([]byte, 0, sha1.Size)
	for i := range lines {
		l := &lines[i]
		if err := l.hash(h, restore, message, sum); err == nil && [sha1.Size]byte(sum[:sha1.Size]) == l.sum {
			found = append(found, l.line)
		}
	}
	return found
}

// hash puts HMAC(salt, message) into the array of sum.
func (l *hashedLine) hash(h hash.Hash, restore encoding.BinaryUnmarshaler, message, sum []byte) error {
	if err := restore.UnmarshalBinary(l.inner); err != nil {
		return err
	}
	h.Write(message)
	sum = h.Sum(sum[:0])
	if err := restore.UnmarshalBinary(l.outer); err != nil {
		return err
	}
	h.Write(sum)
	h.Sum(sum[:0])
	return nil
}

// hashName returns the hashed form of name with a new salt.
func hashName(name string) string {
	salt := make([]byte, sha1.Size)
	rand.Read(salt) // never fails, says crypto/rand
	l := hashedLine{inner: keyState(salt, 0x36), outer: keyState(salt, 0x5c)}
	h := sha1.New()
	sum := make([]byte, sha1.Size)
	if err := l.hash(h, h.(encoding.BinaryUnmarshaler), []byte(name), sum); err != nil {
		panic("knownhosts: sha1 cannot restore its own state: " + err.Error())
	}
	return "|1|" + base64.StdEncoding.EncodeToString(salt) + "|" + base64.StdEncoding.EncodeToString(sum)
}
