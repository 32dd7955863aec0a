package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"twaudit/internal/probe"
)

// probeCommand lets an operator read, and compare, what runs on the hosts.
func (a *App) probeCommand() *cobra.Command {
	var hashOnly bool
	cmd := &cobra.Command{
		Use:   "probe",
		Short: "Print the script that runs on the hosts, and its SHA-256",
		Long: `Prints the exact bytes that twaudit sends to each host, and nothing else, on
standard output; their SHA-256 goes to standard error. To compare:

  twaudit probe | sha256sum`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if hashOnly {
				_, err := fmt.Fprintln(a.Stdout, probe.SHA256())
				return err
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
	cmd.Flags().BoolVar(&hashOnly, "sha256", false, "print the SHA-256 alone, on standard output")
	return cmd
}
