package sshtest

import (
	"fmt"
	"net"
	"strconv"

	"golang.org/x/crypto/ssh"
)

// FleetConfig is many hosts.
type FleetConfig struct {
	Hosts int // at most MaxFleet
	Port  int // the same for all; 0: a free one
	// Host says how host i behaves, from 0; nil: all are the zero Config. It is
	// called for each connection, may run many times at once, and must give the
	// same host the same HostKey: nil is the fleet's own. Addr is ignored.
	Host func(i int) Config
}

// MaxFleet is how many hosts a Fleet can have.
const MaxFleet = 1 << 16

// Fleet is many hosts on as many loopback addresses and one port: one listener
// serves all of them, so that a host costs nothing until somebody connects.
type Fleet struct {
	*service
	hosts int
	port  string
	key   ssh.Signer
}

// StartFleet serves until Close. It needs Linux, where the whole of 127.0.0.0/8
// is this machine.
func StartFleet(c FleetConfig) (*Fleet, error) {
	if c.Hosts < 1 || c.Hosts > MaxFleet {
		return nil, fmt.Errorf("a fleet of %d hosts: it can have 1 to %d", c.Hosts, MaxFleet)
	}
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	listener, err := listenLoopback(c.Port)
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	f := &Fleet{hosts: c.Hosts, port: port, key: key}
	f.service = serve(listener, func(local net.Addr) (*host, error) {
		i, ok := f.index(local)
		if !ok {
			return nil, nil
		}
		var config Config
		if c.Host != nil {
			config = c.Host(i)
		}
		return ready(config, key)
	})
	return f, nil
}

// Len is the number of hosts.
func (f *Fleet) Len() int { return f.hosts }

// Host is the address of host i without the port: 127.77.x.y.
func (f *Fleet) Host(i int) string { return net.IPv4(127, 77, byte(i>>8), byte(i)).String() }

// Port is the port of every host.
func (f *Fleet) Port() int {
	n, _ := strconv.Atoi(f.port)
	return n
}

// Addr is host:port of host i.
func (f *Fleet) Addr(i int) string { return net.JoinHostPort(f.Host(i), f.port) }

// HostKey is the key of all hosts whose Config has none.
func (f *Fleet) HostKey() ssh.PublicKey { return f.key.PublicKey() }

// index is the inverse of Host.
func (f *Fleet) index(local net.Addr) (int, bool) {
	tcp, ok := local.(*net.TCPAddr)
	if !ok {
		return 0, false
	}
	ip := tcp.IP.To4()
	if ip == nil || ip[0] != 127 || ip[1] != 77 {
		return 0, false
	}
	i := int(ip[2])<<8 | int(ip[3])
	return i, i < f.hosts
}
