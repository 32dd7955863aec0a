package inventory

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"unicode"

	"twaudit/internal/text"
	"twaudit/remote"
)

// parseTarget reads [user@]host[:port] and ssh://[user@]host[:port]. The user
// ends at the last @, as for ssh.
func parseTarget(s string) (remote.Target, error) {
	var target remote.Target
	rest := s
	if len(s) > 6 && strings.EqualFold(s[:6], "ssh://") {
		rest = strings.TrimSuffix(s[6:], "/")
		if strings.ContainsAny(rest, "%;/") {
			return remote.Target{}, errors.New("an address that begins with ssh:// goes on with [user@]host[:port] and nothing else")
		}
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		target.User, rest = rest[:at], rest[at+1:]
		if err := checkUser(target.User); err != nil {
			return remote.Target{}, err
		}
	}
	host, port, err := splitPort(rest)
	if err != nil {
		return remote.Target{}, err
	}
	if err := checkHost(host); err != nil {
		return remote.Target{}, err
	}
	target.Alias = host
	if port == nil {
		return target, nil
	}
	if target.Port, err = parsePort(*port); err != nil {
		return remote.Target{}, err
	}
	return target, nil
}

// CheckName demands of a name from elsewhere what an inventory demands of the
// name of one host: no user, no port, no range, no pattern.
func CheckName(name string) error {
	hosts, err := (&reader{}).names(name)
	if err != nil {
		return err
	}
	if len(hosts) != 1 || hosts[0].name != name || hosts[0].target != (remote.Target{Alias: name}) {
		return fmt.Errorf("host %s: this is no plain host name", quote(name))
	}
	return nil
}

// splitPort parts host and port; port is nil when there is none.
func splitPort(s string) (host string, port *string, err error) {
	if inner, isBracket := strings.CutPrefix(s, "["); isBracket {
		host, rest, closed := strings.Cut(inner, "]")
		addr, err := netip.ParseAddr(host)
		if !closed || err != nil || !addr.Is6() {
			return "", nil, errors.New("brackets hold an IPv6 address, such as [2001:db8::1]:2222")
		}
		after, hasPort := strings.CutPrefix(rest, ":")
		switch {
		case hasPort:
			return host, &after, nil
		case rest != "":
			return "", nil, errors.New("after ] only :PORT may follow")
		}
		return host, nil, nil
	}
	host, after, hasPort := strings.Cut(s, ":")
	switch {
	case !hasPort:
		return s, nil, nil
	case !strings.Contains(after, ":"):
		return host, &after, nil
	}
	if _, err := netip.ParseAddr(s); err != nil {
		return "", nil, errors.New("more than one ':' and no IPv6 address; with a port write [2001:db8::1]:2222")
	}
	return s, nil, nil
}

// quad is what can only be meant as an IPv4 address: no domain ends in a number.
var quad = regexp.MustCompile(`^\d+(\.\d+){3}$`)

// checkHost refuses what OpenSSH's client refuses as a host name since 9.6: a
// name may end up in a ProxyCommand, where a shell reads it. A '#' is ours: it
// is a comment without its blank.
func checkHost(s string) error {
	const meta = "'`\"$\\;&<>|(){},"
	switch {
	case s == "":
		return errors.New("the host name is missing")
	case s[0] == '-':
		return errors.New("a host name cannot begin with '-'")
	case quad.MatchString(s):
		if _, err := netip.ParseAddr(s); err != nil {
			return errors.New("no IPv4 address: it has four numbers from 0 to 255, without zeros in front")
		}
	case strings.Contains(s, "#"):
		return errors.New("'#' in a host name: put a blank before a comment")
	}
	return refuse("host name", s, meta)
}

// checkUser refuses what OpenSSH's client refuses as a remote user.
func checkUser(s string) error {
	const meta = "'`\";&<>|(){}"
	switch {
	case s == "":
		return errors.New("the user name before '@' is missing")
	case s[0] == '-':
		return errors.New("a user name cannot begin with '-'")
	case s[len(s)-1] == '\\':
		return errors.New(`a user name cannot end with '\'`)
	}
	return refuse("user name", s, meta)
}

// refuse names the first byte of s that is in meta, white space, or not
// printable.
func refuse(what, s, meta string) error {
	if i := strings.IndexAny(s, meta); i >= 0 {
		return fmt.Errorf("%q is not allowed in a %s", s[i], what)
	}
	if text.Clean(s) != s || strings.ContainsFunc(s, unicode.IsSpace) {
		return fmt.Errorf("blanks, control and invisible characters are not allowed in a %s", what)
	}
	return nil
}
