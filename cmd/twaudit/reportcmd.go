package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"twaudit/internal/audit"
	"twaudit/internal/diagnose"
	"twaudit/report"
)

// reportCommand declares report: the flags of scan about results alone. What was
// judged stays judged.
func (a *App) reportCommand() *cobra.Command {
	flags := newScanFlags()
	cmd := &cobra.Command{
		Use:   "report RUN.json...",
		Short: "Write a saved run in any format; several runs become one",
		Long: `Writes a run that was saved with --format json in any format, byte for byte as
the scan would have written it (JSON lines in the order of the run). Relative
times count from the end of the run. - is standard input.

Several runs, of shards or regions, are merged: every host stays, findings about
the fleet are made anew, and hosts that are in two of them are named.

` + exitHelp,
		Example: "  twaudit report run.json\n  twaudit report run.json -f csv=run.csv -f markdown\n  twaudit report eu.json us.json -f json=all.json\n  twaudit report run.json --redact -f json=share.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.report(cmd.Context(), flags, args)
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	flags.declareOutputs(set)
	flags.declareEnding(set)
	declareHistoryFile(set, &flags.history)
	flags.complete(cmd, report.Formats())
	return cmd
}

// report runs the command: nothing is written before every run was read.
func (a *App) report(ctx context.Context, flags *scanFlags, args []string) error {
	a.quiet = flags.quiet
	a.end.failOn = audit.Verdict(flags.failOn.value)
	if len(args) == 0 {
		return &usageError{errors.New("no run given"), "name files that scan --format json=FILE wrote; - is standard input"}
	}
	outputs, err := parseOutputs(flags.formats, flags.output)
	if err != nil {
		return err
	}
	redactor, err := flags.redactor()
	if err != nil {
		return err
	}
	runs, err := a.loadRuns(ctx, flags.history, args)
	if err != nil {
		return err
	}
	run := merged(runs)
	if err := checkGroupBy(flags.look, run.Hosts, func(h audit.HostResult) map[string]string { return h.Labels }); err != nil {
		return err
	}
	set, err := openOutputs(outputs, a.Stdout, append(slices.Clone(args), flags.redactKey))
	if err != nil {
		return err
	}
	defer set.discard() // what was committed stays
	a.onAbruptEnd(set.removal())
	a.end.run = run
	if len(args) == 1 {
		flags.look.Show = flags.showRun(args[0])
	}
	return a.write(&mission{outputs: set, look: flags.look, redactor: redactor}, run)
}

// merged is one run of all. One alone keeps the findings that it was saved with,
// whatever this version would say; only the sums are made again, because tools
// that cut hosts out of a file leave them as they were.
func merged(runs []*audit.Run) *audit.Run {
	run := audit.Merge(runs)
	run.Summary = audit.Summarize(run.Hosts)
	if len(runs) > 1 {
		diagnose.Fleet(run)
	}
	return run
}

// loadRuns reads every run. All that is wrong with them is said at once: they
// mostly come by one shell pattern.
func (a *App) loadRuns(ctx context.Context, historyFile string, args []string) ([]*audit.Run, error) {
	var runs []*audit.Run
	var errs []error
	known := map[string]string{} // id of a run -> where it came from
	for i, arg := range args {
		if arg == stdoutPath && slices.Contains(args[:i], arg) { // the same word for both streams
			errs = append(errs, errors.New("- can be given once: standard input ends after one reading"))
			continue
		}
		run, err := a.loadRun(ctx, historyFile, arg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		// A host that is in two runs is said in the result; that a run was given
		// twice is a slip of the hand, and would count each host twice.
		if other, twice := known[run.Meta.ID]; twice && run.Meta.ID != "" {
			errs = append(errs, fmt.Errorf("%s and %s are the same run, %s: leave one of them out", other, arg, run.Meta.ID))
			continue
		}
		known[run.Meta.ID] = arg
		runs = append(runs, run)
	}
	if len(errs) > 0 {
		return nil, &usageError{errors.Join(errs...), ""}
	}
	return runs, nil
}

// loadRun reads the run that an argument names: one of the history, a file, or - for
// standard input. Its error names the argument.
func (a *App) loadRun(ctx context.Context, historyFile, arg string) (*audit.Run, error) {
	run, err := a.namedRun(ctx, historyFile, arg)
	if err != nil && arg == stdoutPath {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	return run, err
}
