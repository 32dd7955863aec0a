package history

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// noon is when the first run of a test begins.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// opened is a new history, or the one at path.
func opened(t testing.TB, path string) *DB {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "state", "history.db")
	}
	db, err := Open(context.Background(), path, Options{unsynced: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func store(t testing.TB, db *DB, run *audit.Run) {
	t.Helper()
	if err := db.Store(context.Background(), run, "a selection"); err != nil {
		t.Fatal(err)
	}
}

// runAt is a run of these hosts, that long after noon.
func runAt(after time.Duration, hosts ...audit.HostResult) *audit.Run {
	at := noon.Add(after)
	return &audit.Run{
		Schema: audit.Schema, Tool: audit.Tool{Name: "twaudit"}, Findings: []audit.Finding{}, Notes: []string{},
		Meta: audit.Meta{
			ID: at.Format("20060102T150405Z") + fmt.Sprintf("-%08x", at.UnixMilli()&0xffffffff), StartedAt: at, FinishedAt: at.Add(time.Second),
			Limits: audit.DefaultLimits(), Selection: "s",
		},
		Hosts: hosts, Summary: audit.Summarize(hosts),
	}
}

// edit changes a host.
type edit func(*audit.HostResult)

// web is a healthy host, asked a moment after its run began by a clock that is
// right.
func web(name string, edits ...edit) audit.HostResult {
	h := audit.HostResult{
		Name: name, Groups: []string{}, Labels: map[string]string{}, Status: audit.StatusAudited, Verdict: audit.VerdictOK, Coverage: audit.CoverageFull,
		Flags: []string{"ok"}, Findings: []audit.Finding{}, Gaps: []audit.Gap{},
		Facts: &audit.Facts{
			Host:       audit.HostFacts{Hostname: name, BootID: "boot-1", MachineID: "machine-" + name},
			TimeWait:   audit.TimeWait{Buckets: new(int64(100)), Limit: new(int64(5000)), OverflowTotal: new(int64(0))},
			Namespaces: []audit.Namespace{{ID: "4026531840", Name: "host"}},
		},
	}
	for _, e := range edits {
		e(&h)
	}
	return h
}

func buckets(n int64) edit { return func(h *audit.HostResult) { h.Facts.TimeWait.Buckets = &n } }
func limit(n int64) edit   { return func(h *audit.HostResult) { h.Facts.TimeWait.Limit = &n } }
func total(n int64) edit   { return func(h *audit.HostResult) { h.Facts.TimeWait.OverflowTotal = &n } }
func boot(id string) edit  { return func(h *audit.HostResult) { h.Facts.Host.BootID = id } }

func verdict(v audit.Verdict) edit { return func(h *audit.HostResult) { h.Verdict = v } }

// silent is a host that gave no answer.
func silent(name string) audit.HostResult {
	return audit.HostResult{
		Name: name, Groups: []string{}, Labels: map[string]string{}, Flags: []string{}, Findings: []audit.Finding{}, Gaps: []audit.Gap{},
		Status: audit.StatusFailed, Failure: &audit.Failure{Stage: audit.StageConnect, Message: "connection refused"},
	}
}

// fleet is a run of n hosts as large as real ones, in the given round: what
// changes from round to round is what changes on a quiet host in an hour.
func fleet(n, round int) *audit.Run {
	run := runAt(time.Duration(round) * time.Hour)
	for i := range n {
		run.Hosts = append(run.Hosts, fullHost(i, round, run.Meta.StartedAt))
	}
	run.Summary = audit.Summarize(run.Hosts)
	return run
}

func fullHost(i, round int, at time.Time) audit.HostResult {
	mix := func(k int) int64 { return int64(uint32(i*2654435761 + k*40503 + round*7919)) }
	changed := noon.AddDate(0, 0, -i%300)
	h := web(fmt.Sprintf("web%05d.example.net", i), buckets(mix(1)%4000), limit(65536), boot(fmt.Sprintf("%08x-6f1c-4c4b-9c43-%012x", i*7919, i*104729)))
	f := h.Facts
	f.Host.Clock, f.Host.ClockSkewMS, f.Host.Kernel, f.Host.OS = &at, new(int64(0)), fmt.Sprintf("6.1.0-%d-amd64", i%30), "Debian GNU/Linux 12 (bookworm)"
	f.Host.MachineID, f.Host.UptimeSeconds = fmt.Sprintf("%032x", i*1299709), new(float64(mix(2)))
	f.TCPStates = map[string]int64{"ESTABLISHED": mix(3) % 9000, "LISTEN": 13, "TIME_WAIT": mix(1) % 4000, "CLOSE_WAIT": mix(4) % 40, "SYN_RECV": 0}
	f.Sysctl, f.Counters = map[string]string{}, &audit.Counters{First: map[string]int64{}, Last: map[string]int64{}}
	for k, name := range []string{"tcp_max_tw_buckets", "tcp_tw_reuse", "tcp_fin_timeout", "tcp_timestamps", "tcp_max_orphans", "tcp_mem", "ip_local_port_range", "tcp_max_syn_backlog"} {
		f.Sysctl["net.ipv4."+name] = fmt.Sprint(i % (k + 2) * 4096)
	}
	for k, name := range []string{"TW", "TWKilled", "TCPTimeWaitOverflow", "ListenOverflows", "ListenDrops", "ActiveOpens", "PassiveOpens", "OutRsts", "InSegs", "OutSegs"} {
		f.Counters.First[name], f.Counters.Last[name] = mix(k)*1000, mix(k)*1000+int64(k)*37
	}
	f.Config = &audit.Config{Value: new(int64(65536)), Source: "/etc/sysctl.d/60-tw.conf:3", ChangedAt: &changed, SysctlConfChangedAt: &changed, Reader: audit.ReaderProcps}
	for k, path := range []string{"/etc/sysctl.conf", "/etc/sysctl.d/60-tw.conf", "/usr/lib/sysctl.d/50-default.conf"} {
		f.Config.Files = append(f.Config.Files, audit.ConfigFile{Path: path, MTime: &changed, CTime: &changed, Entries: []audit.ConfigEntry{
			{Line: k + 3, Key: "net.ipv4.tcp_max_tw_buckets", Value: fmt.Sprint(65536 >> k)},
		}})
	}
	f.Top = &audit.Top{Inbound: new(mix(5) % 4000)}
	for k := range 10 {
		f.Top.Peers = append(f.Top.Peers, audit.PeerCount{Address: fmt.Sprintf("10.%d.%d.%d", i%200, k*17, mix(k)%250), Count: mix(k) % 900})
	}
	h.Timing = audit.Timing{ConnectMS: float64(mix(6)%9000) / 100, ProbeMS: float64(mix(7)%90000) / 100, TotalMS: float64(mix(8)%99000) / 100, Bytes: mix(9) % 9000}
	h.Findings = []audit.Finding{{
		Rule: "ok", Severity: audit.SeverityInfo, Title: fmt.Sprintf("no overflow in %dd of uptime; %d of 65,536 buckets in use", mix(2)%300, mix(1)%4000),
		Evidence: []audit.Evidence{{Text: "TCPTimeWaitOverflow is 0", Source: "/proc/net/netstat", At: &at}, {Text: fmt.Sprintf("tw %d", mix(1)%4000), Source: "/proc/net/sockstat", At: &at}},
		Advice:   []string{"Keep the limit as it is"},
	}}
	return h
}
