package inventory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/text"
)

// Bounds of a tree, each far beyond any use.
const (
	maxGroups      = 1 << 17
	maxMemberships = 1 << 24 // groups of all sets of groups that hosts are in
)

// tree is an inventory as Ansible builds it: groups that hold groups and hosts,
// each with variables. Files are read into it one after the other.
type tree struct {
	groups  map[string]*group
	listed  []*group // in the order in which they were named
	hosts   map[string]*member
	members []*member // likewise
	wanted  map[string]string
	missing []string // variables that are needed, and not in wanted

	sets        map[string]*groupSet
	memberships int
	args        map[string]*sshArgs
	notes       []Note
	apart       tally // what is said once for many hosts
}

// group is a set of hosts, by name and by the groups in it.
type group struct {
	id       int
	name     string
	at       Position
	vars     settings // from the inventory itself
	files    settings // from group_vars, which beat them
	parents  []link
	priority int // among groups of the same depth the higher wins
	depth    int // longest way from the group all
}

// link is a group that holds another one, and the line that says so.
type link struct {
	parent *group
	at     Position
}

// member is a host of the tree.
type member struct {
	name   string
	at     Position
	dir    string // of the file that named it first
	port   int    // as in name:port; 0: none
	portAt Position
	vars   settings
	files  settings // from host_vars, which beat them
	groups []*group // that name it; may hold one twice

	generated bool
}

// newTree keeps the variables that concern the way to a host, and also those.
func newTree(also []string) *tree {
	t := &tree{
		groups: map[string]*group{}, hosts: map[string]*member{}, wanted: map[string]string{},
		sets: map[string]*groupSet{}, args: map[string]*sshArgs{},
	}
	for _, name := range slices.Concat(connectionVars[:], also) {
		t.wanted[name] = name
	}
	t.group("all", Position{})
	t.group("ungrouped", Position{})
	return t
}

// group returns the group of this name, which exists from now on.
func (t *tree) group(name string, at Position) (*group, error) {
	if g := t.groups[name]; g != nil {
		return g, nil
	}
	switch {
	case name == "":
		return nil, fmt.Errorf("%s: a group without a name", at)
	case len(t.listed) >= maxGroups:
		return nil, fmt.Errorf("%s: more than %s groups", at, text.Count(maxGroups))
	}
	g := &group{id: len(t.listed), name: text.Clean(name), at: at, priority: 1}
	t.groups[name] = g
	t.listed = append(t.listed, g)
	return g, nil
}

// contain puts child into parent. Whether that makes a loop is looked at when
// everything is read.
func (t *tree) contain(parent, child *group, at Position) error {
	if child.name == "all" {
		return fmt.Errorf("%s: the group all holds every group: it cannot be a child of %s", at, quote(parent.name))
	}
	// Only the usual repetition is looked for: a search through all parents would
	// make many of them costly, and twice the same does no harm.
	if n := len(child.parents); n == 0 || child.parents[n-1].parent != parent {
		child.parents = append(child.parents, link{parent, at})
	}
	return nil
}

// host returns the host of this name, now a member of g.
func (t *tree) host(name string, g *group, from origin, line int) (*member, error) {
	m := t.hosts[name]
	if m == nil {
		if err := checkName(name); err != nil {
			return nil, fmt.Errorf("%s: host %s: %w", from.at(line), quote(name), err)
		}
		if len(t.members) >= maxHosts {
			return nil, fmt.Errorf("%s: more than %s hosts", from.at(line), text.Count(maxHosts))
		}
		m = &member{name: name, at: from.at(line), dir: from.dir, generated: from.generated}
		t.hosts[name] = m
		t.members = append(t.members, m)
	}
	if n := len(m.groups); n == 0 || m.groups[n-1] != g {
		m.groups = append(m.groups, g)
	}
	return m, nil
}

// checkName refuses what ssh would refuse, also where ansible_host stands for
// the name: it is shown, selected and stored as it is.
func checkName(name string) error {
	// user@host is one name for Ansible, which ssh then takes apart.
	host := name
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		if err := checkUser(name[:at]); err != nil {
			return err
		}
		host = name[at+1:]
	}
	return checkHost(host)
}

// named adds the hosts of a pattern such as web[01:50].example.com:2222 to g.
func (t *tree) named(pattern string, g *group, from origin, line int) ([]*member, error) {
	name, port, err := splitPattern(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: host %s: %w", from.at(line), quote(pattern), err)
	}
	names := []string{name}
	if strings.IndexByte(name, '[') >= 0 {
		// Ansible lets a range without a beginning start at 0.
		if names, err = text.Expand(strings.ReplaceAll(name, "[:", "[0:"), maxHosts); err != nil {
			return nil, fmt.Errorf("%s: %w", from.at(line), err)
		}
	}
	members := make([]*member, 0, len(names))
	for _, name := range names {
		m, err := t.host(name, g, from, line)
		if err != nil {
			return nil, err
		}
		if port != 0 && m.port != 0 && port != m.port {
			return nil, fmt.Errorf("%s: host %s has port %d here and %d in %s: one host has one port, give one of them another name",
				from.at(line), quote(name), port, m.port, m.portAt)
		}
		if port != 0 && m.port == 0 {
			// Ansible sets the variable before those of the line.
			m.port, m.portAt = port, from.at(line)
			if m.vars.index("ansible_port") < 0 {
				m.vars.set(setting{t.wanted["ansible_port"], scalar{text: strconv.Itoa(port)}, m.portAt})
			}
		}
		members = append(members, m)
	}
	return members, nil
}

// rank finds the depth of each group, and loops.
func (t *tree) rank() error {
	children := make([][]*group, len(t.listed))
	waits := make([]int, len(t.listed)) // for so many parents
	var ready []*group
	for _, g := range t.listed {
		if waits[g.id] = len(g.parents); waits[g.id] == 0 {
			ready = append(ready, g)
			if g.name != "all" {
				g.depth = 1
			}
		}
		for _, l := range g.parents {
			children[l.parent.id] = append(children[l.parent.id], g)
		}
	}
	for i := 0; i < len(ready); i++ {
		for _, child := range children[ready[i].id] {
			child.depth = max(child.depth, ready[i].depth+1)
			if waits[child.id]--; waits[child.id] == 0 {
				ready = append(ready, child)
			}
		}
	}
	if len(ready) == len(t.listed) {
		return nil
	}
	return t.loop(waits)
}

// loop names the groups that hold each other: from any group that still waits,
// the way up through parents that wait ends in a circle.
func (t *tree) loop(waits []int) error {
	at := t.listed[slices.IndexFunc(waits, func(n int) bool { return n > 0 })]
	var way []link
	seen := map[*group]int{}
	for {
		if from, again := seen[at]; again {
			way = way[from:]
			break
		}
		seen[at] = len(way)
		next := slices.IndexFunc(at.parents, func(l link) bool { return waits[l.parent.id] > 0 })
		way = append(way, at.parents[next])
		at = at.parents[next].parent
	}
	names := []string{text.CleanMax(at.name, 60)}
	for _, l := range way {
		names = append(names, text.CleanMax(l.parent.name, 60))
	}
	slices.Reverse(names) // from the group that holds to the one that is held
	if len(names) > 6 {
		names = append(names[:5], "…", names[len(names)-1])
	}
	return fmt.Errorf("%s: the groups %s hold each other: take one of these children out", way[0].at, strings.Join(names, " > "))
}
