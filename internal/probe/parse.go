package probe

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Answer is what one run of the script on a host told.
type Answer struct {
	Facts   *audit.Facts
	Gaps    []audit.Gap // in the order of the sections
	Version string      // of the script that answered
}

// ErrNoBegin means that the output holds no begin mark with our nonce: the
// script never ran, or something else answered in its place.
var ErrNoBegin = errors.New("the answer has no begin mark")

// IncompleteError means that the script began and did not end: it was killed,
// or the connection broke.
type IncompleteError struct {
	Section string // the last section that had begun; empty when none had
	Bytes   int    // received since the begin mark
}

func (e *IncompleteError) Error() string {
	where := "before its first section"
	if e.Section != "" {
		where = "in section " + e.Section
	}
	return fmt.Sprintf("the answer has no end mark: it stops %s, after %s", where, text.Bytes(int64(e.Bytes)))
}

// NotLinuxError means that the script ran on something that is no Linux.
type NotLinuxError struct {
	System string // as uname -s calls it
}

func (e *NotLinuxError) Error() string { return "the host is no Linux but " + e.System }

// VersionError means that a script of another version answered, as an installed
// copy behind a forced command may be.
type VersionError struct {
	Got, Want string
}

func (e *VersionError) Error() string {
	return "the host answered with probe version " + e.Got + " instead of " + e.Want
}

// Parse reads the output of one run of the script. Nonce is the one that the
// script was given; empty accepts any, for answers that were saved by hand. At
// is the auditor's clock when the begin mark arrived; zero when nobody knows,
// and then the host's clock is compared with nothing.
//
// Errors are ErrNoBegin, *IncompleteError, *VersionError and *NotLinuxError.
// Anything else that is wrong with an answer costs the section that it is in,
// and becomes a gap.
func Parse(raw []byte, nonce string, at time.Time) (*Answer, error) {
	frame, err := readFrame(raw, nonce)
	if err != nil {
		return nil, err
	}
	p := &parser{frame: frame, facts: &audit.Facts{}, at: at}
	p.facts.Host.ProbeVersion = frame.version
	if err := p.identity(); err != nil {
		return nil, err
	}
	if p.noProc {
		return p.answer(), nil
	}
	for _, s := range sections {
		p.section(s.name, s.optional, s.parse)
	}
	return p.answer(), nil
}

// parser holds what the sections need of one another.
type parser struct {
	frame  *frame
	facts  *audit.Facts
	gaps   []audit.Gap
	at     time.Time
	noProc bool // Linux, but nothing can be read

	bootConfig []string // sysctl settings of the kernel command line
}

// sections lists the parsers in the order of their dependencies.
var sections = []struct {
	name     string
	optional bool // it may be left out without anything being wrong
	parse    func(*parser, *section) error
}{
	{"limits", false, (*parser).limits},
	{"counters", false, (*parser).counters},
	{"counters-last", true, (*parser).countersLast},
	{"tables", false, (*parser).tables},
	{"openvz", true, (*parser).openvz},
	{"namespaces", false, (*parser).namespaces},
	{"namespaces-last", true, (*parser).namespacesLast},
	{"states", false, (*parser).states},
	{"top", false, (*parser).top},
	{"config", false, (*parser).config},
	{"log", false, (*parser).log},
}

// section runs one parser and turns whatever goes wrong into gaps.
func (p *parser) section(name string, optional bool, parse func(*parser, *section) error) {
	s := p.frame.sections[name]
	if s == nil {
		if !optional {
			p.gap(name, "the answer holds no such section", "")
		}
		return
	}
	p.reported(s)
	if err := parse(p, s); err != nil {
		p.gap(name, "the answer could not be understood: "+err.Error(), "")
	}
}

func (p *parser) gap(section, reason, remedy string) {
	g := audit.Gap{Section: section, Reason: text.CleanMax(reason, 400), Remedy: remedy}
	if len(p.gaps) < maxGaps {
		p.gaps = append(p.gaps, g)
	}
}

func (p *parser) answer() *Answer {
	return &Answer{Facts: p.facts, Gaps: p.gaps, Version: p.frame.version}
}

// clean is what every string passes on its way into Facts.
func clean(s string) string { return text.CleanMax(strings.TrimSpace(s), 256) }
