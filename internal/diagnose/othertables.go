package diagnose

import (
	"fmt"
	"strconv"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// fullness is another kernel table that overflows in its own way.
type fullness struct {
	tables  []string // keys of Facts.Tables
	sibling string   // kind of its log lines; shares our rate limit
	noun    string   // what fills it
	source  string
}

// check speaks up for a table that is nearly full, and for log lines that say
// that it was.
func (o fullness) check(in *input) []audit.Finding {
	var list []audit.Finding
	for _, key := range o.tables {
		u, ok := in.facts.Tables[key]
		if !ok || nonNegative(u.Used) == nil || u.Limit == nil || *u.Limit <= 0 {
			continue
		}
		ratio := float64(*u.Used) / float64(*u.Limit)
		if ratio < in.limits.Near {
			continue
		}
		list = append(list, audit.Finding{
			Severity: in.nearSeverity(ratio),
			Title:    fmt.Sprintf("%s of %s %s (%s)", text.Count(*u.Used), text.Count(*u.Limit), o.nounOf(key), percent(ratio)),
			Evidence: []audit.Evidence{{
				Text:   key + " " + strconv.FormatInt(*u.Used, 10) + " of " + strconv.FormatInt(*u.Limit, 10),
				Source: o.source, At: in.facts.Host.Clock,
			}},
		})
	}
	if lines := in.sibling(o.sibling); lines > 0 {
		list = append(list, audit.Finding{
			Title:    fmt.Sprintf("the kernel log has %s that the table of %s was full", plural(lines, "line"), o.noun),
			Evidence: []audit.Evidence{{Text: plural(lines, "line"), Source: "kernel log"}},
		})
	}
	return list
}

// nounOf tells the two address families apart where there are two tables.
func (o fullness) nounOf(key string) string {
	switch key {
	case "neighbour-ipv4":
		return "IPv4 " + o.noun
	case "neighbour-ipv6":
		return "IPv6 " + o.noun
	}
	return o.noun
}
