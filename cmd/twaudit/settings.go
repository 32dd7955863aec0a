package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

// settings is a configuration file whose shape is right. Its keys are the names of
// flags; whether a value suits its flag is found out when it is used. The zero
// value has no keys.
type settings struct {
	path     string // empty: there is none
	top      section
	profiles map[string]section
	alarms   map[string]*yaml.Node
}

// section holds values by the name of their flag.
type section map[string]setting

// setting is one value, or those of a repeatable flag.
type setting struct {
	values []string
	line   int
}

// parseSettings takes a file apart. All that is wrong is said at once, a line each.
func parseSettings(path string, data []byte, home string) (*settings, error) {
	s := &settings{path: path, top: section{}, profiles: map[string]section{}, alarms: map[string]*yaml.Node{}}
	document, err := oneDocument(path, data)
	if err != nil || document == nil {
		return s, err
	}
	p := settingsParser{path: path, home: home}
	for _, e := range p.entries(document, "the file") {
		switch e.key {
		case "profiles":
			for _, profile := range p.entries(e.value, "profiles") {
				s.profiles[profile.key] = p.section(profile.value, "profile "+profile.key)
			}
		case "alarms":
			for _, alarm := range p.entries(e.value, "alarms") {
				s.alarms[alarm.key] = alarm.value
			}
		default:
			p.add(s.top, e)
		}
	}
	return s, errors.Join(p.errs...)
}

// oneDocument is what a file holds; nil when that is nothing.
func oneDocument(path string, data []byte) (*yaml.Node, error) {
	fault := func(err error) error {
		return fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var document, another yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return nil, fault(err)
	}
	switch err := decoder.Decode(&another); {
	case err == nil:
		return nil, fmt.Errorf("%s:%d: a second document begins here: one file has one", path, another.Line)
	case !errors.Is(err, io.EOF):
		return nil, fault(err)
	case len(document.Content) == 0:
		return nil, nil
	}
	return document.Content[0], nil
}

// settingsParser collects what is wrong with a file.
type settingsParser struct {
	path, home string
	errs       []error
}

// entry is a key of a mapping, with its value.
type entry struct {
	key   string
	line  int
	value *yaml.Node
}

func (p *settingsParser) fail(line int, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s:%d: %s", p.path, line, fmt.Sprintf(format, args...)))
}

// entries are those of a mapping, which what names. An empty value has none.
func (p *settingsParser) entries(node *yaml.Node, what string) []entry {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		p.fail(node.Line, "%s has to be a list of KEY: VALUE lines", what)
		return nil
	}
	var list []entry
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode || key.Value == "" || key.Tag == "!!merge" {
			p.fail(key.Line, "a key of %s is no plain word", what)
			continue
		}
		if first, twice := seen[key.Value]; twice {
			p.fail(key.Line, "%s stands in line %d already", key.Value, first)
			continue
		}
		seen[key.Value] = key.Line
		list = append(list, entry{key.Value, key.Line, node.Content[i+1]})
	}
	return list
}

func (p *settingsParser) section(node *yaml.Node, what string) section {
	into := section{}
	for _, e := range p.entries(node, what) {
		p.add(into, e)
	}
	return into
}

// add takes a value, or a list of values.
func (p *settingsParser) add(into section, e entry) {
	nodes := []*yaml.Node{e.value}
	if e.value.Kind == yaml.SequenceNode {
		nodes = e.value.Content
	}
	found := setting{line: e.line, values: []string{}}
	for _, node := range nodes {
		switch {
		case node.Kind != yaml.ScalarNode:
			p.fail(node.Line, "%s has to be a plain value or a list of them", e.key)
			return
		case node.Tag == "!!null":
			p.fail(node.Line, "%s has no value: write one, or take the line out", e.key)
			return
		}
		found.values = append(found.values, p.expand(node.Value))
	}
	into[e.key] = found
}

// expand does what a shell does with ~ on the command line.
func (p *settingsParser) expand(value string) string {
	if rest, ok := strings.CutPrefix(value, "~/"); ok && p.home != "" {
		return filepath.Join(p.home, rest)
	}
	return value
}
