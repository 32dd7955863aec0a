package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"twaudit/internal/inventory"
	"twaudit/internal/scan"
	"twaudit/internal/text"
)

// checkViews looks for views that exclude each other.
func (f *hostsFlags) checkViews() error {
	switch {
	case f.groups && f.format.value != "table":
		return &usageError{fmt.Errorf("--groups and -f %s exclude each other", f.format.value), "-f json has the groups of each host"}
	case f.keys && (f.groups || f.format.value == "list"):
		return &usageError{errors.New("--keys prints known_hosts lines, and no list or groups"), "run it once more without --keys"}
	}
	return nil
}

// listHosts writes the views that need no settings of SSH.
func (a *App) listHosts(flags *hostsFlags, jobs []scan.Job) error {
	out := bufio.NewWriter(a.Stdout)
	var err error
	if flags.groups {
		err = writeGroups(out, jobs)
	} else {
		a.writeList(out, jobs)
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("write hosts to standard output: %w", err)
	}
	return nil
}

// writeList writes a plain list. What it cannot hold is said, because who reads
// the list again would reach those hosts in another way.
func (a *App) writeList(out io.Writer, jobs []scan.Job) {
	var poorer, unwritten []string
	for _, job := range jobs {
		host := inventory.Host{Name: job.Name, Groups: job.Groups, Labels: job.Labels, Target: job.Target}
		if job.Local {
			fmt.Fprintf(out, "# %s is this machine: --local\n", job.Name)
			continue
		}
		line, ok := host.Line()
		if !ok {
			unwritten = append(unwritten, job.Name)
			continue
		}
		fmt.Fprintln(out, line)
		if _, own := a.ways[job.Name]; own {
			poorer = append(poorer, job.Name)
		}
	}
	if len(poorer) > 0 {
		a.say("a plain list cannot hold the ssh arguments and key files that the inventory has for %s", text.CleanMax(text.Fold(poorer), 300))
	}
	if len(unwritten) > 0 {
		a.say("a plain list cannot hold the names %s", text.CleanMax(text.Fold(unwritten), 300))
	}
}

// writeGroups shows each group with its hosts, folded; a group inside another
// one is indented.
func writeGroups(out io.Writer, jobs []scan.Job) error {
	hosts := make([]inventory.Host, len(jobs))
	for i, job := range jobs {
		hosts[i] = inventory.Host{Name: job.Name, Groups: job.Groups}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "GROUP\tHOSTS\tNAMES")
	for _, g := range inventory.Groups(hosts) {
		fmt.Fprintf(table, "%s%s\t%d\t%s\n", strings.Repeat("  ", g.Depth), text.CleanMax(g.Name, 200), len(g.Hosts), text.Clean(text.Fold(g.Hosts)))
	}
	return table.Flush()
}
