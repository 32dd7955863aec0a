package knownhosts

import (
	"fmt"

	"golang.org/x/crypto/ssh"
)

// Presented is the key that a host showed, in the words of its errors.
type Presented struct {
	Host        string // as in known_hosts: name, or [name]:port
	KeyType     string // such as ssh-ed25519
	Fingerprint string // SHA256:…; of a certificate that of the key in it
	Key         ssh.PublicKey
}

func (m *Match) presented(key ssh.PublicKey) Presented {
	return Presented{m.name, key.Type(), ssh.FingerprintSHA256(plainKey(key)), key}
}

func plainKey(key ssh.PublicKey) ssh.PublicKey {
	if cert, ok := key.(*ssh.Certificate); ok {
		return cert.Key
	}
	return key
}

// UnknownError says that no line knows the host by a key. Only such a host may
// be added to a file.
type UnknownError struct {
	Presented
	Others []Line // authorities for this host, none of which signed what it showed
}

// Error names host and key, and no path.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("no %s host key is known for %s; it shows %s", e.KeyType, e.Host, e.Fingerprint)
}

// ChangedError says that the host is known by other keys, of whatever type: a
// host that is known by one type must not pass for new by showing another.
type ChangedError struct {
	Presented
	Known []Line // never empty
}

// SameType tells whether one of the known keys has the type that was shown. If
// not, the host may only have lost the known type.
func (e *ChangedError) SameType() bool {
	for _, l := range e.Known {
		if l.Key.Type() == e.KeyType {
			return true
		}
	}
	return false
}

// Error names host and key, and no path.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("the host key of %s is not the known one: it shows %s %s", e.Host, e.KeyType, e.Fingerprint)
}

// RevokedError says that a @revoked line names the key or its authority.
type RevokedError struct {
	Presented
	Revoked []Line // never empty
	CA      bool   // the authority is revoked, not the key itself
}

// Error names host and key, and no path.
func (e *RevokedError) Error() string {
	what := "host key"
	if e.CA {
		what = "authority of the host certificate"
	}
	return fmt.Sprintf("the %s of %s is revoked: it shows %s %s", what, e.Host, e.KeyType, e.Fingerprint)
}

// CertError says why a host certificate of a trusted authority is not accepted.
type CertError struct {
	Presented
	CA     string // SHA256 fingerprint of the authority
	Reason string
	Known  []Line // the authorities that are trusted for this host
}

// Error names host and key, and no path.
func (e *CertError) Error() string {
	return fmt.Sprintf("the host certificate of %s is not valid: %s", e.Host, e.Reason)
}
