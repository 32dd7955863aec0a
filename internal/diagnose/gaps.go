package diagnose

import (
	"slices"

	"twaudit/internal/audit"
)

// coverage is partial when something with a table of its own could not be read.
func (in *input) coverage() audit.Coverage {
	if slices.ContainsFunc(in.gaps, func(g audit.Gap) bool { return g.Section == "namespaces" }) {
		return audit.CoveragePartial
	}
	for _, t := range in.tables[1:] {
		if len(t.missing) > 0 {
			return audit.CoveragePartial
		}
	}
	return audit.CoverageFull
}

// allGaps adds what only judging could notice was missing, once per section:
// where the probe has already said why, nothing is added.
func (in *input) allGaps() []audit.Gap {
	list := append([]audit.Gap{}, in.gaps...)
	add := func(section string, d doubt) {
		if !slices.ContainsFunc(list, func(g audit.Gap) bool { return g.Section == section }) {
			list = append(list, audit.Gap{Section: section, Reason: d.reason, Remedy: d.remedy})
		}
	}
	for _, d := range in.own.missing {
		add(d.section, d)
	}
	for _, t := range in.tables[1:] {
		for _, d := range t.missing {
			add("namespaces", doubt{"namespaces", t.say("%s", d.reason), d.remedy})
		}
	}
	return list
}
