package text

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// HiddenAddress stands in the place of an address that HideAddresses took out.
const HiddenAddress = "[address]"

// HideAddresses takes IP addresses out of words that somebody else chose, and the
// name of the machine that a line about the last login tells. Those that keep wants
// stay, and those that every host has: loopback and unspecified. A nil keep keeps
// none; zones, as in fe80::1%eth0, stay.
//
// In doubt it hides: a version of four numbers looks like an address. The beginning
// of an address before an ellipsis, where CleanMax cut, is hidden as well.
func HideAddresses(s string, keep func(netip.Addr) bool) string {
	if !strings.ContainsAny(s, ".:") {
		return s
	}
	stays := func(a netip.Addr) bool {
		a = a.Unmap()
		return a.IsLoopback() || a.IsUnspecified() || keep != nil && keep(a)
	}
	for { // what touched an address may be one when that is gone
		before := s
		s = replaceRuns(s, colonRuns, func(run string, apart bool) string { return hideIPv6(run, apart, stays) })
		s = replaceRuns(s, dotRuns, func(run string, _ bool) string { return hideIPv4(run, stays) })
		if s = hideOrigins(s, stays); s == before {
			return s
		}
	}
}

// Where addresses can be: what holds more, such as a port behind it, is taken apart
// later.
var (
	colonRuns = regexp.MustCompile(`[0-9A-Fa-f]*:[0-9A-Fa-f:.]*…?`)
	dotRuns   = regexp.MustCompile(`\d+\.[\d.]*…?`)
)

// ellipsis is what CleanMax puts where it cut.
const ellipsis = "…"

// replaceRuns puts what replace makes of each match in its place. apart tells it that
// no letter or digit touches the match, as in std::string.
func replaceRuns(s string, runs *regexp.Regexp, replace func(run string, apart bool) string) string {
	var b strings.Builder
	end := 0
	for _, at := range runs.FindAllStringIndex(s, -1) {
		before, _ := utf8.DecodeLastRuneInString(s[:at[0]])
		after, _ := utf8.DecodeRuneInString(s[at[1]:])
		b.WriteString(s[end:at[0]])
		b.WriteString(replace(s[at[0]:at[1]], !isWordRune(before) && !isWordRune(after)))
		end = at[1]
	}
	return b.String() + s[end:]
}

func isWordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// hideIPv6 also finds an address with a port behind it that no bracket parts from it.
func hideIPv6(run string, apart bool, stays func(netip.Addr) bool) string {
	if !apart {
		return run
	}
	if head, cut := strings.CutSuffix(run, ellipsis); cut && cutIPv6.MatchString(head) {
		return HiddenAddress + ellipsis
	}
	core := strings.TrimRight(run, ".:")
	if strings.HasPrefix(run[len(core):], "::") { // as in 2001:db8::
		core += "::"
	}
	address, err := netip.ParseAddr(core)
	if err != nil {
		core = core[:max(strings.LastIndexAny(core, ".:"), 0)]
		if address, err = netip.ParseAddr(core); err != nil {
			return run
		}
	}
	if !address.Is6() || stays(address) {
		return run
	}
	return HiddenAddress + run[len(core):]
}

// cutIPv6 is the beginning of an address, and of no time of the day.
var cutIPv6 = regexp.MustCompile(`^[0-9A-Fa-f]{3,4}:|^[0-9A-Fa-f]*::|^[0-9A-Fa-f]+(?::[0-9A-Fa-f]+){3}`)

// hideIPv4 takes a fifth number for a port, which some systems write so.
func hideIPv4(run string, stays func(netip.Addr) bool) string {
	head, cut := strings.CutSuffix(run, ellipsis)
	core := strings.TrimRight(head, ".")
	parts := strings.Split(core, ".")
	var numbers [4]byte
	for i, part := range parts[:min(len(parts), len(numbers))] {
		// Zeros in front are no address for netip, but they are one for readers.
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil || n > 255 {
			return run
		}
		numbers[i] = byte(n)
	}
	switch {
	case len(parts) < len(numbers) && cut:
		return HiddenAddress + ellipsis
	case len(parts) < 4, len(parts) > 5, stays(netip.AddrFrom4(numbers)) && !cut:
		return run
	}
	return HiddenAddress + run[len(core):]
}

// lastLogin finds from where, in what login programs say of the last one.
var lastLogin = regexp.MustCompile(`(?i)last (?:\w+ )?login:? .*? from ([^\s"“”'…,;]+)`)

// hideOrigins hides names; addresses are gone before, but for those that stay.
func hideOrigins(s string, stays func(netip.Addr) bool) string {
	var b strings.Builder
	end := 0
	for _, at := range lastLogin.FindAllStringSubmatchIndex(s, -1) {
		name := s[at[2]:at[3]]
		if address, err := netip.ParseAddr(name); strings.Contains(name, HiddenAddress) || err == nil && stays(address) {
			continue
		}
		b.WriteString(s[end:at[2]] + HiddenAddress)
		end = at[3]
	}
	return b.String() + s[end:]
}
