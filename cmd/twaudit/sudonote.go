package main

import (
	"fmt"
	"slices"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/scan"
)

// sudoNote says where root was asked for and not given; empty when nowhere. Each
// such host has it as a gap, which nobody reads who thinks that --sudo worked.
func sudoNote(hosts []audit.HostResult) string {
	var names, fixed []string
	advice := "twaudit probe --sudoers prints the rule that allows it"
	for i := range hosts {
		at := slices.IndexFunc(hosts[i].Gaps, func(g audit.Gap) bool { return g.Section == "sudo" })
		if at < 0 {
			continue
		}
		names = append(names, hosts[i].Name)
		switch remedy := hosts[i].Gaps[at].Remedy; {
		case strings.Contains(remedy, scan.FixedCommand):
			fixed = append(fixed, hosts[i].Name)
		case strings.Contains(remedy, "password was rejected"):
			advice = "the password was rejected: run again with the right one"
		case strings.Contains(remedy, "--ask-sudo-pass"):
			advice = "--ask-sudo-pass asks for the password that sudo wants, twaudit probe --sudoers prints a rule that needs none"
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	where := names[0] + ", which was"
	if len(names) > 1 {
		where = fmt.Sprintf("%d hosts (%s), which were", len(names), fewHosts(names))
	}
	return "sudo gave no root on " + where + " asked with the login's own rights; " + fixedNote(fixed, len(names), advice)
}

// fixedNote is the advice where of all hosts without root some have a fixed
// command, which no other advice helps.
func fixedNote(fixed []string, all int, advice string) string {
	if len(fixed) == 0 {
		return advice
	}
	words := scan.FixedCommand + " answers there: put sudo into it, as twaudit probe --sudoers USER shows"
	if len(fixed) == all {
		return words
	}
	slices.Sort(fixed)
	return advice + "; on " + fewHosts(fixed) + " " + words
}
