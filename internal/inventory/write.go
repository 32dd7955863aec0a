package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Line writes the host as a line of a plain list, which reads as the same host,
// its SSH and Fault left out. A name that no list can hold gives ok false.
func (h Host) Line() (line string, ok bool) {
	read, err := (&reader{}).names(h.Name)
	if err != nil || len(read) != 1 || read[0].name != h.Name {
		return "", false
	}
	own := read[0].target
	words := []string{h.Name}
	if h.Target.Alias != own.Alias {
		words = append(words, "address="+h.Target.Alias)
	}
	if h.Target.User != own.User {
		words = append(words, keyValue("user", h.Target.User))
	}
	if h.Target.Port != own.Port {
		words = append(words, fmt.Sprintf("port=%d", h.Target.Port))
	}
	if len(h.Groups) > 0 {
		words = append(words, "groups="+strings.Join(listGroups(h.Groups), ","))
	}
	for _, key := range slices.Sorted(maps.Keys(h.Labels)) {
		words = append(words, keyValue(key, h.Labels[key]))
	}
	return strings.Join(words, " "), true
}

// keyValue is key=text, in quotes where blanks would end it.
func keyValue(key, text string) string {
	if !strings.ContainsAny(text, " \t\r") && !strings.HasPrefix(text, `"`) {
		return key + "=" + text
	}
	return key + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// listGroups are groups as a list can name them; Ansible allows more.
func listGroups(groups []string) []string {
	var names []string
	for _, g := range groups {
		names = append(names, strings.Map(func(r rune) rune {
			if r < 0x80 && isKey(string(r)) {
				return r
			}
			return '_'
		}, g))
	}
	return names
}

// Group is a set of hosts by name, and the smaller ones inside it.
type Group struct {
	Name  string
	Hosts []string // all of them, in the order of the inventory
	Depth int      // 0: in no other
}

// Groups are the groups of hosts as a tree, each before those inside it, by name.
// A group is inside the smallest one that has all its hosts and more: so it
// shows for every kind of inventory, and for what was selected. Hosts without a
// group come last, as ungrouped.
func Groups(hosts []Host) []Group {
	members := map[string][]int{}
	var loose []string
	for i, h := range hosts {
		for _, g := range h.Groups {
			members[g] = append(members[g], i)
		}
		if len(h.Groups) == 0 {
			loose = append(loose, h.Name)
		}
	}
	inside := map[string][]string{} // by the group around them
	for _, name := range slices.Sorted(maps.Keys(members)) {
		around := smallestAround(hosts, members, name)
		inside[around] = append(inside[around], name)
	}
	var list []Group
	var walk func(around string, depth int)
	walk = func(around string, depth int) {
		for _, name := range inside[around] {
			g := Group{Name: name, Depth: depth}
			for _, i := range members[name] {
				g.Hosts = append(g.Hosts, hosts[i].Name)
			}
			list = append(list, g)
			walk(name, depth+1)
		}
	}
	walk("", 0)
	if len(loose) > 0 {
		list = append(list, Group{Name: "ungrouped", Hosts: loose})
	}
	return list
}

// smallestAround is the smallest group that holds every host of name and more;
// empty: none does. Only groups of its first host can.
func smallestAround(hosts []Host, members map[string][]int, name string) string {
	best := ""
	for _, other := range hosts[members[name][0]].Groups {
		if len(members[other]) <= len(members[name]) || best != "" && len(members[other]) >= len(members[best]) {
			continue
		}
		holds := func(i int) bool {
			_, found := slices.BinarySearch(hosts[i].Groups, other)
			return found
		}
		if !slices.ContainsFunc(members[name], func(i int) bool { return !holds(i) }) {
			best = other
		}
	}
	return best
}
