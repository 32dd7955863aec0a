package text

import (
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

// hiding has what comes of a text when only 10.0.0.1 and 2001:db8::1 may stay; empty
// is the text itself.
var hiding = map[string]string{
	"":                                    "",
	"connection refused":                  "",
	"Last login: Mon from 10.0.0.5":       "Last login: Mon from [address]",
	"10.0.0.5":                            "[address]",
	"for root from 10.0.0.5 port 22 ssh2": "for root from [address] port 22 ssh2",
	"rhost=10.0.0.5, (10.0.0.6)":          "rhost=[address], ([address])",
	"10.0.0.5:22 10.0.0.5.22 010.000.000.005": "[address]:22 [address] [address]",
	"moved to 10.0.0.5.":                      "moved to [address].",
	"net 10.0.0.0/8":                          "net [address]/8",
	"sshd@0-10.0.0.5:22-10.0.0.6:51234":       "sshd@0-[address]:22-[address]:51234",
	"it is 10.0.0.1 and 010.0.0.1":            "",
	"at 127.0.0.1, 0.0.0.0, ::1 and ::":       "",
	"here 10.0.0.12…":                         "here [address]…",
	"here 10.0…":                              "here [address]…",
	"even 10.0.0.1…":                          "even [address]…",
	"version 3.2.1, 1.3.6.1.4.1.9, 300.1.1.1": "",
	"99999999999999999999.1.1.1":              "",

	"2001:db8::5":                                   "[address]",
	"[2001:db8::5]:22 and 2001:db8::":               "[[address]]:22 and [address]",
	"from fe80::5%eth0: no":                         "from [address]%eth0: no",
	"to 2001:db8::5: refused":                       "to [address]: refused",
	"::ffff:10.0.0.5 ::ffff:10.0.0.1":               "[address] ::ffff:10.0.0.1",
	"2001:db8:0:0:0:0:0:5:22":                       "[address]:22",
	"it is 2001:db8::1, or 2001:db8:0:0:0:0:0:1":    "",
	"at 12:34:56, std::string, a::b::c, d::e::f":    "",
	"MAC 52:54:00:12:34:56":                         "",
	"MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd": "",
	"here 2001:db8…":                                "here [address]…",
	"here ::ffff:10.0…":                             "here [address]…",
	"at 12:34…":                                     "",
	"1:2:10.0.0.5":                                  "1:2:[address]",

	"Last login: Mon Nov 23 10:00:00 2026 from laptop.example.net on pts/0":  "Last login: Mon Nov 23 10:00:00 2026 from [address] on pts/0",
	"Last failed login: Mon Nov 23 10:00 from bad.example.net on ssh:notty":  "Last failed login: Mon Nov 23 10:00 from [address] on ssh:notty",
	"“Last login: Mon 10:00 on /dev/pts/0 from laptop.exam…”":                "“Last login: Mon 10:00 on /dev/pts/0 from [address]…”",
	"last login: Mon 10:00 from a.example.net” LAST LOGIN: Tue 9:00 from b1": "last login: Mon 10:00 from [address]” LAST LOGIN: Tue 9:00 from [address]",
	"Last login: Mon Nov 23 10:00:00 2026 from 10.0.0.1":                     "",
	"Last login: Mon 10:00 on ttys000":                                       "",
	"mail from laptop.example.net: denied":                                   "",
}

func own(a netip.Addr) bool {
	return a == netip.MustParseAddr("10.0.0.1") || a == netip.MustParseAddr("2001:db8::1")
}

func TestHideAddresses(t *testing.T) {
	t.Parallel()
	for s, want := range hiding {
		if want == "" {
			want = s
		}
		if got := HideAddresses(s, own); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
	if got := HideAddresses("10.0.0.1", nil); got != HiddenAddress {
		t.Errorf("without keep: %q", got)
	}
}

// Whatever the text: nothing that netip takes for a stranger's address is left
// standing by itself, and a second look finds nothing more.
func FuzzHideAddresses(f *testing.F) {
	for s := range hiding {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := HideAddresses(s, own)
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Fatalf("%q becomes %q", s, got)
		}
		if again := HideAddresses(got, own); again != got {
			t.Fatalf("%q becomes %q, and that %q", s, got, again)
		}
		for _, word := range strings.FieldsFunc(got, func(r rune) bool { return !isWordRune(r) && r != '.' && r != ':' }) {
			a, err := netip.ParseAddr(word)
			if a = a.Unmap(); err == nil && !a.IsLoopback() && !a.IsUnspecified() && !own(a) {
				t.Fatalf("%q becomes %q, which has %s", s, got, a)
			}
		}
	})
}
