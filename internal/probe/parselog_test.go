package probe

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// testLog is a host of 2.6.32 whose kern.log and syslog hold the same records.
const testLog = `log
mode full
since 1792783589
= source kern /var/log/kern.log
size 52428800
mtime 1795375500
= first
|Nov 20 03:10:01 web1 kernel: imklog 4.6.2, log source = /proc/kmsg started.
= last
|Nov 23 03:25:00 web1 kernel: : eth0: link up
kernel yes
= group ours kernel 12 30 web1 -
|Nov 21 18:20:01 web1 kernel: : TCP: time wait bucket table overflow
|Nov 22 18:23:35 web1 kernel: : TCP: time wait bucket table overflow
suppressed __ratelimit 2 133
suppressed net_ratelimit 1 7
hour 20 10 100 Nov 21 18
hour 10 2 40 Nov 22 18
= group ours kernel 2 2 web1.example.com CT101
|Nov 22 18:24:00 web1.example.com kernel: TCP: time wait bucket table overflow (CT101)
|Nov 22 18:24:01 web1.example.com kernel: TCP: time wait bucket table overflow (CT101)
hour 2 2 0 Nov 22 18
= group ours other 3 3 - -
|Nov 22 19:00:00 web1 sshd[1]: TCP: time wait bucket table overflow
= group ours kernel 4 4 db9 -
|Nov 22 19:00:00 db9 kernel: TCP: time wait bucket table overflow
= group conntrack kernel 5 5 web1 -
|Nov 22 19:00:00 web1 kernel: nf_conntrack: table full, dropping packet.
= group conntrack other 5 5 web1 -
|Nov 22 19:00:00 web1 x: nf_conntrack: table full, dropping packet.
= group weather kernel 5 5 web1 -
|x
unattributed 1 99
dropped 4
read 52428800
= source kern /var/log/kern.log.1.gz
size 1000
mtime 1795100000
= first
|Nov 10 03:10:01 web1 kernel: x
= group ours kernel 1 1 web1 CT0
|Nov 12 10:00:00 web1 kernel: TCP: time wait bucket table overflow (CT0)
hour 1 1 0 Nov 12 10
= source syslog /var/log/syslog
size 100
mtime 1795375500
read 100
= group ours kernel 10 10 web1 -
|Nov 21 18:20:01 web1 kernel: : TCP: time wait bucket table overflow
|Nov 23 02:00:00 web1 kernel: : TCP: time wait bucket table overflow
hour 10 10 0 Nov 21 18
= group neighbour kernel 2 2 web1 -
|x
= group conntrack kernel 4 4 web1 -
|x
= source messages /var/log/messages
size 4096
error denied
= source kern /var/log/kern.log.9.zst
size 2097152
mtime 1790000000
unread 2097152
error no-tool
= source kern /var/log/kern.log.10
size 5
mtime 1780000000
error old
= source journal journal
error missing
`

func TestLog(t *testing.T) {
	t.Parallel()
	a := parsed(t, testLog)
	l := a.Facts.Log
	is(t, "lines", l.OverflowLines, 15) // kern.log's, not syslog's on top
	is(t, "events at least", l.EventsMin, 33)
	is(t, "suppressed", l.Suppressed, 140)
	is(t, "events at most", l.EventsMax, 173)
	is(t, "foreign", l.ForeignLines, 3)
	if got := l.First.Format(time.RFC3339); got != "2026-11-12T10:00:00+08:00" {
		t.Errorf("first = %s", got)
	}
	if got := l.Last.Format(time.RFC3339); got != "2026-11-23T02:00:00+08:00" {
		t.Errorf("last = %s", got)
	}
	if !maps.Equal(l.Siblings, map[string]int64{"conntrack": 5, "neighbour": 2}) ||
		!maps.Equal(l.Containers, map[string]int64{"101": 2}) || !maps.Equal(l.OtherHosts, map[string]int64{"db9": 4}) {
		t.Errorf("siblings %v, containers %v, others %v", l.Siblings, l.Containers, l.OtherHosts)
	}
	var hours []string
	for _, h := range l.Histogram {
		hours = append(hours, h.Hour.Format("Jan 2 15h ")+string(rune('0'+h.Events/10))+string(rune('0'+h.Events%10)))
	}
	if got := strings.Join(hours, ", "); got != "Nov 12 10h 01, Nov 21 18h 20, Nov 22 18h 12" {
		t.Errorf("histogram: %s", got)
	}
	var gaps []string
	for _, g := range a.Gaps {
		if g.Section == "log" {
			gaps = append(gaps, g.Reason+" > "+g.Remedy)
		}
	}
	want := `/var/log/kern.log: 4 records were not grouped > 
permission denied: /var/log/messages > add the login to the group that owns the file (adm on Debian), or run as root or with --sudo
the tool that reads it is missing: /var/log/kern.log.9.zst (2.0 MiB were not read) > install zstd`
	if got := strings.Join(gaps, "\n"); got != want {
		t.Errorf("gaps:\n%s", got)
	}
}

func TestLog_sources(t *testing.T) {
	t.Parallel()
	sources := parsed(t, testLog).Facts.Log.Sources
	kern, packed, denied, old := sources[0], sources[1], sources[3], sources[5]
	if kern.First.Format(time.RFC3339) != "2026-11-20T03:10:01+08:00" || kern.Last.Format(time.RFC3339) != "2026-11-23T03:25:00+08:00" || !kern.Kernel {
		t.Errorf("kern.log = %+v", kern)
	}
	is(t, "size", kern.SizeBytes, 52428800)
	if kern.Lines != 14 || packed.Lines != 1 || packed.Last.Unix() != 1795100000 || packed.Error != "" {
		t.Errorf("kern.log has %d lines, the packed one is %+v", kern.Lines, packed)
	}
	if denied.Error != "permission denied" || denied.First != nil || old.Error == "" {
		t.Errorf("denied %+v, old %+v", denied, old)
	}
}

func TestLog_notReadIsNotZero(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines string
		want  int64 // overflow lines
		gap   string
	}{
		"read, nothing found":       {"= source kern /var/log/kern.log\nread 5\n", 0, ""},
		"no source":                 {"", absent, "there is no kernel log"},
		"denied":                    {"= source kern /var/log/kern.log\nerror denied\n", absent, "permission denied"},
		"old file only":             {"= source kern /var/log/kern.log\nerror old\n", absent, "there is no kernel log"},
		"cut before anything":       {"= source kern /var/log/kern.log\nerror timeout\nunread 7\nread 0\n", absent, "it took too long"},
		"cut in the middle":         {"= source kern /var/log/kern.log\nread 9\nunread 7\n", 0, "7 B were not read"},
		"found, then failed":        {"= source kern /var/log/kern.log\nerror failed\n= group ours kernel 2 2 - -\n|x\n", 2, "the command failed"},
		"the journal's newest part": {"= source journal journal\nerror budget\n= first\n|1795375589.000000 web1 kernel: x\n", 0, "budget"},
		"journal denied":            {"= source journal journal\nerror denied\n", absent, "permission denied: journal"},
		"empty ring":                {"= source dmesg dmesg\n", 0, ""},
		"broken group":              {"= source dmesg dmesg\n= group ours kernel -1 2 - -\n", 0, "could not be understood"},
		"too many records":          {"= source kern /k\nread 9\ncount 5000\n= earliest\n|x\npart 5\n= group ours kernel 70 80 - -\n|x\n", 5000, ""},
		"too many, some foreign":    {"= source kern /k\nread 9\ncount 5000\npart 5\n= group ours kernel 70 80 - -\n|x\n= group ours other 1 1 - -\n|x\n", 70, ""},
	} {
		a := parsed(t, "log\nmode full\n"+test.lines)
		is(t, name, a.Facts.Log.OverflowLines, test.want)
		if test.gap == "" {
			noGapIn(t, a, "log")
		} else if g := gapIn(t, a, "log"); !strings.Contains(g.Reason, test.gap) {
			t.Errorf("%s: %+v", name, g)
		}
	}
	if a := parsed(t, "log\nmode none\n"); a.Facts.Log != nil || !strings.HasPrefix(gapIn(t, a, "log").Remedy, "scan ") {
		t.Errorf("log = %+v", a.Facts.Log)
	}
}

func TestLog_firstLineOfALongFile(t *testing.T) {
	t.Parallel()
	// The file was touched today; its last line is of March, so its first one,
	// of June, is of the year before.
	s := parsed(t, "log\nmode full\n= source kern /k\nmtime 1795375500\nread 1\n= first\n|Jun  1 10:00:00 a kernel: x\n= last\n|Mar  9 10:00:00 a kernel: x\n").Facts.Log.Sources[0]
	if s.First.Year() != 2025 || s.Last.Year() != 2026 {
		t.Errorf("from %v to %v", s.First, s.Last)
	}
}

func TestLog_yearsThatTurned(t *testing.T) {
	t.Parallel()
	// As of 23 November 2026. The script saw the year turn behind two of three hours.
	l := parsed(t, "log\nmode full\n= source kern /k\nmtime 1795375500\nread 1\n= group ours kernel 3 3 - -\n"+
		"|Nov  7 10:00:00 a kernel: x\n|Nov 20 10:00:00 a kernel: x\nhour 1 1 0 Nov  7 10\nhour 1 1 0 Dec  1 10\nhour 1 1 0 Nov 20 10\n"+
		"= first\n|Nov  7 10:00:00 a kernel: x\nturned 1 Nov  7 10\nturned 1 Dec  1 10\nturned 12 Nov 20 10\nturned x\n"+
		"= last\n|Nov 22 10:00:00 a kernel: x\n").Facts.Log
	var got []string
	for _, hour := range l.Histogram {
		got = append(got, hour.Hour.Format("2006-01-02"))
	}
	if want := "2025-11-07 2025-12-01 2026-11-20"; strings.Join(got, " ") != want {
		t.Errorf("hours %v, want %s", got, want)
	}
	if l.First.Year() != 2025 || l.Last.Year() != 2026 || l.Sources[0].First.Year() != 2025 {
		t.Errorf("from %v to %v, source %v", l.First, l.Last, l.Sources[0].First)
	}
}

func TestLog_aliveByOthers(t *testing.T) {
	t.Parallel()
	const source = "log\nmode full\n= source kern /k\nmtime 1795375500\nread 1\n= first\n|Mar  1 10:00:00 a kernel: x\nalien yes\n"
	if s := parsed(t, source).Facts.Log.Sources[0]; s.Last != nil {
		t.Errorf("no line of ours, and the last is %v", s.Last)
	}
	if s := parsed(t, source+"= last\n|Mar  9 10:00:00 a kernel: x\n").Facts.Log.Sources[0]; s.Last == nil || s.Last.Month() != time.March {
		t.Errorf("last = %v, want that of ours", s.Last)
	}
}

// What the script and its sources say of one reason is one gap, and so is a
// section that could not be understood.
func TestLog_oneGapForEachReason(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{
		"gap logs denied\n= source kern /var/log/kern.log\nerror denied\n":                                 "permission denied: /var/log/kern.log, /var/log",
		"= source messages /var/log/messages\nsize 9000\nread 5\nunread 4096\ngap long-lines budget\n":     "the budget of time and bytes was used up: /var/log/messages, lines of 100 MB and more (4.0 KiB were not read)",
		"= source kern /var/log/kern.log\nsize 9\n= group ours kernel many\n|x\n":                          `the answer could not be understood: /var/log/kern.log: log group: "ours kernel many"`,
		"= source kern /var/log/kern.log\nsize 9\nread 9\ngap ours failed\n":                               "the command failed: the newest records",
		"= source kern /a\nerror denied\n= source kern /b\nerror denied\n= source kern /a\nerror denied\n": "permission denied: /a, /b",
	} {
		a := parsedAs(t, "ostype Linux\nuid 0\n", "log\nmode full\nsince 0\n"+lines)
		if got := gapIn(t, a, "log").Reason; got != want {
			t.Errorf("%q: %q, want %q", lines, got, want)
		}
	}
}

// A record that no date can be believed of is counted, and dates nothing.
func TestLog_undated(t *testing.T) {
	t.Parallel()
	const log = "log\nmode full\n= source kern /k\nmtime 1795375500\nread 1\n= first\n|Nov 10 10:00:00 a kernel: x\n" +
		"= group ours kernel 9 9 - -\n|Jan  1 00:00:09 a kernel: x\n|Nov 20 10:00:00 a kernel: x\n" +
		"hour 4 4 0 Jan  1 00\nhour 2 2 0 -\nhour 1 1 0 Nov  9 23\nhour 2 2 0 Nov 20 10\n= last\n|Nov 22 10:00:00 a kernel: x\n"
	l := parsed(t, log).Facts.Log
	is(t, "undated", l.Undated, 6)
	is(t, "lines", l.OverflowLines, 9)
	if len(l.Histogram) != 2 || l.First == nil || l.First.Month() != time.November || l.Last.Day() != 20 {
		t.Errorf("from %v to %v, hours %v", l.First, l.Last, l.Histogram)
	}
	// By a clock that was never set nothing without a year can be dated.
	l = parsedAs(t, "ostype Linux\nclock 7200 +0000\n", log).Facts.Log
	is(t, "undated in 1970", l.Undated, 9)
	if l.First != nil || l.Last != nil || l.Sources[0].First != nil {
		t.Errorf("in 1970: from %v to %v, source %+v", l.First, l.Last, l.Sources[0])
	}
}

// What was suppressed beside other records is a number of its own, and of nobody
// on a log server.
func TestLog_unattributed(t *testing.T) {
	t.Parallel()
	const source = "= source kern /k\nmtime 1795375500\nread 1\nunattributed 2 70\n"
	is(t, "one source", parsed(t, "log\nmode full\n"+source).Facts.Log.Unattributed, 70)
	is(t, "two of a family", parsed(t, "log\nmode full\n"+source+source).Facts.Log.Unattributed, 140)
	is(t, "a log server", parsed(t, "log\nmode full\n"+source+"alien yes\n").Facts.Log.Unattributed, absent)
	is(t, "no number", parsed(t, "log\nmode full\n= source kern /k\nread 1\nunattributed 2 x\n").Facts.Log.Unattributed, absent)
}

// On an old kernel the silence of a log is an ok: one that said something which
// could not be understood was not silent.
func TestLog_groupThatIsNoGroup(t *testing.T) {
	t.Parallel()
	a := parsed(t, "log\nmode auto\n= source kern /var/log/kern.log\nkernel yes\n= group ours kernel -5 -5 web1 -\n")
	if len(a.Facts.Log.Sources) != 1 || a.Facts.Log.Sources[0].Error == "" {
		t.Errorf("sources %+v, want one that proves nothing", a.Facts.Log.Sources)
	}
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		named, own string
		want       bool
	}{
		{"web1", "web1", true}, {"web1.example.com", "web1", true}, {"web1", "web1.example.com", true},
		{"WEB1", "web1", true}, {"-", "web1", true}, {"localhost", "web1", true}, {"(none)", "web1", true}, {"x", "", true},
		{"web10", "web1", false}, {"web1", "web10", false}, {"web1.a.com", "web1.b.com", false}, {"192.0.2.1", "web1", false},
	} {
		if got := sameHost(test.named, test.own); got != test.want {
			t.Errorf("%+v", test)
		}
	}
}
