package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"twaudit/internal/audit"
	"twaudit/internal/fleet"
	"twaudit/internal/history"
	"twaudit/internal/inventory"
	"twaudit/internal/probe"
	"twaudit/internal/text"
	"twaudit/report"
)

// showFlags are the flags of show: where the host comes from, and with --scan
// those of scan that make sense for one host.
type showFlags struct {
	*scanFlags
	from   string // a saved run; - is standard input, empty is none
	scan   bool
	format choiceFlag
}

func (a *App) showCommand() *cobra.Command {
	flags := &showFlags{scanFlags: newScanFlags(), format: choiceFlag{"text", []string{"text", "json"}}}
	cmd := &cobra.Command{
		Use:   "show HOST [RUN | --from RUN.json | --scan]",
		Short: "Show all that is known of one host: timeline, numbers, evidence, advice",
		Long: `Shows one host, as the newest run of the history has it, or another run (latest,
-1 for the one before it, an id), or one that was saved as JSON, or freshly
audited: the verdict,
when it booted, overflowed and was configured, its numbers against their limits,
who makes the sockets, the evidence, what could not be read, and what to do.

` + exitHelp,
		Example: "  twaudit show web1\n  twaudit show web1 -1\n  twaudit show web1 --from run.json\n  twaudit show web1 --scan\n  twaudit scan -i hosts -f json | twaudit show web1 --from -",
		Args: func(cmd *cobra.Command, args []string) error {
			return flags.checkMode(cmd.Flags(), args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.show(cmd.Context(), flags, args)
		},
	}
	flags.declare(cmd)
	return cmd
}

// declare adds the flags; those of scan keep their names, meaning and variables.
func (f *showFlags) declare(cmd *cobra.Command) {
	set := cmd.Flags()
	set.SortFlags = false
	set.StringVar(&f.from, "from", "", "show the host as it is in the run that `FILE` holds as JSON, - is standard input")
	set.BoolVar(&f.scan, "scan", false, "audit the host now, as scan would")
	set.VarP(&f.format, "format", "f", "write "+alternatives(f.format.choices))
	f.declareEnding(set)
	f.declareHistory(set)
	f.declareScan(set)
	// What says which run is shown, and how, is of one command line: TWAUDIT_FORMAT
	// has the words of scan.
	for _, name := range []string{"from", "scan", "format"} {
		withoutVariable(set, name)
	}
	f.complete(cmd, f.format.choices)
}

// declareScan adds the flags that need --scan.
func (f *showFlags) declareScan(set *pflag.FlagSet) {
	f.declareHosts(set)
	f.declareSSH(set)
	f.declareSecrets(set)
	f.declareTimeouts(set)
	f.declareMeasures(set)
	f.declareAsking(set)
}

// checkMode looks at the command line before the environment is added to it: a
// variable that is set for scan is no mistake here.
func (f *showFlags) checkMode(set *pflag.FlagSet, args []string) error {
	switch {
	case len(args) > 2, len(args) > 1 && (f.scan || f.from != ""):
		return &usageError{fmt.Errorf("show takes one host, and was given %d", len(args)), "twaudit show HOST RUN shows it as a run of the history has it"}
	case f.from != "" && f.scan:
		return &usageError{errors.New("--from and --scan exclude each other"), ""}
	case len(args) == 0 && !(f.scan && f.local):
		return &usageError{errors.New("no host given"), "twaudit show HOST shows what the newest run of the history has of it"}
	case f.scan:
		return nil
	}
	// Asked of the declarations, so that a flag added there needs no second list.
	needScan := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&showFlags{scanFlags: newScanFlags()}).declareScan(needScan)
	var wrong error
	set.Visit(func(flag *pflag.Flag) {
		if wrong == nil && needScan.Lookup(flag.Name) != nil {
			wrong = &usageError{fmt.Errorf("--%s says how a host is audited, and without --scan one is shown that was", flag.Name), "use --scan, or leave it out"}
		}
	})
	return wrong
}

// show runs the command. Its exit status is that of a scan of this one host.
func (a *App) show(ctx context.Context, flags *showFlags, args []string) error {
	a.quiet = flags.quiet
	a.end.failOn = audit.Verdict(flags.failOn.value)
	look := a.remembered
	switch {
	case flags.scan:
		a.expectAnswers()
		look = a.scanned
	case flags.from != "":
		look = a.saved
	}
	run, host, err := look(ctx, flags, args)
	if err != nil {
		return err
	}
	// The status is about what is shown: the rest of a fleet is not.
	only := []audit.HostResult{*host}
	a.end.run = &audit.Run{Hosts: only, Summary: audit.Summarize(only)}
	out := bufio.NewWriter(a.Stdout)
	if flags.format.value == "json" {
		err = report.HostJSON(out, host)
	} else {
		err = report.Host(out, run, host, a.style(&place{w: a.Stdout}, report.Options{}))
	}
	if err := errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("write %s to standard output: %w", flags.format.value, err)
	}
	return nil
}

// saved finds the host in a saved run, by its full name: a pattern that matches
// one host today may match two in the next run.
func (a *App) saved(_ context.Context, flags *showFlags, args []string) (*audit.Run, *audit.HostResult, error) {
	run, err := a.readRun(flags.from)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) && storedRun.MatchString(flags.from) {
			hint = fmt.Sprintf("--from takes a file; a run of the history is named without it: twaudit show %s %s", cmp.Or(text.ShellWord(args[0]), "HOST"), flags.from)
		}
		return nil, nil, &usageError{err, hint}
	}
	i := slices.IndexFunc(run.Hosts, func(h audit.HostResult) bool { return h.Name == args[0] })
	if i < 0 {
		var names []string
		for i := range run.Hosts {
			names = append(names, run.Hosts[i].Name)
		}
		return nil, nil, unknownHost(args[0], "the run", names)
	}
	return run, &run.Hosts[i], nil
}

// remembered finds the host in a run of the history: the newest that has it, or
// the one that is named.
func (a *App) remembered(ctx context.Context, flags *showFlags, args []string) (*audit.Run, *audit.HostResult, error) {
	db, end, err := a.openHistory(ctx, flags.history)
	if err != nil {
		return nil, nil, err
	}
	defer end()
	var entry *history.Entry
	if len(args) > 1 {
		entry, err = db.Find(ctx, args[1])
	} else {
		entry, err = db.Newest(ctx, args[0])
	}
	if none := (*history.NoRunError)(nil); errors.As(err, &none) && len(args) == 1 {
		entry, err = db.Find(ctx, history.Latest) // its names tell what may have been meant
	}
	if err != nil {
		return nil, nil, unknownRun(err)
	}
	run, err := a.readStored(ctx, db, entry, args[0])
	if err != nil {
		return nil, nil, err
	}
	if len(run.Hosts) == 0 {
		names, err := db.Names(ctx, entry)
		if err != nil {
			return nil, nil, err
		}
		return nil, nil, unknownHost(args[0], "run "+entry.Meta.ID, names)
	}
	return run, &run.Hosts[0], nil
}

// readRun loads a run that was saved as JSON.
func (a *App) readRun(path string) (*audit.Run, error) {
	defer a.sayPipes(path)()
	var in io.Reader = a.Stdin
	if path != stdoutPath {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	run, err := report.Read(bufio.NewReader(in))
	if err == nil {
		err = checkRun(run)
	}
	if err != nil && path != stdoutPath {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return run, err
}

// checkRun refuses a run with words that this version does not know: what cannot
// be ranked must not pass for healthy.
func checkRun(run *audit.Run) error {
	for i := range run.Hosts {
		h := &run.Hosts[i]
		if err := h.Check(); err != nil {
			return fmt.Errorf("host %q: %w; a newer twaudit may have written it, or somebody edited it", text.CleanMax(h.Name, maxName), err)
		}
	}
	if err := run.CheckNames(); err != nil {
		return fmt.Errorf("%w; somebody edited it", err)
	}
	return nil
}

// scanned audits the host now. A selection of several is refused before any of
// them is asked.
func (a *App) scanned(ctx context.Context, flags *showFlags, args []string) (*audit.Run, *audit.HostResult, error) {
	if err := flags.check(args); err != nil {
		return nil, nil, err
	}
	jobs, notes, err := a.jobs(ctx, flags.scanFlags, args)
	if err != nil {
		return nil, nil, a.withSimilar(ctx, err, flags, args)
	}
	if len(jobs) != 1 {
		var names []string
		for _, job := range jobs {
			names = append(names, job.Name)
		}
		return nil, nil, &usageError{fmt.Errorf("show takes one host, and %d are selected: %s", len(jobs), text.CleanMax(text.Fold(names), 300)), "give the full name of one"}
	}
	auditor, closeDialer, err := a.auditor(ctx, flags.scanFlags)
	if err != nil {
		return nil, nil, err
	}
	defer closeDialer()
	// A look at one host is judged with all that is known of it, and is no run of
	// its own.
	memory, err := a.recall(ctx, flags.scanFlags, history.Options{Existing: true})
	if err != nil {
		return nil, nil, err
	}
	defer memory.close()
	auditor.Past = memory.past(ctx)
	a.onAbruptEnd(func() {}) // nothing to remove, but the first Ctrl-C ends the audit only
	run := a.conduct(ctx, &mission{
		jobs: jobs, audited: a.auditing(auditor), judged: auditor.Limits, script: probe.SHA256(),
		limits: fleet.Limits{Concurrency: 1, Retries: int(flags.retries)}, notes: notes, progress: !flags.quiet && !flags.noProgress,
	})
	return run, &run.Hosts[0], nil
}

// withSimilar adds what the operator may have meant to an error about a host
// that no inventory has. Standard input is gone by now.
func (a *App) withSimilar(ctx context.Context, err error, flags *showFlags, args []string) error {
	if len(args) == 0 || len(flags.inventories) == 0 || slices.Contains(flags.inventories, stdoutPath) {
		return err
	}
	hosts, _, loadErr := inventory.Load(ctx, a.request(flags.scanFlags, nil))
	if loadErr != nil {
		return err
	}
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	return unknownHost(args[0], "the inventory", names)
}

// few is the beginning of a list for a message.
func few(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// fewHosts are hosts for a message: as ranges where that is short, which a command
// takes again, else the first few.
func fewHosts(names []string) string {
	const most = 120
	if folded := text.Fold(names); len(folded) <= most {
		return folded
	}
	return few(names)
}

// unknownHost is the error for a name that a list of hosts does not have.
func unknownHost(name, where string, names []string) error {
	err := fmt.Errorf("%s has no host %q", where, text.CleanMax(name, maxName))
	if near := similar(name, names); len(near) > 0 {
		return &usageError{err, "similar names: " + few(near)}
	}
	if len(names) == 0 {
		return &usageError{err, "it has no hosts at all"}
	}
	return &usageError{err, "it has " + few(slices.Sorted(slices.Values(names)))}
}
