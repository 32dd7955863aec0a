package inventory

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"twaudit/internal/text"
)

// connectionVars are the variables of Ansible that say where, as whom and
// through what a host is reached. No others are kept.
var connectionVars = [...]string{
	"ansible_host", "ansible_ssh_host",
	"ansible_port", "ansible_ssh_port",
	"ansible_user", "ansible_ssh_user",
	"ansible_private_key_file", "ansible_ssh_private_key_file",
	"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args",
	"ansible_connection",
	"ansible_password", "ansible_ssh_pass", "ansible_ssh_password",
}

// form is what kind of thing a value is. Ansible has many more types; those
// differ in nothing that matters for an address, a port or a user.
type form uint8

const (
	plain     form = iota // text, in which {{ }} is a template
	literal               // text, in which it is not
	null                  // nothing: as if the variable were not set
	secret                // encrypted
	structure             // a list or a mapping
)

// scalar is a value as it was written; for null, secret and structure the text
// is empty.
type scalar struct {
	text string
	form form
}

// setting is a variable that was given a value, and where.
type setting struct {
	name  string
	value scalar
	at    Position
}

// settings holds each name once. There are few of them, so that a search is
// cheaper than a map.
type settings []setting

// set adds a variable, or replaces it: the later one counts.
func (s *settings) set(v setting) {
	if i := s.index(v.name); i >= 0 {
		(*s)[i] = v
		return
	}
	*s = append(*s, v)
}

func (s settings) index(name string) int {
	for i := range s {
		if s[i].name == name {
			return i
		}
	}
	return -1
}

func bySettingName(a, b setting) int { return cmp.Compare(a.name, b.name) }

// keep sets a variable of a host or a group if it is one of those that count.
func (t *tree) keep(to *settings, name string, v scalar, at Position) {
	if own, wanted := t.wanted[name]; wanted {
		to.set(setting{own, v, at})
	}
}

// groupVar sets a variable of a group, or its priority.
func (t *tree) groupVar(g *group, name string, v scalar, at Position) error {
	if name != "ansible_group_priority" {
		t.keep(&g.vars, name, v, at)
		return nil
	}
	n, err := number(v.text)
	if err != nil {
		return fmt.Errorf("%s: group %s: ansible_group_priority %s is no number", at, quote(g.name), quote(v.text))
	}
	g.priority = n
	return nil
}

// groupSet is what hosts share that are named by the same groups.
type groupSet struct {
	names []string // every group that holds them, sorted; without all and ungrouped
	vars  settings // of those groups, merged
}

// setOf returns what m has from its groups.
func (t *tree) setOf(m *member) (*groupSet, error) {
	direct := slices.DeleteFunc(slices.Clone(m.groups), func(g *group) bool { return g.name == "all" || g.name == "ungrouped" })
	slices.SortFunc(direct, byID)
	direct = slices.Compact(direct)
	key := make([]byte, 0, 4*len(direct))
	for _, g := range direct {
		key = binary.LittleEndian.AppendUint32(key, uint32(g.id))
	}
	if known := t.sets[string(key)]; known != nil {
		return known, nil
	}
	holders := ancestors(direct)
	if t.memberships += len(holders); t.memberships > maxMemberships {
		return nil, fmt.Errorf("%s: the groups are nested too deeply: more than %s memberships", m.at, text.Count(maxMemberships))
	}
	set := t.merge(holders)
	t.sets[string(key)] = set
	return set, nil
}

func byID(a, b *group) int { return cmp.Compare(a.id, b.id) }

// ancestors returns groups and everything that holds them, without all.
func ancestors(groups []*group) []*group {
	seen := make(map[*group]bool, len(groups))
	for _, g := range groups {
		seen[g] = true
	}
	queue := slices.Clone(groups)
	for i := 0; i < len(queue); i++ {
		for _, l := range queue[i].parents {
			if !seen[l.parent] && l.parent.name != "all" && l.parent.name != "ungrouped" {
				seen[l.parent] = true
				queue = append(queue, l.parent)
			}
		}
	}
	return queue
}

// merge puts the variables of groups together in Ansible's order: the group all,
// then by depth, priority and name; and group_vars after the inventory.
func (t *tree) merge(holders []*group) *groupSet {
	set := &groupSet{}
	for _, g := range holders {
		set.names = append(set.names, g.name)
	}
	slices.Sort(set.names)
	set.names = slices.Compact(set.names)
	if len(holders) == 0 {
		holders = []*group{t.groups["ungrouped"]}
	}
	slices.SortFunc(holders, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.priority, b.priority), cmp.Compare(a.name, b.name))
	})
	order := append([]*group{t.groups["all"]}, holders...)
	for _, g := range order {
		for _, v := range g.vars {
			set.vars.set(v)
		}
	}
	for _, g := range order {
		for _, v := range g.files {
			set.vars.set(v)
		}
	}
	return set
}
