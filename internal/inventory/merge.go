package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"twaudit/remote"
)

// merger collects hosts, each once.
type merger struct {
	hosts  []Host
	notes  []Note
	name   map[string]int        // index into hosts
	target map[remote.Target]int // the same: two spellings of one host
	again  map[int][]string      // index -> what to say of it
	order  []int                 // keys of again, in the order in which they came
}

// add takes further hosts. A host that is there already gives its groups and
// labels to the first; one name for two targets is an error.
func (m *merger) add(hosts []Host) error {
	if m.name == nil {
		m.name, m.target, m.again = make(map[string]int, len(hosts)), make(map[remote.Target]int, len(hosts)), map[int][]string{}
	}
	for _, h := range hosts {
		i, known := m.name[h.Name]
		if known && m.hosts[i].Target != h.Target {
			return fmt.Errorf("%s: host %s has another user or port than in %s: give one of them another name", h.At, quote(h.Name), m.hosts[i].At)
		}
		if !known {
			i, known = m.target[h.Target]
		}
		if known {
			m.repeat(i, h)
			continue
		}
		m.name[h.Name], m.target[h.Target] = len(m.hosts), len(m.hosts)
		m.hosts = append(m.hosts, h)
	}
	return nil
}

// repeat merges h into host i, which is the same.
func (m *merger) repeat(i int, h Host) {
	first := &m.hosts[i]
	first.Groups = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(first.Groups), h.Groups...))))
	where := h.At.String()
	if h.Name != first.Name {
		where += " as " + h.Name
	}
	for _, key := range slices.Sorted(maps.Keys(h.Labels)) {
		if first.Labels == nil {
			first.Labels = map[string]string{}
		}
		old, exists := first.Labels[key]
		switch {
		case !exists:
			first.Labels[key] = h.Labels[key]
		case old != h.Labels[key]:
			where += fmt.Sprintf(" (its label %s=%s does not count)", key, h.Labels[key])
		}
	}
	if m.again[i] == nil {
		m.order = append(m.order, i)
	}
	m.again[i] = append(m.again[i], where)
}

// said is every note, one for each host that was named more than once.
func (m *merger) said() []Note {
	const most = 3 // places named in a note
	notes := slices.Clone(m.notes)
	for _, i := range m.order {
		places, first := m.again[i], m.hosts[i].At
		if first.Line == 0 { // names from the command line do not meet others
			notes = append(notes, Note(fmt.Sprintf("host %s is named %d times: it is audited once", m.hosts[i].Name, len(places)+1)))
			continue
		}
		more := ""
		if len(places) > most {
			more = fmt.Sprintf(" and %d more", len(places)-most)
			places = places[:most]
		}
		notes = append(notes, Note(fmt.Sprintf("host %s is named again in %s%s, first in %s: it is audited once",
			m.hosts[i].Name, strings.Join(places, ", "), more, first)))
	}
	return notes
}
