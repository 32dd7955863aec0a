package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"twaudit/internal/audit"
)

// family is one metric with all its samples. Names, types and labels are part of
// the contract of docs/prometheus.md: dashboards and alert rules rely on them.
type family struct {
	name, kind, help string
	samples          func(p *promWriter)
}

// families are ordered as they are written: the run, then its hosts.
func families() []family {
	const gauge, counter = "gauge", "counter"
	return []family{
		{"twaudit_run_info", gauge, "Version of twaudit that made the run; always 1.", (*promWriter).runInfo},
		{"twaudit_run_started_timestamp_seconds", gauge, "When the run began.", func(p *promWriter) { p.sample(seconds(&p.run.Meta.StartedAt)) }},
		{"twaudit_run_finished_timestamp_seconds", gauge, "When the run ended.", func(p *promWriter) { p.sample(seconds(&p.run.Meta.FinishedAt)) }},
		{"twaudit_run_partial", gauge, "1 if the run ended before all hosts were asked, else 0.", func(p *promWriter) { p.sample(bit(p.run.Meta.Partial)) }},
		{"twaudit_run_hosts", gauge, "Hosts of the run by status.", (*promWriter).hostCounts},
		{"twaudit_host_info", gauge, "Groups (joined by commas), kernel and system of a host; always 1.", (*promWriter).hostInfo},
		{"twaudit_audit_success", gauge, "1 if the host was audited, 0 if that failed or was never begun.", (*promWriter).success},
		{"twaudit_audit_failure_info", gauge, "The stage at which the audit of a host failed; always 1.", (*promWriter).failures},
		{"twaudit_audit_duration_seconds", gauge, "Time that the audit of a host took.", (*promWriter).durations},
		{"twaudit_verdict", gauge, "1 for the verdict of a host, 0 for the others.", (*promWriter).verdicts},
		{"twaudit_coverage_partial", gauge, "1 if namespaces or containers of a host could not be read, else 0.", (*promWriter).coverage},
		{"twaudit_time_wait_buckets", gauge, "Sockets in the TIME_WAIT bucket table of the login's network namespace.",
			eachFact(func(f *audit.Facts) string { return whole(f.TimeWait.Buckets) })},
		{"twaudit_time_wait_limit", gauge, "net.ipv4.tcp_max_tw_buckets in the login's network namespace.",
			eachFact(func(f *audit.Facts) string { return whole(f.TimeWait.Limit) })},
		{"twaudit_time_wait_ratio", gauge, "Buckets divided by the limit; absent where the limit is not above 0.",
			eachFact(func(f *audit.Facts) string { return decimal(f.TimeWait.Ratio, 6) })},
		{"twaudit_time_wait_overflow_total", counter, "Sockets destroyed since boot because the table was full (TCPTimeWaitOverflow).",
			eachFact(func(f *audit.Facts) string { return whole(f.TimeWait.OverflowTotal) })},
		{"twaudit_time_wait_overflow_log_lines", gauge, "Overflow records in those kernel logs that were read.",
			eachFact(func(f *audit.Facts) string {
				if f.Log == nil {
					return ""
				}
				return whole(f.Log.OverflowLines)
			})},
		{"twaudit_time_wait_load_factor", gauge, "How many times this load the limit sustains, an estimate; below 1 the table fills.", (*promWriter).loadFactors},
		{"twaudit_last_overflow_timestamp_seconds", gauge, "Last known overflow: the last record in a log, or the first look that found the counter higher, by this run or an earlier one.", (*promWriter).lastOverflows},
		{"twaudit_config_changed_timestamp_seconds", gauge, "Modification time of the file that sets the limit.",
			eachFact(func(f *audit.Facts) string {
				if f.Config == nil {
					return ""
				}
				return seconds(f.Config.ChangedAt)
			})},
		{"twaudit_sysctl_conf_changed_timestamp_seconds", gauge, "Modification time of /etc/sysctl.conf.",
			eachFact(func(f *audit.Facts) string {
				if f.Config == nil {
					return ""
				}
				return seconds(f.Config.SysctlConfChangedAt)
			})},
	}
}

// promWriter writes the text format of Prometheus. An error of w stays in it
// until Flush.
type promWriter struct {
	*bufio.Writer
	run    *audit.Run
	escape *strings.Replacer   // of label values
	hosts  []*audit.HostResult // each name once

	family family // the one that is written
	begun  bool   // its first sample is there
}

// renderProm writes a file for the textfile collector of node_exporter. A
// family without a sample is left out, and so is the sample of what was not
// read: absent is not zero.
func renderProm(w io.Writer, run *audit.Run, _ Options) error {
	p := &promWriter{Writer: bufio.NewWriter(w), run: run, escape: strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)}
	seen := map[string]bool{}
	for i := range run.Hosts {
		// Two samples with the same labels make the collector refuse the whole
		// file. Of a host that is in a merged run twice the worse one counts.
		if h := &run.Hosts[i]; !seen[h.Name] {
			seen[h.Name] = true
			p.hosts = append(p.hosts, h)
		}
	}
	for _, f := range families() {
		p.family, p.begun = f, false
		f.samples(p)
	}
	return p.Flush()
}

// sample writes one value with its labels, name and value in turn. An empty
// value is one that is not known.
func (p *promWriter) sample(value string, labels ...string) {
	if value == "" {
		return
	}
	if !p.begun {
		p.begun = true
		fmt.Fprintf(p, "# HELP %[1]s %[2]s\n# TYPE %[1]s %[3]s\n", p.family.name, p.family.help, p.family.kind)
	}
	p.WriteString(p.family.name)
	for i := 0; i < len(labels); i += 2 {
		separator := ","
		if i == 0 {
			separator = "{"
		}
		p.WriteString(separator + labels[i] + `="`)
		p.escape.WriteString(p, labels[i+1])
		p.WriteByte('"')
	}
	if len(labels) > 0 {
		p.WriteByte('}')
	}
	p.WriteString(" " + value + "\n")
}

// eachFact is a family with one sample for each audited host of which value
// knows something.
func eachFact(value func(*audit.Facts) string) func(*promWriter) {
	return func(p *promWriter) {
		for _, h := range p.hosts {
			if h.Facts != nil {
				p.sample(value(h.Facts), "host", h.Name)
			}
		}
	}
}

func (p *promWriter) runInfo() { p.sample("1", "version", p.run.Tool.Version) }

func (p *promWriter) hostCounts() {
	s := p.run.Summary
	p.sample(strconv.Itoa(s.Audited), "status", string(audit.StatusAudited))
	p.sample(strconv.Itoa(s.Failed), "status", string(audit.StatusFailed))
	p.sample(strconv.Itoa(s.Skipped), "status", string(audit.StatusSkipped))
}

// hostInfo is joined to other series by host: as labels of each of them, a new
// kernel would end all their histories.
func (p *promWriter) hostInfo() {
	for _, h := range p.hosts {
		facts, _, _ := parts(h)
		p.sample("1", "host", h.Name, "groups", strings.Join(h.Groups, ","), "kernel", facts.Host.Kernel, "os", facts.Host.OS)
	}
}

func (p *promWriter) success() {
	for _, h := range p.hosts {
		p.sample(bit(h.Status == audit.StatusAudited), "host", h.Name)
	}
}

func (p *promWriter) failures() {
	for _, h := range p.hosts {
		if h.Failure != nil {
			p.sample("1", "host", h.Name, "stage", string(h.Failure.Stage))
		}
	}
}

func (p *promWriter) durations() {
	for _, h := range p.hosts {
		if total := h.Timing.TotalMS / 1000; total > 0 {
			p.sample(decimal(&total, 3), "host", h.Name)
		}
	}
}

// verdicts also shows one of a later version, which is none of ours.
func (p *promWriter) verdicts() {
	for _, h := range p.hosts {
		if h.Status != audit.StatusAudited {
			continue
		}
		for _, v := range audit.Verdicts {
			p.sample(bit(v == h.Verdict), "host", h.Name, "verdict", string(v))
		}
		if h.Verdict.Rank() == len(audit.Verdicts) {
			p.sample("1", "host", h.Name, "verdict", string(h.Verdict))
		}
	}
}

func (p *promWriter) coverage() {
	for _, h := range p.hosts {
		if h.Status == audit.StatusAudited {
			p.sample(bit(h.Coverage == audit.CoveragePartial), "host", h.Name)
		}
	}
}

func (p *promWriter) loadFactors() {
	for _, h := range p.hosts {
		if h.Headroom != nil {
			p.sample(decimal(h.Headroom.LoadFactor, 3), "host", h.Name)
		}
	}
}

// lastOverflows are by the host's clock, also where earlier runs tell.
func (p *promWriter) lastOverflows() {
	for _, h := range p.hosts {
		p.sample(seconds(lastBound(ownSubject(h))), "host", h.Name)
	}
}

// seconds since 1970, to the millisecond, without the exponent that a float
// would get.
func seconds(t *time.Time) string {
	if t == nil || !hasRFC3339(*t) || t.IsZero() {
		return ""
	}
	since := float64(t.UnixMilli()) / 1000
	return decimal(&since, 3)
}

func bit(is bool) string {
	if is {
		return "1"
	}
	return "0"
}
