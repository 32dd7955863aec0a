package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"twaudit/internal/audit"
)

// order is a way to sort the rows of the table.
type order struct {
	key string
	// compare has what a reader looks for first; a host without the value is
	// last, whatever the direction: absent is neither large nor small.
	compare func(a, b subject) int
}

// orders lists every way. The first is that of the run.
func orders() []order {
	return []order{
		{"verdict", nil},
		{"name", func(a, b subject) int { return strings.Compare(a.Name, b.Name) }},
		{"ratio", most(func(h subject) *float64 { return h.Ratio })},
		{"buckets", most(func(h subject) *int64 { return h.Buckets })},
		{"limit", least(func(h subject) *int64 { return h.Limit })},
		{"overflows", compareOverflows},
		{"last-overflow", compareLast},
		{"config-change", compareChange},
		{"headroom", least(loadFactor)},
	}
}

// SortKeys are the values of Options.Sort, the default first.
func SortKeys() []string {
	var keys []string
	for _, o := range orders() {
		keys = append(keys, o.key)
	}
	return keys
}

// sorted is hosts in the order that key asks for, ties as they were; hosts itself
// stays as it is. An unknown key is none.
func sorted(hosts []audit.HostResult, key string) []audit.HostResult {
	i := slices.IndexFunc(orders(), func(o order) bool { return o.key == key })
	if i < 0 || orders()[i].compare == nil {
		return hosts
	}
	subjects := make([]subject, len(hosts))
	for i := range hosts {
		subjects[i] = subjectOf(&hosts[i])
	}
	slices.SortStableFunc(subjects, orders()[i].compare)
	list := make([]audit.HostResult, len(hosts))
	for i := range subjects {
		list[i] = *subjects[i].HostResult
	}
	return list
}

// most puts the largest first.
func most[N int64 | float64](value func(subject) *N) func(a, b subject) int {
	return func(a, b subject) int {
		return present(value(a), value(b), func(x, y N) int { return cmp.Compare(y, x) })
	}
}

// least puts the smallest first.
func least[N int64 | float64](value func(subject) *N) func(a, b subject) int {
	return func(a, b subject) int { return present(value(a), value(b), cmp.Compare[N]) }
}

// present compares what is there, and puts what is not behind it.
func present[T any](a, b *T, compare func(x, y T) int) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return compare(*a, *b)
}

// loadFactor was estimated for the namespace of the login only.
func loadFactor(h subject) *float64 {
	if h.namespace != "" || h.Headroom == nil {
		return nil
	}
	return h.Headroom.LoadFactor
}

// compareOverflows has what overflows now before what did, and counters before
// lines: the log of an old kernel drops most of them.
func compareOverflows(a, b subject) int {
	lines := func(h subject) *int64 {
		_, _, log := loginParts(h)
		return log.OverflowLines
	}
	return cmp.Or(
		most(func(h subject) *int64 { return h.OverflowDelta })(a, b),
		most(func(h subject) *int64 { return h.OverflowTotal })(a, b),
		most(lines)(a, b))
}

// compareLast has the latest first, by what the column of the last overflow says:
// a time that is only known to lie after boot counts as that of the boot.
func compareLast(a, b subject) int {
	return present(lastOverflow(a), lastOverflow(b), func(x, y overflowTime) int {
		return cmp.Or(boolRank(y.now)-boolRank(x.now), y.at.Compare(x.at), boolRank(x.sinceBoot)-boolRank(y.sinceBoot))
	})
}

// compareChange has the latest change of the configuration first.
func compareChange(a, b subject) int {
	change := func(h subject) *time.Time {
		_, config, _ := loginParts(h)
		return config.ChangedAt
	}
	return present(change(a), change(b), func(x, y time.Time) int { return y.Compare(x) })
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}
