package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// A group has a usual limit when it is large enough and nearly all of it agrees.
const (
	outlierHosts = 5
	outlierShare = 0.8
)

// A comparison, not a judgement: the odd one out may be the one that is right.
func outlierLimitRule() Rule {
	return Rule{
		ID: "outlier-limit", Severity: audit.SeverityInfo,
		Title: "a few hosts have another limit than nearly all of their group",
		Meaning: "Hosts of one group usually do the same work on the same machines. One whose limit is less than half of theirs was forgotten in a roll-out, or set by hand. " +
			"Hosts without a group are compared with the whole fleet.",
		Needs:   []string{tcpTWBucketsKey + " of at least 5 hosts of a group"},
		Advice:  []string{"Compare their sysctl files with those of the others"},
		Sources: []string{"the run itself"},
		fleet:   outlierLimit,
	}
}

// A host in several groups is compared with each. Limits of zero and below have
// a rule of their own.
func outlierLimit(run *audit.Run) []audit.Finding {
	groups := map[string][]*audit.HostResult{}
	for i := range run.Hosts {
		h := &run.Hosts[i]
		if h.Facts == nil || h.Facts.TimeWait.Limit == nil || *h.Facts.TimeWait.Limit <= 0 {
			continue
		}
		// Failed hosts have no facts and are no part of any majority.
		for _, g := range h.Groups {
			groups[g] = append(groups[g], h)
		}
		if len(h.Groups) == 0 {
			groups[""] = append(groups[""], h)
		}
	}
	var list []audit.Finding
	for name, hosts := range groups {
		if f := outliers(name, hosts); f != nil {
			list = append(list, *f)
		}
	}
	slices.SortFunc(list, func(a, b audit.Finding) int { return strings.Compare(a.Title, b.Title) })
	return list
}

// outliers only looks downwards: more room than the others is no danger.
func outliers(group string, hosts []*audit.HostResult) *audit.Finding {
	usual, count := usualLimit(hosts)
	if len(hosts) < outlierHosts || float64(count) < outlierShare*float64(len(hosts)) {
		return nil
	}
	var names []string
	var evidence []audit.Evidence
	for _, h := range hosts {
		if limit := *h.Facts.TimeWait.Limit; limit < usual/2 {
			names = append(names, h.Name+" ("+text.Count(limit)+")")
			evidence = append(evidence, audit.Evidence{Text: fmt.Sprintf("%s = %d", tcpTWBucketsKey, limit), Source: h.Name})
		}
	}
	if len(names) == 0 {
		return nil
	}
	where := "of the fleet"
	if group != "" {
		where = "of group " + group
	}
	return &audit.Finding{
		Title: fmt.Sprintf("%d of %d hosts %s have a limit of %s; less than half of it: %s",
			count, len(hosts), where, text.Count(usual), enumerate(names)),
		Evidence: evidence,
	}
}

// usualLimit is the most frequent limit; of two equally frequent ones the
// larger, so that it does not depend on map order.
func usualLimit(hosts []*audit.HostResult) (usual int64, count int) {
	times := map[int64]int{}
	for _, h := range hosts {
		times[*h.Facts.TimeWait.Limit]++
	}
	for limit, n := range times {
		if n > count || n == count && limit > usual {
			usual, count = limit, n
		}
	}
	return usual, count
}
