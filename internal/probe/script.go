package probe

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Version is what the begin mark carries. It changes with the wire format: a
// host that answers with another one runs an installed copy of another age.
const Version = 1

//go:embed probe.sh
var script string

// Script is the probe as it is sent to a host: the same bytes on every run, so
// that its hash means something.
func Script() string { return script }

// SHA256 is the hash of Script in lower-case hex.
func SHA256() string {
	sum := sha256.Sum256([]byte(script))
	return hex.EncodeToString(sum[:])
}

// NewNonce reads 16 bytes of random, which should be crypto/rand.Reader, and
// returns them as the 32 hex digits that mark the answer of one run.
func NewNonce(random io.Reader) (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("nonce: %w", err)
	}
	return hex.EncodeToString(raw[:]), nil
}

// ManualNonce is what a script uses that was started by hand.
const ManualNonce = "00000000000000000000000000000000"

// Options are what one run asks of the probe. The zero value is one reading,
// no logs, no addresses and the script's own limit of time.
type Options struct {
	Sample      time.Duration // distance of the two counter readings, to the millisecond; 0: one reading
	Since       time.Duration // how far back logs are searched; 0: the script's default of 30 days
	Limit       time.Duration // after which the probe ends itself; 0: the script's default of 60 s
	Logs        string        // auto, full or none; empty is none
	Peers       bool          // aggregate TIME_WAIT by remote address too
	ListSockets bool          // list sockets also where it is dear (old kernels with many)
}

// CommandLine is the remote command that reads Script on its standard input.
// It is made of bare words, which every login shell reads alike; with sudo it
// is one line for sh, which runs the script as root where sudo needs no
// password, and otherwise as the login with the word sudo=denied.
func CommandLine(nonce string, o Options, sudo bool) string {
	words := strings.Join(append([]string{nonce}, o.words()...), " ")
	if !sudo {
		return "sh -s -- " + words
	}
	// No "!" and no newline: csh would expand the one and stop at the other.
	// The test gets /dev/null, for it would swallow the script.
	return `sh -c 'if sudo -n sh -c : </dev/null >/dev/null 2>&1; then exec sudo -n sh -s -- "$@"; ` +
		`else exec sh -s -- "$@" sudo=denied; fi' sh ` + words
}

// words spells the options as key=value with digits and lower-case letters
// only: the script and a forced command accept nothing else.
func (o Options) words() []string {
	words := []string{"sample=" + strconv.FormatInt(max(0, o.Sample.Milliseconds()), 10)}
	if o.Since > 0 {
		words = append(words, "since="+seconds(o.Since))
	}
	if o.Limit > 0 {
		words = append(words, "limit="+seconds(o.Limit))
	}
	logs := o.Logs
	if logs != "auto" && logs != "full" {
		logs = "none"
	}
	words = append(words, "logs="+logs, "peers="+flag(o.Peers))
	if o.ListSockets {
		words = append(words, "sockets=1")
	}
	return words
}

// seconds rounds up, so that a short but positive time never becomes none.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
