package sshtest

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Proxy is a TCP relay on loopback that adds round trip time.
type Proxy struct {
	*service
}

// StartDelay relays a free port of 127.0.0.1 to addr, and holds every byte back
// by half of roundTrip in each direction. The TCP handshake itself is not
// delayed: the kernel answers it.
func StartDelay(addr string, roundTrip time.Duration) (*Proxy, error) {
	if err := onLoopback(addr); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &Proxy{service: serveWith(listener, func(s *service, client net.Conn) { s.relay(client, addr, roundTrip) })}, nil
}

// Addr is host:port where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

func (s *service) relay(client net.Conn, addr string, roundTrip time.Duration) {
	var dialer net.Dialer
	target, err := dialer.DialContext(s.ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer target.Close()
	delayed := delay(client, roundTrip)
	defer delayed.drain()
	join(delayed, target)
}

// window is how many pieces may be under way in one direction.
const window = 256

// piece is what one Read or Write carried, and when it may arrive.
type piece struct {
	data []byte
	due  time.Time
	err  error
}

// delayedConn delivers everything later by half of a round trip. Deadlines
// reach the connection below, so they strike early by as much.
type delayedConn struct {
	net.Conn
	oneWay  time.Duration
	out, in chan piece
	rest    []byte // of the piece that Read has begun
	end     error  // what Read says from now on
	closed  chan struct{}
	finish  func()
	sending sync.Mutex // guards out against a Write after its close
	shut    bool
	runners sync.WaitGroup
}

func delay(conn net.Conn, roundTrip time.Duration) *delayedConn {
	d := &delayedConn{
		Conn: conn, oneWay: roundTrip / 2,
		out: make(chan piece, window), in: make(chan piece, window), closed: make(chan struct{}),
	}
	d.finish = sync.OnceFunc(func() { close(d.closed) })
	// Ends when Close or CloseWrite closes out, or a write fails.
	d.runners.Go(d.send)
	// Ends when the connection below does, or Close.
	d.runners.Go(d.receive)
	return d
}

func (d *delayedConn) send() {
	failed := false
	for p := range d.out {
		if failed {
			continue // keep the sender from blocking
		}
		time.Sleep(time.Until(p.due))
		if p.err != nil {
			if half, ok := d.Conn.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
			continue
		}
		if _, err := d.Conn.Write(p.data); err != nil {
			failed = true
			d.finish()
		}
	}
	<-d.closed
	d.Conn.Close()
}

func (d *delayedConn) receive() {
	defer close(d.in)
	for {
		buffer := make([]byte, 16<<10)
		n, err := d.Conn.Read(buffer)
		select {
		case d.in <- piece{data: buffer[:n:n], due: time.Now().Add(d.oneWay), err: err}:
		case <-d.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

func (d *delayedConn) Read(b []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.end != nil {
			return 0, d.end
		}
		p, open := <-d.in
		if !open {
			return 0, net.ErrClosed
		}
		time.Sleep(time.Until(p.due))
		d.rest, d.end = p.data, p.err
	}
	n := copy(b, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func (d *delayedConn) Write(b []byte) (int, error) {
	p := piece{data: append([]byte(nil), b...), due: time.Now().Add(d.oneWay)}
	if err := d.post(p); err != nil {
		return 0, err
	}
	return len(b), nil
}

// CloseWrite tells the peer that no more will come, after all that was written.
func (d *delayedConn) CloseWrite() error {
	return d.post(piece{err: io.EOF, due: time.Now().Add(d.oneWay)})
}

func (d *delayedConn) post(p piece) error {
	d.sending.Lock()
	defer d.sending.Unlock()
	select {
	case <-d.closed:
		return net.ErrClosed
	default:
	}
	if d.shut {
		return errors.New("write after close")
	}
	d.out <- p
	return nil
}

// Close delivers what was written, then closes.
func (d *delayedConn) Close() error {
	d.finish()
	d.sending.Lock()
	defer d.sending.Unlock()
	if !d.shut {
		d.shut = true
		close(d.out)
	}
	return nil
}

// drain closes and waits until everything was delivered.
func (d *delayedConn) drain() {
	d.Close()
	d.runners.Wait()
}
