package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"twaudit/internal/audit"
	"twaudit/internal/history"
	"twaudit/internal/text"
	"twaudit/report"
)

// diffFlags are the flags of diff.
type diffFlags struct {
	history string
	format  choiceFlag
}

func (a *App) diffCommand() *cobra.Command {
	flags := &diffFlags{format: choiceFlag{"table", report.DiffFormats()}}
	cmd := &cobra.Command{
		Use:   "diff [OLD [NEW]]",
		Short: "Say what changed between two runs",
		Long: `Compares two runs: hosts that are new, worse, better, gone, that came back, were
rebooted, reinstalled or renamed, sockets that were destroyed in between, and limits
and files that changed. A host that failed in an old run of the history is compared
with what was known of it before. Without NEW it is the newest run of the history;
without OLD the one before it that asked for the same hosts. Each may be the id of
a run, the beginning of one, latest, -1 for the one before the newest, or a file
that holds a run as JSON.

Exit status:
  0  nothing got worse
  1  something got worse
  2  usage error, a run that is not there, or no host to compare`,
		Example: "  twaudit diff\n  twaudit diff -7\n  twaudit diff monday.json today.json -f markdown",
		Args:    cobra.MaximumNArgs(2),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.diff(cmd.Context(), flags, args) },
	}
	declareHistoryFile(cmd.Flags(), &flags.history)
	cmd.Flags().VarP(&flags.format, "format", "f", "write "+alternatives(flags.format.choices))
	withoutVariable(cmd.Flags(), "format")
	return cmd
}

// diff runs the command. Runs of the history are compared by what is kept ready
// for that, without reading all of them.
func (a *App) diff(ctx context.Context, flags *diffFlags, args []string) error {
	older, newer, err := a.sides(ctx, flags, args)
	if err != nil {
		return err
	}
	d := audit.Compare(older, newer)
	if d.Compared == 0 && len(d.Hosts) == 0 {
		return nothingCompared(d)
	}
	out := bufio.NewWriter(a.Stdout)
	if err := errors.Join(report.Diff(out, d, flags.format.value, a.style(&place{w: a.Stdout}, report.Options{})), out.Flush()); err != nil {
		return fmt.Errorf("write %s to standard output: %w", flags.format.value, err)
	}
	a.end.worse = d.Worse > 0
	return nil
}

// nothingCompared is for two runs that tell nothing of each other: "nothing
// changed" would be a false ok.
func nothingCompared(d *audit.Diff) error {
	const hint = "compare runs of the same hosts: `twaudit runs` lists those of the history"
	if len(d.OnlyOld) == 0 || len(d.OnlyNew) == 0 {
		return &usageError{errors.New("nothing to compare: no host was asked to the end in both runs"), hint}
	}
	return &usageError{fmt.Errorf("the runs have no host in common: only in the old run: %s; only in the new run: %s",
		text.CleanMax(text.Fold(d.OnlyOld), 300), text.CleanMax(text.Fold(d.OnlyNew), 300)), hint}
}

// sides finds both runs.
func (a *App) sides(ctx context.Context, flags *diffFlags, args []string) (older, newer audit.Side, err error) {
	var db *history.DB
	if len(args) < 2 || slices.ContainsFunc(args, storedRun.MatchString) {
		opened, end, err := a.openHistory(ctx, flags.history)
		if err != nil {
			return older, newer, err
		}
		defer end()
		db = opened
	}
	arg := history.Latest
	if len(args) > 1 {
		arg = args[1]
	}
	newer, entry, err := a.side(ctx, db, arg)
	if err != nil {
		return older, newer, err
	}
	if len(args) > 0 {
		older, _, err = a.side(ctx, db, args[0])
		return older, newer, err
	}
	before, err := db.Before(ctx, entry.Meta.Selection, entry.Seq)
	if err != nil {
		return older, newer, err
	}
	if before == nil {
		return older, newer, &usageError{fmt.Errorf("the newest run, %s, is the only one of its selection (%s)", entry.Meta.ID, entry.Label), "`twaudit runs` lists the runs; give two"}
	}
	older, err = db.Side(ctx, before)
	return older, newer, err
}

// side is one run; the entry is nil for a file.
func (a *App) side(ctx context.Context, db *history.DB, arg string) (audit.Side, *history.Entry, error) {
	if !storedRun.MatchString(arg) {
		run, err := a.readRun(arg)
		if err != nil {
			return audit.Side{}, nil, &usageError{err, ""}
		}
		return audit.SideOf(run), nil, nil
	}
	entry, err := db.Find(ctx, arg)
	if err != nil {
		return audit.Side{}, nil, unknownRun(err)
	}
	side, err := db.Side(ctx, entry)
	return side, entry, err
}
