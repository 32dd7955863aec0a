package diagnose

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// TestRules shows each rule firing with its numbers in the title, and the next
// thing to it that must leave it silent (says is then empty).
func TestRules(t *testing.T) {
	t.Parallel()
	counters := func(pairs ...any) edit {
		return func(f *audit.Facts) {
			f.Counters = &audit.Counters{First: map[string]int64{}, Last: map[string]int64{}, Seconds: new(1.0)}
			for i := 0; i < len(pairs); i += 3 {
				name := pairs[i].(string)
				f.Counters.First[name], f.Counters.Last[name] = int64(pairs[i+1].(int)), int64(pairs[i+2].(int))
			}
		}
	}
	states := func(halfOpen, open int64) edit {
		return func(f *audit.Facts) {
			f.TCPStates = map[string]int64{"SYN_RECV": halfOpen, "ESTABLISHED": open}
		}
	}
	usage := func(key string, used, limit int64) edit {
		return func(f *audit.Facts) { f.Tables = map[string]audit.Usage{key: {Used: &used, Limit: &limit}} }
	}
	siblings := func(kind string, lines int64) edit {
		return func(f *audit.Facts) { f.Log = &audit.Log{Siblings: map[string]int64{kind: lines}} }
	}
	normally := func(n int64) edit { return func(f *audit.Facts) { f.TimeWait.DefaultLimit = &n } }
	loaded := func(age time.Duration) edit { return func(f *audit.Facts) { f.Config.RuntimeChangedAt = ago(age) } }
	skew := func(ms int64) edit { return func(f *audit.Facts) { f.Host.ClockSkewMS = &ms } }
	second := func(path string, n string, ignored string) edit {
		return func(f *audit.Facts) {
			f.Config.Files = append(f.Config.Files, audit.ConfigFile{Path: path, Ignored: ignored, Entries: []audit.ConfigEntry{{Line: 7, Key: "net.ipv4.tcp_max_tw_*", Value: n}}})
		}
	}
	script := func(n string) edit {
		return func(f *audit.Facts) {
			f.Config.Files = append(f.Config.Files, audit.ConfigFile{Path: "/etc/rc.local", Kind: "script", Entries: []audit.ConfigEntry{{Line: 3, Key: tcpTWBucketsKey, Value: n}}})
		}
	}
	linked := func(f *audit.Facts) { f.Config.Files[1].Target = f.Config.Files[0].Path }
	dest := func(address string, n int64) edit {
		return func(f *audit.Facts) {
			f.Top = &audit.Top{Destinations: []audit.PeerCount{{Address: address, Port: 3306, Count: n}}}
		}
	}
	kinds := func(in, out, internal int64) edit {
		return func(f *audit.Facts) { f.Top = &audit.Top{Inbound: &in, Outbound: &out, Internal: &internal} }
	}
	own := "/etc/sysctl.d/50-tw.conf"
	ports := sysctls("net.ipv4.ip_local_port_range=32768 60999")
	tests := []struct {
		rule  string
		facts *audit.Facts
		says  string
	}{
		{"limit-zero", modern(fill(0, 0)), "a limit of 0 lets no socket into TIME_WAIT"},
		{"limit-zero", modern(kernelIs("6.1.0"), fill(0, -1)), "a limit of -1 means no limit on this kernel"},
		{"limit-zero", modern(kernelIs("5.17.3"), fill(0, -1)), "depending on the kernel (5.17.3)"},
		{"limit-zero", modern(namespaces(child("web", 0, 0, 0, 0))), "namespace web (net:[2]): a limit of 0"},
		{"limit-zero", modern(fill(0, 1)), ""},

		{"limit-lowered", modern(fill(1, 5000), normally(131072)), "limit of 5,000 is below the kernel's default of 131,072"},
		{"limit-lowered", modern(fill(1, 5000), normally(131072), conf(own, day, assign(5000))), "set by /etc/sysctl.d/50-tw.conf:1"},
		{"limit-lowered", modern(fill(1, 131071), normally(131072)), ""},
		{"limit-lowered", modern(fill(1, 5000)), ""},

		{"container-limit", modern(namespaces(child("web", 1, 100, 9, 0))), "the limit to change is that of namespace web (net:[2]) (limit 100)"},
		{"container-limit", modern(conf(own, 99*day, assign(131072)), namespaces(child("web", 1, 100, 0, 0))), "a limit other than the 131,072 of /etc/sysctl.d/50-tw.conf:1 in 1 of 1 further namespace: namespace web (net:[2]) (100)"},
		{"container-limit", modern(conf(own, 99*day, assign(131072)), namespaces(child("web", 1, 131072, 0, 0))), ""},
		{"container-limit", modern(kernelIs("3.10.0"), conf(own, 99*day, assign(131072)), namespaces(child("web", 1, 100, 0, 0))), ""},
		{"container-limit", old(func(f *audit.Facts) { f.Log.Containers = map[string]int64{"102": 1, "101": 2} }), "CT101 (2 records), CT102 (1 record)"},
		{"container-limit", modern(fill(99, 100), func(f *audit.Facts) { f.Host.Virtualization = "docker" }), "this docker container (limit 100)"},
		{"container-limit", modern(fill(99, 100)), ""},

		{"ephemeral-ports", modern(ports, dest("192.0.2.5", 24000)), "24,000 of 28,232 local ports toward 192.0.2.5:3306 are in TIME_WAIT (85 %)"},
		{"ephemeral-ports", modern(ports, dest("2001:db8::5", 28000)), "toward [2001:db8::5]:3306"},
		{"ephemeral-ports", modern(ports, dest("127.0.0.1", 28000), sysctls("net.ipv4.tcp_tw_reuse=2", "net.ipv4.tcp_timestamps=1")), "tcp_tw_reuse lets new connections take them over"},
		{"ephemeral-ports", modern(ports, dest("192.0.2.5", 22585)), ""},
		{"ephemeral-ports", modern(dest("192.0.2.5", 28000)), ""},

		{"config-drift", modern(conf(own, day, assign(200000))), "the running limit is 131,072, /etc/sysctl.d/50-tw.conf:1 sets 200,000"},
		{"config-drift", modern(conf(own, day), script("200000")), "/etc/rc.local:3 sets 200,000"},
		{"config-drift", modern(conf(own, day, assign(200000)), script("131072")), ""},
		{"config-drift", modern(conf(own, day, "#"+assign(200000))), ""},
		{"config-drift", modern(conf(own, day, assign(131072))), ""},

		{"config-not-loaded", modern(conf(own, day, assign(200000))), "was edited at 2026-11-21 12:00, after the boot at 2026-10-13 12:00, and a limit of 131072 still runs"},
		{"config-not-loaded", modern(conf(own, day, assign(200000)), loaded(time.Hour)), ""},
		{"config-not-loaded", modern(conf(own, day, assign(200000)), loaded(2*day)), "after the boot"},
		{"config-not-loaded", modern(conf(own, 41*day, assign(200000))), ""},
		{"config-not-loaded", modern(conf(own, day, assign(131072))), ""},

		{"config-conflict", modern(conf(own, day, assign(131072)), second("/etc/sysctl.conf", "9000", "")), "/etc/sysctl.d/50-tw.conf:1 sets 131,072, /etc/sysctl.conf:7 sets 9,000; /etc/sysctl.d/50-tw.conf:1 wins"},
		{"config-conflict", modern(conf(own, day, assign(131072)), second("/etc/sysctl.conf", "9000", "not read")), ""},
		{"config-conflict", modern(conf(own, day, assign(131072)), second("/etc/sysctl.conf", "131072", "")), ""},
		{"config-conflict", modern(conf(own, day, assign(131072)), second("/etc/sysctl.conf", "9000", ""), linked), ""},

		{"config-ignored", modern(conf(own, day), second("/etc/sysctl.conf", "9000", "systemd does not read it")), "/etc/sysctl.conf:7 sets 9,000 and is not read: systemd does not read it"},
		{"config-ignored", modern(conf(own, day), second("/etc/sysctl.conf", "131072", "systemd does not read it")), ""},
		{"config-ignored", modern(conf(own, day), second("/etc/sysctl.conf", "9000", "systemd does not read it"), linked), ""},
		{"config-ignored", modern(conf(own, day), second("/etc/sysctl.conf", "9000", "")), ""},

		{"not-persistent", modern(fill(1, 200000), normally(131072), conf(own, day)), "the running limit of 200,000 is set by no file; a boot brings back the default of 131,072"},
		{"not-persistent", modern(fill(1, 200000), normally(131072), conf(own, day), script("200000")), ""},
		{"not-persistent", modern(fill(1, 131072), normally(131072), conf(own, day)), ""},
		{"not-persistent", modern(fill(1, 200000), normally(131072), conf(own, day, assign(200000))), ""},
		{"not-persistent", modern(fill(1, 200000), normally(131072)), ""},

		{"tw-recycle", modern(kernelIs("3.10.0"), sysctls(recycleKey+"=1")), "net.ipv4.tcp_tw_recycle is 1"},
		{"tw-recycle", modern(conf(own, day, recycleKey+"=0")), "50-tw.conf:1 sets a key that this kernel no longer has"},
		{"tw-recycle", modern(kernelIs("3.10.0"), conf(own, day, recycleKey+"=1"), sysctls(recycleKey+"=0")), "turns net.ipv4.tcp_tw_recycle on at the next load"},
		{"tw-recycle", modern(kernelIs("3.10.0"), conf(own, day, recycleKey+"=0"), sysctls(recycleKey+"=0")), ""},
		{"tw-recycle", modern(conf(own, day, "#"+recycleKey+"=1")), ""},

		{"tw-reuse-useless", modern(sysctls("net.ipv4.tcp_tw_reuse=1", "net.ipv4.tcp_timestamps=0")), "tcp_timestamps is off"},
		{"tw-reuse-useless", modern(sysctls("net.ipv4.tcp_tw_reuse=1", "net.ipv4.tcp_timestamps=1"), kinds(90, 10, 0)), "90 % of the TIME_WAIT sockets are connections from clients"},
		{"tw-reuse-useless", modern(sysctls("net.ipv4.tcp_tw_reuse=1", "net.ipv4.tcp_timestamps=1"), kinds(10, 90, 0)), ""},
		{"tw-reuse-useless", modern(sysctls("net.ipv4.tcp_tw_reuse=2", "net.ipv4.tcp_timestamps=0")), ""},
		{"tw-reuse-useless", modern(sysctls("net.ipv4.tcp_timestamps=0")), ""},

		{"syn-flood", modern(counters("SyncookiesSent", 5, 45, "TCPReqQFullDrop", 0, 0), states(195, 9)), "40 SYNs answered with a cookie or dropped between the two readings, with 195 sockets in SYN_RECV"},
		{"syn-flood", modern(counters("SyncookiesSent", 45, 45), states(900, 9)), ""},
		{"syn-flood", modern(states(900, 9)), "900 sockets in SYN_RECV against 9 established"},
		{"syn-flood", modern(states(255, 9)), ""},
		{"syn-flood", modern(siblings("syn-flood", 3)), "3 lines, not under way now"},

		{"accept-queue", modern(counters("ListenOverflows", 7, 10)), "3 connections dropped at a full accept queue between the two readings, 10 since boot"},
		{"accept-queue", modern(counters("ListenOverflows", 10, 10)), "10 connections dropped at a full accept queue since boot"},
		{"accept-queue", modern(counters("ListenOverflows", 0, 0)), ""},

		{"conntrack-full", modern(usage("conntrack", 80, 100)), "80 of 100 tracked connections (80 %)"},
		{"conntrack-full", modern(usage("conntrack", 79, 100)), ""},
		{"conntrack-full", modern(usage("conntrack", 79, 0)), ""},
		{"conntrack-full", modern(siblings("conntrack", 1)), "1 line"},
		{"neighbour-table", modern(usage("neighbour-ipv6", 1000, 1024)), "1,000 of 1,024 IPv6 neighbours"},
		{"neighbour-table", modern(siblings("neighbour", 0)), ""},
		{"tcp-memory", modern(usage("tcp-memory-pages", 96, 100)), "96 of 100 pages of TCP memory"},
		{"tcp-memory", modern(usage("orphans", 96, 100)), ""},
		{"orphans", modern(usage("orphans", 96, 100)), "96 of 100 orphaned sockets"},
		{"orphans", modern(usage("orphans", 6, 100)), ""},

		{"log-unreadable", old(noLog), "no kernel log could be read"},
		{"log-unreadable", old(source(audit.LogSource{Path: "/var/log/messages", Error: "denied"})), "/var/log/messages: denied"},
		{"log-unreadable", modern(noLog), ""},
		{"log-saturated", old(overflowLines(9, 2*day, day), func(f *audit.Facts) { f.Log.Suppressed, f.Log.EventsMax = new(int64(506)), new(int64(515)) }), "between 9 and about 515 overflows"},
		{"log-saturated", old(overflowLines(9, 2*day, day), func(f *audit.Facts) { f.Log.Suppressed = new(int64(0)) }), ""},
		{"log-saturated", old(func(f *audit.Facts) { f.Log.Unattributed = new(int64(506)) }), "506 messages suppressed beside no overflow record"},
		{"log-saturated", old(func(f *audit.Facts) { f.Log.Unattributed = new(int64(0)) }), ""},
		{"log-saturated", old(noLog, func(f *audit.Facts) { f.Log = &audit.Log{Unattributed: new(int64(506))} }), ""},
		{"log-saturated", modern(func(f *audit.Facts) { f.Log = &audit.Log{Unattributed: new(int64(506))} }), ""},
		{"raised-unproven", modern(overflows(9, 0), fill(100, 10000), raised(5000, 10000, 2*day)), "limit raised from 5,000 to 10,000"},
		{"raised-unproven", modern(fill(100, 10000), raised(5000, 10000, 2*day), namespaces(child("web", 1, 10000, 9, 0))), ""},

		{"clock-skew", modern(skew(-7_200_000)), "the host's clock is 2h00m behind ours"},
		{"clock-skew", modern(skew(60_000)), "1m ahead of ours"},
		{"clock-skew", modern(skew(59_999)), ""},
		{"clock-skew", modern(), ""},
	}
	for _, tt := range tests {
		t.Run(tt.rule+" "+tt.says, func(t *testing.T) {
			t.Parallel()
			d := judged(t, tt.facts, nil)
			if tt.says == "" {
				if f := d.find(tt.rule); f != nil {
					t.Errorf("says %q, want silence", f.Title)
				}
				return
			}
			d.wantTitle(t, tt.rule, tt.says)
		})
	}
}

// TestRules_silentWithoutFacts: rules must not fire on what was never read.
func TestRules_silentWithoutFacts(t *testing.T) {
	t.Parallel()
	d := judged(t, &audit.Facts{}, nil)
	if want := []string{"log-unreadable", "unknown"}; !slices.Equal(d.Flags, want) {
		t.Errorf("flags %v, want %v", d.Flags, want)
	}
	if d.Headroom != nil || d.History != nil {
		t.Errorf("headroom %v and history %v out of nothing", d.Headroom, d.History)
	}
}

// TestRules_words holds the form that the report and the documentation rely on.
func TestRules_words(t *testing.T) {
	t.Parallel()
	id := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for _, r := range Rules() {
		if !id.MatchString(r.ID) || seen[r.ID] {
			t.Errorf("%q is no new lower-kebab id", r.ID)
		}
		seen[r.ID] = true
		if r.Title == "" || r.Meaning == "" || len(r.Advice) == 0 || len(r.Sources) == 0 || r.Severity.Rank() > 2 {
			t.Errorf("%s is incomplete", r.ID)
		}
		for i, g := range r.Also {
			if g.Severity == r.Severity || g.Severity.Rank() > 2 || g.When == "" || slices.ContainsFunc(r.Also[:i], func(o Grade) bool { return o.Severity == g.Severity }) {
				t.Errorf("%s: %+v says nothing new", r.ID, g)
			}
		}
		if (r.check == nil) == (r.fleet == nil) {
			t.Errorf("%s must check a host or a fleet", r.ID)
		}
		if strings.HasSuffix(r.Title, ".") || strings.HasPrefix(r.Title, strings.ToUpper(r.Title[:1])) && r.ID != "tcp-memory" {
			t.Errorf("%s: title %q is no lower-case phrase", r.ID, r.Title)
		}
		for _, a := range r.Advice {
			wantVerb(t, a)
		}
	}
}

// verbs is every word that advice begins with.
var verbs = strings.Fields(`Add Allow Audit Check Compare Decide Find Keep Leave Let Load Look Mount Move Pool Raise Read
	Remove Run Scan Set Shorten Start Treat Use Widen Write`)

func wantVerb(t *testing.T, advice string) {
	t.Helper()
	if word, _, _ := strings.Cut(advice, " "); !slices.Contains(verbs, word) {
		t.Errorf("advice %q begins with no verb", advice)
	}
}
