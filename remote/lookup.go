package remote

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"twaudit/internal/text"
)

// lookUp returns the addresses of the host, within the limit for that: from
// /etc/hosts and DNS, and where these know none, from where else there are names.
func (a *attempt) lookUp() ([]netip.Addr, *Error) {
	set := a.route.set
	addresses, err := a.d.addresses(a.ctx, set.HostName, set.AddressFamily)
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound {
		a.beyond = true
		if others := a.d.elsewhere.lookup(a.ctx, set.HostName, set.AddressFamily); len(others) > 0 {
			addresses, err = others, nil
		}
	}
	if err != nil {
		return nil, a.failed(err, dialFailure(err, set.HostName, set.Port, 0))
	}
	return addresses, nil
}

// addresses asks /etc/hosts and DNS. Of a name, only AddressFamily inet keeps the
// other question from being asked, which some name servers never answer; net
// knows no other way that leaves IPv6 addresses their zone.
func (d *Dialer) addresses(ctx context.Context, name, family string) (found []netip.Addr, err error) {
	if literal, err := netip.ParseAddr(name); err == nil {
		if !inFamily(literal, family) {
			return nil, errNoSuitable
		}
		return []netip.Addr{literal}, nil
	}
	if family == "inet" {
		found, err = d.resolver.LookupNetIP(ctx, "ip4", name)
		for i := range found {
			found[i] = found[i].Unmap()
		}
		return found, err
	}
	all, err := d.resolver.LookupIPAddr(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if address, ok := netip.AddrFromSlice(one.IP); ok && inFamily(address.Unmap(), family) {
			found = append(found, address.Unmap().WithZone(one.Zone))
		}
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: errNoSuitable.Error(), Name: name, IsNotFound: true}
	}
	return found, nil
}

// errNoSuitable is for a host without an address of the family that is wanted.
var errNoSuitable = errors.New("no suitable address")

// inFamily tells whether AddressFamily allows address.
func inFamily(address netip.Addr, family string) bool {
	switch family {
	case "inet":
		return address.Unmap().Is4()
	case "inet6":
		return !address.Unmap().Is4()
	}
	return true
}

// slowLookup is for a name that nobody knew within the limit.
func (a *attempt) slowLookup(span string, cause error) *Error {
	name := a.route.set.HostName
	failure := &Error{Stage: StageResolve, Err: cause, Hint: "check the name servers in /etc/resolv.conf",
		Message: fmt.Sprintf("name lookup of %q not finished within %s", text.CleanMax(name, 255), span)}
	if a.beyond {
		failure.Message += ": DNS does not know it, getent did not answer"
		failure.Hint = "check with getent ahosts " + quote(name) + ": a directory that nsswitch.conf names for hosts may hang"
	}
	return failure
}

// getentBytes bounds the output of getent.
const getentBytes = 64 << 10

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
// nothing is found there before ctx ends: a directory service may hang.
func (e *elsewhere) lookup(ctx context.Context, name, family string) []netip.Addr {
	conf, err := os.ReadFile(e.nsswitch)
	if err != nil || !looksElsewhere(string(conf)) {
		return nil
	}
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return nil
	}
	database := cmp.Or(map[string]string{"inet": "ahostsv4", "inet6": "ahostsv6"}[family], "ahosts")
	args := append(slices.Clone(e.command[1:]), database, "--", name)
	cmd := exec.CommandContext(ctx, e.command[0], args...)
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
func parseHosts(out string) (addresses []netip.Addr) {
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		address, err := netip.ParseAddr(fields[0])
		if address = address.Unmap(); err == nil && !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return addresses
}
