package probe

import (
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

const testConfig = `config
systemd_sysctl /usr/lib/systemd/systemd-sysctl
sysctl /usr/sbin/sysctl
= links
|lrwxrwxrwx 1 root root 14 May 29  2025 /etc/sysctl.d/99-sysctl.conf -> ../sysctl.conf
stat 1795300000 1795300001 120 /etc/sysctl.conf
stat 1795300000 1795300001 120 /etc/sysctl.d/99-sysctl.conf
stat 1790000000 - 20 /etc/sysctl.d/10-old name.conf
stat 1790000000 1790000000 20 /etc/sysctl.d/README
stat 1790000000 1790000000 20 /etc/rc.local
stat 1790000000 1790000000 20 /etc/rc.conf
stat 1790000000 1790000000 20 /etc/sysctl.conf.bak
stat 1795301111 1795301111 0 /proc/sys/net/ipv4/tcp_max_tw_buckets
= file sysctl /etc/sysctl.conf
|7 #net.ipv4.tcp_max_tw_buckets=5000
|8 net.ipv4.tcp_max_tw_buckets=10000
|9 net.ipv4.tcp_tw_recycle = 1
|12 # tcp_max_tw_buckets was too small
= file sysctl /etc/sysctl.d/99-sysctl.conf
|7 #net.ipv4.tcp_max_tw_buckets=5000
|8 net.ipv4.tcp_max_tw_buckets=10000
= file sysctl /etc/sysctl.d/10-old name.conf
|1 -net/ipv4/tcp_max_tw_buckets = 0x400 # once
= file odd /etc/sysctl.conf.bak
|1 net.ipv4.tcp_max_tw_buckets=1
= file script /etc/rc.local
|3 # echo 5 > /proc/sys/net/ipv4/tcp_max_tw_buckets
|4 echo "20000" >/proc/sys/net/ipv4/tcp_max_tw_buckets
|5 sysctl -w net.ipv4.tcp_tw_reuse="1"
|6 logger tcp_max_tw_buckets
`

func TestConfig(t *testing.T) {
	t.Parallel()
	c := parsed(t, testConfig).Facts.Config
	is(t, "value", c.Value, 10000)
	if c.Reader != audit.ReaderSystemd || c.Source != "/etc/sysctl.conf:8" {
		t.Errorf("reader %s, source %s", c.Reader, c.Source)
	}
	for what, at := range map[string]*time.Time{"changed": c.ChangedAt, "sysctl.conf": c.SysctlConfChangedAt} {
		if at == nil || at.Format(time.RFC3339) != "2026-11-22T06:26:40+08:00" {
			t.Errorf("%s at %v", what, at)
		}
	}
	if c.RuntimeChangedAt.Unix() != 1795301111 {
		t.Errorf("runtime changed at %v", c.RuntimeChangedAt)
	}
	is(t, "for BusyBox", c.ByReader[audit.ReaderBusyBox].Value, 10000)
	var paths []string
	files := map[string]audit.ConfigFile{}
	for _, f := range c.Files {
		paths = append(paths, f.Path)
		files[f.Path] = f
	}
	if got, want := strings.Join(paths, "\n"), "/etc/sysctl.conf\n/etc/sysctl.d/99-sysctl.conf\n/etc/sysctl.d/10-old name.conf\n/etc/sysctl.d/README\n/etc/rc.local\n/etc/sysctl.conf.bak"; got != want {
		t.Errorf("files:\n%s", got)
	}
	if f := files["/etc/sysctl.d/99-sysctl.conf"]; f.Target != "../sysctl.conf" || f.Ignored != "" {
		t.Errorf("link = %+v", f)
	}
	if f := files["/etc/sysctl.conf"]; f.Ignored != "" || len(f.Entries) != 3 || !f.Entries[0].Commented || f.Entries[0].Value != "5000" || f.Entries[0].Line != 7 {
		t.Errorf("sysctl.conf = %+v", f)
	}
	if f := files["/etc/sysctl.d/10-old name.conf"]; f.CTime != nil || len(f.Entries) != 1 || f.Entries[0] != (audit.ConfigEntry{Line: 1, Key: key, Value: "0x400 # once"}) {
		t.Errorf("slashes = %+v", f)
	}
	if f := files["/etc/sysctl.conf.bak"]; !strings.Contains(f.Ignored, "no reader") || f.Kind != "" {
		t.Errorf("backup = %+v", f)
	}
	f := files["/etc/rc.local"]
	if f.Kind != "script" || f.Ignored != "" || len(f.Entries) != 3 || f.Entries[1] != (audit.ConfigEntry{Line: 4, Key: key, Value: "20000"}) ||
		!f.Entries[0].Commented || f.Entries[2].Key != "net.ipv4.tcp_tw_reuse" || f.Entries[2].Value != "1" {
		t.Errorf("rc.local = %+v", f)
	}
}

func TestConfig_ignoredFiles(t *testing.T) {
	t.Parallel()
	const lines = "stat 1 1 1 /etc/sysctl.conf\nstat 1 1 1 /etc/sysctl.d/a.conf\nstat 1 1 1 /usr/lib/sysctl.d/a.conf\n" +
		"= file sysctl /etc/sysctl.conf\n|1 " + key + "=5\n= file sysctl /usr/lib/sysctl.d/a.conf\n|1 " + key + "=6\n"
	tests := map[string]struct {
		reader  audit.Reader
		value   int64
		ignored [3]string // sysctl.conf, etc, usr/lib
	}{
		"systemd_sysctl x\n":                         {audit.ReaderSystemd, absent, [3]string{"only through a link", "", "replaced by /etc/sysctl.d/a.conf"}},
		"sysctl /sbin/sysctl\nbusybox_sysctl yes\n":  {audit.ReaderBusyBox, 5, [3]string{"", "BusyBox", "BusyBox"}},
		"sysctl /sbin/sysctl\nprocps_system yes\n":   {audit.ReaderProcps, 5, [3]string{"", "", "replaced by"}},
		"init_script /etc/rc.d/rc.sysinit\nsysctl x": {audit.ReaderProcps, 5, [3]string{"", "", "replaced by"}},
	}
	for hints, want := range tests {
		c := parsed(t, "config\n"+hints+"\n"+lines).Facts.Config
		if c.Reader != want.reader {
			t.Errorf("%q: reader %q", hints, c.Reader)
		}
		is(t, hints, c.Value, want.value)
		for i, f := range c.Files {
			if (f.Ignored == "") != (want.ignored[i] == "") || !strings.Contains(f.Ignored, want.ignored[i]) {
				t.Errorf("%q: %s is ignored because %q", hints, f.Path, f.Ignored)
			}
		}
	}
}

func TestConfig_reader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		init, hints string
		want        audit.Reader
	}{
		{"systemd", "systemd_sysctl x\nsysctl y\n", audit.ReaderSystemd},
		{"init", "systemd_sysctl x\nsysctl y\nprocps_system yes\n", audit.ReaderProcps}, // sysvinit beside systemd's files
		{"init", "sysctl y\n= links\nbusybox_sysctl y\n", audit.ReaderBusyBox},
		{"init", "sysctl y\n", audit.ReaderProcps},
		{"systemd", "", audit.ReaderSystemd}, // nothing installed where the login looks
		{"init", "", audit.ReaderProcps},
		{"", "", ""},
	} {
		c := parsedAs(t, "ostype Linux\npid1 "+test.init+"\n", "config\n"+test.hints).Facts.Config
		if c.Reader != test.want {
			t.Errorf("%+v: %q", test, c.Reader)
		}
	}
}

func TestConfig_otherSources(t *testing.T) {
	t.Parallel()
	identity := "ostype Linux\npid1 systemd\n= cmdline\n|sysctl.net.ipv4.tcp_max_tw_buckets=700\n|sysctl.net.ipv4.tcp_max_tw_buckets=800\n"
	const hints = "config\nsystemd_sysctl x\nstat 1 1 1 /usr/lib/tuned/a/tuned.conf\nstat 1 1 1 /usr/lib/tuned/b/tuned.conf\n" +
		"= file tuned /usr/lib/tuned/a/tuned.conf\n|3 net.ipv4.tcp_max_tw_buckets=1\n= file tuned /usr/lib/tuned/b/tuned.conf\n|4 net.ipv4.tcp_max_tw_buckets=2\n"
	c := parsedAs(t, identity, hints+"tuned_profile b\nunreadable /etc/sysctl.d\n").Facts.Config
	is(t, "command line", c.Value, 800)
	if c.Source != "/proc/cmdline:1" || c.ChangedAt != nil {
		t.Errorf("config = %+v", c)
	}
	var got []string
	for _, f := range c.Files {
		got = append(got, f.Kind+" "+f.Path+" "+f.Error+f.Ignored)
	}
	want := "tuned /usr/lib/tuned/a/tuned.conf it is not the active profile of tuned\ntuned /usr/lib/tuned/b/tuned.conf \n /etc/sysctl.d permission denied\ncmdline /proc/cmdline "
	if strings.Join(got, "\n") != want {
		t.Errorf("files:\n%s", strings.Join(got, "\n"))
	}
	a := parsedAs(t, identity, hints+"unreadable /etc/sysctl.d\nstat 1 1 1 /etc/sysctl.conf\n= file sysctl /etc/sysctl.conf\n|1 "+key+"=9\n= links\n|lrwxrwxrwx 1 r r 1 May 29  2025 /etc/sysctl.d/x.conf -> /etc/sysctl.conf\n")
	is(t, "a file nobody reads", a.Facts.Config.Value, 800)
	if g := gapIn(t, a, "config"); g.Reason != "permission denied: /etc/sysctl.d" || g.Remedy != "run as root or with --sudo" {
		t.Errorf("gap = %+v", g)
	}
}

func TestKernelInt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"5000": 5000, " 0x400 ": 1024, "010": 8, "-1": -1, "0": 0, "-0X10": -16, "7 8": 7, "2147483647": 1<<31 - 1, "-2147483648": -1 << 31,
	} {
		if got, ok := kernelInt(text); !ok || got != want {
			t.Errorf("%q: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "5k", "+5", "2147483648", "08", "0x", "1_000", "0b1", "--1", "5,6", "18446744073709551617"} {
		if got, ok := kernelInt(text); ok {
			t.Errorf("%q is taken as %d", text, got)
		}
	}
}
