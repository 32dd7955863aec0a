package knownhosts

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Check tells whether the host may show key, a plain key or a certificate. The
// error is a *RevokedError, *CertError, *ChangedError or *UnknownError.
//
// As in OpenSSH, a certificate that no authority covers counts as its plain
// key, and a host at another port than 22 that nothing is known about may show
// a key that is known for it without a port.
func (m *Match) Check(key ssh.PublicKey) error {
	err := m.check(key)
	var unknown *UnknownError
	if m.name == m.host || !errors.As(err, &unknown) {
		return err
	}
	withoutPort := &Match{index: m.index, name: m.host, host: m.host, lines: m.index.find(m.host)}
	portErr := withoutPort.check(key)
	var revoked *RevokedError
	if portErr == nil || errors.As(portErr, &revoked) {
		return portErr
	}
	return err
}

func (m *Match) check(key ssh.PublicKey) error {
	shown := m.presented(key)
	if err := m.checkRevoked(shown, key); err != nil {
		return err
	}
	plain := key
	var certErr error
	if cert, ok := key.(*ssh.Certificate); ok {
		trusted, err := m.checkCert(shown, cert)
		if trusted {
			return nil
		}
		certErr, plain = err, cert.Key
		shown = m.presented(plain)
	}
	known := m.with(MarkerNone)
	if slices.ContainsFunc(known, func(l Line) bool { return sameKey(l.Key, plain) }) {
		return nil
	}
	switch {
	case certErr != nil:
		return certErr
	case len(known) > 0:
		return &ChangedError{Presented: shown, Known: known}
	}
	return &UnknownError{Presented: shown, Others: m.with(MarkerCA)}
}

func sameKey(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// checkRevoked looks for the key, and for a certificate also for the key in it
// and for its authority.
func (m *Match) checkRevoked(shown Presented, key ssh.PublicKey) error {
	cert, _ := key.(*ssh.Certificate)
	for _, l := range m.with(MarkerRevoked) {
		switch {
		case sameKey(l.Key, key), cert != nil && sameKey(l.Key, cert.Key):
			return &RevokedError{Presented: shown, Revoked: []Line{l}}
		case cert != nil && sameKey(l.Key, cert.SignatureKey):
			return &RevokedError{Presented: shown, Revoked: []Line{l}, CA: true}
		}
	}
	return nil
}

// checkCert tells whether an authority of this host signed cert and cert is
// good. The error is nil when no authority of the host signed it.
func (m *Match) checkCert(shown Presented, cert *ssh.Certificate) (trusted bool, err error) {
	authorities := m.with(MarkerCA)
	if !slices.ContainsFunc(authorities, func(l Line) bool { return sameKey(l.Key, cert.SignatureKey) }) {
		return false, nil
	}
	bad := &CertError{Presented: shown, CA: ssh.FingerprintSHA256(cert.SignatureKey), Known: authorities}
	// CheckCert knows nothing of hosts and users, and takes SHA-1.
	switch checker := (ssh.CertChecker{}); {
	case cert.CertType != ssh.HostCert:
		bad.Reason = "it is not a host certificate"
	case cert.Signature == nil || cert.Signature.Format == ssh.KeyAlgoRSA:
		bad.Reason = "it is signed with SHA-1"
	default:
		err := checker.CheckCert(m.host, cert)
		if err == nil {
			return true, nil
		}
		bad.Reason = strings.TrimPrefix(err.Error(), "ssh: ")
	}
	return false, bad
}

// Algorithms re-orders supported, which must be in order of preference, so that
// the host is asked first for what it is known by: certificates when an
// authority covers it, then the types of its known keys, then the rest. Nothing
// is left out: a host that shows another key is to be refused for that key. A
// host whose known key already fits the first choice is asked as it is.
func (m *Match) Algorithms(supported []string) []string {
	known := map[string]bool{}
	for _, l := range m.with(MarkerNone) {
		known[l.Key.Type()] = true
	}
	authority := len(m.with(MarkerCA)) > 0
	if len(supported) > 0 && known[keyType(supported[0])] {
		return supported
	}
	var first, rest []string
	for _, algorithm := range supported {
		if (authority && isCert(algorithm)) || known[keyType(algorithm)] {
			first = append(first, algorithm)
		} else {
			rest = append(rest, algorithm)
		}
	}
	return append(first, rest...)
}

func isCert(algorithm string) bool { return strings.Contains(algorithm, "-cert-v0") }

// keyType is the type of the plain key that an algorithm signs with.
func keyType(algorithm string) string {
	plain := strings.Replace(algorithm, "-cert-v01@openssh.com", "", 1)
	switch {
	case plain == ssh.KeyAlgoRSASHA256 || plain == ssh.KeyAlgoRSASHA512:
		return ssh.KeyAlgoRSA
	case plain != algorithm && strings.HasPrefix(plain, "sk-"):
		return plain + "@openssh.com"
	}
	return plain
}
