package remote

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"twaudit/internal/text"
)

const (
	// familyLead is how long the addresses of one family are tried alone. IPv6
	// that leads nowhere is common, and must not cost the limit.
	familyLead = 300 * time.Millisecond
	// leastShare is what an address gets of the limit, also of many.
	leastShare = 2 * time.Second
)

// dialTCP looks the name up and connects to the first of its addresses that
// answers. Each of the two has its own limit.
func (a *attempt) dialTCP(limit time.Duration) (net.Conn, *Error) {
	set := a.route.set
	a.begin(StageResolve, a.d.resolveTimeout(set), StageResolve)
	a.beyond = false
	var dialer net.Dialer
	local, failure := a.bindAddress()
	if failure != nil {
		return nil, failure
	}
	addresses, failure := a.lookUp()
	if failure != nil {
		return nil, failure
	}
	if local.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
		addresses = slices.DeleteFunc(addresses, func(address netip.Addr) bool { return address.Is4() != local.Is4() })
	}
	a.begin(StageConnect, limit, StageConnect)
	conn, err := dialFirst(a.ctx, dialer, addresses, uint16(set.Port), limit)
	if err != nil {
		return nil, a.failed(err, dialFailure(err, set.HostName, set.Port, limit))
	}
	return conn, nil
}

// bindAddress is what to connect from; the zero value is as the kernel chooses.
// A name with addresses of both families stands for the one of IPv4.
func (a *attempt) bindAddress() (netip.Addr, *Error) {
	name := a.route.set.BindAddress
	if name == "" {
		return netip.Addr{}, nil
	}
	found, err := a.d.addresses(a.ctx, name, "")
	if err != nil && a.caller.Err() != nil {
		return netip.Addr{}, a.stopped()
	}
	if err != nil {
		return netip.Addr{}, &Error{Stage: StageConfig, Err: err, Message: "BindAddress cannot be resolved", Hint: fmt.Sprintf("correct BindAddress %q in ssh_config", text.CleanMax(name, 100))}
	}
	return found[max(0, slices.IndexFunc(found, netip.Addr.Is4))], nil
}

// dialFirst connects to the first address that answers: those of the first one's
// family in turn, and beside them, once these have failed or had their lead,
// those of the other. The error is that of the first address.
func dialFirst(ctx context.Context, dialer net.Dialer, addresses []netip.Addr, port uint16, limit time.Duration) (net.Conn, error) {
	if len(addresses) == 0 {
		return nil, errNoSuitable
	}
	end := time.Now().Add(limit)
	first, other := families(addresses)
	if len(other) == 0 {
		return dialEach(ctx, dialer, first, port, end)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := make(chan dialed, 1)
	over := make(chan struct{})
	// Ends with ctx, and is waited for.
	go func() {
		select {
		case <-over:
		case <-time.After(familyLead):
		case <-ctx.Done():
		}
		conn, err := dialEach(ctx, dialer, other, port, end)
		if err == nil {
			cancel()
		}
		late <- dialed{conn, err}
	}()
	conn, err := dialEach(ctx, dialer, first, port, end)
	if err == nil {
		cancel()
	}
	close(over)
	second := <-late
	switch {
	case err != nil && second.err == nil:
		return second.conn, nil
	case second.err == nil:
		second.conn.Close()
	}
	return conn, err
}

// dialed is the end of one try.
type dialed struct {
	conn net.Conn
	err  error
}

// families splits addresses by their family; that of the first one comes first.
func families(addresses []netip.Addr) (first, other []netip.Addr) {
	for _, address := range addresses {
		if address.Is4() == addresses[0].Is4() {
			first = append(first, address)
		} else {
			other = append(other, address)
		}
	}
	return first, other
}

// dialEach tries addresses in turn. Each has an even share of the time that is
// left until end; the end of ctx is the end of it.
func dialEach(ctx context.Context, dialer net.Dialer, addresses []netip.Addr, port uint16, end time.Time) (conn net.Conn, first error) {
	for i, address := range addresses {
		dialer.Timeout = max(leastShare, time.Until(end)/time.Duration(len(addresses)-i))
		conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(address, port).String())
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}
