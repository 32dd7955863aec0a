package probe

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/audit"
)

// namespaces lists the network namespaces, the login's own first. Its numbers
// are those of the sections before.
func (p *parser) namespaces(s *section) error {
	b, tw := s.head(), p.facts.TimeWait
	p.facts.Namespaces = []audit.Namespace{{
		ID: b.text("own"), Name: "host", Netns: b.text("netns"),
		Buckets: tw.Buckets, Limit: tw.Limit, OverflowTotal: tw.OverflowTotal, OverflowDelta: tw.OverflowDelta,
	}}
	var broken error
	for _, block := range s.blocks[1:] {
		if block.name != "ns" || len(p.facts.Namespaces) > maxRows {
			continue
		}
		ns, err := p.namespace(block)
		if err != nil {
			broken = err
			continue
		}
		p.facts.Namespaces = append(p.facts.Namespaces, ns)
	}
	p.hiddenNamespaces(b)
	return broken
}

// namespace reads one block. Before Linux 4.11 there was one table for the whole
// machine: what a namespace shows as its own fill is then that of all.
func (p *parser) namespace(b *block) (audit.Namespace, error) {
	id, pid, ok := namespaceID(b)
	if !ok {
		return audit.Namespace{}, syntaxError("namespace", b.args)
	}
	name, kind := namespaceName(b)
	// Operators know a container by its host name, which in a pod is the pod's.
	if h := b.text("hostname"); h != "" && h != p.facts.Host.Hostname {
		name += " (" + h + ")"
	}
	ns := audit.Namespace{ID: id, PID: pid, Name: name, Kind: kind, OverflowTotal: b.count("overflow")}
	if !p.sharedTable() {
		ns.Buckets = b.count("tw")
		if v, ok := b.value("limit"); ok {
			if n, ok := integer(v); ok {
				ns.Limit = &n
			}
		}
	}
	return ns, nil
}

func (p *parser) sharedTable() bool { return kernelBefore(p.facts.Host.Kernel, 4, 11, 0) }

func namespaceID(b *block) (id string, pid int, ok bool) {
	words := strings.Fields(b.args)
	if len(words) != 2 || strings.Trim(words[0], "p0123456789") != "" {
		return "", 0, false
	}
	pid, err := strconv.Atoi(words[1])
	return words[0], pid, err == nil && pid >= 0
}

// namespacesLast adds the second reading to the namespaces that are still there.
func (p *parser) namespacesLast(s *section) error {
	for _, block := range s.blocks[1:] {
		id, _, ok := namespaceID(block)
		i := slices.IndexFunc(p.facts.Namespaces, func(ns audit.Namespace) bool { return ns.ID == id })
		if block.name != "ns" || !ok || i <= 0 {
			continue
		}
		ns := &p.facts.Namespaces[i]
		if later := block.count("overflow"); later != nil {
			ns.OverflowTotal = p.laterTotal(ns, later)
		}
		if tw := block.count("tw"); tw != nil && !p.sharedTable() {
			ns.Buckets = tw
		}
	}
	return nil
}

// laterTotal is the overflow counter after the second reading. One that fell stays
// what it was: those overflows have happened, and facts hold one number for each
// namespace.
func (p *parser) laterTotal(ns *audit.Namespace, later *int64) *int64 {
	if ns.OverflowTotal == nil {
		return later
	}
	if ns.OverflowDelta = rise(*ns.OverflowTotal, *later); ns.OverflowDelta == nil {
		p.gap("counters", "namespace "+ns.Name+": "+counterReset, "")
		return ns.OverflowTotal
	}
	return later
}

// hiddenNamespaces are gaps only when something shows that there is more than
// was read: an unprivileged login on a plain server misses nothing.
func (p *parser) hiddenNamespaces(b *block) {
	// Root in a container, or under a security module, may not look into processes.
	remedy := cmp.Or(p.asRoot(), "log in as a root who may trace all processes (CAP_SYS_PTRACE)")
	read := int64(len(p.facts.Namespaces) - 1)
	if found := b.count("found"); found != nil && *found > read {
		p.gap("namespaces", fmt.Sprintf("%d of %d other network namespaces were not read", *found-read, *found), "")
	}
	if unseen := b.all("unseen"); len(unseen) > 0 {
		p.gap("namespaces", "containers run here whose network namespaces could not be told: "+listed(containers(unseen)), remedy)
	}
	if n := b.count("refused"); n != nil && *n > 0 && p.hasContainers() && len(b.all("unseen")) == 0 {
		p.gap("namespaces", fmt.Sprintf("the network namespaces of some processes (%d) could not be told, and containers run here", *n), remedy)
	}
	if named := b.count("named"); named != nil {
		p.gap("namespaces", fmt.Sprintf("of %d named network namespaces some have no process and were not read", *named), remedy)
	}
	if b.yes("hidepid") {
		p.gap("namespaces", "processes of other users are hidden (hidepid), and so are their network namespaces", remedy)
	}
	switch n := p.limitless(); {
	case n == 1:
		p.gap("namespaces", "the limit of another network namespace could not be read", p.asRoot())
	case n > 1:
		p.gap("namespaces", fmt.Sprintf("the limits of %d other network namespaces could not be read", n), p.asRoot())
	}
}

// hasContainers reports whether processes that were not told apart may be inside
// containers: the login is in one, or a namespace that was read is one's.
func (p *parser) hasContainers() bool {
	return p.facts.Host.Virtualization != "" || slices.ContainsFunc(p.facts.Namespaces, func(ns audit.Namespace) bool {
		return !slices.Contains([]string{"", "netns", "unit", "process"}, ns.Kind)
	})
}

// limitless counts the namespaces that have a limit of their own which could
// not be read.
func (p *parser) limitless() (n int) {
	for _, ns := range p.facts.Namespaces[1:] {
		if ns.Limit == nil && !p.sharedTable() {
			n++
		}
	}
	return n
}

func containers(cgroups []string) []string {
	names := make([]string, 0, len(cgroups))
	for _, cgroup := range cgroups {
		name, _ := containerName(cgroup)
		if name == "" {
			name = cgroup
		}
		names = append(names, clean(name))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// namespaceName is what a person would call the namespace, and what made it, as
// audit.Namespace lists it.
func namespaceName(b *block) (name, kind string) {
	cgroup := b.text("cgroup")
	if name, kind = containerName(cgroup); name != "" {
		return clean(name), kind
	}
	if name = b.text("netns"); name != "" {
		return name, "netns"
	}
	if unit := path.Base(cgroup); strings.HasSuffix(unit, ".service") {
		return unit, "unit"
	}
	return b.text("comm"), "process"
}

var (
	containerID = regexp.MustCompile(`(?:^|/)(?:([a-z]+(?:-[a-z]+)*)[-/])?([0-9a-f]{64})(?:\.scope)?(?:$|/)`)
	podUID      = regexp.MustCompile(`pod([0-9a-f]{8})[0-9a-f]{4}|pod([0-9a-f]{8})[-_][0-9a-f]{4}[-_]`)
	namedUnit   = regexp.MustCompile(`(?:^|/)(lxc(?:\.payload)?[./]|systemd-nspawn@|machine-)([^/]+?)(?:\.service|\.scope)?(?:$|/)`)
)

// containerName finds a container in a cgroup path, as docker, podman,
// containerd, cri-o, kubernetes, lxc and systemd-nspawn write them. Empty when
// the path names none.
func containerName(cgroup string) (name, kind string) {
	if m := containerID.FindStringSubmatch(cgroup); m != nil {
		id, engine := m[2][:12], strings.TrimPrefix(m[1], "cri-")
		if pod := podUID.FindStringSubmatch(cgroup); pod != nil {
			return "pod:" + pod[1] + pod[2] + "/" + id, "pod"
		}
		switch engine {
		case "docker":
			return "docker:" + id, "docker"
		case "libpod":
			return "podman:" + id, "podman"
		case "", "system":
			engine = "container"
		}
		return engine + ":" + id, "container"
	}
	if m := namedUnit.FindStringSubmatch(cgroup); m != nil {
		kind = "nspawn"
		if strings.HasPrefix(m[1], "lxc") {
			kind = "lxc"
		}
		return "container:" + m[2], kind
	}
	return "", ""
}

// all are the values of a key that may come several times.
func (b *block) all(key string) []string {
	var values []string
	for _, p := range b.pairs {
		if p.key == key {
			values = append(values, p.value)
		}
	}
	return values
}

// listed names the first few of a list and counts the rest.
func listed(items []string) string {
	const few = 3
	if len(items) <= few+1 {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:few], ", "), len(items)-few)
}
