package diagnose

import (
	"fmt"
	"regexp"
	"strings"
)

// plainName is what may stand in a command that somebody will paste.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`)

// makerNetns is the maker of a namespace that has a name below /run/netns.
const makerNetns = "netns"

// setInside is how a limit gets into a namespace, which depends on what made it.
// What only enters the namespace that is there now is gone with it.
func (in *input) setInside(t *table, goal int64) string {
	assign := tcpTWBucketsKey + "=N"
	if goal > 0 {
		assign = fmt.Sprintf("%s=%d", tcpTWBucketsKey, goal)
	}
	maker := t.maker
	if t.own && maker == "" {
		maker = makerOf(in.facts.Host.Virtualization)
	}
	switch maker {
	case "docker":
		return "docker run --sysctl " + assign + ", or sysctls: in its compose file; the container has to be made anew"
	case "podman":
		return "podman run --sysctl " + assign + "; the container has to be made anew"
	case "pod":
		return "the pod's securityContext.sysctls, which its kubelet has to allow with --allowed-unsafe-sysctls, or the CNI tuning plugin"
	case "lxc":
		return "lxc.sysctl." + tcpTWBucketsKey + " in the container's configuration, or a sysctl file inside it"
	case "nspawn":
		return "a sysctl file inside the container"
	case makerNetns:
		return "ip netns exec " + orName(t.name) + " sysctl -w " + assign + ", and the same in what makes the namespace"
	case "unit":
		return t.enter(assign) + " now, and at each start of " + t.name
	case "container":
		return "the sysctl settings of the engine that runs the container"
	}
	return t.enter(assign) + " now, and in what makes the namespace"
}

// makerOf translates what the login is inside of into audit.Namespace.Kind.
func makerOf(virtualization string) string {
	switch v := strings.ToLower(virtualization); v {
	case "docker", "podman", "lxc":
		return v
	case "kubepods":
		return "pod"
	case "lxc-libvirt":
		return "lxc"
	case "systemd-nspawn":
		return "nspawn"
	}
	return "container"
}

// enter sets the limit of a namespace that is there now, through a process in it.
func (t *table) enter(assign string) string {
	pid := "PID"
	if t.pid > 0 {
		pid = fmt.Sprint(t.pid)
	}
	return "nsenter -t " + pid + " -n sysctl -w " + assign
}

func orName(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "NAME"
}
