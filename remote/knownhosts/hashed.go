package knownhosts

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // known_hosts has no other hash
	"encoding"
	"encoding/base64"
	"encoding/binary"
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
	m := newMAC(name)
	for i := range lines {
		if l := &lines[i]; m.of(l) == l.sum {
			found = append(found, l.line)
		}
	}
	return found
}

// mac computes HMAC-SHA1 of one message under many keys.
type mac struct {
	sha interface {
		hash.Hash
		encoding.BinaryUnmarshaler
		encoding.BinaryAppender
	}
	message []byte
	// The message and the inner sum, each padded to its one block: written whole,
	// a block goes through the hash as it is, and the state that it leaves is the
	// sum. That costs half of what Sum does. message is used where this is false.
	oneBlock     bool
	inner, outer [sha1.BlockSize]byte
	state        []byte
}

// Where the saved state of crypto/sha1 has its sum.
const stateFrom, stateTo = 4, 4 + sha1.Size

func newMAC(message string) *mac {
	m := &mac{message: []byte(message), state: make([]byte, 0, 128)}
	var able bool
	if m.sha, able = sha1.New().(interface {
		hash.Hash
		encoding.BinaryUnmarshaler
		encoding.BinaryAppender
	}); !able {
		panic("knownhosts: sha1 cannot save its state")
	}
	m.oneBlock = len(message) <= sha1.BlockSize-9
	if m.oneBlock {
		copy(m.inner[:], message)
		pad(&m.inner, len(message), sha1.BlockSize)
		pad(&m.outer, sha1.Size, sha1.BlockSize)
		// The form of a saved state is promised to nobody but the package itself.
		var empty [sha1.BlockSize]byte
		pad(&empty, 0, 0)
		m.sha.Write(empty[:])
		m.oneBlock = m.sum() == sha1.Sum(nil)
	}
	return m
}

// pad ends a message of which block holds the last used bytes, after before
// others.
func pad(block *[sha1.BlockSize]byte, used, before int) {
	block[used] = 0x80
	binary.BigEndian.PutUint64(block[sha1.BlockSize-8:], uint64(used+before)*8)
}

// sum is that of what was written, padding included.
func (m *mac) sum() (sum [sha1.Size]byte) {
	state, err := m.sha.AppendBinary(m.state[:0])
	if err == nil && len(state) >= stateTo {
		copy(sum[:], state[stateFrom:stateTo])
	}
	return sum
}

// of returns the code of the message under the key of l.
func (m *mac) of(l *hashedLine) [sha1.Size]byte {
	if !m.oneBlock {
		return m.long(l)
	}
	m.restore(l.inner)
	m.sha.Write(m.inner[:])
	sum := m.sum()
	copy(m.outer[:], sum[:])
	m.restore(l.outer)
	m.sha.Write(m.outer[:])
	return m.sum()
}

// long is for a message that fills more than a block.
func (m *mac) long(l *hashedLine) (sum [sha1.Size]byte) {
	m.restore(l.inner)
	m.sha.Write(m.message)
	inner := m.sha.Sum(m.state[:0])
	m.restore(l.outer)
	m.sha.Write(inner)
	m.sha.Sum(sum[:0])
	return sum
}

func (m *mac) restore(state keyed) {
	if err := m.sha.UnmarshalBinary(state); err != nil {
		panic("knownhosts: sha1 cannot restore its own state: " + err.Error())
	}
}

// hashName returns the hashed form of name with a new salt.
func hashName(name string) string {
	salt := make([]byte, sha1.Size)
	rand.Read(salt) // never fails, says crypto/rand
	sum := newMAC(name).of(&hashedLine{inner: keyState(salt, 0x36), outer: keyState(salt, 0x5c)})
	return "|1|" + base64.StdEncoding.EncodeToString(salt) + "|" + base64.StdEncoding.EncodeToString(sum[:])
}
