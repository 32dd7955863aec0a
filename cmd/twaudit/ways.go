package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"twaudit/internal/audit"
	"twaudit/internal/fleet"
	"twaudit/internal/inventory"
	"twaudit/internal/scan"
	"twaudit/internal/text"
	"twaudit/remote"
)

// way is what an inventory says of the way to a host beyond its address.
type way struct {
	ssh   inventory.SSH
	fault string // why there is none; empty: there is one
}

// waysOf are the ways of those hosts that have one of their own, by name.
func waysOf(hosts []inventory.Host) map[string]way {
	ways := map[string]way{}
	for _, h := range hosts {
		if w := (way{h.SSH, h.Fault}); w != (way{}) {
			ways[h.Name] = w
		}
	}
	return ways
}

// maxWays bounds the dialers of a run: each has read ssh_config for itself.
const maxWays = 1000

// dialers are one for each way that hosts of the run are reached. Those that
// share a way share its jump connections.
type dialers struct {
	ways  map[string]way
	usual *remote.Dialer
	other map[inventory.SSH]*remote.Dialer
	// faults are of ways whose key file is not there: their hosts fail, and no others.
	faults map[inventory.SSH]error
}

// openDialers makes a dialer for each way. What options ask a person is asked
// once for all of them.
func openDialers(options remote.Options, ways map[string]way) (*dialers, error) {
	options.Password, options.Passphrase, options.SudoPassword = onlyOnce(options.Password), onlyOnce(options.Passphrase), onlyOnce(options.SudoPassword)
	// Whatever the way: a password that one host rejects is wrong for all.
	options.Shared = remote.NewShared()
	usual, err := remote.New(options)
	if err != nil {
		return nil, unusableConfig(err)
	}
	d := &dialers{ways: ways, usual: usual, other: map[inventory.SSH]*remote.Dialer{}, faults: map[inventory.SSH]error{}}
	for _, name := range slices.Sorted(maps.Keys(ways)) {
		w := ways[name]
		if w.ssh == (inventory.SSH{}) || d.other[w.ssh] != nil || d.faults[w.ssh] != nil {
			continue
		}
		if err := keyOf(options, w.ssh); err != nil {
			d.faults[w.ssh] = err
			continue
		}
		if len(d.other) == maxWays {
			d.close()
			return nil, &usageError{fmt.Errorf("the inventory has more than %s different ssh arguments and key files", text.Count(maxWays)), "say in ssh_config what differs from host to host"}
		}
		dialer, err := remote.New(byWay(options, w.ssh))
		if err != nil {
			d.close()
			return nil, &usageError{fmt.Errorf("ssh settings of host %s: %w", name, err), ""}
		}
		d.other[w.ssh] = dialer
	}
	return d, nil
}

// byWay are the options of the run with what an inventory adds: the command
// line comes first.
func byWay(options remote.Options, ssh inventory.SSH) remote.Options {
	if ssh.Config != "" {
		options.ConfigFile = ssh.Config
	}
	if ssh.Settings != "" {
		options.SSHOptions = slices.Concat(options.SSHOptions, strings.Split(ssh.Settings, "\n"))
	}
	if ssh.Identity != "" {
		options.Identities = append([]string{ssh.Identity}, options.Identities...)
	}
	return options
}

// keyOf looks for the key that an inventory names. Those of the command line
// were looked for before.
func keyOf(options remote.Options, ssh inventory.SSH) error {
	if ssh.Identity == "" {
		return nil
	}
	options.Identities = []string{ssh.Identity}
	return options.CheckIdentities()
}

func (d *dialers) close() {
	d.usual.Close()
	for _, dialer := range d.other {
		dialer.Close()
	}
}

// of is the dialer for a host, or why there is no way to it.
func (d *dialers) of(name string) (*remote.Dialer, error) {
	w, own := d.ways[name]
	switch {
	case w.fault != "":
		return nil, errors.New(w.fault)
	case own && d.faults[w.ssh] != nil:
		return nil, d.faults[w.ssh]
	case own && w.ssh != (inventory.SSH{}):
		return d.other[w.ssh], nil
	}
	return d.usual, nil
}

// audit lets auditor ask a host on the host's own way. A nil d has no others.
func (d *dialers) audit(ctx context.Context, auditor *scan.Auditor, job scan.Job, slot fleet.Slot) audit.HostResult {
	if d == nil || job.Local {
		return auditor.Host(ctx, job, slot)
	}
	dialer, err := d.of(job.Name)
	if err != nil {
		result := job.Blank()
		result.Status = audit.StatusFailed
		result.Failure = &audit.Failure{Stage: audit.StageConfig, Message: "the inventory names no usable way to it", Hint: err.Error()}
		return result
	}
	if dialer == d.usual {
		return auditor.Host(ctx, job, slot)
	}
	own := *auditor
	own.Remote, own.Way = dialer.Run, namesOnTheWay(dialer)
	return own.Host(ctx, job, slot)
}

// namesOnTheWay are what the settings of dialer call a host and its jump hosts.
func namesOnTheWay(dialer *remote.Dialer) func(context.Context, remote.Target) []string {
	return func(ctx context.Context, t remote.Target) (names []string) {
		if set, err := dialer.Resolve(ctx, t); err == nil {
			names = append(names, set.HostName, set.HostKeyAlias, set.ProxyCommand)
		}
		hops, err := dialer.Hops(ctx, t)
		if err != nil { // then nobody was dialled either
			return names
		}
		for _, hop := range hops {
			names = append(names, hop.Name, hop.Settings.HostName, hop.Settings.HostKeyAlias, hop.Settings.ProxyCommand)
		}
		return names
	}
}

// onlyOnce asks a person each question once, also when several dialers have it.
func onlyOnce(ask func(string) (string, error)) func(string) (string, error) {
	if ask == nil {
		return nil
	}
	type answer struct {
		text string
		err  error
	}
	var mu sync.Mutex
	answers := map[string]answer{}
	return func(prompt string) (string, error) {
		mu.Lock() // also while the person thinks: the next one waits for the answer
		defer mu.Unlock()
		known, asked := answers[prompt]
		if !asked {
			known.text, known.err = ask(prompt)
			answers[prompt] = known
		}
		return known.text, known.err
	}
}
