// Package inventory says what to audit: it turns names from the command line
// and inventory files into hosts, each once, and lets the operator select among
// them. It reads files and standard input; it resolves nothing, connects
// nowhere, and takes nothing on trust: a name that ssh would refuse, or that a
// shell could read as something else, is an error with file and line.
//
// Each kind of inventory has its own file; kinds in kind.go lists them. Start
// with Load.
package inventory

import (
	"fmt"
	"io"

	"twaudit/remote"
)

// Host is one host to audit.
type Host struct {
	Name   string            // as the operator wrote it, user and port included: the host's name in every report
	Groups []string          // sorted, each once; nil without any
	Labels map[string]string // nil without any
	Target remote.Target
	At     Position // where it was named first
}

// Position is a line of an inventory. Line 0 is the command line.
type Position struct {
	File string
	Line int
}

func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Note is something that the reader of a run should know about its inventory:
// one sentence, lower case, no full stop.
type Note string

// Source is one inventory: a file, or standard input when Path is "-".
type Source struct {
	Path string
	Kind Kind // empty: detected
}

// Request is what the operator asked for. With Sources, Names select among
// their hosts; without, Names are the hosts.
type Request struct {
	Sources []Source
	Names   []string  // hosts, or patterns as Limit has them
	Limit   []string  // keep only what one of these matches: names or groups, with * and ?; nil keeps all
	Exclude []string  // then leave out what one of these matches
	Stdin   io.Reader // read for a Source "-"; nil: there is none
}

// Load reads every source and returns the selected hosts in the order in which
// they were named, each once. Errors are for people: they name file and line,
// the text at fault and the way out.
func Load(r Request) ([]Host, []Note, error) {
	var all merger
	for _, source := range r.Sources {
		hosts, notes, err := source.read(r.Stdin)
		if err != nil {
			return nil, nil, err
		}
		all.notes = append(all.notes, notes...)
		if err := all.add(hosts); err != nil {
			return nil, nil, err
		}
	}
	if len(r.Sources) == 0 {
		hosts, err := fromNames(r.Names)
		if err != nil {
			return nil, nil, err
		}
		if err := all.add(hosts); err != nil {
			return nil, nil, err
		}
		r.Names = nil
	}
	hosts, err := choose(all.hosts, r)
	if err != nil {
		return nil, nil, err
	}
	return hosts, all.said(), nil
}

// fromNames reads the positional arguments of a command.
func fromNames(names []string) ([]Host, error) {
	hosts := make([]Host, 0, len(names))
	at := Position{File: "command line"}
	for _, name := range names {
		target, err := parseTarget(name)
		if err != nil {
			return nil, fmt.Errorf("host %s: %w", quote(name), err)
		}
		hosts = append(hosts, Host{Name: name, Target: target, At: at})
	}
	return hosts, nil
}
