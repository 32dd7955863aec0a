package diagnose

import (
	"strconv"
	"strings"
)

// kernel is a kernel release as far as it can be compared. The zero value is an
// unknown one: neither at least nor before anything, so that no rule builds on it.
type kernel struct {
	major, minor, patch int
	known               bool
}

// The sysctls that the verdict looks at.
const (
	tcpTWBucketsKey = "net.ipv4.tcp_max_tw_buckets"
	tcpTWTimeoutKey = "net.ipv4.tcp_tw_timeout"
	warningsKey     = "net.core.warnings"
)

// parseKernel reads the leading numbers of a release as uname -r gives it, and
// ignores what vendors append: 2.6.32-431.el6, 4.19.91-27.al7, 6.1-rc3.
func parseKernel(release string) kernel {
	major, rest, ok := leadingInt(release)
	if !ok || !strings.HasPrefix(rest, ".") {
		return kernel{}
	}
	minor, rest, ok := leadingInt(rest[1:])
	if !ok {
		return kernel{}
	}
	patch := 0
	if strings.HasPrefix(rest, ".") {
		patch, _, _ = leadingInt(rest[1:])
	}
	// A process under the UNAME26 personality sees 3.x and later as 2.6.40 and
	// up: such a release says nothing about what the kernel does.
	if major == 2 && minor == 6 && patch >= 40 {
		return kernel{}
	}
	return kernel{major, minor, patch, true}
}

// leadingInt cuts the digits off the front of s. More than five digits are no
// version number.
func leadingInt(s string) (n int, rest string, ok bool) {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == 0 || end > 5 {
		return 0, s, false
	}
	n, err := strconv.Atoi(s[:end])
	return n, s[end:], err == nil
}

// compare is negative when k is older.
func (k kernel) compare(major, minor, patch int) int {
	if k.major != major {
		return k.major - major
	}
	if k.minor != minor {
		return k.minor - minor
	}
	return k.patch - patch
}

// atLeast is false for an unknown kernel, as before is.
func (k kernel) atLeast(major, minor, patch int) bool {
	return k.known && k.compare(major, minor, patch) >= 0
}

// before is false for an unknown kernel, as atLeast is.
func (k kernel) before(major, minor, patch int) bool {
	return k.known && k.compare(major, minor, patch) < 0
}

// mayLog reports whether the kernel prints a line for an overflow instead of
// counting it: commit 67631510a318 replaced the line in 2.6.38.
func (k kernel) mayLog() bool { return k.before(2, 6, 38) }

// globalTable reports whether all network namespaces share one table, which
// they did until 4.11.
func (k kernel) globalTable() bool { return k.before(4, 11, 0) }

// limitKind is what a limit means to the kernel, which is not always a number
// of buckets.
type limitKind int

// The meanings.
const (
	limitAbsent  limitKind = iota // not read
	limitNumber                   // above zero
	limitNothing                  // every close overflows
	limitNone                     // no limit at all
	limitUnclear                  // negative, and the kernel is not known well enough
)

// limitMeans interprets limit. The comparison with a negative one was signed
// (always full) until about 5.17 and is unsigned (never full) since 5.18.
func (k kernel) limitMeans(limit *int64) limitKind {
	switch {
	case limit == nil:
		return limitAbsent
	case *limit > 0:
		return limitNumber
	case *limit == 0 || k.before(5, 17, 0):
		return limitNothing
	case k.atLeast(5, 18, 0):
		return limitNone
	default:
		return limitUnclear
	}
}
