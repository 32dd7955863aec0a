package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"twaudit/internal/audit"
	"twaudit/internal/fleet"
	"twaudit/internal/scan"
	"twaudit/internal/text"
	"twaudit/remote"
	"twaudit/remote/sshconfig"
)

// hostsFlags are the flags of hosts: which hosts, how they would be reached, and
// what is said of them.
type hostsFlags struct {
	*scanFlags
	format choiceFlag
	keys   bool
	noExec bool
	groups bool
}

func (a *App) hostsCommand() *cobra.Command {
	flags := &hostsFlags{scanFlags: newScanFlags(), format: choiceFlag{"table", []string{"table", "json", "list"}}}
	cmd := &cobra.Command{
		Use:   "hosts [HOST|PATTERN...] [-i INVENTORY]...",
		Short: "List the hosts that scan would audit, and the SSH settings for each",
		Long: `Lists the selected hosts and where, as whom and through what scan would reach
them. It connects nowhere, but ssh -G may run what Match exec names; --no-exec
rules that out. -f list writes them as a plain list, which -i reads again; --groups
shows the groups with their hosts. SETTINGS says who read ssh_config for a host:
builtin is twaudit itself, openssh is ssh -G, which is asked where it must be.

With --keys it connects, without logging in, and prints the hosts' keys as
known_hosts lines. The network that showed them cannot vouch for them: compare
the fingerprints before you use a line. Keys that are revoked, or others than
the known ones, stand in comments.`,
		Example: "  twaudit hosts -i hosts.txt\n  twaudit hosts -f json web1\n  twaudit hosts -i hosts.txt --keys >new_keys",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.hosts(cmd.Context(), flags, args)
		},
	}
	flags.declare(cmd)
	return cmd
}

func (f *hostsFlags) declare(cmd *cobra.Command) {
	set := cmd.Flags()
	set.SortFlags = false
	f.declareHosts(set)
	f.declareSelection(set)
	set.VarP(&f.format, "format", "f", "write "+alternatives(f.format.choices))
	set.BoolVar(&f.groups, "groups", false, "show the groups, one inside the other, and their hosts")
	set.BoolVar(&f.keys, "keys", false, "fetch the hosts' keys and print known_hosts lines")
	set.BoolVar(&f.noExec, "no-exec", false, "run nothing to read ssh_config: what only ssh -G can tell is an error")
	set.BoolVarP(&f.quiet, "quiet", "q", false, "print errors only, beside the result")
	f.declareSSH(set)
	f.declareSecrets(set)
	f.declarePace(set)
	f.declareTimeouts(set)
	// TWAUDIT_FORMAT has the words of scan, and a variable for --keys would connect
	// where this command says that it does not.
	for _, name := range []string{"format", "keys", "groups"} {
		withoutVariable(set, name)
	}
	f.complete(cmd, f.format.choices)
}

// hostEntry is what is said of one host. SSH, Keys and Error exclude each other,
// but keys that came before an error are kept; none of them is there for this
// machine.
type hostEntry struct {
	Name   string            `json:"name"`
	Groups []string          `json:"groups"`
	Labels map[string]string `json:"labels"`
	Local  bool              `json:"local,omitempty"` // audited without SSH
	SSH    *hostSettings     `json:"ssh,omitempty"`
	Keys   []hostKey         `json:"keys,omitempty"`
	Error  *hostError        `json:"error,omitempty"`
}

// hostSettings are the settings of ssh_config(5) with everything expanded. An
// empty string is not set.
type hostSettings struct {
	Hostname              string   `json:"hostname"`
	Port                  int      `json:"port"`
	User                  string   `json:"user"`
	IdentityFiles         []string `json:"identity_files"`
	CertificateFiles      []string `json:"certificate_files"`
	IdentitiesOnly        bool     `json:"identities_only"`
	IdentityAgent         string   `json:"identity_agent"` // empty: as SSH_AUTH_SOCK says
	ProxyJump             string   `json:"proxy_jump"`
	ProxyCommand          string   `json:"proxy_command"`
	KnownHostsFiles       []string `json:"known_hosts_files"` // the user's before the system's
	HostKeyAlias          string   `json:"host_key_alias"`
	StrictHostKeyChecking string   `json:"strict_host_key_checking"` // as configured
	HostKeyPolicy         string   `json:"host_key_policy"`          // what holds: strict or accept-new
	ConnectTimeout        float64  `json:"connect_timeout"`          // seconds, as it holds: ssh_config's or else ours
	Source                string   `json:"source"`                   // builtin or openssh

	JumpHosts []jumpSettings `json:"jump_hosts,omitempty"` // what proxy_jump comes to, the nearest to us first
}

// jumpSettings are those of a host on the way.
type jumpSettings struct {
	Name string `json:"name"` // as proxy_jump has it
	*hostSettings
}

// hostError is why there is nothing to say of a host.
type hostError struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// hosts runs the command.
func (a *App) hosts(ctx context.Context, flags *hostsFlags, names []string) error {
	a.quiet = flags.quiet
	if err := flags.check(names); err != nil {
		return err
	}
	if flags.noExec {
		if flags.resolver.value == string(sshconfig.ModeOpenSSH) {
			return &usageError{errors.New("--no-exec and --ssh-config-resolver openssh exclude each other"), "ssh -G runs what Match exec names"}
		}
		flags.resolver.value = string(sshconfig.ModeBuiltin)
	}
	if err := flags.checkViews(); err != nil {
		return err
	}
	// A variable may say so for all commands, and without --keys nobody logs in.
	flags.askPass = flags.askPass && flags.keys
	jobs, notes, err := a.jobs(ctx, flags.scanFlags, names)
	if err != nil {
		return err
	}
	a.sayNotes(notes)
	if flags.groups || flags.format.value == "list" {
		return a.listHosts(flags, jobs)
	}
	look, end, err := a.lookout(ctx, flags)
	if err != nil {
		return err
	}
	defer end()
	entries := lookAt(ctx, jobs, flags, look)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("hosts: %w", context.Cause(ctx))
	}
	onTerminal := a.isTerminal(a.Stdout)
	if err := writeHosts(a.Stdout, entries, flags, onTerminal); err != nil {
		return fmt.Errorf("write hosts to standard output: %w", err)
	}
	return a.endHosts(entries, flags.keys, onTerminal && flags.format.value == "table" && !flags.keys)
}

// lookout returns what fills in the entry of a host, and the end of it. A file
// that cannot be used spoils each host, but not the list of them.
func (a *App) lookout(ctx context.Context, flags *hostsFlags) (look func(context.Context, remote.Target, *hostEntry), end func(), err error) {
	_, end, err = a.dialer(ctx, flags.scanFlags)
	var bad *sshconfig.Error
	switch {
	case errors.As(err, &bad) && bad.File != "":
		return func(_ context.Context, _ remote.Target, entry *hostEntry) { entry.Error = explained(bad) }, func() {}, nil
	case err != nil:
		return nil, nil, err
	case flags.keys:
		return func(ctx context.Context, target remote.Target, entry *hostEntry) {
			dialer, err := a.dialers.of(entry.Name)
			if err != nil {
				entry.Error = explained(err)
				return
			}
			entry.Keys, entry.Error = fetchKeys(ctx, dialer, target, time.Duration(flags.hostTimeout))
		}, end, nil
	}
	return func(ctx context.Context, target remote.Target, entry *hostEntry) {
		dialer, err := a.dialers.of(entry.Name)
		if err != nil {
			entry.Error = explained(err)
			return
		}
		set, err := dialer.Resolve(ctx, target)
		if err != nil {
			entry.Error = explained(err)
			return
		}
		entry.SSH = settingsOf(set, flags.scanFlags)
		hops, err := dialer.Hops(ctx, target)
		if err != nil {
			entry.SSH, entry.Error = nil, unreachable(err)
			return
		}
		for _, hop := range hops {
			entry.SSH.JumpHosts = append(entry.SSH.JumpHosts, jumpSettings{hop.Name, settingsOf(hop.Settings, flags.scanFlags)})
		}
	}, end, nil
}

// explained says also where a setting stands: what this command prints is for
// the person who wrote it.
func explained(err error) *hostError {
	var bad *sshconfig.Error
	if errors.As(err, &bad) {
		return &hostError{text.CleanMax(bad.Error(), 500), text.CleanMax(bad.Hint, 500)}
	}
	return &hostError{Message: text.CleanMax(err.Error(), 500)}
}

// unreachable is for a way to a host that cannot be gone.
func unreachable(err error) *hostError {
	var failed *remote.Error
	if !errors.As(err, &failed) {
		return explained(err)
	}
	said := &hostError{text.CleanMax(failed.Message, 500), text.CleanMax(failed.Hint, 500)}
	if failed.Via != "" {
		said.Message = "jump host " + text.CleanMax(failed.Via, maxName) + ": " + said.Message
	}
	return said
}

// settingsOf is set with what holds beside it, as the flags say.
func settingsOf(set *sshconfig.Settings, flags *scanFlags) *hostSettings {
	connect := time.Duration(flags.connectTimeout)
	if set.ConnectTimeout > 0 {
		connect = set.ConnectTimeout
	}
	return &hostSettings{
		Hostname: set.HostName, Port: set.Port, User: set.User,
		IdentityFiles: listed(set.IdentityFiles), CertificateFiles: listed(set.CertificateFiles),
		IdentitiesOnly: set.IdentitiesOnly, IdentityAgent: set.IdentityAgent,
		ProxyJump: set.ProxyJump, ProxyCommand: set.ProxyCommand,
		KnownHostsFiles: listed(slices.Concat(set.UserKnownHostsFiles, set.GlobalKnownHostsFiles)),
		HostKeyAlias:    set.HostKeyAlias, StrictHostKeyChecking: set.StrictHostKeyChecking,
		HostKeyPolicy: flags.hostKeyPolicy.value, ConnectTimeout: connect.Seconds(), Source: set.Source,
	}
}

// listed keeps a list from becoming null in JSON.
func listed(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// lookJob is a host on its way through the pool.
type lookJob struct {
	scan.Job
	entry *hostEntry
}

// lookAt returns the entries in the order of the jobs.
func lookAt(ctx context.Context, jobs []scan.Job, flags *hostsFlags, look func(context.Context, remote.Target, *hostEntry)) []hostEntry {
	entries := make([]hostEntry, len(jobs))
	list := make([]lookJob, len(jobs))
	byName := make(map[string]*hostEntry, len(jobs))
	for i, job := range jobs {
		blank := job.Blank()
		entries[i] = hostEntry{Name: job.Name, Groups: blank.Groups, Labels: blank.Labels, Local: job.Local}
		list[i] = lookJob{job, &entries[i]}
		byName[job.Name] = &entries[i]
	}
	if flags.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(flags.deadline), scan.ErrDeadline)
		defer cancel()
	}
	limits, _ := flags.pace()
	limits.Dials, limits.Retries = limits.Concurrency, 0
	fleet.Run(ctx, list, limits, func(ctx context.Context, job lookJob, _ fleet.Slot) audit.HostResult {
		if !job.Local {
			look(ctx, job.Target, job.entry)
		}
		result := job.Blank()
		result.Status = audit.StatusAudited
		return result
	}, func(result audit.HostResult) {
		switch entry := byName[result.Name]; {
		case result.Failure != nil: // a mistake of ours
			entry.Error = &hostError{result.Failure.Message, result.Failure.Hint}
		case result.Status == audit.StatusSkipped:
			entry.Error = &hostError{Message: "not looked at: the time was used up", Hint: "allow more time with --deadline"}
		}
	})
	return entries
}

// hostList is the JSON form of the command's result.
type hostList struct {
	Schema int         `json:"schema"`
	Hosts  []hostEntry `json:"hosts"`
}

func writeHosts(w io.Writer, entries []hostEntry, flags *hostsFlags, onTerminal bool) error {
	out := bufio.NewWriter(w)
	var err error
	switch {
	case flags.format.value == "json":
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(hostList{audit.Schema, entries})
	case flags.keys:
		writeKeyLines(out, entries)
	default:
		err = writeHostTable(out, entries, onTerminal)
	}
	return errors.Join(err, out.Flush())
}

// endHosts says on stderr what is wrong, and decides the exit status: settings
// that cannot be used are a mistake of the configuration, a host that does not
// show its key is a host that failed. said: the result has told why.
func (a *App) endHosts(entries []hostEntry, keys, said bool) error {
	broken := 0
	var results []audit.HostResult
	for i := range entries {
		entry := &entries[i]
		result := audit.HostResult{Status: audit.StatusAudited, Verdict: audit.VerdictOK}
		if entry.Error != nil {
			result.Status = audit.StatusFailed
			if broken++; !said {
				a.sayBroken(entry, broken)
			}
		}
		results = append(results, result)
	}
	switch {
	case keys:
		a.end.failOn = audit.VerdictNearLimit
		a.end.run = &audit.Run{Hosts: results, Summary: audit.Summarize(results)}
	case broken > 0:
		return &usageError{fmt.Errorf("%d of %d hosts have ssh settings that cannot be used", broken, len(entries)), ""}
	}
	return nil
}

// sayBroken tells of the nth broken host, of which stdout's table has no hint.
func (a *App) sayBroken(entry *hostEntry, n int) {
	switch {
	case n > maxNotesSaid:
	case entry.Error.Hint == "":
		a.say("%s: %s", entry.Name, entry.Error.Message)
	default:
		a.say("%s: %s; hint: %s", entry.Name, entry.Error.Message, entry.Error.Hint)
	}
}
