package probe

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"twaudit/internal/audit"
)

const wireNonce = "0123456789abcdef0123456789abcdef"

// testNow is the clock of the host in the answers below.
var testNow = time.Unix(1795375589, 0)

const testIdentity = "ostype Linux\nkernel 6.1.0-18-amd64\nhostname web1\nclock 1795375589 +0800\nuptime 1000.50\nuid 1000\npid1 systemd\n"

// wire wraps sections, each "NAME\nLINES", into a complete answer.
func wire(sections ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "twaudit-probe %s begin %d\n", wireNonce, Version)
	for _, s := range sections {
		name, lines, _ := strings.Cut(s, "\n")
		fmt.Fprintf(&b, "twaudit-probe %s section %s\n%s", wireNonce, name, lines)
		if lines != "" && !strings.HasSuffix(lines, "\n") {
			b.WriteByte('\n')
		}
	}
	fmt.Fprintf(&b, "twaudit-probe %s end\n", wireNonce)
	return b.String()
}

// parsed is the answer to sections behind a plain identity.
func parsed(t *testing.T, sections ...string) *Answer {
	t.Helper()
	return parsedAs(t, testIdentity, sections...)
}

func parsedAs(t *testing.T, identity string, sections ...string) *Answer {
	t.Helper()
	a, err := Parse([]byte(wire(append([]string{"identity\n" + identity}, sections...)...)), wireNonce, testNow)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return a
}

// gapIn is the first gap of a section; it fails when there is none.
func gapIn(t *testing.T, a *Answer, section string) audit.Gap {
	t.Helper()
	for _, g := range a.Gaps {
		if g.Section == section {
			return g
		}
	}
	t.Fatalf("no gap in section %q: %+v", section, a.Gaps)
	return audit.Gap{}
}

func noGapIn(t *testing.T, a *Answer, section string) {
	t.Helper()
	for _, g := range a.Gaps {
		if g.Section == section {
			t.Errorf("unexpected gap %+v", g)
		}
	}
}

// is compares a number that may be absent with the one that is wanted; -99
// wants it to be absent.
func is(t *testing.T, what string, got *int64, want int64) {
	t.Helper()
	switch {
	case got == nil && want != absent:
		t.Errorf("%s is absent, want %d", what, want)
	case got != nil && *got != want:
		t.Errorf("%s = %d, want %d", what, *got, want)
	}
}

const absent = -99

func TestParse_frame(t *testing.T) {
	t.Parallel()
	whole := wire("identity\n" + testIdentity)
	tests := map[string]struct {
		raw, nonce string
		want       error
	}{
		"whole":                    {raw: whole, nonce: wireNonce},
		"any nonce":                {raw: whole},
		"banner before":            {raw: "Welcome!\r\ntwaudit-probe is not installed\n" + whole, nonce: wireNonce},
		"noise after the end mark": {raw: whole + "logout\n", nonce: wireNonce},
		"CRLF, as saved by hand":   {raw: strings.ReplaceAll(whole, "\n", "\r\n"), nonce: wireNonce},
		"no line break at the end": {raw: strings.TrimSuffix(whole, "\n"), nonce: wireNonce},
		"nothing":                  {want: ErrNoBegin, nonce: wireNonce},
		"another nonce":            {raw: whole, nonce: ManualNonce, want: ErrNoBegin},
		"begin inside a line":      {raw: "x" + whole, nonce: wireNonce, want: ErrNoBegin},
		"a nonce that is none":     {raw: strings.ReplaceAll(whole, wireNonce, "yes"), want: ErrNoBegin},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := Parse([]byte(test.raw), test.nonce, testNow)
			if !errors.Is(err, test.want) {
				t.Fatalf("err = %v, want %v", err, test.want)
			}
			if err == nil && a.Facts.Host.Hostname != "web1" {
				t.Errorf("hostname = %q", a.Facts.Host.Hostname)
			}
		})
	}
}

func TestParse_incompleteSaysHowFarItGot(t *testing.T) {
	t.Parallel()
	whole := wire("identity\n"+testIdentity, "limits\nnet.ipv4.tcp_max_tw_buckets 1000\n")
	end := "twaudit-probe " + wireNonce + " end\n"
	for raw, section := range map[string]string{
		strings.TrimSuffix(whole, end):                         "limits",
		strings.TrimSuffix(whole, end) + "|" + end:             "limits", // a raw line of the host's
		strings.Replace(whole, wireNonce+" end", "x end", 1):   "limits",
		"twaudit-probe " + wireNonce + " begin 1\n":            "",
		"twaudit-probe " + wireNonce + " begin 1\nsection x\n": "",
	} {
		var incomplete *IncompleteError
		if _, err := Parse([]byte(raw), wireNonce, testNow); !errors.As(err, &incomplete) || incomplete.Section != section {
			t.Errorf("err = %v, want one that names section %q", err, section)
		}
	}
}

func TestParse_typedErrors(t *testing.T) {
	t.Parallel()
	var version *VersionError
	raw := strings.Replace(wire("identity\n"+testIdentity), "begin 1", "begin 7\x1b", 1)
	if _, err := Parse([]byte(raw), wireNonce, testNow); !errors.As(err, &version) || version.Got != "7\ufffd" || version.Want != "1" {
		t.Errorf("err = %#v", err)
	}
	var notLinux *NotLinuxError
	if _, err := Parse([]byte(wire("identity\nostype FreeBSD\n")), wireNonce, testNow); !errors.As(err, &notLinux) || notLinux.System != "FreeBSD" {
		t.Errorf("err = %#v", err)
	}
}

func TestParse_aBrokenSectionCostsOnlyItself(t *testing.T) {
	t.Parallel()
	a := parsed(t,
		"limits\nnet.ipv4.tcp_max_tw_buckets many\nnet.ipv4.tcp_tw_reuse 2\n",
		"counters\nuptime 1.00\n= sockstat\n|TCP: inuse 1 orphan 0 tw 7 alloc 1 mem 0\n",
		"somethingnew\nkey value\n= block\n|x\n",
	)
	is(t, "limit", a.Facts.TimeWait.Limit, absent)
	is(t, "buckets", a.Facts.TimeWait.Buckets, 7)
	if g := gapIn(t, a, "limits"); !strings.Contains(g.Reason, `"many"`) {
		t.Errorf("the gap does not quote what was wrong: %+v", g)
	}
	if g := gapIn(t, a, "states"); g.Reason == "" {
		t.Errorf("a missing section is no gap: %+v", g)
	}
	if a.Facts.Sysctl["net.ipv4.tcp_tw_reuse"] != "2" {
		t.Errorf("sysctl = %v", a.Facts.Sysctl)
	}
}

func TestParse_withoutProc(t *testing.T) {
	t.Parallel()
	a := parsedAs(t, "ostype Linux\nproc missing\n")
	if g := gapIn(t, a, "counters"); !strings.Contains(g.Reason, "/proc") || len(a.Gaps) != 1 {
		t.Errorf("gaps = %+v", a.Gaps)
	}
}

func TestParse_gapLines(t *testing.T) {
	t.Parallel()
	tests := []struct{ uid, section, line, reason, remedy string }{
		{"1000", "log", "gap journal denied", "permission denied: journal", "add the login to the group systemd-journal, or run as root or with --sudo"},
		{"1000", "log", "gap dmesg denied", "permission denied: dmesg", "run as root or with --sudo"},
		{"1000", "namespaces", "gap nsenter denied", "nsenter: permission denied", "run as root or with --sudo"},
		{"0", "namespaces", "gap nsenter denied", "nsenter: permission denied", ""},
		{"0", "namespaces", "gap nsenter no-tool", "nsenter: the tool that reads it is missing", "install nsenter"},
		{"0", "log", "gap /var/log/messages budget", "the budget of time and bytes was used up: /var/log/messages", "scan with --logs full and a longer --host-timeout"},
		{"0", "states", "gap states too-large", "states: it is too large to be read for this", ""},
		{"0", "states", "gap states timeout", "states: it took too long", "scan with a longer --host-timeout"},
		{"0", "states", "gap states \x1b[31mnew", "states: \ufffd[31mnew", ""},
	}
	for _, test := range tests {
		a := parsedAs(t, "ostype Linux\nuid "+test.uid+"\n", test.section+"\n"+test.line+"\n"+test.line+"\n")
		want := audit.Gap{Section: test.section, Reason: test.reason, Remedy: test.remedy}
		if got := gapIn(t, a, test.section); got != want {
			t.Errorf("%s: got %+v, want %+v", test.line, got, want)
		}
	}
}

func TestParse_boundsWhatAHostMaySend(t *testing.T) {
	t.Parallel()
	flood := "states\nsource ss\n" + strings.Repeat("gap x failed\nstate ESTAB 1\n", maxSectionLines)
	for i := range 200 {
		flood += fmt.Sprintf("gap x%d failed\n", i)
	}
	a := parsed(t, flood, "limits\nnet.ipv4.tcp_max_tw_buckets 10\n"+strings.Repeat("x", 3*maxLine)+"\n")
	is(t, "limit behind the flood", a.Facts.TimeWait.Limit, 10)
	if g := gapIn(t, a, "states"); !strings.Contains(g.Reason, "longer") || len(a.Gaps) > maxGaps {
		t.Errorf("%d gaps, the first of states is %+v", len(a.Gaps), g)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	a := parsedAs(t, "ostype Linux\nkernel 2.6.32\nhostname w\xffeb\x00\x1b[2J\nclock 1795375589 +0530\nuptime 86400.20\nmem_total_kb 4\nuid 0\nsudo denied\n"+
		"= release /etc/os-release\n|NAME=x\n|ID=\"debian\"\n|PRETTY_NAME=\"Debian GNU/Linux 12\"\n")
	h := a.Facts.Host
	if h.Hostname != "w\ufffdeb\ufffd\ufffd[2J" || h.OS != "Debian GNU/Linux 12" || h.OSID != "debian" || h.UTCOffset != "+05:30" {
		t.Errorf("host = %+v", h)
	}
	if got := h.Clock.Format(time.RFC3339); got != "2026-11-23T00:56:29+05:30" {
		t.Errorf("clock = %s", got)
	}
	if got := h.BootedAt.Format(time.RFC3339); got != "2026-11-22T00:56:29+05:30" {
		t.Errorf("booted = %s", got)
	}
	is(t, "memory", h.MemoryBytes, 4096)
	if *h.UID != 0 || h.Sudo != "denied" || h.ClockSkewMS != nil {
		t.Errorf("host = %+v", h)
	}
	gapIn(t, a, "sudo")
}

func TestIdentity_clockSkew(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]int64{
		0: absent, 1500 * time.Millisecond: absent, time.Hour: 3_600_000, -3 * time.Second: -3000,
	} {
		a, err := Parse([]byte(wire("identity\n"+testIdentity)), wireNonce, testNow.Add(-ahead))
		if err != nil {
			t.Fatal(err)
		}
		is(t, fmt.Sprintf("skew of a clock %v ahead", ahead), a.Facts.Host.ClockSkewMS, want)
	}
	a, err := Parse([]byte(wire("identity\n"+testIdentity)), wireNonce, time.Time{})
	if err != nil || a.Facts.Host.ClockSkewMS != nil {
		t.Errorf("skew against no clock: %v, %v", a.Facts.Host.ClockSkewMS, err)
	}
}

// berlin is a zone file with one change, from UTC+2 to UTC+1 on 25 October 2026.
const berlin = "545a6966 00 000000000000000000000000000000 00000000 00000000 00000000 00000001 00000002 00000009 " +
	"6add5490 01 00001c20 01 00 00000e10 00 05 43455354 00 434554 00"

// Logs are stamped by the clock on the wall, files by seconds since 1970: the two
// meet at the minute only when summer time is known.
func TestIdentity_summerTime(t *testing.T) {
	t.Parallel()
	const log = "log\nmode full\nsince 0\n= source kern /k\nmtime 1795375500\nread 9\n= first\n|Oct  1 10:00:00 web1 kernel: x\n" +
		"= group ours kernel 1 1 web1 -\n|Oct 20 18:23:35 web1 kernel: x\nhour 1 1 0 Oct 20 18\n= last\n|Nov 22 20:25:00 web1 kernel: x\n"
	for zone, want := range map[string]string{
		"= localtime\n|" + berlin + "\n":                            "2026-10-20T16:23:35Z",
		"= localtime\n|" + berlin[:90] + "\n|" + berlin[90:] + "\n": "2026-10-20T16:23:35Z",
		"":                         "2026-10-20T17:23:35Z",
		"= localtime\n|zz\n":       "2026-10-20T17:23:35Z",
		"= localtime\n|545a6966\n": "2026-10-20T17:23:35Z",
		"= localtime\n|" + strings.Repeat("54", maxZone+1) + "\n": "2026-10-20T17:23:35Z",
	} {
		f := parsedAs(t, "ostype Linux\nhostname web1\nclock 1795375589 +0100\n"+zone, log).Facts
		if got := f.Log.Last.UTC().Format(time.RFC3339); got != want {
			t.Errorf("%.40q: last at %s, want %s", zone, got, want)
		}
		if got := f.Host.Clock.Format(time.RFC3339); got != "2026-11-22T20:26:29+01:00" || f.Host.UTCOffset != "+01:00" {
			t.Errorf("%.40q: clock %s, offset %s", zone, got, f.Host.UTCOffset)
		}
	}
	// By TZ the host's date is another than the file says.
	f := parsedAs(t, "ostype Linux\nhostname web1\nclock 1795375589 +0530\n= localtime\n|"+berlin+"\n", log).Facts
	if got := f.Log.Last.Format(time.RFC3339); got != "2026-10-20T18:23:35+05:30" {
		t.Errorf("in another zone: %s", got)
	}
}

func TestIdentity_oldReleaseFiles(t *testing.T) {
	t.Parallel()
	for block, want := range map[string][2]string{
		"/etc/redhat-release\n|CentOS release 6.5 (Final)":        {"CentOS release 6.5 (Final)", "centos"},
		"/etc/redhat-release\n|Red Hat Enterprise Linux Server":   {"Red Hat Enterprise Linux Server", "rhel"},
		"/etc/debian_version\n|6.0.10":                            {"Debian 6.0.10", "debian"},
		"/etc/SuSE-release\n|SUSE Linux Enterprise Server 11\n|x": {"SUSE Linux Enterprise Server 11", "sles"},
		"/etc/alpine-release\n|3.19.1":                            {"Alpine Linux 3.19.1", "alpine"},
		"/etc/os-release":                                         {"", ""},
	} {
		h := parsedAs(t, "ostype Linux\n= release "+block+"\n").Facts.Host
		if got := [2]string{h.OS, h.OSID}; got != want {
			t.Errorf("%q: %q, want %q", block, got, want)
		}
	}
}

func TestIdentity_virtualization(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{
		"":                           "",
		"dockerenv yes":              "docker",
		"containerenv yes":           "podman",
		"container lxc":              "lxc",
		"proc_vz yes":                "openvz",
		"proc_vz yes\nproc_bc yes":   "", // a hardware node
		"= cgroup1\n|0::/init.scope": "",
		"= cgroup1\n|4:cpu:/kubepods/burstable/pod1/2": "kubepods",
	} {
		if got := parsedAs(t, "ostype Linux\n"+lines+"\n").Facts.Host.Virtualization; got != want {
			t.Errorf("%q: %q, want %q", lines, got, want)
		}
	}
}

// fuzzSeeds are whole answers of every shape that the tests know.
func fuzzSeeds() []string {
	return []string{
		wire("identity\n" + testIdentity),
		wire("identity\n"+testIdentity, "limits\nnet.ipv4.tcp_max_tw_buckets -1\nnet.ipv4.tcp_ehash_entries -9223372036854775808\n",
			"counters\nuptime 1.00\n= netstat\n|TcpExt: TW TCPTimeWaitOverflow\n|TcpExt: 18446744073709551615 5\n= sockstat\n|TCP: inuse 1 orphan 0 tw 9 alloc 1 mem 0\n",
			"counters-last\nuptime 0.50\n= sockstat\n|TCP: inuse 1 tw\n"),
		wire("identity\n"+testIdentity, testConfig, testLog, testNamespaces),
		wire("identity\nostype SunOS\n"),
		wire("counters-last\nuptime 1\n= netstat\n|TcpExt: a\n|TcpExt: 1\n", "namespaces-last\n= ns 5 1\ntw 4\n"),
	}
}

// FuzzParse writes the marks as a single @, which a fuzzer finds more easily than
// 46 bytes that must be right.
func FuzzParse(f *testing.F) {
	mark := "twaudit-probe " + wireNonce + " "
	for _, seed := range fuzzSeeds() {
		f.Add(strings.ReplaceAll(seed, mark, "@"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse([]byte(strings.ReplaceAll(text, "@", mark)), "", testNow)
		if err != nil {
			if !utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\x00\x1b\n") {
				t.Errorf("the error lets text through: %q", err)
			}
			return
		}
		checkFacts(t, a)
	})
}
