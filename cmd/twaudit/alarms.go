package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	yaml "go.yaml.in/yaml/v3"

	"twaudit/internal/notify"
)

// alarm is somebody to be told, as the configuration file says.
type alarm struct {
	name  string
	on    string        // one of alarmOccasions
	every time.Duration // at most once in that time; 0 is every time
	sink  notify.Sink
}

// What has to have happened for an alarm.
const (
	onChange  = "change"  // a host got worse since the last run of the selection
	onProblem = "problem" // a host is at or above --fail-on, failed or unknown
	onAlways  = "always"
)

// defaultEvery bounds what a fleet that flaps can send.
const defaultEvery = 10 * time.Minute

// declareAlarms: who is told of the run.
func (f *scanFlags) declareAlarms(set *pflag.FlagSet) {
	set.StringArrayVar(&f.notify, "notify", nil, "tell `NAME`, one of the alarms of the configuration file; none tells nobody (repeatable)")
	f.notifyFlag = set.Lookup("notify")
}

// noAlarm is the name that stands for no alarm.
const noAlarm = "none"

// alarms builds those of the configuration file. What is wrong with any of them is
// found out here, not when there is something to tell.
func (a *App) alarms(s *settings) (map[string]*alarm, error) {
	built := map[string]*alarm{}
	p := alarmParser{settingsParser: settingsParser{path: s.path, home: a.home()}, env: a.Env}
	for _, name := range sortedKeys(s.alarms) {
		if name == noAlarm {
			p.fail(s.alarms[name].Line, "no alarm can be called none: --notify none tells nobody")
		}
		built[name] = p.alarm(name, s.alarms[name])
	}
	if len(p.errs) > 0 {
		return nil, &usageError{errors.Join(p.errs...), "twaudit config init writes a file with examples of alarms"}
	}
	return built, nil
}

// chosenAlarms are those that --notify names. A run without history compares with
// nothing and cannot know what is news: it tells only whom its own command line names.
func (a *App) chosenAlarms(flags *scanFlags) ([]*alarm, error) {
	chosen, err := a.namedAlarms(flags.notify)
	if err != nil || len(chosen) == 0 || !flags.noHistory || strength(flags.notifyFlag) == fromCommandLine {
		return chosen, err
	}
	a.print("no alarm is sent: with --no-history nothing is known to be news; --notify on the command line sends one all the same")
	return nil, nil
}

// namedAlarms are those of the configuration file with these names.
func (a *App) namedAlarms(names []string) ([]*alarm, error) {
	switch {
	case len(names) == 0 || len(names) == 1 && names[0] == noAlarm:
		return nil, nil
	case slices.Contains(names, noAlarm):
		return nil, &usageError{errors.New("--notify none stands beside other alarms"), "none tells nobody: give it alone, or leave it out"}
	}
	s := a.settings
	if s == nil {
		s = &settings{}
	}
	known, err := a.alarms(s)
	if err != nil {
		return nil, err
	}
	var chosen []*alarm
	for _, name := range names {
		if known[name] == nil {
			hint := "the configuration file has: " + orNone(sortedKeys(known)) + "; --notify none tells nobody"
			if s.path == "" {
				hint = "alarms are described in a configuration file, and none was read; twaudit config init writes one"
			}
			return nil, &usageError{fmt.Errorf("--notify: there is no alarm %q", name), hint}
		}
		if !slices.Contains(chosen, known[name]) {
			chosen = append(chosen, known[name])
		}
	}
	return chosen, nil
}

// alarmParser turns nodes into alarms.
type alarmParser struct {
	settingsParser
	env func(string) string
}

// fields calls the function of each key of a mapping, and refuses other keys.
func (p *alarmParser) fields(node *yaml.Node, what string, known map[string]func(*yaml.Node)) {
	for _, e := range p.entries(node, what) {
		take, ok := known[e.key]
		if !ok {
			p.fail(e.line, "unknown key %q of %s: choose one of %s", e.key, what, strings.Join(sortedKeys(known), ", "))
			continue
		}
		take(e.value)
	}
}

// text stores a plain value.
func (p *alarmParser) text(into *string) func(*yaml.Node) {
	return func(node *yaml.Node) {
		if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
			p.fail(node.Line, "a plain value is needed here")
			return
		}
		*into = p.expand(node.Value)
	}
}

// list stores a list of plain values, or one.
func (p *alarmParser) list(into *[]string) func(*yaml.Node) {
	return func(node *yaml.Node) {
		values := section{}
		p.add(values, entry{"list", node.Line, node})
		*into = values["list"].values
	}
}

func (p *alarmParser) alarm(name string, node *yaml.Node) *alarm {
	what := "alarm " + name
	built := &alarm{name: name, on: onChange, every: defaultEvery}
	var every string
	ways := 0
	way := func(build func(*yaml.Node, string) notify.Sink) func(*yaml.Node) {
		return func(node *yaml.Node) {
			ways++
			built.sink = build(node, what)
		}
	}
	p.fields(node, what, map[string]func(*yaml.Node){
		"on": p.text(&built.on), "every": p.text(&every),
		"webhook": way(p.webhook), "command": way(p.command), "mail": way(p.mail),
	})
	if ways != 1 {
		p.fail(node.Line, "%s needs one of webhook, command or mail, and has %d", what, ways)
	}
	if occasions := []string{onAlways, onChange, onProblem}; !slices.Contains(occasions, built.on) {
		p.fail(node.Line, "%s: on: %q: choose %s", what, built.on, alternatives(occasions))
	}
	if every != "" {
		var d durationFlag
		if err := d.Set(every); err != nil {
			p.fail(node.Line, "%s: every: %s", what, err)
		}
		built.every = time.Duration(d)
	}
	return built
}

// secret is a value that stands in the file itself, in another file or in a
// variable.
func (p *alarmParser) secret(into *notify.Secret, name string, known map[string]func(*yaml.Node)) {
	known[name] = func(node *yaml.Node) {
		var value string
		p.text(&value)(node)
		*into = notify.Secret(value)
	}
	known[name+"_file"] = func(node *yaml.Node) {
		var path string
		p.text(&path)(node)
		content, err := os.ReadFile(path)
		if err != nil {
			p.fail(node.Line, "%s_file: %s", name, err)
			return
		}
		line, _, _ := strings.Cut(string(content), "\n")
		if line = strings.TrimSpace(line); line == "" {
			p.fail(node.Line, "%s_file: the first line of %s is empty", name, path)
		}
		*into = notify.Secret(line)
	}
	known[name+"_env"] = func(node *yaml.Node) {
		var variable string
		p.text(&variable)(node)
		value := p.env(variable)
		if value == "" {
			p.fail(node.Line, "%s_env: the variable %s is not set", name, variable)
		}
		*into = notify.Secret(value)
	}
}

func (p *alarmParser) webhook(node *yaml.Node, what string) notify.Sink {
	var address notify.Secret
	var format, body string
	headers := map[string]notify.Secret{}
	known := map[string]func(*yaml.Node){
		"format": p.text(&format), "body": p.text(&body),
		"headers": func(node *yaml.Node) {
			for _, e := range p.entries(node, "headers of "+what) {
				headers[e.key] = p.header(e, what)
			}
		},
	}
	p.secret(&address, "url", known)
	before := len(p.errs)
	p.fields(node, "webhook of "+what, known)
	switch format {
	case "slack":
		body = notify.Slack
	case "alertmanager":
		body = notify.Alertmanager
	case "":
		if body == "" {
			p.fail(node.Line, "%s: a webhook needs format: slack, format: alertmanager or a body", what)
		}
	default:
		p.fail(node.Line, "%s: format %q: choose slack or alertmanager, or write a body", what, format)
	}
	if len(p.errs) > before {
		return nil // its other faults would be no news
	}
	hook, err := notify.NewWebhook(address, headers, body)
	if err != nil {
		p.fail(node.Line, "%s: %s", what, err)
	}
	return hook
}

// header is the value of a header: text, or a mapping with value_file or value_env.
func (p *alarmParser) header(e entry, what string) notify.Secret {
	var value notify.Secret
	known := map[string]func(*yaml.Node){}
	p.secret(&value, "value", known)
	if e.value.Kind == yaml.ScalarNode {
		known["value"](e.value)
	} else {
		p.fields(e.value, "header "+e.key+" of "+what, known)
	}
	return value
}

func (p *alarmParser) command(node *yaml.Node, what string) notify.Sink {
	var command notify.Command
	p.list(&command.Args)(node)
	if len(command.Args) == 0 || command.Args[0] == "" {
		p.fail(node.Line, "%s: command is empty", what)
	}
	return command
}

func (p *alarmParser) mail(node *yaml.Node, what string) notify.Sink {
	var mail notify.Mail
	var encryption string
	known := map[string]func(*yaml.Node){
		"server": p.text(&mail.Server), "encryption": p.text(&encryption), "user": p.text(&mail.User),
		"from": p.text(&mail.From), "to": p.list(&mail.To),
	}
	p.secret(&mail.Password, "password", known)
	before := len(p.errs)
	p.fields(node, "mail of "+what, known)
	mail.Encryption = notify.Encryption(encryption)
	if err := mail.Check(); err != nil && len(p.errs) == before {
		p.fail(node.Line, "%s: %s", what, err)
	}
	return mail
}
