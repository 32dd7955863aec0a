package probe

import (
	"slices"
	"strings"

	"twaudit/internal/text"
)

// unread is what was not read for one reason: names, and bytes where known.
type unread struct {
	names []string
	bytes int64
}

// gaps says what was not read and how much that is: one gap for each reason,
// whatever the number of files, and whether the script met it in one of them or
// before. What could not be understood is said by the error.
func (r *logReader) gaps() {
	var order []string
	all := map[string]*unread{}
	add := func(why, name string, bytes int64) {
		u := all[why]
		if u == nil {
			u = &unread{}
			all[why], order = u, append(order, why)
		}
		if !slices.Contains(u.names, name) && len(u.names) < maxRows {
			u.names = append(u.names, name)
		}
		u.bytes = saturated(u.bytes, bytes)
	}
	for _, s := range r.sources {
		left := int64(0)
		if s.UnreadBytes != nil {
			left = *s.UnreadBytes
		}
		switch why := s.why; {
		case why == "" && left > 0:
			add("budget", s.Path, left)
		case why != "" && why != "old" && why != "missing" && why != "unclear":
			add(why, s.Path, left)
		}
	}
	for _, line := range r.told[:min(len(r.told), maxGaps)] {
		what, why, _ := strings.Cut(line, " ")
		add(why, spelled(what), 0)
	}
	for _, why := range order {
		u := all[why]
		line := reason(why) + ": " + listed(u.names)
		if u.bytes > 0 {
			line += " (" + text.Bytes(u.bytes) + " were not read)"
		}
		r.p.gap("log", line, r.p.remedy("log", u.names[0], why))
	}
}

// spelled are the words of the script for what is no file.
func spelled(what string) string {
	switch what {
	case "logs":
		return "/var/log"
	case "long-lines":
		return "lines of 100 MB and more"
	case "ours":
		return "the newest records"
	case "siblings":
		return "messages about other tables"
	}
	return clean(what)
}
