package main

import (
	"fmt"
	"slices"

	"twaudit/internal/audit"
)

// sudoNote says where root was asked for and not given; empty when nowhere. Each
// such host has it as a gap, which nobody reads who thinks that --sudo worked.
func sudoNote(hosts []audit.HostResult) string {
	var names []string
	for i := range hosts {
		refused := func(g audit.Gap) bool { return g.Section == "sudo" }
		if slices.ContainsFunc(hosts[i].Gaps, refused) {
			names = append(names, hosts[i].Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	where := names[0] + ", which was"
	if len(names) > 1 {
		where = fmt.Sprintf("%d hosts (%s), which were", len(names), few(names))
	}
	return "sudo gave no root on " + where + " asked with the login's own rights; twaudit probe --sudoers prints the rule that allows it"
}
