package remote

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"twaudit/remote/sshconfig"
)

const (
	// agentConns is how many signatures are asked for at a time where nobody says.
	// One connection serialises them: 200 hosts over a forwarded agent of 20 ms
	// took 4 s.
	agentConns = 8
	// agentPatience bounds connecting and listing. Signing has the login's limit:
	// somebody may have to touch a key first.
	agentPatience = 5 * time.Second
)

// agentPool is one ssh-agent: its keys, listed once, and connections to it.
type agentPool struct {
	socket string
	slots  chan struct{}   // one entry per connection in use
	idle   chan *agentConn // connections not in use

	listing chan struct{} // holds one entry while somebody lists; guards what follows
	listed  bool
	keys    []agentKey
	err     error // why there are no keys
}

type agentConn struct {
	net.Conn
	client agent.ExtendedAgent
}

type agentKey struct {
	pub     ssh.PublicKey // a *ssh.Certificate where the agent holds one
	plain   string        // wire form of the key itself, also for a certificate
	comment string
}

// agent returns the agent that set asks for; nil where there is none.
func (d *Dialer) agent(set *sshconfig.Settings) *agentPool {
	socket := set.IdentityAgent
	switch {
	case socket == "none":
		return nil
	case socket == "" || socket == "SSH_AUTH_SOCK":
		socket = d.opts.Env("SSH_AUTH_SOCK")
	case strings.HasPrefix(socket, "$"):
		socket = d.opts.Env(strings.Trim(socket, "${}"))
	}
	if socket == "" {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	pool := d.agents[socket]
	if pool == nil {
		conns := cmp.Or(max(0, d.opts.AgentConns), agentConns)
		pool = &agentPool{
			socket: socket, listing: make(chan struct{}, 1),
			slots: make(chan struct{}, conns), idle: make(chan *agentConn, conns),
		}
		d.agents[socket] = pool
	}
	return pool
}

// close closes the connections that nobody uses.
func (p *agentPool) close() {
	for {
		select {
		case conn := <-p.idle:
			conn.Close()
		default:
			return
		}
	}
}

// list returns the keys of the agent. A failure is remembered like an answer, so
// that an agent that hangs costs its patience once and not once per host; only
// the end of ctx is not.
func (p *agentPool) list(ctx context.Context) ([]agentKey, error) {
	select {
	case p.listing <- struct{}{}:
		defer func() { <-p.listing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p.listed {
		return p.keys, p.err
	}
	patient, cancel := context.WithTimeout(ctx, agentPatience)
	defer cancel()
	var found []*agent.Key
	err := p.use(patient, func(client agent.ExtendedAgent) (err error) {
		found, err = client.List()
		return err
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	p.listed, p.err = true, err
	for _, key := range found {
		if usable, ok := parseAgentKey(key); ok {
			p.keys = append(p.keys, usable)
		}
	}
	return p.keys, p.err
}

// parseAgentKey leaves out what the agent holds and this program cannot offer.
func parseAgentKey(key *agent.Key) (agentKey, bool) {
	pub, err := ssh.ParsePublicKey(key.Blob)
	if err != nil || pub.Type() == dsaKey {
		return agentKey{}, false
	}
	plain := string(key.Blob)
	if cert, isCert := pub.(*ssh.Certificate); isCert {
		plain = string(cert.Key.Marshal())
	}
	return agentKey{pub: pub, plain: plain, comment: key.Comment}, true
}

// use calls f with a connection of its own; the end of ctx closes it. An idle
// connection that fails is replaced once: agents drop those they deem old.
func (p *agentPool) use(ctx context.Context, f func(agent.ExtendedAgent) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case conn := <-p.idle:
		if err := p.call(ctx, conn, f); !endOfConnection(err) || ctx.Err() != nil {
			return err
		}
	default:
	}
	dialer := net.Dialer{Timeout: agentPatience}
	conn, err := dialer.DialContext(ctx, "unix", p.socket)
	if err != nil {
		return err
	}
	return p.call(ctx, &agentConn{Conn: conn, client: agent.NewClient(conn)}, f)
}

// call keeps conn for others when f succeeds on it.
func (p *agentPool) call(ctx context.Context, conn *agentConn, f func(agent.ExtendedAgent) error) error {
	unwatch := context.AfterFunc(ctx, func() { conn.Close() })
	err := f(conn.client)
	if !unwatch() || err != nil {
		conn.Close()
		return err
	}
	p.idle <- conn
	return nil
}

// agentSigner signs with a key of the agent, for as long as ctx lasts.
type agentSigner struct {
	ctx   context.Context // the library's call has none
	pool  *agentPool
	key   ssh.PublicKey // what the agent knows the key by
	offer *offer
}

func (s *agentSigner) PublicKey() ssh.PublicKey { return s.key }

func (s *agentSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, "")
}

func (s *agentSigner) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (sig *ssh.Signature, err error) {
	var flags agent.SignatureFlags
	switch algorithm {
	case ssh.KeyAlgoRSASHA256:
		flags = agent.SignatureFlagRsaSha256
	case ssh.KeyAlgoRSASHA512:
		flags = agent.SignatureFlagRsaSha512
	}
	err = s.pool.use(s.ctx, func(client agent.ExtendedAgent) (err error) {
		sig, err = client.SignWithFlags(s.key, data, flags)
		return err
	})
	if err != nil {
		s.offer.unsigned = s.ctx.Err() != nil
		return nil, &agentError{err}
	}
	return sig, nil
}

// agentError is an agent that has a key and does not sign with it.
type agentError struct{ err error }

func (e *agentError) Error() string { return fmt.Sprintf("the agent did not sign: %v", e.err) }

func (e *agentError) Unwrap() error { return e.err }
