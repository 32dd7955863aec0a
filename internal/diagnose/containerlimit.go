package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// It fires for sick namespaces, to say where the limit has to be set, and for
// hosts whose own setting was surely meant for the containers too.
func containerLimitRule() Rule {
	return Rule{
		ID: "container-limit", Severity: audit.SeverityInfo,
		Also:  []Grade{{audit.SeverityWarning, "when a container overflows or nearly does"}},
		Title: "containers have limits of their own, which the host's files do not reach",
		Meaning: "Since kernel 4.11 every network namespace has its own table and limit, made from the kernel's default and not from the host's setting. " +
			"OpenVZ kernels have two further limits for each container.",
		Needs: []string{"the limits of the other network namespaces (root), or OpenVZ records in the kernel log"},
		Advice: []string{
			"Set the limit inside the namespace, by what made it: docker run --sysctl, a pod's securityContext.sysctls, lxc.sysctl, ip netns exec NAME sysctl -w; the host's files have no effect there",
		},
		Sources: []string{"Linux commit 1946e672c173", "docker-run(1), --sysctl"},
		check:   containerLimit,
	}
}

// Each of the three cases has its own remedy, so each is a finding of its own.
func containerLimit(in *input) []audit.Finding {
	var list []audit.Finding
	for _, of := range []func(*input) *audit.Finding{sickContainers, strayContainers, openVZContainers} {
		if f := of(in); f != nil {
			list = append(list, *f)
		}
	}
	return list
}

// sickContainers is for namespaces that overflow or nearly do, ours included
// when the login is inside a container. Whenever a host has its verdict from
// another namespace this fires: rows of numbers, such as the CSV's, show the
// login's own, and the flag is what says so.
func sickContainers(in *input) *audit.Finding {
	var names, advice []string
	var evidence []audit.Evidence
	for _, t := range in.tables {
		// The host's own table has the ordinary advice, unless "host" is a
		// container itself.
		if t.own && !in.inContainer() && t.maker != makerNetns || !t.verdict.Worse(audit.VerdictUnknown) {
			continue
		}
		names = append(names, in.withLimit(t))
		evidence = append(evidence, t.limitEvidence(in)...)
		a := in.step(t)
		if a == "" {
			a = "Set the limit " + in.whereToSet(t, 0)
		}
		if len(advice) < maxPlaces && !slices.Contains(advice, a) {
			advice = append(advice, a)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &audit.Finding{
		Severity: audit.SeverityWarning,
		Title:    "the limit to change is that of " + enumerate(names),
		Evidence: evidence[:min(len(evidence), maxNamespaces)], Advice: advice,
	}
}

// maxPlaces bounds the different ways of setting a limit that are told at once.
const maxPlaces = 5

// withLimit names a namespace and its limit.
func (in *input) withLimit(t *table) string {
	name := t.label
	if t.own {
		name = in.place(t)
	}
	switch {
	case t.sharesHostTable(in):
		return "the machine, which shares its table with " + name
	case t.limit == nil:
		return name + " (limit not read)"
	}
	return fmt.Sprintf("%s (limit %s)", name, text.Count(*t.limit))
}

// strayContainers is for hosts whose own setting stops at the namespace.
func strayContainers(in *input) *audit.Finding {
	want := in.conf
	if want == nil || in.kernel.globalTable() {
		return nil
	}
	var names []string
	others := 0
	var evidence []audit.Evidence
	for _, t := range in.tables[1:] {
		if t.limit == nil {
			continue
		}
		others++
		if *t.limit != want.value {
			names = append(names, fmt.Sprintf("%s (%s)", t.label, text.Count(*t.limit)))
			evidence = append(evidence, t.limitEvidence(in)...)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &audit.Finding{
		Title: fmt.Sprintf("a limit other than the %s of %s in %d of %s: %s",
			text.Count(want.value), want.source, len(names), plural(int64(others), "further namespace"), enumerate(names)),
		Evidence: evidence[:min(len(evidence), maxNamespaces)],
	}
}

// The kernel prints for all containers into the node's log: the suffix (CTn) is
// the only thing that tells whose table it was.
func openVZContainers(in *input) *audit.Finding {
	if in.facts.Log == nil || len(in.facts.Log.Containers) == 0 {
		return nil
	}
	var names []string
	for id, n := range in.facts.Log.Containers {
		names = append(names, fmt.Sprintf("CT%s (%s)", id, plural(n, "record")))
	}
	slices.Sort(names)
	f := &audit.Finding{
		Severity: audit.SeverityWarning,
		Title:    "the kernel log names OpenVZ containers that overflowed: " + enumerate(names),
		Evidence: in.loggedEvidence(),
		Advice: []string{
			"Raise net.ipv4.tcp_max_tw_buckets_ub, the limit of one container, or the container's kmemsize, of which net.ipv4.tcp_max_tw_kmem_fraction is a 1024th each",
		},
	}
	if vz := in.facts.OpenVZ; vz != nil && vz.BucketsPerContainer != nil {
		f.Evidence = append(f.Evidence, audit.Evidence{
			Text: "net.ipv4.tcp_max_tw_buckets_ub = " + strconv.FormatInt(*vz.BucketsPerContainer, 10), Source: "/proc/sys/net/ipv4/tcp_max_tw_buckets_ub",
		})
	}
	return f
}

// enumerate joins a few names and counts the rest.
func enumerate(names []string) string {
	const shown = 5
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:shown], ", ") + " and " + strconv.Itoa(len(names)-shown) + " more"
}
