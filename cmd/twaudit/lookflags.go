package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"twaudit/internal/text"
	"twaudit/report"
)

// declareLook adds the flags that say how the table shows a run. They write into
// look, and are valid for every command that writes one.
func declareLook(set *pflag.FlagSet, look *report.Options) {
	set.BoolVar(&look.All, "all", false, "on a terminal too, show every host and every finding")
	set.BoolVar(&look.Wide, "wide", false, "on a terminal too, show every column")
	set.Var((*sortFlag)(&look.Sort), "sort", "order of the table: "+alternatives(report.SortKeys()))
	set.Var((*columnsFlag)(&look.Columns), "columns", "columns of the table, comma-separated, by their names in CSV")
	set.StringVar(&look.GroupBy, "group-by", "", "put the hosts of the table into groups: `KEY` is \""+report.GroupByGroup+"\" for those of the inventory, else the name of a label")
}

// sortFlag is a key to sort by; empty is the default.
type sortFlag string

func (s *sortFlag) Set(key string) error {
	if !slices.Contains(report.SortKeys(), key) {
		return fmt.Errorf("unknown key %q: choose %s", text.CleanMax(key, maxName), alternatives(report.SortKeys()))
	}
	*s = sortFlag(key)
	return nil
}

func (s *sortFlag) String() string { return string(*s) }

func (*sortFlag) Type() string { return "KEY" }

// columnsFlag are names of columns; the last list wins.
type columnsFlag []string

func (c *columnsFlag) Set(list string) error {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(report.ColumnNames(), name) {
			return fmt.Errorf("unknown column %q: choose from %s", text.CleanMax(name, maxName), strings.Join(report.ColumnNames(), ", "))
		}
		names = append(names, name)
	}
	*c = names
	return nil
}

func (c *columnsFlag) String() string { return strings.Join(*c, ",") }

func (*columnsFlag) Type() string { return "NAMES" }

// checkGroupBy refuses a label that none of hosts has: as a group of its own it
// would hold the whole fleet, and a typing error would show only after the run.
func checkGroupBy[H any](look report.Options, hosts []H, labels func(H) map[string]string) error {
	if look.GroupBy == "" || look.GroupBy == report.GroupByGroup {
		return nil
	}
	keys := map[string]bool{}
	for _, h := range hosts {
		for key := range labels(h) {
			keys[key] = true
		}
	}
	if keys[look.GroupBy] {
		return nil
	}
	choices := append([]string{report.GroupByGroup}, slices.Sorted(maps.Keys(keys))...)
	return &usageError{fmt.Errorf("--group-by %q: no host has such a label", text.CleanMax(look.GroupBy, maxName)), "choose " + alternatives(choices)}
}

// showFrom is the command that shows a host of a saved run; empty when the name of
// the file cannot be pasted.
func showFrom(path string) string {
	return command("show", report.ShowHost, "--from", path)
}

// showStored is the command that shows a host of the newest run, which the history
// keeps; words go between the host and the flags.
func (f *scanFlags) showStored(words ...string) string {
	words = append([]string{"show", report.ShowHost}, words...)
	if f.history != "" {
		words = append(words, "--history", f.history)
	}
	return command(words...)
}

// showRun is the command that shows a host of the run that an argument names;
// empty for standard input, which is gone.
func (f *scanFlags) showRun(arg string) string {
	switch {
	case arg == stdoutPath:
		return ""
	case storedRun.MatchString(arg):
		return f.showStored(arg)
	}
	return showFrom(arg)
}

// showAgain is the command that asks one host of the selection again; empty when
// it cannot be written, as for an inventory from standard input.
func (f *scanFlags) showAgain() string {
	words := []string{"show", report.ShowHost, "--scan"}
	for _, given := range []struct{ flag, value string }{{"-F", f.sshConfig}, {"-l", f.user}, {"-p", f.port.String()}, {"-J", f.jump}} {
		if given.value != "" {
			words = append(words, given.flag, given.value)
		}
	}
	for _, path := range f.inventories {
		if path == stdoutPath {
			return ""
		}
		words = append(words, "-i", path)
	}
	if f.sudo {
		words = append(words, "--sudo")
	}
	return command(words...)
}

// command is a command line of this program, or nothing when a word of it cannot
// be pasted.
func command(words ...string) string {
	line := "twaudit"
	for _, word := range words {
		quoted := text.ShellWord(word)
		if quoted == "" {
			return ""
		}
		line += " " + quoted
	}
	return line
}
