package sshconfig

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// hop is one element of a ProxyJump.
type hop struct {
	user, host string
	port       int // 0: none given
}

// String writes brackets around each host with colons, and, unlike ssh -G, only
// around those.
func (h hop) String() string {
	s := h.host
	switch {
	case h.port > 0:
		s = net.JoinHostPort(h.host, strconv.Itoa(h.port))
	case strings.Contains(h.host, ":"):
		s = "[" + h.host + "]"
	}
	if h.user != "" {
		s = h.user + "@" + s
	}
	return s
}

// parseHop reads [user@]host[:port] and ssh://[user@]host[:port].
func parseHop(s string) (hop, bool) {
	var h hop
	uri := len(s) > 6 && strings.EqualFold(s[:6], "ssh://")
	if uri {
		s = strings.TrimSuffix(s[6:], "/")
	}
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		h.user, s = s[:at], s[at+1:]
		if uri {
			h.user, _, _ = strings.Cut(h.user, ";")
			decoded, err := url.PathUnescape(h.user)
			if err != nil {
				return h, false
			}
			h.user = decoded
		}
		if h.user == "" {
			return h, false
		}
	}
	rest := ""
	if strings.HasPrefix(s, "[") {
		var closed bool
		if h.host, rest, closed = strings.Cut(s[1:], "]"); !closed {
			return h, false
		}
	} else if colon := strings.IndexByte(s, ':'); colon >= 0 {
		h.host, rest = s[:colon], s[colon:]
	} else {
		h.host = s
	}
	if h.host == "" || strings.ContainsAny(s, "/ \t") {
		return h, false
	}
	return h, h.parsePort(rest)
}

// parsePort reads what follows the host. OpenSSH lets an empty port pass, and
// the name of a service, which we leave to it.
func (h *hop) parsePort(rest string) bool {
	if rest == "" || rest == ":" {
		return true
	}
	port, err := strconv.ParseUint(strings.TrimPrefix(rest, ":"), 10, 16)
	h.port = int(port)
	return rest[0] == ':' && err == nil && port > 0
}

// parseJump returns the hops of a ProxyJump value, nearest to us first; none
// and nil are the same.
func parseJump(value string) ([]hop, bool) {
	if value == "" || isNone(value) {
		return nil, true
	}
	var hops []hop
	for _, text := range strings.Split(value, ",") {
		h, ok := parseHop(text)
		if !ok {
			return nil, false
		}
		hops = append(hops, h)
	}
	return hops, true
}

// CheckJump tells whether value is what ssh would take for -J: none, or hosts
// with commas between them. Empty is no value at all.
func CheckJump(value string) error {
	hops, ok := parseJump(value)
	if !ok {
		return &Error{Text: "not a list of [user@]host[:port] or ssh://[user@]host[:port] with commas between"}
	}
	for _, h := range hops {
		if err := h.check(); err != nil {
			return err
		}
	}
	return nil
}

func (h hop) check() error {
	if err := CheckHost(h.host); err != nil {
		return err
	}
	if h.user == "" {
		return nil
	}
	return CheckUser(h.user)
}

// plainJump tells whether all versions of OpenSSH take value apart as we do.
// They cut it at blanks or do not, and keep quotes.
func plainJump(value string) bool {
	_, ok := parseJump(value)
	return ok && !strings.ContainsAny(value, "\"'\\ \t")
}

// jump checks and rewrites a ProxyJump value: both ways to resolve a host give
// the same text for it. The last hop must not be the host itself.
func (s *Settings) jump(value string) (string, error) {
	hops, ok := parseJump(value)
	if !ok {
		return "", &Error{Text: "ProxyJump is not a list of [user@]host[:port]"}
	}
	texts := make([]string, len(hops))
	for i, h := range hops {
		if err := h.check(); err != nil {
			return "", err
		}
		texts[i] = h.String()
	}
	if n := len(hops); n > 0 && hops[n-1].loops(s) {
		return "", &Error{Text: "ProxyJump leads to the host itself", Hint: "set ProxyJump none for the jump host"}
	}
	return strings.Join(texts, ","), nil
}

// loops is the test that ssh makes; longer circles are for the caller to find.
func (h hop) loops(s *Settings) bool {
	port := h.port
	if port == 0 {
		port = 22
	}
	return h.host == s.HostName && port == s.Port && (h.user == "" || h.user == s.User)
}
