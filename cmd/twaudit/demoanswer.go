package main

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"regexp"
	"text/template"
	"time"

	"twaudit/internal/probe"
	"twaudit/internal/text"
)

// demoTemplates are answers of the probe, with holes for times and numbers.
//
//go:embed demo/*.tmpl
var demoTemplates embed.FS

// demoNonce finds what a command wants its answer to be marked with.
var demoNonce = regexp.MustCompile(`\b[0-9a-f]{32}\b`)

// demoAnswers writes what a host of the demo says.
type demoAnswers struct {
	templates *template.Template
	now       func() time.Time
}

func newDemoAnswers(now func() time.Time) (*demoAnswers, error) {
	t, err := template.ParseFS(demoTemplates, "demo/*.tmpl")
	if err != nil {
		return nil, err
	}
	return &demoAnswers{t, now}, nil
}

func (a *demoAnswers) write(w io.Writer, h *demoHost, nonce string) error {
	name := "modern.tmpl"
	if h.Old {
		name = "old.tmpl"
	}
	return a.templates.ExecuteTemplate(w, name, newDemoAnswer(h, nonce, a.now()))
}

// demoAnswer is what a template sees.
type demoAnswer struct {
	demoSystem
	Nonce         string
	Version       int
	Hostname      string
	BootID        string
	MachineID     string
	First, Last   demoReading
	States, Peers []demoCount
	Inuse         int64
	Inbound       int64
	Outbound      int64
	Backend       string
	Bursts        []demoBurst
	now           time.Time
}

type demoCount struct {
	Name  string
	Count int64
}

// demoReading is one reading of the counters.
type demoReading struct {
	Seconds                                       string
	TimeWaits, Overflows, Opens, Closes, Segments int64
	Resets, Established, Inuse, Buckets           int64
}

// demoBurst is an hour of the log in which the table overflowed.
type demoBurst struct {
	FirstStamp, LastStamp, Hour string
	Lines, Suppressed           int64
}

func newDemoAnswer(h *demoHost, nonce string, now time.Time) *demoAnswer {
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(h.name)))
	a := &demoAnswer{
		demoSystem: h.demoSystem, Nonce: nonce, Version: probe.Version, Hostname: h.name,
		BootID:    fmt.Sprintf("%s-%s-4%s-8%s-%s", id[:8], id[8:12], id[12:15], id[15:18], id[18:30]),
		MachineID: id[32:], Backend: "192.0.2.80 8080",
		now: now.In(time.FixedZone("", h.Zone)).Truncate(time.Second),
	}
	a.Outbound = a.Buckets * a.OutboundPercent / 100
	a.Inbound = a.Buckets - a.Outbound
	a.Inuse = a.Established + 13
	a.fillStates()
	for i, share := range []int64{31, 22, 9, 4} {
		a.Peers = append(a.Peers, demoCount{fmt.Sprintf("198.51.100.%d", 10+7*i), a.Buckets * share / 100})
	}
	a.First, a.Last = a.reading(0.1, 0), a.reading(1.1, 1)
	for _, days := range a.BurstDays {
		a.Bursts = append(a.Bursts, a.burst(days))
	}
	return a
}

func (a *demoAnswer) fillStates() {
	names := []string{"ESTAB", "LISTEN", "LAST-ACK", "FIN-WAIT-1"}
	if a.Old {
		names = []string{"ESTABLISHED", "LISTEN", "LAST_ACK", "FIN_WAIT1"}
		a.States = append(a.States, demoCount{"TIME_WAIT", a.Buckets})
	}
	for i, n := range []int64{a.Established, 13, a.Established/20 + 3, 1} {
		a.States = append(a.States, demoCount{names[i], n})
	}
}

// reading is made the given seconds after the clock was read; later counts the
// seconds since the first reading.
func (a *demoAnswer) reading(after float64, later int64) demoReading {
	closes := int64(a.UpDays)*86400*a.ClosesPerSecond/3 + later*a.ClosesPerSecond
	return demoReading{
		Seconds: a.Uptime(after), TimeWaits: closes, Overflows: a.OverflowTotal + later*a.OverflowDelta,
		Opens: closes / 4, Closes: closes, Segments: closes * 14, Resets: closes/900 + later*a.OverflowDelta,
		Established: a.Established, Inuse: a.Inuse, Buckets: a.Buckets,
	}
}

// burst is an hour of overflows, that many days before the limit was raised.
// The last one ends in the minute of the raise.
func (a *demoAnswer) burst(days int) demoBurst {
	last := a.now.Add(-a.ConfChanged - time.Duration(days)*day).Truncate(time.Minute).Add(35 * time.Second)
	first := last.Truncate(time.Hour).Add(5 * time.Second)
	if first.After(last) {
		first = last
	}
	lines := int64(14 + 11*days)
	return demoBurst{
		FirstStamp: syslogStamp(first), LastStamp: syslogStamp(last), Hour: last.Format("Jan _2 15"),
		Lines: lines, Suppressed: lines * 9,
	}
}

func syslogStamp(t time.Time) string { return t.Format("Jan _2 15:04:05") }

// before is the time that long ago, written as flags take it.
func (a *demoAnswer) before(age string) (time.Time, error) {
	d, err := text.ParseDuration(age)
	return a.now.Add(-d), err
}

// EpochBefore is a time stamp of a file.
func (a *demoAnswer) EpochBefore(age string) (int64, error) {
	t, err := a.before(age)
	return t.Unix(), err
}

// StampBefore is the time of an old log's line.
func (a *demoAnswer) StampBefore(age string) (string, error) {
	t, err := a.before(age)
	return syslogStamp(t), err
}

// ISOBefore is the time of a journal's line.
func (a *demoAnswer) ISOBefore(age string) (string, error) {
	t, err := a.before(age)
	return t.Format("2006-01-02T15:04:05-0700"), err
}

// Clock is the host's time and zone.
func (a *demoAnswer) Clock() string { return fmt.Sprintf("%d %s", a.now.Unix(), a.now.Format("-0700")) }

// Uptime is the seconds since boot, that long after the clock was read.
func (a *demoAnswer) Uptime(after float64) string {
	return fmt.Sprintf("%.2f", float64(a.UpDays)*day.Seconds()+after)
}

// BootEpoch is when the host booted.
func (a *demoAnswer) BootEpoch() int64 { return a.now.AddDate(0, 0, -a.UpDays).Unix() }

// ConfMTime is when the file that sets the limit changed: at a full minute, so
// that the last overflow is a little younger, as it was on the real host.
func (a *demoAnswer) ConfMTime() int64 { return a.now.Add(-a.ConfChanged).Truncate(time.Minute).Unix() }

// LogHost is the host's name as its log lines carry it.
func (a *demoAnswer) LogHost() string {
	if !a.LogNamed {
		return ""
	}
	return " " + a.Hostname
}

// LogName is the same as a field of the answer.
func (a *demoAnswer) LogName() string {
	if !a.LogNamed {
		return "-"
	}
	return a.Hostname
}

// LogLines is the sum over the bursts.
func (a *demoAnswer) LogLines() (n int64) {
	for _, b := range a.Bursts {
		n += b.Lines
	}
	return n
}

// LogSuppressed is the sum over the bursts.
func (a *demoAnswer) LogSuppressed() (n int64) {
	for _, b := range a.Bursts {
		n += b.Suppressed
	}
	return n
}

// LogLastStamp is the time of the last overflow.
func (a *demoAnswer) LogLastStamp() string { return a.Bursts[len(a.Bursts)-1].LastStamp }
