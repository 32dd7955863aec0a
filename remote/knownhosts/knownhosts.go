// Package knownhosts is an index over known_hosts files: which keys a host may
// show, which authorities may vouch for it, and which keys are revoked.
//
// It reads the files once, skips what it cannot read with a warning as OpenSSH
// does, and trusts nothing that no line says. The one thing it writes is a line
// that Append is asked for. Start with Load and Index.Lookup.
package knownhosts

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/text"
)

// Markers of a line.
const (
	MarkerNone    = ""
	MarkerCA      = "cert-authority" // the key signs host certificates, and is no host key
	MarkerRevoked = "revoked"        // the key must never be accepted
)

// Line is one entry of a known_hosts file.
type Line struct {
	File   string
	Line   int
	Marker string
	Key    ssh.PublicKey
}

// Index holds the lines of all files. It does not change after Load, and is
// safe for concurrent use.
type Index struct {
	lines    []Line
	names    map[string][]int // by name as written: lines that hold no pattern
	patterns []patternLine
	hashed   []hashedLine
}

// patternLine is a line with *, ? or ! in some name.
type patternLine struct {
	names []string
	line  int
}

// Match is what the files say about one host and port.
type Match struct {
	index *Index
	name  string // as in known_hosts: host, or [host]:port
	host  string // without port, in lower case
	lines []Line
}

// Lookup returns what the files say about host at port; 0 and 22 are the same.
// A HostKeyAlias is looked up as host with port 22, as OpenSSH does it.
func (x *Index) Lookup(host string, port int) *Match {
	host = strings.ToLower(host)
	name := hostPort(host, port)
	return &Match{index: x, name: name, host: host, lines: x.find(name)}
}

// hostPort is how known_hosts names a host at a port.
func hostPort(host string, port int) string {
	if port == 0 || port == 22 {
		return host
	}
	return "[" + host + "]:" + strconv.Itoa(port)
}

// find returns the lines that name name, in the order of the files.
func (x *Index) find(name string) []Line {
	found := slices.Clone(x.names[name])
	for _, p := range x.patterns {
		if text.MatchList(p.names, name) {
			found = append(found, p.line)
		}
	}
	found = appendHashed(found, x.hashed, name)
	slices.Sort(found)
	lines := make([]Line, len(found))
	for i, id := range found {
		lines[i] = x.lines[id]
	}
	return lines
}

// Known returns the lines that name the host, revoked keys and authorities
// among them, in the order of the files. Callers must not change it.
func (m *Match) Known() []Line { return m.lines }

// Name is the host as known_hosts names it: host, or [host]:port. It is what
// ssh-keygen -R takes.
func (m *Match) Name() string { return m.name }

// with returns the lines of one marker.
func (m *Match) with(marker string) []Line {
	var lines []Line
	for _, l := range m.lines {
		if l.Marker == marker {
			lines = append(lines, l)
		}
	}
	return lines
}
