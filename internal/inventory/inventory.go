// Package inventory says what to audit: it turns names from the command line
// and inventories into hosts, each once, and lets the operator select among
// them. It reads files and standard input, and runs programs that print an
// inventory; it resolves nothing, connects nowhere, and takes nothing on trust:
// a name that ssh would refuse, or that a shell could read as something else, is
// an error with file and line.
//
// Each kind of inventory has its own file; formats in kind.go lists them. Start
// with Load.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"

	"twaudit/remote"
)

// Host is one host to audit.
type Host struct {
	Name   string            // as the operator wrote it, user and port included: the host's name in every report
	Groups []string          // sorted, each once; nil without any; shared with other hosts
	Labels map[string]string // nil without any; shared with other hosts
	Target remote.Target
	SSH    SSH      // what else there is to say about the way to it
	Fault  string   // why it cannot be reached though it was named: it fails, at stage config; empty: it can
	At     Position // where it was named first
}

// SSH is what an inventory says about the way to a host beyond its Target; two
// hosts that differ in it are not the same. The zero value is nothing.
type SSH struct {
	Identity string // a key file, offered before all others; may begin with ~/
	Config   string // a file as for ssh -F, instead of the run's
	Settings string // Key=Value, as for ssh -o, one a line; they beat Config
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

// Source is one inventory: a file, a directory, standard input when Path is "-",
// or an ssh_config behind SSHConfigPrefix.
type Source struct {
	Path string
	Kind Kind // empty: detected
}

// Request is what the operator asked for. With Sources, Names select among
// their hosts; without, Names are the hosts, or those of Only when there are
// none.
type Request struct {
	Sources []Source
	Names   []string // hosts, or patterns as Limit has them
	Only    *Subset  // keep only these; nil keeps all
	Limit   []string // keep only what one of these patterns matches; nil keeps all
	Exclude []string // then leave out what one of these matches

	Stdin         io.Reader // read for a Source "-"; nil: there is none
	SSHConfig     string    // what SSHConfigPrefix alone means
	OneConfig     bool      // SSHConfig has the settings of all hosts, also of those that another ssh_config names
	Port          int       // of hosts that name none; 0 is that of ssh
	Home          string    // where an ssh_config's Include begins
	ManyAddresses bool      // networks and ranges may hold more than 4,096 addresses
}

// Subset are names of hosts from elsewhere.
type Subset struct {
	Names []string
	From  string // what they are, in messages: such as `the failed hosts of run.json`
}

// Load reads every source and returns the selected hosts in the order in which
// they were named, each once. Errors are for people: they name file and line,
// the text at fault and the way out. A program that prints an inventory ends
// with ctx.
func Load(ctx context.Context, r Request) ([]Host, []Note, error) {
	all := newMerger()
	reader := &reader{many: r.ManyAddresses, sshConfig: r.SSHConfig, oneConfig: r.OneConfig, home: r.Home}
	for _, source := range r.Sources {
		hosts, notes, err := reader.read(ctx, source, r.Stdin)
		if err != nil {
			return nil, nil, err
		}
		all.notes = append(all.notes, notes...)
		if err := all.add(hosts); err != nil {
			return nil, nil, err
		}
	}
	if len(r.Sources) == 0 {
		names := r.Names
		if len(names) == 0 && r.Only != nil {
			names = r.Only.Names
		}
		hosts, err := reader.arguments(names)
		if err != nil {
			return nil, nil, err
		}
		if err := all.add(hosts); err != nil {
			return nil, nil, err
		}
		r.Names = nil
	}
	hosts, notes, err := choose(all.hosts, r)
	if err != nil {
		return nil, nil, err
	}
	return hosts, append(all.said(hosts, r.Port), notes...), nil
}

// ErrPattern is a pattern where there is no inventory to select from.
var ErrPattern = errors.New("this selects from an inventory, and there is none")

// arguments reads the positional arguments of a command.
func (r *reader) arguments(words []string) ([]Host, error) {
	var hosts []Host
	at := Position{File: "command line"}
	for _, word := range words {
		if isPattern(word) && word[0] != '-' {
			return nil, fmt.Errorf("host %s: %w", quote(word), ErrPattern)
		}
		names, err := r.names(word)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			hosts = append(hosts, Host{Name: n.name, Target: n.target, At: at})
		}
	}
	return hosts, nil
}
