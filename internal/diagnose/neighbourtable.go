package diagnose

import "twaudit/internal/audit"

// The tables are the machine's; entries of all namespaces count.
func neighbourTableRule() Rule {
	return Rule{
		ID: "neighbour-table", Severity: audit.SeverityWarning,
		Also:    []Grade{fromCritical},
		Title:   "the neighbour (ARP or NDP) table is full or nearly so",
		Meaning: "A full table leaves new neighbours on the local network unreachable.",
		Needs:   []string{"the neighbour entries and gc_thresh3, or the kernel log"},
		Advice:  []string{"Raise net.ipv4.neigh.default.gc_thresh3 (net.ipv6 for NDP), with gc_thresh2 and gc_thresh1 below it"},
		Sources: []string{"Linux net/core/neighbour.c", "arp(7)"},
		check: fullness{
			tables: []string{"neighbour-ipv4", "neighbour-ipv6"}, sibling: "neighbour", noun: "neighbours",
			source: "/proc/net/stat/arp_cache",
		}.check,
	}
}
