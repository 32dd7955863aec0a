package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"twaudit/internal/text"
)

// writeHostTable shows where hosts are reached; JSON has all the rest. A row of a
// pipe holds its error in full. On a terminal that would widen every row: there
// the errors stand below.
func writeHostTable(out io.Writer, entries []hostEntry, onTerminal bool) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "HOST\tADDRESS\tPORT\tUSER\tVIA\tSETTINGS\tGROUPS")
	for i := range entries {
		cells := []string{entries[i].Name, "-", "-", "-", "-", "-", strings.Join(entries[i].Groups, ",")}
		switch set := entries[i].SSH; {
		case entries[i].Local:
			cells[1] = "this machine"
		case set != nil:
			copy(cells[1:], []string{set.Hostname, strconv.Itoa(set.Port), set.User, via(set), set.Source})
		case onTerminal:
			cells[1] = "error"
		default:
			cells[1] = "error: " + entries[i].Error.Message
		}
		for n := range cells {
			if cells[n] = text.CleanMax(cells[n], 200); cells[n] == "" {
				cells[n] = "-"
			}
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	if err := table.Flush(); err != nil || !onTerminal {
		return err
	}
	return writeHostErrors(out, entries)
}

// writeHostErrors tells each error once, with the hosts that have it.
func writeHostErrors(out io.Writer, entries []hostEntry) error {
	hosts := map[hostError][]string{}
	var order []hostError
	for i := range entries {
		e := entries[i].Error
		if e == nil {
			continue
		}
		if hosts[*e] == nil {
			order = append(order, *e)
		}
		hosts[*e] = append(hosts[*e], entries[i].Name)
	}
	var b strings.Builder
	for _, e := range order {
		fmt.Fprintf(&b, "\n%s: %s\n", text.CleanMax(text.Fold(hosts[e]), 300), e.Message)
		if e.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", e.Hint)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// via is the way to a host in a word.
func via(set *hostSettings) string {
	switch {
	case set.ProxyJump != "":
		return set.ProxyJump
	case set.ProxyCommand != "":
		return "ProxyCommand"
	}
	return ""
}
