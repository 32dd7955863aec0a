package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// unknownCommand turns cobra's error about the name of a command into ours, with
// the name that may have been meant.
func unknownCommand(root *cobra.Command, err error) error {
	var word string
	if err == nil {
		return nil
	}
	if n, _ := fmt.Sscanf(err.Error(), "unknown command %q", &word); n != 1 {
		return err
	}
	var names []string
	for _, cmd := range root.Commands() {
		names = append(names, cmd.Name())
	}
	hint := "twaudit --help lists the commands"
	if near := similar(word, names); len(near) > 0 {
		hint = "did you mean " + alternatives(near) + "? " + hint
	}
	return &usageError{fmt.Errorf("unknown command %q", word), hint}
}

// sayUnknownVariables warns of variables with our prefix that stand for no flag
// of any command: a misspelt one would be ignored for years.
func (a *App) sayUnknownVariables(cmd *cobra.Command) {
	if quiet, err := cmd.Flags().GetBool("quiet"); a.Environ == nil || err == nil && quiet {
		return
	}
	known, without := knownVariables(cmd.Root())
	for _, entry := range slices.Sorted(slices.Values(a.Environ())) {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || value == "" || slices.Contains(known, name) {
			continue
		}
		switch near := similar(name, known); {
		case slices.Contains(without, name):
			a.print(fmt.Sprintf("the variable %s is ignored: its flag is for the command line only", name))
		case len(near) > 0:
			a.print(fmt.Sprintf("the variable %s stands for no flag and is ignored: did you mean %s?", name, near[0]))
		default:
			a.print(fmt.Sprintf("the variable %s stands for no flag and is ignored", name))
		}
	}
}

// knownVariables are those of all commands: a variable may be set for one and
// met by another. without are those that flags would have which have none.
func knownVariables(root *cobra.Command) (known, without []string) {
	add := func(flag *pflag.Flag) {
		if flag.Name != "help" && flag.Annotations[noVariable] == nil {
			known = append(known, variable(flag.Name))
		} else {
			without = append(without, variable(flag.Name))
		}
	}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(add)
		cmd.PersistentFlags().VisitAll(add)
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	without = slices.DeleteFunc(without, func(name string) bool { return slices.Contains(known, name) })
	return slices.Compact(slices.Sorted(slices.Values(known))), without
}
