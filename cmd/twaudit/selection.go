package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"twaudit/internal/audit"
	"twaudit/internal/inventory"
	"twaudit/internal/scan"
	"twaudit/internal/text"
)

// selectionFlags say what is audited.
type selectionFlags struct {
	inventories    []string
	kind           choiceFlag // of every inventory; empty: detected
	allSSHHosts    bool
	limit, exclude []string
	failedFrom     string // a saved run, or one of the history
	manyAddresses  bool
	local          bool
}

func newSelectionFlags() selectionFlags {
	return selectionFlags{kind: choiceFlag{choices: inventory.Kinds()}}
}

// declareHosts: where the hosts come from. Lists are StringArray: a StringSlice
// would split file names at commas.
func (f *selectionFlags) declareHosts(set *pflag.FlagSet) {
	set.StringArrayVarP(&f.inventories, "inventory", "i", nil, "read hosts from `FILE`, - is standard input, ssh_config:[FILE] the aliases of one (repeatable)")
	set.Var(&f.kind, "inventory-kind", "what the inventories are, where that is not found out: "+alternatives(f.kind.choices))
	set.BoolVar(&f.allSSHHosts, "all-ssh-hosts", false, "the aliases of your ssh_config, as -i ssh_config:")
	set.BoolVar(&f.local, "local", false, "audit this machine, without SSH")
}

// declareSelection: which of the hosts.
func (f *selectionFlags) declareSelection(set *pflag.FlagSet) {
	set.StringArrayVar(&f.limit, "limit", nil, "take only hosts that match `PATTERN`: a name, group, key=value, ~regex, or @FILE of these (repeatable)")
	set.StringArrayVar(&f.exclude, "exclude", nil, "leave out hosts that match `PATTERN` (repeatable)")
	set.StringVar(&f.failedFrom, "failed-from", "", "take only hosts that failed, or were not reached, in `RUN`: a file of scan -f json, or a run of the history such as latest")
	set.BoolVar(&f.manyAddresses, "yes-really", false, "let networks and address ranges hold more than 4,096 addresses")
	// A variable would be forgotten, and this asks whether one is sure.
	withoutVariable(set, "yes-really")
}

// check looks for what contradicts itself, without touching anything.
func (f *selectionFlags) check(names []string) error {
	if len(names) == 0 && len(f.inventories) == 0 && !f.local && !f.allSSHHosts && f.failedFrom == "" {
		return &usageError{errors.New("no hosts given"), "name hosts, give an inventory with -i FILE (-i - reads standard input), or use --local"}
	}
	// A second reading of standard input would find an empty inventory, and
	// blame that.
	stdin := 0
	for _, path := range append(slices.Clone(f.inventories), f.failedFrom) {
		if path == stdoutPath {
			stdin++
		}
	}
	if stdin > 1 {
		return &usageError{errors.New("-i - can be given once: standard input ends after one reading"), ""}
	}
	return nil
}

// request is the selection, without what it reads from elsewhere.
func (a *App) request(flags *scanFlags, names []string) inventory.Request {
	request := inventory.Request{
		Names: given(names), Limit: given(flags.limit), Exclude: given(flags.exclude),
		Home: a.sshHome(), SSHConfig: flags.sshConfig, OneConfig: flags.sshConfig != "", Port: flags.port.value, ManyAddresses: flags.manyAddresses,
	}
	if request.SSHConfig == "" {
		request.SSHConfig = filepath.Join(a.sshHome(), ".ssh", "config")
	}
	for _, path := range flags.inventories {
		request.Sources = append(request.Sources, inventory.Source{Path: path, Kind: inventory.Kind(flags.kind.value)})
	}
	if flags.allSSHHosts {
		request.Sources = append(request.Sources, inventory.Source{Path: inventory.SSHConfigPrefix})
	}
	return request
}

// failed are the hosts of which a saved run knows nothing: those that failed,
// and those that it did not come to.
func (a *App) failed(ctx context.Context, flags *scanFlags) (*inventory.Subset, error) {
	path := flags.failedFrom
	run, err := a.namedRun(ctx, flags.history, path)
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		return nil, &usageError{fmt.Errorf("--failed-from: %w", err), usage.hint}
	}
	if err != nil {
		return nil, &usageError{fmt.Errorf("--failed-from: %w", err), "it takes a run that was saved with -f json=FILE, or one of the history such as latest"}
	}
	subset := &inventory.Subset{From: "the failed hosts of " + text.CleanMax(path, 200)}
	for i := range run.Hosts {
		if run.Hosts[i].Status != audit.StatusAudited {
			subset.Names = append(subset.Names, run.Hosts[i].Name)
		}
	}
	if len(subset.Names) == 0 {
		return nil, &usageError{fmt.Errorf("no hosts: none of the %d in %s failed", len(run.Hosts), text.CleanMax(path, 200)), "without --failed-from all are audited"}
	}
	return subset, nil
}

// jobs are the selected hosts, each once, and what there is to say about the
// selection. It leaves in the app what the inventory says of the way to them.
func (a *App) jobs(ctx context.Context, flags *scanFlags, names []string) ([]scan.Job, []string, error) {
	var jobs []scan.Job
	var notes []string
	if len(names)+len(flags.inventories) > 0 || flags.allSSHHosts || flags.failedFrom != "" {
		hosts, said, err := a.selected(ctx, flags, names)
		if err != nil {
			return nil, nil, err
		}
		for _, note := range said {
			notes = append(notes, string(note))
		}
		a.ways = waysOf(hosts)
		jobs = make([]scan.Job, 0, len(hosts)+1)
		for _, h := range hosts {
			jobs = append(jobs, scan.Job{Name: h.Name, Groups: h.Groups, Labels: h.Labels, Target: h.Target})
		}
	}
	if flags.local {
		jobs, notes = addLocal(jobs, notes)
	}
	return jobs, notes, nil
}

// selected loads the hosts.
func (a *App) selected(ctx context.Context, flags *scanFlags, names []string) ([]inventory.Host, []inventory.Note, error) {
	request := a.request(flags, names)
	request.Stdin = a.Stdin
	if flags.failedFrom != "" {
		only, err := a.failed(ctx, flags)
		if err != nil {
			return nil, nil, err
		}
		request.Only = only
	}
	defer a.sayPipes(flags.inventories...)()
	hosts, said, err := inventory.Load(ctx, request)
	if err == nil {
		return hosts, said, nil
	}
	hint := ""
	if errors.Is(err, inventory.ErrPattern) {
		hint = "give the inventory with -i FILE; without one, arguments are hosts, or ranges such as web[1-3]"
	}
	return nil, nil, &usageError{err, hint}
}

// addLocal adds this machine under its own name: reports of several machines,
// put together, would otherwise hold one localhost many times. A host of that
// name is this machine too.
func addLocal(jobs []scan.Job, notes []string) ([]scan.Job, []string) {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "localhost"
	}
	name = text.CleanMax(name, 255)
	for i := range jobs {
		if jobs[i].Name == name {
			jobs[i].Local = true
			return jobs, append(notes, fmt.Sprintf("host %s is this machine: it is audited once, without SSH", name))
		}
	}
	return append(jobs, scan.Job{Name: name, Local: true}), notes
}
