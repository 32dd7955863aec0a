package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/notify"
	"twaudit/internal/text"
	"twaudit/report"
)

// maxProblems bounds the hosts of one alarm: beyond that it is about the fleet.
const maxProblems = 50

// tellingTime bounds all alarms of a run together.
const tellingTime = 90 * time.Second

// tell sends the alarms of a finished run. One that cannot be sent is a warning:
// the run and its exit status stay as they are. An interrupted run tells nobody,
// for somebody may sit in front of it: the next one does, see promise.
func (a *App) tell(ctx context.Context, m *mission, run *audit.Run, change *audit.Diff) {
	if len(m.alarms) == 0 || a.end.interrupted {
		return
	}
	a.beginTelling()
	ctx, cancel := context.WithTimeout(ctx, tellingTime)
	defer cancel()
	if m.redactor != nil {
		run, change = m.redactor.Run(run), pseudonymousChange(change, m.redactor)
	}
	// Every alarm gets the same message, and none waits for another.
	message, err := newMessage(run, change)
	if err != nil {
		a.print("no alarm was sent: " + err.Error())
		return
	}
	var wait sync.WaitGroup
	for _, alarm := range m.alarms {
		wait.Go(func() { a.tellOne(ctx, m, alarm, message, run, change) }) // ends with its sink, at the latest with ctx
	}
	wait.Wait()
}

// key is that of the last telling of an alarm, which is one of a selection.
func (al *alarm) key(m *mission) string { return "alarm " + al.name + " " + m.selection }

// promise leaves word of what is due, before the run is kept: for the next run it is
// no news, and this process may end before it has told anybody.
func (a *App) promise(m *mission, run *audit.Run, change *audit.Diff) {
	problem := a.troubled(run)
	for _, alarm := range m.alarms {
		before, err := m.told.last(alarm.key(m))
		if err == nil && alarm.on == onChange && !before.Held && alarm.due(problem, gotWorse(change, problem), false) {
			a.remember(m, alarm.key(m), telling{At: before.At, Held: true})
		}
	}
}

// tellOne sends one alarm if it is due.
func (a *App) tellOne(ctx context.Context, m *mission, alarm *alarm, message notify.Message, run *audit.Run, change *audit.Diff) {
	key := alarm.key(m)
	before, err := m.told.last(key)
	if err != nil {
		a.say("it is not known when alarm %s was sent last: %v", alarm.name, err)
	}
	problem := a.troubled(run)
	if !alarm.due(problem, gotWorse(change, problem), before.Held && !well(run)) {
		if before.Held && well(run) {
			a.remember(m, key, telling{At: before.At}) // what comes later is something else
		}
		return
	}
	if early := before.At.Add(alarm.every).Sub(run.Meta.FinishedAt); !before.At.IsZero() && early > 0 && early <= alarm.every {
		a.print(fmt.Sprintf("alarm %s is held back: the last one was sent at %s, and it is limited to one in %s", alarm.name, before.At.UTC().Format(time.RFC3339), text.Duration(alarm.every)))
		a.remember(m, key, telling{At: before.At, Held: true})
		return
	}
	err = alarm.sink.Send(ctx, message)
	var partial notify.PartialError
	if errors.As(err, &partial) { // sent again, it would reach the others every time
		a.print("alarm " + alarm.name + " did not reach everybody: " + err.Error())
		err = nil
	}
	if err != nil {
		a.print("alarm " + alarm.name + " was not sent: " + err.Error())
		a.remember(m, key, telling{At: before.At, Held: true})
		return
	}
	a.remember(m, key, telling{At: run.Meta.FinishedAt})
}

func (a *App) remember(m *mission, key string, value telling) {
	if err := m.told.set(key, value); err != nil {
		a.say("it could not be kept when alarms were sent: %v", err)
	}
}

// due reports whether an alarm has something to tell. held is that something was held
// back, or could not be sent, and all is not well since.
func (al *alarm) due(problem, worse, held bool) bool {
	switch al.on {
	case onAlways:
		return true
	case onProblem:
		return problem
	}
	return worse || held
}

// newMessage puts a run into every form that alarms have.
func newMessage(run *audit.Run, change *audit.Diff) (notify.Message, error) {
	m := notify.Message{Data: alarmData(run, change)}
	m.Subject = m.Data.Title
	for format, into := range map[string]*[]byte{"markdown": &m.Markdown, "html": &m.HTML, "json": &m.JSON} {
		var out bytes.Buffer
		if err := report.Render(&out, run, format, report.Options{}); err != nil {
			return m, fmt.Errorf("%s: %w", format, err)
		}
		*into = out.Bytes()
	}
	m.Data.Text = string(m.Markdown)
	return m, nil
}

// alarmData is what the templates of webhooks see.
func alarmData(run *audit.Run, change *audit.Diff) notify.Data {
	data := notify.Data{
		RunID: run.Meta.ID, StartedAt: run.Meta.StartedAt, FinishedAt: run.Meta.FinishedAt,
		Hosts: run.Summary.Hosts, Audited: run.Summary.Audited, Failed: run.Summary.Failed,
		Verdicts: map[string]int{}, Problems: []notify.Problem{},
	}
	for verdict, n := range run.Summary.Verdicts {
		data.Verdicts[string(verdict)] = n
	}
	for i := range run.Hosts {
		problem, ok := problemOf(&run.Hosts[i])
		switch {
		case !ok:
		case len(data.Problems) == maxProblems:
			data.Omitted++
		default:
			data.Problems = append(data.Problems, problem)
		}
	}
	data.Title = title(run, change)
	return data
}

// title is one line: what there is, and what of it is new.
func title(run *audit.Run, change *audit.Diff) string {
	var parts []string
	for _, verdict := range audit.Verdicts {
		if n := run.Summary.Verdicts[verdict]; n > 0 && verdict.Rank() <= audit.VerdictUnknown.Rank() {
			parts = append(parts, fmt.Sprintf("%d %s", n, verdict))
		}
	}
	if run.Summary.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", run.Summary.Failed))
	}
	if len(parts) == 0 {
		parts = []string{"no problem"}
	}
	words := fmt.Sprintf("twaudit: %s of %d hosts", strings.Join(parts, ", "), run.Summary.Hosts)
	if change != nil && change.Worse > 0 {
		words += "; worse than before: " + fewHosts(worseHosts(change))
	}
	return text.CleanMax(words, 300)
}

// pseudonymousChange is change as far as alarms speak of it, without the names.
func pseudonymousChange(change *audit.Diff, redactor *report.Redactor) *audit.Diff {
	if change == nil {
		return nil
	}
	hidden := &audit.Diff{Worse: change.Worse}
	for _, h := range change.Hosts {
		name := redactor.Host(&audit.HostResult{Name: h.Name}).Name
		hidden.Hosts = append(hidden.Hosts, audit.HostDiff{Name: name, Worse: h.Worse})
	}
	return hidden
}

// worseHosts are the names of those for which something got worse.
func worseHosts(change *audit.Diff) []string {
	var names []string
	for _, h := range change.Hosts {
		if h.Worse {
			names = append(names, h.Name)
		}
	}
	return names
}

// problemOf is what a host needs somebody for; false when it needs nobody.
func problemOf(h *audit.HostResult) (notify.Problem, bool) {
	p := notify.Problem{Host: h.Name, Groups: slices.Clone(h.Groups)}
	if h.Failure != nil {
		p.Verdict, p.Severity, p.Summary = string(h.Status), string(audit.SeverityWarning), h.Failure.Message
		return p, h.Status == audit.StatusFailed
	}
	if h.Status != audit.StatusAudited || h.Verdict.Rank() > audit.VerdictUnknown.Rank() {
		return p, false
	}
	p.Verdict, p.Severity = string(h.Verdict), string(audit.SeverityWarning)
	for i := range h.Findings {
		if h.Findings[i].Rule == string(h.Verdict) {
			p.Severity, p.Summary = string(h.Findings[i].Severity), h.Findings[i].Title
		}
	}
	return p, true
}
