package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"twaudit/internal/audit"
	"twaudit/internal/history"
	"twaudit/internal/text"
	"twaudit/report"
)

// runsFlags are the flags of runs and of what is below it.
type runsFlags struct {
	history  string
	format   choiceFlag
	keep     durationFlag // 0: whatever their age
	keepRuns countFlag
	maxSize  sizeFlag
}

func (a *App) runsCommand() *cobra.Command {
	flags := &runsFlags{format: choiceFlag{"table", []string{"table", "json"}}, keepRuns: countFlag{max: 1 << 30}}
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List the runs that scans kept, export or remove them",
		Long: `Lists the runs of the history, newest first. Wherever a run is asked for, give
its id or the beginning of it, latest, or -1 for the one before the newest.`,
		Example: "  twaudit runs\n  twaudit runs export latest > run.json\n  twaudit runs prune --keep 90d --keep-runs 10",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listRuns(cmd.Context(), flags) },
	}
	declareHistoryFile(cmd.PersistentFlags(), &flags.history)
	flags.declareFormat(cmd)
	cmd.AddCommand(a.runsListCommand(flags), a.runsExportCommand(flags), a.runsPruneCommand(flags))
	return cmd
}

func (f *runsFlags) declareFormat(cmd *cobra.Command) {
	cmd.Flags().VarP(&f.format, "format", "f", "write "+alternatives(f.format.choices))
	withoutVariable(cmd.Flags(), "format")
}

func (a *App) runsListCommand(flags *runsFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the runs, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listRuns(cmd.Context(), flags) },
	}
	flags.declareFormat(cmd)
	return cmd
}

func (a *App) runsExportCommand(flags *runsFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "export RUN",
		Short: "Write a run as JSON, as scan --format json wrote it",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return &usageError{fmt.Errorf("runs export: one RUN is needed, and %d are given", len(args)), "`twaudit runs` lists the runs; latest is the newest one"}
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.exportRun(cmd.Context(), flags, args[0]) },
	}
}

func (a *App) runsPruneCommand(flags *runsFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove the oldest runs",
		Long: `Removes the runs that are older than --keep, but never the newest --keep-runs
of them, and then the oldest until the history is no larger than --max-size. With
--keep-runs alone, all but these go. What is known of hosts goes back no farther
than the oldest run that stays. Each scan removes by itself what is older than
400 days or makes the history larger than 1 GiB.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.pruneRuns(cmd.Context(), flags) },
	}
	cmd.Flags().Var(&flags.keep, "keep", "remove what began longer ago")
	cmd.Flags().Var(&flags.keepRuns, "keep-runs", "but never the newest so many")
	cmd.Flags().Var(&flags.maxSize, "max-size", "remove the oldest beyond this size; none given: whatever its size")
	return cmd
}

func (a *App) listRuns(ctx context.Context, flags *runsFlags) error {
	db, end, err := a.openHistory(ctx, flags.history)
	if err != nil {
		return err
	}
	defer end()
	entries, err := db.Runs(ctx)
	if err != nil {
		return err
	}
	if flags.format.value == "json" {
		return writeRunsJSON(a.Stdout, entries)
	}
	size, err := db.Size(ctx)
	if err != nil {
		return err
	}
	width := 0
	if a.isTerminal(a.Stdout) {
		width = a.width(a.Stdout)
	}
	if err := writeRuns(a.Stdout, entries, width); err != nil {
		return err
	}
	if width > 0 {
		a.say("%d runs, %s in %s", len(entries), text.Bytes(size), db.Path())
	}
	return nil
}

// runsColumns are those of the table of runs. The id has the day and the time of
// day, in UTC: where there is no room, STARTED is missed least.
func runsColumns() []column {
	return []column{
		{title: "RUN"}, {title: "STARTED", drop: 1}, {title: "TOOK", drop: 2}, {title: "HOSTS", drop: 4}, {title: "FAILED", drop: 3},
		{title: "VERDICTS", least: 16, short: shortList, drop: 5}, {title: "SELECTION", least: 15, short: shortMiddle, drop: 6},
	}
}

// writeRuns has a row for each run, made to fit width cells; 0: nothing is shortened
// or left out. What comes from a saved line is cleaned: the file may be anybody's.
func writeRuns(w io.Writer, entries []history.Entry, width int) error {
	var rows [][]string
	for i := range entries {
		e := &entries[i]
		took := text.Duration(e.Meta.FinishedAt.Sub(e.Meta.StartedAt))
		if e.Meta.Partial {
			took += ", partial"
		}
		rows = append(rows, []string{text.CleanMax(e.Meta.ID, 60), e.Meta.StartedAt.Format(time.DateTime), took,
			strconv.Itoa(e.Hosts), strconv.Itoa(e.Failed), verdictCounts(&e.Summary), text.CleanMax(e.Label, 200)})
	}
	columns := runsColumns()
	if width == 0 {
		width = math.MaxInt32
	}
	lines, missing := fitted(columns, rows, fit(columns, rows, width))
	if len(missing) > 0 {
		lines = append(lines, "no room for "+strings.Join(missing, ", ")+" here: a pipe shows all columns")
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// verdictCounts has the verdicts that occur, worst first.
func verdictCounts(s *audit.Summary) string {
	var parts []string
	for _, v := range audit.Verdicts {
		if n := s.Verdicts[v]; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+string(v))
		}
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// writeRunsJSON has the same for programs.
func writeRunsJSON(w io.Writer, entries []history.Entry) error {
	type row struct {
		audit.Meta
		Label   string        `json:"label"`
		Summary audit.Summary `json:"summary"`
	}
	rows := []row{}
	for i := range entries {
		rows = append(rows, row{entries[i].Meta, text.Clean(entries[i].Label), entries[i].Summary})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(rows)
}

func (a *App) exportRun(ctx context.Context, flags *runsFlags, arg string) error {
	db, end, err := a.openHistory(ctx, flags.history)
	if err != nil {
		return err
	}
	defer end()
	entry, err := db.Find(ctx, arg)
	if err != nil {
		return unknownRun(err)
	}
	run, err := a.readStored(ctx, db, entry, "")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(a.Stdout)
	return errors.Join(report.Render(out, run, "json", report.Options{}), out.Flush())
}

func (a *App) pruneRuns(ctx context.Context, flags *runsFlags) error {
	if flags.keep == 0 && flags.keepRuns.value == 0 && flags.maxSize == 0 {
		return &usageError{errors.New("nothing says which runs to remove"), "twaudit runs prune --keep 90d --keep-runs 10"}
	}
	path, err := a.historyPath(flags.history)
	if err != nil {
		return &usageError{err, "name a file with --history"}
	}
	// Opened for reading first: what is not there is not made to be pruned.
	_, end, err := a.openHistory(ctx, flags.history)
	if err != nil {
		return err
	}
	end()
	db, err := history.Open(ctx, path, history.Options{})
	if err != nil {
		return &usageError{err, ""}
	}
	defer db.Close()
	keep := history.Keep{Runs: flags.keepRuns.value, Bytes: int64(flags.maxSize)}
	if flags.keep > 0 || flags.keepRuns.value > 0 {
		keep.Since = a.Now().Add(-time.Duration(flags.keep))
	}
	before, err := db.Size(ctx)
	if err != nil {
		return err
	}
	removed, err := db.Prune(ctx, keep)
	if err != nil {
		return err
	}
	after, err := db.Size(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "%d runs removed, %s given back, %s left\n", removed, text.Bytes(max(0, before-after)), text.Bytes(after))
	return err
}
