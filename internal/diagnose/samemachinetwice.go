package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"twaudit/internal/audit"
)

// leaveOut is for names that show the same numbers. One of three is too few.
const leaveOut = "Leave out all of these names but one: in the inventory, or of the files that were imported"

// Both ids are needed: clones share the one, containers the other.
func sameMachineTwiceRule() Rule {
	return Rule{
		ID: "same-machine-twice", Severity: audit.SeverityInfo,
		Title: "several names of the inventory lead to one machine",
		Meaning: "Machine id and boot id are the same. Names that lead into the same network namespace show the same numbers, which are counted more than once; " +
			"in namespaces of its own each name has a table and a limit of its own. A clone has the same machine id and another boot id, a container another machine id: neither is meant.",
		Needs:   []string{"/etc/machine-id", "/proc/sys/kernel/random/boot_id", "/proc/self/ns/net, to tell namespaces apart"},
		Advice:  []string{leaveOut},
		Sources: []string{"machine-id(5)", "random(4)", "network_namespaces(7)"},
		fleet:   sameMachineTwice,
	}
}

// machine is one boot of one machine.
type machine struct{ id, boot string }

// guest is a name that leads to a machine; space is empty where the namespace of
// the login is not known.
type guest struct{ name, space string }

// Its findings are sorted by their words, since a map has no order.
func sameMachineTwice(run *audit.Run) []audit.Finding {
	guests := map[machine][]guest{}
	for i := range run.Hosts {
		h := &run.Hosts[i]
		if h.Facts == nil || h.Facts.Host.MachineID == "" || h.Facts.Host.BootID == "" {
			continue
		}
		m := machine{h.Facts.Host.MachineID, h.Facts.Host.BootID}
		guests[m] = append(guests[m], guest{h.Name, ownSpace(h.Facts)})
	}
	var list []audit.Finding
	for m, g := range guests {
		list = append(list, m.twice(g)...)
	}
	slices.SortFunc(list, func(a, b audit.Finding) int {
		return strings.Compare(a.Title+a.Evidence[0].Text, b.Title+b.Evidence[0].Text)
	})
	return list
}

// ownSpace is the network namespace that a login is in; empty when not known.
func ownSpace(f *audit.Facts) string {
	if len(f.Namespaces) > 0 && f.Namespaces[0].Name == "host" {
		return f.Namespaces[0].ID
	}
	return ""
}

// twice is what to say of the names of one machine: one finding for each namespace
// that has several, and one when there are several namespaces.
func (m machine) twice(guests []guest) []audit.Finding {
	spaces := map[string][]string{}
	var all []string
	for _, g := range guests {
		spaces[g.space] = append(spaces[g.space], g.name)
		all = append(all, g.name)
	}
	var list []audit.Finding
	say := func(names []string, what, advice string) {
		slices.Sort(names)
		f := audit.Finding{
			Title:    enumerate(names) + " are " + what,
			Evidence: []audit.Evidence{{Text: "machine id " + m.id + ", boot id " + m.boot, Source: "/etc/machine-id"}},
		}
		if advice != "" {
			f.Advice = []string{advice}
		}
		list = append(list, f)
	}
	_, unknown := spaces[""]
	switch {
	case len(all) < 2:
		return nil
	case unknown && len(spaces) > 1:
		say(all, "one machine", "Leave out all of these names but one, unless they lead into network namespaces of their own: not all of those could be told")
		return list
	case len(spaces) > 1:
		say(all, fmt.Sprintf("%d network namespaces of one machine", len(spaces)),
			"Keep a name for each namespace that is meant: tables and limits are its own; memory, the kernel log and the sysctl files are those of one machine")
	}
	for _, names := range spaces {
		if len(names) > 1 {
			say(names, "one machine", "")
		}
	}
	return list
}
