package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"twaudit/internal/audit"
)

// named is a column that a reader may ask for by the name that it has in CSV.
type named struct {
	name  string
	plain func(subject) string          // exact, for pipes; empty where absent
	cell  func(*screen, subject) string // for people; nil: as for pipes
	kind  columnKind
}

// columnKind says what a column may lose when the terminal is narrow.
type columnKind int

const (
	wordCells   columnKind = iota // short words of ours
	numberCells                   // to the right, never shortened
	textCells                     // words of others, of any length: both ends are kept
	listCells                     // whole elements are left out
)

// namedColumns are those of CSV in their order, then what CSV has no column for.
// Their numbers are of the network namespace that the verdict comes from, as in
// every table; namespace says which.
func namedColumns() []named {
	return slices.Concat(hostColumns(), countColumns(), overflowColumns(), configColumns(), systemColumns(), []named{
		{"namespace", func(h subject) string { return h.namespace }, nil, textCells},
		{"load_factor", func(h subject) string { return decimal(loadFactor(h), 2) }, (*screen).headroom, numberCells},
	})
}

func hostColumns() []named {
	return []named{
		{"host", func(h subject) string { return h.Name }, nil, textCells},
		{"groups", func(h subject) string { return strings.Join(h.Groups, ",") }, nil, textCells},
		{"status", func(h subject) string { return string(h.Status) }, nil, wordCells},
		{"verdict", func(h subject) string { return plainVerdict(h.HostResult) }, (*screen).verdict, wordCells},
		{"coverage", func(h subject) string { return string(h.Coverage) }, nil, wordCells},
		{"flags", func(h subject) string { return strings.Join(h.Flags, ",") }, func(_ *screen, h subject) string { return strings.Join(h.Flags, ", ") }, listCells},
	}
}

func countColumns() []named {
	return []named{
		wholeColumn("buckets", func(h subject) *int64 { return h.Buckets }),
		wholeColumn("limit", func(h subject) *int64 { return h.Limit }),
		{"ratio", func(h subject) string { return decimal(h.Ratio, 4) }, func(_ *screen, h subject) string { return used(h) }, numberCells},
		wholeColumn("overflow_total", func(h subject) *int64 { return h.OverflowTotal }),
		wholeColumn("overflow_delta", func(h subject) *int64 { return h.OverflowDelta }),
	}
}

func overflowColumns() []named {
	log := func(h subject) audit.Log { _, _, log := loginParts(h); return log }
	return []named{
		wholeColumn("overflow_lines", func(h subject) *int64 { return log(h).OverflowLines }),
		wholeColumn("suppressed", func(h subject) *int64 { return log(h).Suppressed }),
		timeColumn("first_overflow", func(h subject) *time.Time { return log(h).First }),
		timeColumn("last_overflow", lastBound),
	}
}

func configColumns() []named {
	config := func(h subject) audit.Config { _, config, _ := loginParts(h); return config }
	return []named{
		wholeColumn("config_value", func(h subject) *int64 { return config(h).Value }),
		{"config_source", func(h subject) string { return config(h).Source }, nil, textCells},
		timeColumn("config_changed_at", func(h subject) *time.Time { return config(h).ChangedAt }),
		timeColumn("sysctl_conf_changed_at", func(h subject) *time.Time { return config(h).SysctlConfChangedAt }),
	}
}

func systemColumns() []named {
	facts := func(h subject) audit.Facts { facts, _, _ := parts(h.HostResult); return facts }
	sockets := func(name, of string) named {
		return wholeColumn(name, func(h subject) *int64 {
			n, listed := facts(h).TCPStates[of]
			if !listed {
				return nil
			}
			return &n
		})
	}
	failure := func(h subject) audit.Failure {
		if h.Failure == nil {
			return audit.Failure{}
		}
		return *h.Failure
	}
	return []named{
		{"close_rate", closeRate, nil, numberCells},
		sockets("time_wait", "TIME_WAIT"), sockets("syn_recv", "SYN_RECV"), sockets("established", "ESTABLISHED"),
		{"kernel", func(h subject) string { return facts(h).Host.Kernel }, nil, textCells},
		{"os", func(h subject) string { return facts(h).Host.OS }, nil, textCells},
		timeColumn("booted_at", func(h subject) *time.Time { return facts(h).Host.BootedAt }),
		{"failure_stage", func(h subject) string { return string(failure(h).Stage) }, nil, wordCells},
		{"failure", func(h subject) string { return failure(h).Message }, nil, textCells},
		{"gaps", func(h subject) string { return strings.Join(gapTexts(h.Gaps), "; ") }, nil, textCells},
	}
}

func closeRate(h subject) string {
	if h.namespace != "" || h.Headroom == nil {
		return ""
	}
	return decimal(h.Headroom.CloseRate, 1)
}

// wholeColumn is a column of whole numbers.
func wholeColumn(name string, value func(subject) *int64) named {
	return named{name, func(h subject) string { return whole(value(h)) }, func(s *screen, h subject) string { return s.optional(value(h)) }, numberCells}
}

// timeColumn is a column of times, which people read as a distance from the run.
func timeColumn(name string, value func(subject) *time.Time) named {
	return named{name, func(h subject) string { return moment(value(h)) }, func(s *screen, h subject) string {
		if t := value(h); t != nil {
			return s.ago(*t)
		}
		return "-"
	}, numberCells}
}

// ColumnNames are the names that Options.Columns may hold, in the order to show
// them.
func ColumnNames() []string {
	var names []string
	for _, c := range namedColumns() {
		names = append(names, c.name)
	}
	return names
}

// chosen are the columns that were asked for; nil when none were.
func (s *screen) chosen() []named {
	all := namedColumns()
	var list []named
	for _, name := range s.Columns {
		i := slices.IndexFunc(all, func(c named) bool { return c.name == name })
		if i >= 0 {
			list = append(list, all[i])
		}
	}
	return list
}

// check finds what no row can be made of, before the first byte is written.
func (o Options) check() error {
	for _, name := range o.Columns {
		if !slices.Contains(ColumnNames(), name) {
			return fmt.Errorf("unknown column %q: choose from %s", name, strings.Join(ColumnNames(), ", "))
		}
	}
	if o.Sort != "" && !slices.Contains(SortKeys(), o.Sort) {
		return fmt.Errorf("unknown sort key %q: choose one of %s", o.Sort, strings.Join(SortKeys(), ", "))
	}
	return nil
}

// chosenColumns are the columns of a terminal that was told which: the first ones
// get their room first.
func chosenColumns(s *screen, names []named) []column {
	var columns []column
	for rank, c := range names {
		made := column{title: c.name, rank: rank, right: c.kind == numberCells, cell: func(h subject) string {
			text := ""
			if c.cell != nil {
				text = c.cell(s, h)
			} else {
				text = c.plain(h)
			}
			if text == "" {
				return "-"
			}
			return text
		}}
		switch c.kind {
		case textCells:
			made.least, made.short = max(12, s.Width/5), snip
		case listCells:
			made.least, made.short = 14, snipList
		}
		if c.name == "verdict" {
			made.title = "   " + c.name // its words stand behind a sign
		}
		columns = append(columns, made)
	}
	return columns
}
