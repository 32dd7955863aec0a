package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"twaudit/internal/audit"
)

// Both ids are needed: clones share the one, containers the other.
func sameMachineTwiceRule() Rule {
	return Rule{
		ID: "same-machine-twice", Severity: audit.SeverityInfo,
		Title:   "two names of the inventory lead to one machine",
		Meaning: "Machine id and boot id are the same, so its numbers are counted more than once. A clone has the same machine id and another boot id, a container another machine id: neither is meant.",
		Needs:   []string{"/etc/machine-id", "/proc/sys/kernel/random/boot_id"},
		Advice:  []string{"Leave out one of the names: in the inventory, or of the files that were imported"},
		Sources: []string{"machine-id(5)", "random(4)"},
		fleet:   sameMachineTwice,
	}
}

// Its findings are sorted by their words, since a map has no order.
func sameMachineTwice(run *audit.Run) []audit.Finding {
	type machine struct{ id, boot string }
	names := map[machine][]string{}
	for i := range run.Hosts {
		h := &run.Hosts[i]
		if h.Facts == nil || h.Facts.Host.MachineID == "" || h.Facts.Host.BootID == "" {
			continue
		}
		m := machine{h.Facts.Host.MachineID, h.Facts.Host.BootID}
		names[m] = append(names[m], h.Name)
	}
	var list []audit.Finding
	for m, n := range names {
		if len(n) < 2 {
			continue
		}
		slices.Sort(n)
		list = append(list, audit.Finding{
			Title:    fmt.Sprintf("%s are one machine", enumerate(n)),
			Evidence: []audit.Evidence{{Text: "machine id " + m.id + ", boot id " + m.boot, Source: "/etc/machine-id"}},
		})
	}
	slices.SortFunc(list, func(a, b audit.Finding) int {
		return strings.Compare(a.Title+a.Evidence[0].Text, b.Title+b.Evidence[0].Text)
	})
	return list
}
