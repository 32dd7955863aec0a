package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"twaudit/internal/probe"
)

// probeCommand lets an operator read, and compare, what runs on the hosts.
func (a *App) probeCommand() *cobra.Command {
	var hashOnly, keys, sudoers bool
	cmd := &cobra.Command{
		Use:         "probe [--sha256 | --authorized-keys [KEY.pub...] | --sudoers [USER]]",
		Annotations: map[string]string{withoutSettings: "yes"},
		Short:       "Print the script that runs on the hosts, and how to allow it alone",
		Long: `Prints the exact bytes that twaudit sends to each host, and nothing else, on
standard output; their SHA-256 goes to standard error. To compare:

  twaudit probe | sha256sum

With --authorized-keys or --sudoers it prints, with the steps to install it, what
lets a key run the script and nothing else, or lets a user run it as root.`,
		Example: "  twaudit probe --authorized-keys ~/.ssh/audit.pub\n  twaudit probe --sudoers audit",
		Args: func(_ *cobra.Command, args []string) error {
			if hashOnly && (keys || sudoers) || keys && sudoers {
				return &usageError{errors.New("--sha256, --authorized-keys and --sudoers exclude each other"), ""}
			}
			if sudoers && len(args) > 1 || len(args) > 0 && !keys && !sudoers {
				return &usageError{fmt.Errorf("unexpected argument %q", args[len(args)-1]), "twaudit probe --help says what it takes"}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case hashOnly:
				_, err := fmt.Fprintln(a.Stdout, probe.SHA256())
				return err
			case keys:
				return a.printForcedCommand(args)
			case sudoers:
				return a.printSudoers(args)
			}
			// The hash goes beside the script, never into it: what is printed
			// has to be what runs.
			if _, err := io.WriteString(a.Stdout, probe.Script()); err != nil {
				return err
			}
			a.print("sha256 " + probe.SHA256())
			return nil
		},
	}
	cmd.Flags().BoolVar(&keys, "authorized-keys", false, "print lines for authorized_keys that let these keys run the script only")
	cmd.Flags().BoolVar(&sudoers, "sudoers", false, "print what lets USER read more: groups, or else a rule for sudo")
	cmd.Flags().BoolVar(&hashOnly, "sha256", false, "print the SHA-256 alone, on standard output")
	// They say what is printed, and a variable would change that unseen.
	for _, name := range []string{"sha256", "authorized-keys", "sudoers"} {
		withoutVariable(cmd.Flags(), name)
	}
	return cmd
}
