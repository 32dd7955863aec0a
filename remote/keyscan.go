package remote

import (
	"context"
	"errors"
	"net"
	"slices"

	"golang.org/x/crypto/ssh"

	"twaudit/remote/knownhosts"
)

// KeyStatus is what known_hosts says to a key.
type KeyStatus string

// The statuses of a host key.
const (
	KeyKnown   KeyStatus = "known"
	KeyUnknown KeyStatus = "unknown"
	KeyChanged KeyStatus = "changed" // the host is known by other keys
	KeyRevoked KeyStatus = "revoked"
)

// HostKey is a key that a host proved to own.
type HostKey struct {
	Type        string
	Fingerprint string // SHA256:…
	Line        string // as known_hosts would hold it, not hashed, without a newline
	Status      KeyStatus
}

// scannedKinds are asked for one by one: a server shows one key a connection.
var scannedKinds = [][]string{
	{ssh.KeyAlgoED25519},
	{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521},
	{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA},
}

// errScanned ends a key exchange that has shown the host's key.
var errScanned = errors.New("the key is all that was asked for")

// HostKeys returns the keys of t, one of each kind that it has, by the way on
// which Run would reach it. It logs in on jump hosts only, whose keys must be
// known as ever, and writes nothing. What it returns is for a person to compare:
// the network that showed the keys cannot vouch for them.
func (d *Dialer) HostKeys(ctx context.Context, t Target) ([]HostKey, error) {
	r, failure := d.route(ctx, t)
	if failure != nil {
		return nil, failure
	}
	var keys []HostKey
	for _, kind := range scannedKinds {
		key, failure := d.scan(ctx, r, kind)
		if failure != nil {
			return keys, failure
		}
		if key != nil {
			keys = append(keys, *key)
		}
	}
	return keys, nil
}

// scan returns nil when the host has no key of this kind, or the settings rule
// the kind out.
func (d *Dialer) scan(ctx context.Context, r *route, kind []string) (*HostKey, *Error) {
	use, failure := d.algorithms.chosen(r.set)
	if failure != nil {
		return nil, failure
	}
	kind = slices.DeleteFunc(slices.Clone(kind), func(name string) bool { return !slices.Contains(use.hostKeys, name) })
	if len(kind) == 0 {
		return nil, nil
	}
	a := d.attempt(ctx, r)
	defer a.close()
	a.direct = true
	if failure := a.reach(); failure != nil {
		return nil, failure
	}
	a.enter(StageHandshake)
	a.resume()
	hostKey, failure := d.checkHostKey(a)
	if failure != nil {
		return nil, failure
	}
	a.hostKey, a.keys = hostKey, &offer{}
	var shown ssh.PublicKey
	_, _, _, err := ssh.NewClientConn(a.tcp, r.set.HostName, &ssh.ClientConfig{
		Config: use.Config, HostKeyAlgorithms: kind,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			shown = key
			return errScanned
		},
	})
	var mismatch *ssh.AlgorithmNegotiationError
	switch {
	case errors.Is(err, errScanned):
		return a.hostKey.scanned(shown)
	case errors.As(err, &mismatch) && mismatch.What == "host key":
		return nil, nil
	}
	return nil, a.loginFailure(err)
}

// scanned compares a key with what is known.
func (h *hostKeyCheck) scanned(key ssh.PublicKey) (*HostKey, *Error) {
	line, err := knownhosts.Format(h.name, h.port, key, false)
	if err != nil {
		return nil, &Error{Stage: StageHostKey, Message: "the name of the host cannot stand in known_hosts", Hint: clean(err), Err: err}
	}
	found := &HostKey{Type: key.Type(), Fingerprint: ssh.FingerprintSHA256(key), Line: line[:len(line)-1], Status: KeyKnown}
	var (
		unknown *knownhosts.UnknownError
		revoked *knownhosts.RevokedError
	)
	switch err := h.match.Check(key); {
	case err == nil:
	case errors.As(err, &unknown):
		found.Status = KeyUnknown
	case errors.As(err, &revoked):
		found.Status = KeyRevoked
	default:
		found.Status = KeyChanged
	}
	return found, nil
}
