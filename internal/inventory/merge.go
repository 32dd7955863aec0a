package inventory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"twaudit/internal/text"
	"twaudit/remote"
)

// merger collects hosts, each once.
type merger struct {
	hosts   []Host
	from    []int // of each host: which source named it first
	sources int
	notes   []Note
	name    map[string]int        // index into hosts
	spelled map[remote.Target]int // of hosts whose name says all: [2001:db8::1] is 2001:db8::1
	again   map[int][]string      // index -> what to say of it
	order   []int                 // keys of again, in the order in which they came
}

func newMerger() *merger {
	return &merger{spelled: map[remote.Target]int{}, again: map[int][]string{}}
}

// add takes the hosts of a further source. A host that is there already gets
// their groups and labels; one name for two targets is an error.
func (m *merger) add(hosts []Host) error {
	m.sources++
	if m.name == nil {
		m.name = make(map[string]int, len(hosts))
	}
	m.hosts, m.from = slices.Grow(m.hosts, len(hosts)), slices.Grow(m.from, len(hosts))
	for _, h := range hosts {
		i, known := m.name[h.Name]
		if !known {
			i, known = m.sameSpelled(h)
		}
		if known {
			if err := m.repeat(i, h); err != nil {
				return err
			}
			continue
		}
		m.name[h.Name] = len(m.hosts)
		m.hosts, m.from = append(m.hosts, h), append(m.from, m.sources)
	}
	return nil
}

// sameSpelled finds a host that is named in another way, as an address can be
// with brackets and without. Two names that were given one address on purpose
// are two hosts.
func (m *merger) sameSpelled(h Host) (int, bool) {
	if !strings.Contains(h.Name, ":") { // only an IPv6 address has two spellings
		return 0, false
	}
	if target, err := parseTarget(h.Name); err != nil || target != h.Target {
		return 0, false
	}
	i, known := m.spelled[h.Target]
	if !known {
		m.spelled[h.Target] = len(m.hosts)
	}
	return i, known
}

// repeat merges h into host i, which is the same.
func (m *merger) repeat(i int, h Host) error {
	first := &m.hosts[i]
	if err := m.retarget(i, h); err != nil {
		return err
	}
	if len(h.Groups) > 0 && !slices.Equal(first.Groups, h.Groups) {
		first.Groups = slices.Compact(slices.Sorted(slices.Values(slices.Concat(first.Groups, h.Groups))))
	}
	where, odd := h.At.String(), false
	if h.Name != first.Name {
		where, odd = where+" as "+h.Name, true
	}
	labels := maps.Clone(first.Labels)
	for _, key := range slices.Sorted(maps.Keys(h.Labels)) {
		old, exists := labels[key]
		switch {
		case labels == nil:
			labels = map[string]string{key: h.Labels[key]}
		case !exists:
			labels[key] = h.Labels[key]
		case old != h.Labels[key]:
			where, odd = where+fmt.Sprintf(" (its label %s=%s does not count)", key, h.Labels[key]), true
		}
	}
	first.Labels = labels
	if first.Fault == "" {
		first.Fault = h.Fault
	}
	// That a second inventory adds to the first is what it is for.
	if !odd && m.from[i] != m.sources {
		return nil
	}
	if m.again[i] == nil {
		m.order = append(m.order, i)
	}
	m.again[i] = append(m.again[i], where)
	return nil
}

// retarget lets a later source say what an earlier one left open. Within one
// source, and where both say something, a difference is a mistake.
func (m *merger) retarget(i int, h Host) error {
	first := &m.hosts[i]
	if first.Target == h.Target && first.SSH == h.SSH {
		return nil
	}
	plain := h.Name // what the address is when nothing else was said
	if own, err := parseTarget(h.Name); err == nil {
		plain = own.Alias
	}
	same := m.from[i] != m.sources
	settle(&first.Target.Alias, h.Target.Alias, plain, &same)
	settle(&first.Target.User, h.Target.User, "", &same)
	settle(&first.Target.Port, h.Target.Port, 0, &same)
	settle(&first.SSH.Identity, h.SSH.Identity, "", &same)
	settle(&first.SSH.Config, h.SSH.Config, "", &same)
	settle(&first.SSH.Settings, h.SSH.Settings, "", &same)
	if !same {
		return fmt.Errorf("%s: host %s has another address, user, port or way to it than in %s: give one of them another name", h.At, quote(h.Name), first.At)
	}
	return nil
}

// settle gives *value what a later source says, where it was open. Both saying
// something else makes the hosts not the same.
func settle[T comparable](value *T, later, open T, same *bool) {
	switch {
	case later == open || later == *value:
	case *value == open:
		*value = later
	default:
		*same = false
	}
}

// Of a host that was named more than once a note names so many places; of more
// such hosts there is one note for all.
const (
	maxPlaces   = 3
	maxRepeated = 3
)

// said is every note: on hosts that were named more than once, and on those of
// chosen that lead to one place. port is where a host listens that names none.
func (m *merger) said(chosen []Host, port int) []Note {
	notes := slices.Clone(m.notes)
	if len(m.order) > maxRepeated {
		names := make([]string, len(m.order))
		for n, i := range m.order {
			names[n] = m.hosts[i].Name
		}
		notes = append(notes, Note(fmt.Sprintf("%s are named more than once, such as in %s and %s; each is audited once: %s", hostCount(len(names)),
			m.hosts[m.order[0]].At, m.again[m.order[0]][0], text.CleanMax(text.Fold(names), 500))))
	} else {
		for _, i := range m.order {
			notes = append(notes, m.repeated(i))
		}
	}
	return append(notes, together(chosen, cmp.Or(port, sshPort))...)
}

// repeated is the note on one host.
func (m *merger) repeated(i int) Note {
	h, places := m.hosts[i], m.again[i]
	if h.At.Line == 0 { // names from the command line do not meet others
		return Note(fmt.Sprintf("host %s is named %d times: it is audited once", h.Name, len(places)+1))
	}
	more := ""
	if len(places) > maxPlaces {
		more = fmt.Sprintf(" and %d more", len(places)-maxPlaces)
		places = places[:maxPlaces]
	}
	return Note(fmt.Sprintf("host %s is named again in %s%s, first in %s: it is audited once", h.Name, strings.Join(places, ", "), more, h.At))
}

// sshPort is where ssh goes unless something else is said.
const sshPort = 22

// endpoint is where a host is reached.
type endpoint struct {
	alias string
	port  int
}

// together are the notes on hosts that have one address and port. They are kept:
// the user may differ, or a name may stand for a service that moves.
func together(hosts []Host, port int) []Note {
	first := make(map[endpoint]int, len(hosts))
	more := map[int][]string{}
	for i, h := range hosts {
		at := endpoint{h.Target.Alias, cmp.Or(h.Target.Port, port)}
		if seen, known := first[at]; known {
			more[seen] = append(more[seen], h.Name)
		} else {
			first[at] = i
		}
	}
	var notes []Note
	for _, i := range slices.Sorted(maps.Keys(more)) {
		if len(notes) == maxRepeated {
			notes = append(notes, Note(fmt.Sprintf("%s more addresses are shared by several hosts", text.Count(int64(len(more)-maxRepeated)))))
			break
		}
		h := hosts[i]
		where := h.Target.Alias
		if at := cmp.Or(h.Target.Port, port); at != port {
			where = fmt.Sprintf("%s port %d", where, at)
		}
		notes = append(notes, Note(fmt.Sprintf("several hosts have the address %s: %s; each is audited", where,
			text.CleanMax(text.Fold(append([]string{h.Name}, more[i]...)), 300))))
	}
	return notes
}
