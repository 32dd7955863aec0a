// Package sshtest is an SSH server that lives inside the calling process: it
// speaks the real protocol on loopback addresses, answers each command with a
// Go function, and can misbehave in every way that a host in a fleet does. One
// server costs a few kilobytes, so that a Fleet of thousands fits in a test.
//
// It refuses to listen or to forward anywhere but to this machine, it runs no
// command, and it is no server for production. Start with Start, StartFleet and
// Client.
package sshtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// Config is one host. The zero value is a host that lets every key in and
// answers every command with nothing and status 0.
type Config struct {
	Addr         string          // where Start listens; empty is a free port of 127.0.0.1
	HostKey      ssh.Signer      // nil: a new ed25519 key (in a Fleet: the fleet's)
	MoreHostKeys []ssh.Signer    // of other types, offered beside HostKey
	Authorized   []ssh.PublicKey // who may log in; nil: every public key, and no key at all
	Handler      Handler         // answers commands; nil: nothing, status 0
	Version      string          // identification string; empty: a believable one of OpenSSH
	Banner       string          // sent before authentication; empty: none
	MaxStartups  int             // connections that may be before the end of their login at a time; 0: no limit
	MaxSessions  int             // sessions open at a time on one connection; 0: no limit
	JumpAllowed  bool            // forwards direct-tcpip, to loopback addresses only
	RekeyBytes   uint64          // sent or received until the keys are renewed, 256 at least; 0: as many as they are good for
	// Route maps the host:port that a client asks a jump host for to where it is
	// forwarded; nil forwards to what was asked for.
	Route func(hostport string) string
	Fault Fault         // how it misbehaves
	Pause time.Duration // between the bytes or lines of a slow Fault; 0: as fast as the peer reads
	Cut   int           // bytes of standard output that the cutting Faults let through; 0: none
	Delay time.Duration // round trip time added to everything after the TCP handshake
}

// Stats counts what a server has seen so far.
type Stats struct {
	Connections int64 // accepted
	Open        int64 // right now
	MaxOpen     int64 // at the same time
	Refused     int64 // because of MaxStartups
	Logins      int64 // completed
	Sessions    int64 // opened
	Execs       int64 // commands (and shells) begun
	Forwards    int64 // jump channels opened
}

type counters struct {
	connections, open, maxOpen, refused, logins, sessions, execs, forwards, startups atomic.Int64
}

// host is a Config made ready: what a new connection needs.
type host struct {
	Config
	ssh *ssh.ServerConfig
}

// service is what a Server and a Fleet share: one listener, and the
// connections that came from it.
type service struct {
	listener net.Listener
	each     func(*service, net.Conn) // serves one connection, closed afterwards
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
	counts   counters

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// Server is one running host.
type Server struct {
	*service
	host *host
}

// Start listens and serves until Close.
func Start(c Config) (*Server, error) {
	h, err := ready(c, nil)
	if err != nil {
		return nil, err
	}
	addr := c.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	if err := onLoopback(addr); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{host: h}
	s.service = serve(listener, func(net.Addr) (*host, error) { return h, nil })
	return s, nil
}

// Addr is host:port where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// HostKey is what the server's known_hosts line should say. With FaultWrongKey
// it presents another one.
func (s *Server) HostKey() ssh.PublicKey { return s.host.HostKey.PublicKey() }

// Close ends the listener and every connection, and waits for all of them.
// Handlers must return when their context ends or their streams fail.
func (s *service) Close() error {
	s.cancel()
	err := s.listener.Close()
	s.mu.Lock()
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Stats may be asked for at any time, also after Close.
func (s *service) Stats() Stats {
	c := &s.counts
	return Stats{
		Connections: c.connections.Load(), Open: c.open.Load(), MaxOpen: c.maxOpen.Load(),
		Refused: c.refused.Load(), Logins: c.logins.Load(), Sessions: c.sessions.Load(),
		Execs: c.execs.Load(), Forwards: c.forwards.Load(),
	}
}

// serve speaks SSH as the host that choose names for the address that a client
// dialled; a nil host is an address where nobody lives.
func serve(listener net.Listener, choose func(local net.Addr) (*host, error)) *service {
	return serveWith(listener, func(s *service, conn net.Conn) {
		if h, err := choose(conn.LocalAddr()); err == nil && h != nil {
			s.serveHost(conn, h)
		}
	})
}

func serveWith(listener net.Listener, each func(*service, net.Conn)) *service {
	ctx, cancel := context.WithCancel(context.Background())
	s := &service{listener: listener, each: each, ctx: ctx, cancel: cancel, conns: map[net.Conn]struct{}{}}
	// Ends when Close closes the listener; Close waits for it.
	s.running.Go(s.acceptAll)
	return s
}

func (s *service) acceptAll() {
	for {
		conn, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// Out of descriptors: the others will give theirs back.
			if sleep(s.ctx, 10*time.Millisecond) != nil {
				return
			}
			continue
		}
		if !s.enter(conn) {
			conn.Close()
			return
		}
		// Ends with its connection, which the peer or Close closes; Close waits.
		s.running.Go(func() {
			defer s.leave(conn)
			s.each(s, conn)
		})
	}
}

// enter reports false when Close was called.
func (s *service) enter(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.conns[conn] = struct{}{}
	s.counts.connections.Add(1)
	if open := s.counts.open.Add(1); open > s.counts.maxOpen.Load() {
		s.counts.maxOpen.Store(open)
	}
	return true
}

func (s *service) leave(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	s.counts.open.Add(-1)
}

func (s *service) serveHost(raw net.Conn, h *host) {
	if limit := int64(h.MaxStartups); s.counts.startups.Add(1) > limit && limit > 0 {
		s.counts.startups.Add(-1)
		s.counts.refused.Add(1)
		// The words of sshd, which come before any version.
		fmt.Fprint(raw, "Exceeded MaxStartups\r\n")
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	conn := raw
	if h.Delay > 0 {
		delayed := delay(raw, h.Delay)
		defer delayed.drain()
		conn = delayed
	}
	login := sync.OnceFunc(func() { s.counts.startups.Add(-1) })
	defer login()
	if misbehaveEarly(ctx, conn, h) {
		return
	}
	s.serveSSH(ctx, conn, h, login)
}

func (s *service) serveSSH(ctx context.Context, conn net.Conn, h *host, login func()) {
	if h.Fault == FaultSlow {
		conn = &slowConn{Conn: conn, ctx: ctx, pause: h.Pause}
	}
	config := h.ssh
	if h.Fault == FaultHangInAuth {
		hanging := *config
		hanging.PreAuthConnCallback = func(ssh.ServerPreAuthConn) { <-ctx.Done() }
		config = &hanging
	}
	server, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	defer server.Close()
	login()
	s.counts.logins.Add(1)
	if h.Fault == FaultHangAfterAuth {
		<-ctx.Done()
		return
	}
	c := &connection{service: s, host: h, ssh: server, ctx: ctx}
	// Ends with the connection; its only work is to refuse.
	go ssh.DiscardRequests(requests)
	c.serve(channels)
}

// ready checks a Config and fills in what it leaves open.
func ready(c Config, key ssh.Signer) (*host, error) {
	var err error
	if c.HostKey == nil {
		c.HostKey = key
	}
	if c.HostKey == nil {
		if c.HostKey, err = NewKey(); err != nil {
			return nil, err
		}
	}
	if c.Version == "" {
		c.Version = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7"
	}
	h := &host{Config: c}
	h.ssh = &ssh.ServerConfig{
		ServerVersion:     c.Version,
		NoClientAuth:      c.Authorized == nil,
		PublicKeyCallback: h.admit,
	}
	h.ssh.RekeyThreshold = c.RekeyBytes
	if c.Banner != "" {
		h.ssh.BannerCallback = func(ssh.ConnMetadata) string { return c.Banner }
	}
	if c.Fault == FaultBannerFlood {
		h.ssh.PreAuthConnCallback = floodBanner
	}
	presented := c.HostKey
	if c.Fault == FaultWrongKey {
		if presented, err = NewKey(); err != nil {
			return nil, err
		}
	}
	for _, k := range append([]ssh.Signer{presented}, c.MoreHostKeys...) {
		h.ssh.AddHostKey(k)
	}
	return h, nil
}

func (h *host) admit(_ ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
	if h.Authorized == nil {
		return nil, nil
	}
	for _, k := range h.Authorized {
		if string(k.Marshal()) == string(offered.Marshal()) {
			return nil, nil
		}
	}
	return nil, errors.New("key is not authorized")
}

// onLoopback keeps test servers off the network.
func onLoopback(hostport string) error {
	name, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() || name == "localhost" {
		return nil
	}
	return fmt.Errorf("address %q is not on this machine", hostport)
}

// sleep waits for d or the end of ctx, and says which by its error.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
