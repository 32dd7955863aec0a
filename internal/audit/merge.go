package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Merge makes one run of several that looked at parts of a fleet (shards,
// regions), in whatever order they are given. It keeps every host, also one that
// is in two runs, since they may be two hosts of one name or may have changed in
// between, and says so in the notes. The findings about the fleet are left to
// diagnose.Fleet. The hosts share their parts with those of the runs; one run
// alone is returned as it is, and none is a mistake of the caller.
func Merge(runs []*Run) *Run {
	if len(runs) == 1 {
		return runs[0]
	}
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b *Run) int {
		return cmp.Or(a.Meta.StartedAt.Compare(b.Meta.StartedAt), strings.Compare(a.Meta.ID, b.Meta.ID))
	})
	merged := &Run{Schema: Schema, Tool: runs[0].Tool, Meta: runs[0].Meta, Findings: []Finding{}}
	merged.Meta.Merged = 0
	for _, run := range runs {
		merged.Meta.Merged += max(1, run.Meta.Merged)
		merged.Hosts = append(merged.Hosts, run.Hosts...)
		merged.Meta.Partial = merged.Meta.Partial || run.Meta.Partial
		merged.Meta.Redacted = merged.Meta.Redacted && run.Meta.Redacted
		if run.Meta.FinishedAt.After(merged.Meta.FinishedAt) {
			merged.Meta.FinishedAt = run.Meta.FinishedAt
		}
	}
	merged.Meta.ID, merged.Meta.Selection = mergedID(runs), "" // nobody asked for all of it at once
	merged.Meta.Selection = ""                                 // of no single one
	merged.Tool.Version = strings.Join(distinct(runs, func(r *Run) string { return r.Tool.Version }), ", ")
	if len(distinct(runs, func(r *Run) string { return r.Tool.ProbeSHA256 })) > 1 {
		merged.Tool.ProbeSHA256 = ""
	}
	merged.Notes = mergedNotes(runs)
	SortHosts(merged.Hosts)
	merged.Summary = Summarize(merged.Hosts)
	return merged
}

// mergedID is the same for the same runs, and looks like that of any run.
func mergedID(sorted []*Run) string {
	hash := sha256.New()
	for _, run := range sorted {
		fmt.Fprintf(hash, "%q", run.Meta.ID)
	}
	return sorted[0].Meta.StartedAt.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(hash.Sum(nil)[:4])
}

// distinct are the values that runs have, in the order of the runs.
func distinct(runs []*Run, value func(*Run) string) []string {
	var list []string
	for _, run := range runs {
		if v := value(run); !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// mergedNotes say first what the merge itself brings, then what each run noted.
func mergedNotes(runs []*Run) []string {
	ids := distinct(runs, func(r *Run) string { return r.Meta.ID })
	notes := []string{fmt.Sprintf("merged of %d runs: %s", len(runs), someOf(ids))}
	if len(distinct(runs, func(r *Run) string { return fmt.Sprint(r.Meta.Limits) })) > 1 {
		notes = append(notes, fmt.Sprintf("the runs judged by different measures; those shown are of run %s", runs[0].Meta.ID))
	}
	notes = append(notes, sameTwice(runs)...)
	// What every run noted alike is said once; the rest is of one run.
	times := map[string]int{}
	for _, run := range runs {
		for _, note := range slices.Compact(slices.Clone(run.Notes)) {
			times[note]++
		}
	}
	for _, run := range runs {
		for _, note := range run.Notes {
			switch {
			case times[note] < len(runs):
				notes = append(notes, "run "+run.Meta.ID+": "+note)
			case !slices.Contains(notes, note):
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// sameTwice says which hosts are in more than one run, by name or by machine id.
// One machine under two names within one boot is also a finding about the fleet.
func sameTwice(runs []*Run) []string {
	names, machines := map[string][]string{}, map[string][]string{} // -> runs, -> names
	for _, run := range runs {
		for i := range run.Hosts {
			h := &run.Hosts[i]
			names[h.Name] = with(names[h.Name], run.Meta.ID)
			if h.Facts != nil && h.Facts.Host.MachineID != "" {
				machines[h.Facts.Host.MachineID] = with(machines[h.Facts.Host.MachineID], h.Name)
			}
		}
	}
	var notes, twice, aliases []string
	for name, in := range names {
		if len(in) > 1 {
			twice = append(twice, name)
		}
	}
	for _, of := range machines {
		if len(of) > 1 {
			slices.Sort(of)
			aliases = append(aliases, strings.Join(of, " = "))
		}
	}
	slices.Sort(twice)
	slices.Sort(aliases)
	if len(twice) > 0 {
		notes = append(notes, "in more than one of the runs, and counted each time: "+someOf(twice))
	}
	if len(aliases) > 0 {
		notes = append(notes, "one machine id under several names, which is one machine counted each time, or clones of one: "+someOf(aliases))
	}
	return notes
}

// with is list with a further element, each once. A machine has few names, and a
// host is in few runs; of clones by the thousand the first are enough.
func with(list []string, element string) []string {
	if len(list) > 20 || slices.Contains(list, element) {
		return list
	}
	return append(list, element)
}

// someOf lists the first of many.
func someOf(list []string) string {
	const most = 20
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}
