package remote

import (
	"bufio"
	"cmp"
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bounds on getent, behind which a directory service may hang.
const (
	getentTime  = 10 * time.Second
	getentBytes = 64 << 10
)

// elsewhere is where the system looks names up beside /etc/hosts and DNS, which
// the Go resolver reads: directories, mDNS, containers. The library to ask is C,
// so that a command does it.
type elsewhere struct {
	nsswitch string   // the file that says where
	command  []string // getent
	slots    chan struct{}
}

func newElsewhere() *elsewhere {
	return &elsewhere{nsswitch: "/etc/nsswitch.conf", command: []string{"getent"}, slots: make(chan struct{}, 16)}
}

// lookup returns the addresses of name; none when there is no such place, or
// nothing is found there.
func (e *elsewhere) lookup(ctx context.Context, name, family string) []string {
	conf, err := os.ReadFile(e.nsswitch)
	if err != nil || !looksElsewhere(string(conf)) {
		return nil
	}
	patient, cancel := context.WithTimeout(ctx, getentTime)
	defer cancel()
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-patient.Done():
		return nil
	}
	database := cmp.Or(map[string]string{"inet": "ahostsv4", "inet6": "ahostsv6"}[family], "ahosts")
	args := append(slices.Clone(e.command[1:]), database, "--", name)
	cmd := exec.CommandContext(patient, e.command[0], args...)
	out := &limited{max: getentBytes}
	cmd.Stdout = out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = outputGrace
	if cmd.Run() != nil {
		return nil
	}
	return parseHosts(string(out.bytes()))
}

// looksElsewhere tells whether conf, an nsswitch.conf, names a source of hosts
// beside those that the Go resolver has read already. What nss-myhostname adds
// is this machine, which it knows as well.
func looksElsewhere(conf string) bool {
	known := []string{"files", "dns", "myhostname"}
	for line := range strings.Lines(conf) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "hosts:" {
			continue
		}
		return slices.ContainsFunc(fields[1:], func(source string) bool {
			return !strings.HasPrefix(source, "[") && !strings.HasSuffix(source, "]") && !slices.Contains(known, source)
		})
	}
	return false
}

// parseHosts returns the addresses in the output of getent ahosts, each once.
func parseHosts(out string) (addresses []string) {
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || slices.Contains(addresses, fields[0]) {
			continue
		}
		if _, err := netip.ParseAddr(fields[0]); err == nil {
			addresses = append(addresses, fields[0])
		}
	}
	return addresses
}

// dialElsewhere connects to the first address of a name that DNS does not know
// and another place does. Each has its share of limit.
func (a *attempt) dialElsewhere(dialer net.Dialer, limit time.Duration) (conn net.Conn, err error) {
	set := a.route.set
	addresses := a.d.elsewhere.lookup(a.ctx, set.HostName, set.AddressFamily)
	for _, address := range addresses {
		dialer.Timeout = limit / time.Duration(len(addresses))
		conn, err = dialer.DialContext(a.ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(set.Port)))
		if err == nil {
			return conn, nil
		}
	}
	return nil, err
}
