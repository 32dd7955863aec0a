package remote

import (
	"sync"

	"golang.org/x/crypto/ssh"
)

// Shared is what all Dialers of one run have to agree on: what became of its
// passwords, and the host keys that it took in. The zero value is not usable.
type Shared struct {
	password *password
	sudo     *password // what sudo wants, which may be another

	mu       sync.Mutex
	accepted map[string]string // known_hosts name -> key taken in by accept-new, in wire form
}

// NewShared is for Options of several Dialers.
func NewShared() *Shared {
	return &Shared{password: newPassword(), sudo: newPassword(), accepted: map[string]string{}}
}

// takeIn remembers key for host unless there is one already: an index that was
// read before does not know what the run added.
func (s *Shared) takeIn(host string, key ssh.PublicKey) (known string, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, found := s.accepted[host]; found {
		return known, false
	}
	s.accepted[host] = string(key.Marshal())
	return "", true
}

func (s *Shared) forget(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.accepted, host)
}

// took tells whether this run is all that vouches for a key that a file holds by
// now: an index that was read later knows what the run added, and not by whom.
func (s *Shared) took(host string, key ssh.PublicKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted[host] == string(key.Marshal())
}
