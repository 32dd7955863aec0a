package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"twaudit/internal/diagnose"
)

func (a *App) rulesCommand() *cobra.Command {
	return &cobra.Command{
		Use:         "rules [ID]",
		Annotations: map[string]string{withoutSettings: "yes"},
		Short:       "List the rules, or explain one",
		Args:        cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleIDs(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listRules(a.Stdout)
			}
			return explainRule(a.Stdout, args[0])
		},
	}
}

// ruleIDs are in the order of the rules, for completion and for errors.
func ruleIDs() []string {
	var ids []string
	for _, rule := range diagnose.Rules() {
		ids = append(ids, rule.ID)
	}
	return ids
}

// listRules writes a line for each rule, in the order in which reports show
// findings. The list is for a pipe as well: no colour, no width.
func listRules(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, rule := range diagnose.Rules() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", rule.ID, rule.Usually(), rule.Title) // Flush says what failed
	}
	return table.Flush()
}

// explainRule writes what the rule itself says of its meaning, needs and advice:
// the words are those of the report and of the documentation.
func explainRule(w io.Writer, id string) error {
	for _, rule := range diagnose.Rules() {
		if rule.ID != id {
			continue
		}
		out := bufio.NewWriter(w)
		fmt.Fprintf(out, "%s (%s): %s\n\n%s\n", rule.ID, rule.Usually(), rule.Title, rule.Meaning)
		if words := rule.Severities(); words != "" {
			fmt.Fprintf(out, "\nSeverity: %s\n", words)
		}
		bullets(out, "Needs", rule.Needs)
		bullets(out, "Advice", rule.Advice)
		bullets(out, "Sources", rule.Sources)
		return out.Flush()
	}
	return &usageError{fmt.Errorf("unknown rule %q: it is one of %s", id, strings.Join(ruleIDs(), ", ")), ""}
}

// bullets leaves out the heading of an empty list.
func bullets(w io.Writer, heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n", heading)
	for _, line := range lines {
		fmt.Fprintf(w, "  - %s\n", line)
	}
}
