package diagnose

import (
	"strconv"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// fill says how full the table is, after prefix; empty when that is not known.
func (t *table) fill(prefix string) string {
	used := t.used()
	if used == nil {
		return ""
	}
	if r := t.ratio(); r != nil {
		return prefix + text.Count(*used) + " of " + text.Count(*t.limit) + " buckets in use (" + percent(*r) + ")"
	}
	words := prefix + plural(*used, "bucket") + " in use"
	if t.kind == limitNone {
		words += ", without a limit"
	}
	return words
}

// used is the fill at the later reading that there is.
func (t *table) used() *int64 {
	if t.buckets != nil {
		return t.buckets
	}
	return t.first
}

// fillEvidence is what a statement about the fill rests on; the limit, when it
// was read, comes last.
func (t *table) fillEvidence(in *input) []audit.Evidence {
	var list []audit.Evidence
	if used := t.used(); used != nil {
		list = append(list, audit.Evidence{Text: "tw " + strconv.FormatInt(*used, 10), Source: t.proc("sockstat"), At: in.facts.Host.Clock})
	}
	if t.limit != nil {
		list = append(list, audit.Evidence{
			Text: tcpTWBucketsKey + " = " + strconv.FormatInt(*t.limit, 10), Source: t.limitSource(), At: in.facts.Host.Clock,
		})
	}
	return list
}

// limitSource names the namespace too: the path shows the reader's own limit.
func (t *table) limitSource() string {
	const path = "/proc/sys/net/ipv4/tcp_max_tw_buckets"
	if t.own {
		return path
	}
	return path + " in net:[" + t.id + "]"
}

// netstat is where the overflow counter of the table stands.
func (t *table) netstat() string { return t.proc("netstat") }

// proc names the file that shows a namespace's numbers: its process' view.
func (t *table) proc(name string) string {
	if t.own || t.pid == 0 {
		return "/proc/net/" + name
	}
	return "/proc/" + strconv.Itoa(t.pid) + "/net/" + name
}

// maxNamespaces bounds how many namespaces get a finding of their own per rule.
const maxNamespaces = 16

// each collects one finding per table, the login's own first.
func (in *input) each(of func(*table) *audit.Finding) []audit.Finding {
	var list []audit.Finding
	left := 0
	for _, t := range in.tables {
		f := of(t)
		switch {
		case f == nil:
		case len(list) > maxNamespaces:
			left++
		default:
			list = append(list, *f)
		}
	}
	if left > 0 {
		last := &list[len(list)-1]
		last.Title += ", and likewise " + plural(int64(left), "further namespace")
	}
	return list
}
