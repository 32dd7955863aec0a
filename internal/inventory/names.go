package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"twaudit/internal/text"
	"twaudit/remote"
)

// named is one host as it was written.
type named struct {
	name   string
	target remote.Target
}

// reader is what the parsers of one Load share.
type reader struct {
	many      bool   // Request.ManyAddresses
	sshConfig string // Request.SSHConfig
	oneConfig bool   // Request.OneConfig
	home      string // Request.Home
	most      int    // hosts of one word; 0 is maxHosts
	addresses int    // that networks and address ranges held so far
	seen      map[string]details
}

// names reads one word of a list or of the command line: [user@]host[:port], a
// network, a range of addresses, or several of these with ranges and commas.
func (r *reader) names(word string) ([]named, error) {
	if !text.HasRange(word) {
		return r.single(word)
	}
	all, err := text.Expand(word, cmp.Or(r.most, maxHosts))
	if err != nil {
		return nil, err
	}
	hosts := make([]named, 0, len(all))
	for _, name := range all {
		found, err := r.single(name)
		if err != nil {
			return nil, fmt.Errorf("in %s: %w", quote(word), err)
		}
		hosts = append(hosts, found...)
	}
	return hosts, nil
}

// single reads a word without ranges in brackets.
func (r *reader) single(word string) ([]named, error) {
	user, host := cutUser(word)
	if first, last, found := addressRange(host); found {
		return r.between(word, user, first, last)
	}
	if strings.Contains(host, "://") {
		return nil, fmt.Errorf("host %s: write it as [user@]host[:port]", quote(word))
	}
	if strings.Contains(host, "/") {
		return r.network(word, user, host)
	}
	if cut := shortRange.FindStringSubmatch(host); cut != nil {
		return nil, fmt.Errorf("addresses %s: write %s%s-%s%s", quote(word), cut[1], cut[2], cut[1], cut[3])
	}
	target, err := oneTarget(word)
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", quote(word), err)
	}
	return []named{{word, target}}, nil
}

// shortRange is how other tools abbreviate a range. A host could have this name.
var shortRange = regexp.MustCompile(`^((?:\d{1,3}\.){3})(\d{1,3})-(\d{1,3})$`)

// oneTarget is parseTarget for a name that must not be a pattern.
func oneTarget(name string) (remote.Target, error) {
	target, err := parseTarget(name)
	if err == nil && isPattern(name) {
		err = errPattern
	}
	return target, err
}

// errPattern is a word that selects, in a place where hosts are named.
var errPattern = errors.New("a pattern selects among the hosts of an inventory, it names none")

// cutUser parts user@ and the rest; user keeps the @.
func cutUser(word string) (user, rest string) {
	at := strings.LastIndexByte(word, '@') + 1
	return word[:at], word[at:]
}

// addressRange reads FIRST-LAST. Host names hold dashes too, so that both ends
// must be addresses.
func addressRange(s string) (first, last netip.Addr, found bool) {
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		return first, last, false
	}
	first, err := netip.ParseAddr(from)
	if err != nil {
		return first, last, false
	}
	last, err = netip.ParseAddr(to)
	return first, last, err == nil
}

// maxAddresses is how many addresses networks and ranges may hold together
// before the operator has to be sure: a typing error in a prefix length is the
// difference between a rack and a continent.
const maxAddresses = 4096

// between lists every address from first to last.
func (r *reader) between(word, user string, first, last netip.Addr) ([]named, error) {
	switch {
	case first.BitLen() != last.BitLen() || first.Zone() != last.Zone():
		return nil, fmt.Errorf("addresses %s: both ends must be of one family", quote(word))
	case last.Less(first):
		return nil, fmt.Errorf("addresses %s: the range runs backwards", quote(word))
	}
	return r.count(word, user, first, last)
}

// network lists the addresses of a prefix that hosts can have: in IPv4 up to
// /30 without those of the network and of broadcast, in IPv6 up to /126 without
// the routers' anycast address; of longer prefixes all.
func (r *reader) network(word, user, host string) ([]named, error) {
	prefix, err := netip.ParsePrefix(host)
	if err != nil {
		return nil, fmt.Errorf("network %s: write ADDRESS/BITS, such as 10.0.0.0/28; a port goes into port=2222 or -p", quote(word))
	}
	if prefix.Masked() != prefix {
		return nil, fmt.Errorf("network %s: bits of a host are set: write %s for the network, or %s for the host", quote(word), prefix.Masked(), prefix.Addr())
	}
	first, last := prefix.Addr(), lastOf(prefix)
	if hostBits := first.BitLen() - prefix.Bits(); hostBits >= 2 {
		first = first.Next()
		if first.Is4() {
			last = last.Prev()
		}
	}
	return r.count(word, user, first, last)
}

// lastOf is the highest address of a prefix.
func lastOf(prefix netip.Prefix) netip.Addr {
	bytes := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	last, _ := netip.AddrFromSlice(bytes) // four or sixteen, as it was
	return last
}

// count walks from first to last, within the bounds of the whole request.
func (r *reader) count(word, user string, first, last netip.Addr) ([]named, error) {
	most := maxAddresses
	if r.many {
		most = maxHosts
	}
	var hosts []named
	for addr := first; addr.Compare(last) <= 0; addr = addr.Next() {
		if r.addresses++; r.addresses > most {
			return nil, tooMany(word, most, r.many)
		}
		target, err := parseTarget(user + addr.String())
		if err != nil {
			return nil, fmt.Errorf("addresses %s: %w", quote(word), err)
		}
		hosts = append(hosts, named{user + addr.String(), target})
		if addr == last { // the last address of all has no next
			break
		}
	}
	return slices.Clip(hosts), nil
}

func tooMany(word string, most int, really bool) error {
	way := "check the prefix, and add --yes-really if all of them are meant"
	if really {
		way = "that is more than one run can hold"
	}
	return fmt.Errorf("addresses %s: more than %s addresses in all: %s", quote(word), text.Count(int64(most)), way)
}
