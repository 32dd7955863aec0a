package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/text"
)

// channelBuffer is read from a jump channel at a time: an answer is small.
const channelBuffer = 8 << 10

// jumpTries is how often a jump host is tried that drops connections.
const jumpTries = 5

// jumpHost is a host on the way to others, and the one connection to it that all
// of them share.
type jumpHost struct {
	d     *Dialer
	key   string // user@host:port of every hop up to this one
	spec  string // as the operator named it: [user@]host[:port]
	name  string // the same without the user
	route *route

	mu       sync.Mutex
	link     *link         // nil or dead: to be opened
	opening  chan struct{} // closed when the try that runs has ended; nil: none runs
	failure  *Error        // of the last try; nil when it succeeded
	failedAt time.Time
	short    int  // connections in a row that hardly lived
	proven   bool // there was a connection in this run

	slots chan struct{} // one entry per connection through it; nil: no limit
}

// command is the ssh command line that reaches j as we do, up to what is to run
// there. It keeps ssh from adding keys to known_hosts at its own end: it replaces
// the file, and with it what somebody else appends meanwhile.
func (j *jumpHost) command() string {
	var hops []string
	for at := j.route.via; at != nil; at = at.route.via {
		hops = append([]string{at.spec}, hops...)
	}
	words := []string{"ssh"}
	if file := j.d.opts.ConfigFile; file != "" {
		words = append(words, "-F", quote(file))
	}
	words = append(words, "-o", "UpdateHostKeys=no")
	for _, file := range j.d.identities() {
		words = append(words, "-i", quote(file))
	}
	if len(hops) > 0 {
		words = append(words, "-J", quote(strings.Join(hops, ",")))
	}
	q := hopQuery(j.spec)
	if q.Port > 0 {
		words = append(words, "-p", strconv.Itoa(q.Port))
	}
	if q.User != "" {
		words = append(words, "-l", quote(q.User))
	}
	return strings.Join(append(words, quote(q.Alias)), " ")
}

// link is a connection to a jump host that is logged in.
type link struct {
	*attempt
	jump *jumpHost
}

func (l *link) isDead() bool {
	select {
	case <-l.dead:
		return true
	default:
		return false
	}
}

// connected returns the connection to j, and opens it when there is none. Only
// one try runs at a time, and it is nobody's own: the host that happened to come
// first may be given up without harm to the others. A failure is the same for
// all who waited; nil, nil means that ctx has ended.
func (j *jumpHost) connected(ctx context.Context) (*link, *Error) {
	for range 3 {
		j.mu.Lock()
		if j.link != nil && !j.link.isDead() {
			defer j.mu.Unlock()
			return j.link, nil
		}
		if j.failure != nil && time.Since(j.failedAt) < j.d.pace.grudge {
			defer j.mu.Unlock()
			return nil, j.failure
		}
		if j.opening == nil {
			j.opening = make(chan struct{})
			// Ends with its own limits, or with the Dialer.
			if !j.d.start(j.open) {
				close(j.opening)
				j.failure, j.failedAt = &Error{Stage: StageConnect, Message: errClosed.Error(), Err: errClosed}, time.Now()
			}
		}
		opening := j.opening
		j.mu.Unlock()
		select {
		case <-opening:
		case <-ctx.Done():
			return nil, nil
		}
	}
	return nil, &Error{Stage: StageConnect, Message: "the connection to the jump host ends again and again", Retryable: true}
}

// open tries to reach the jump host, tells those who wait, and then stays with
// the connection until it ends.
func (j *jumpHost) open() {
	a, failure := j.try()
	defer a.close()
	a.pause()
	begun := time.Now()

	j.mu.Lock()
	j.failure, j.failedAt = failure, time.Now()
	j.link = nil
	if failure == nil {
		j.link, j.proven = &link{attempt: a, jump: j}, true
	}
	close(j.opening)
	j.opening = nil
	j.mu.Unlock()
	if failure != nil {
		return
	}
	a.pulse()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.short++; time.Since(begun) > j.d.pace.pulse {
		j.short = 0
	}
}

// try reaches the jump host. One that is too busy (MaxStartups counts what others
// do there, too) is asked again a few times, since all hosts behind it wait.
func (j *jumpHost) try() (*attempt, *Error) {
	j.mu.Lock()
	wait, proven := j.short, j.proven
	j.mu.Unlock()
	for n := 1; ; n++ {
		if wait > 0 {
			pause := time.NewTimer(j.d.pace.backoff(wait))
			select {
			case <-pause.C:
			case <-j.d.base.Done():
				pause.Stop()
			}
		}
		a := j.d.attempt(j.d.base, j.route)
		failure := a.reach()
		if failure == nil {
			failure = a.login()
		}
		// One that was there a moment ago and refuses now is being restarted.
		restarts := failure != nil && proven && errors.Is(failure.Err, syscall.ECONNREFUSED)
		if failure == nil || !failure.Retryable && !restarts || n == jumpTries || j.d.base.Err() != nil {
			return a, failure
		}
		a.close()
		wait = max(wait, n)
	}
}

// enter waits for a place among the connections through j.
func (j *jumpHost) enter(ctx context.Context) bool {
	if j.slots == nil {
		return true
	}
	select {
	case j.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// dialThrough opens a channel to the host on its jump host. A connection that
// turns out dead is replaced once, so that a restart of the jump host costs
// those hosts only that were in the middle of something.
func (a *attempt) dialThrough(limit time.Duration) (net.Conn, *Error) {
	for again := false; ; again = true {
		a.pause()
		a.enter(StageJump)
		hop, failure := a.route.via.connected(a.ctx)
		if stopped := a.stopped(); stopped != nil {
			stopped.Via = a.route.via.name
			return nil, stopped
		}
		if failure != nil {
			return nil, a.route.via.blame(failure)
		}
		a.hop = hop
		a.begin(StageConnect, limit, StageConnect)
		conn, err := hop.channel(a.ctx, a.route.set.HostName, a.route.set.Port)
		if err == nil {
			return conn, nil
		}
		if stopped := a.stopped(); stopped != nil {
			return nil, stopped
		}
		var refused *ssh.OpenChannelError
		if errors.As(err, &refused) {
			return nil, a.channelFailure(refused)
		}
		if again {
			return nil, a.route.via.blame(&Error{Stage: StageSession, Message: "its connection was lost", Err: err, Retryable: true})
		}
		// Waited for, or the next look might find the same connection alive.
		select {
		case <-hop.dead:
		case <-a.ctx.Done():
		}
	}
}

// blame is failure, of j or of a hop before it, as it concerns a host behind j.
func (j *jumpHost) blame(failure *Error) *Error {
	blamed := *failure
	blamed.Stage = StageJump
	if blamed.Via == "" {
		blamed.Via = j.name
	}
	return &blamed
}

// channelFailure is what a jump host says when it cannot or will not connect
// to the host. The first is the host's own failure, only seen from elsewhere.
func (a *attempt) channelFailure(err *ssh.OpenChannelError) *Error {
	said := text.CleanMax(err.Message, 120)
	failure := &Error{Stage: StageConnect, Message: "no connection" + a.route.through() + ": " + said, Err: err,
		Hint: "the jump host reports this; check from there with nc -vz " + quote(a.route.set.HostName)}
	lower := strings.ToLower(said)
	switch {
	case err.Reason != ssh.ConnectionFailed:
		failure = a.route.via.blame(&Error{Message: "it does not forward connections: " + said, Err: err, Retryable: err.Reason == ssh.ResourceShortage,
			Hint: "check AllowTcpForwarding, PermitOpen and DisableForwarding in its sshd_config"})
	case strings.Contains(lower, "not known"), strings.Contains(lower, "no address"), strings.Contains(lower, "name resolution"):
		failure.Stage = StageResolve
		failure.Message = "no address" + a.route.through() + ": " + said
		failure.Hint = "the jump host looks the name up; check it there with getent hosts " + quote(a.route.set.HostName)
	case strings.Contains(lower, "refused"):
		failure.Message = "connection refused" + a.route.through()
	}
	return failure
}

// channel asks the jump host to connect to host. The library's call has no
// context, so that the wait for it is given up here, and the call itself ends
// with the answer or with the jump connection.
func (l *link) channel(ctx context.Context, host string, port int) (net.Conn, error) {
	type answer struct {
		conn net.Conn
		err  error
	}
	answers := make(chan answer)
	request := ssh.Marshal(struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}{host, uint32(port), "127.0.0.1", 65535})
	started := l.d.start(func() {
		ch, reqs, err := l.conn.OpenChannel("direct-tcpip", request)
		var conn net.Conn
		if err == nil {
			// Ends with the channel.
			go ssh.DiscardRequests(reqs)
			conn = l.stream(ch)
		}
		select {
		case answers <- answer{conn, err}:
		case <-ctx.Done():
			if conn != nil {
				conn.Close()
			}
		}
	})
	if !started {
		return nil, errClosed
	}
	select {
	case got := <-answers:
		return got.conn, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// channelConn is a channel as a connection whose Close ends a Read at once. The
// channel's own Close only asks the other side to, and a jump host that hangs
// would hold everybody behind it.
type channelConn struct {
	ssh.Channel
	d    *Dialer
	in   *io.PipeReader
	once sync.Once
}

func (l *link) stream(ch ssh.Channel) net.Conn {
	in, out := io.Pipe()
	// Ends with the channel, or with the jump connection at the latest.
	pump := func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{ch}, make([]byte, channelBuffer))
		out.CloseWithError(err)
	}
	if !l.d.start(pump) {
		in.CloseWithError(errClosed)
	}
	return &channelConn{Channel: ch, d: l.d, in: in}
}

func (c *channelConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// Close does not wait: telling the jump host may hang with it, and is then ended
// by the end of its connection.
func (c *channelConn) Close() error {
	c.once.Do(func() {
		c.in.CloseWithError(net.ErrClosed)
		c.d.start(func() { c.Channel.Close() })
	})
	return nil
}

func (c *channelConn) LocalAddr() net.Addr              { return channelAddr{} }
func (c *channelConn) RemoteAddr() net.Addr             { return channelAddr{} }
func (c *channelConn) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (c *channelConn) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (c *channelConn) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

type channelAddr struct{}

func (channelAddr) Network() string { return "ssh" }
func (channelAddr) String() string  { return "jump channel" }
