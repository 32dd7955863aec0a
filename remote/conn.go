package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"twaudit/internal/text"
)

// headSize is how much of what a peer says first is kept: its version, or what
// it says instead.
const headSize = 512

// headConn keeps the first bytes of the peer. The SSH library reads the version
// byte by byte and throws away what comes before it, which is the very text that
// tells a throttled or a web server.
type headConn struct {
	net.Conn
	head [headSize]byte
	n    int // bytes of head that are filled
	off  int // bytes of head that were read
}

// Read fills head with one read where the library asks for single bytes; larger
// reads come after the version and go past it.
func (c *headConn) Read(p []byte) (int, error) {
	if c.off == c.n {
		if len(p) > 1 || c.n == headSize {
			return c.Conn.Read(p)
		}
		n, err := c.Conn.Read(c.head[c.n:])
		c.n += n
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, c.head[c.off:c.n])
	c.off += n
	return n, nil
}

// first returns what the peer said first. The slice is not to be changed.
func (c *headConn) first() []byte { return c.head[:c.n] }

// spoke tells whether an SSH version was among the first bytes.
func (c *headConn) spoke() bool {
	head := c.first()
	return bytes.HasPrefix(head, []byte("SSH-")) || bytes.Contains(head, []byte("\nSSH-"))
}

// dialFailure tells the ways apart in which a connection does not come about,
// since each has another remedy.
func dialFailure(err error, host string, port int, limit time.Duration) *Error {
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return lookupFailure(lookup, host)
	}
	failure := &Error{Stage: StageConnect, Err: err}
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		failure.Message = fmt.Sprintf("connection refused on port %d", port)
		failure.Hint = "check that sshd runs there and listens on this port"
	case errors.Is(err, syscall.EHOSTUNREACH):
		failure.Message = "no route to host"
		failure.Hint = "the host is down, or a router or firewall on the way says so"
	case errors.Is(err, syscall.ENETUNREACH):
		failure.Message = "network is unreachable"
		failure.Hint = "check the routes and address families of this machine"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ECONNABORTED):
		failure.Message = "connection reset"
		failure.Hint = "a firewall or the host's own limits may do so; it is worth another try"
		failure.Retryable = true
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		failure.Retryable = true
		failure.Message = "too many open files on this machine"
		failure.Hint = "lower --concurrency, or raise the limit with ulimit -n"
	case errors.Is(err, syscall.ETIMEDOUT), errors.As(err, &timeout) && timeout.Timeout():
		failure.Message = "no answer within " + text.Duration(limit)
		failure.Hint = "check that the host is up and that no firewall drops the connection, or allow more time with --connect-timeout"
	default:
		failure.Message = "no connection: " + innermost(err)
	}
	return failure
}

func lookupFailure(err *net.DNSError, host string) *Error {
	failure := &Error{Stage: StageResolve, Err: err, Retryable: err.IsTemporary && !err.IsTimeout}
	name := text.CleanMax(host, 255)
	switch {
	case err.IsNotFound:
		failure.Message = fmt.Sprintf("no address for %q", name)
		failure.Hint = "check the name, or set HostName for it in ssh_config"
	case err.IsTimeout:
		failure.Message = fmt.Sprintf("name lookup of %q timed out", name)
		failure.Hint = "check the name servers in /etc/resolv.conf"
	default:
		failure.Message = fmt.Sprintf("name lookup of %q failed: %s", name, text.CleanMax(err.Err, 200))
		failure.Hint = "check the name servers in /etc/resolv.conf"
	}
	return failure
}

// innermost is the text of the cause without the addresses that net wraps
// around it.
func innermost(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return clean(err)
		}
		err = inner
	}
}

// versionFailure is for a peer that never sent an SSH version.
func versionFailure(head []byte, err error) *Error {
	failure := &Error{Stage: StageHandshake, Err: err}
	line, _, _ := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	said := text.CleanMax(strings.TrimSpace(string(line)), 120)
	switch {
	case throttled(head):
		failure.Retryable = true
		failure.Message = fmt.Sprintf("the server throttles logins: %q", said)
		failure.Hint = "lower --rate or --concurrency, or raise MaxStartups in its sshd_config"
	case len(head) == 0 && endOfConnection(err):
		failure.Retryable = true
		failure.Message = "connection closed before the SSH version"
		failure.Hint = "the server may throttle logins (MaxStartups, PerSourcePenalties) or refuse this address (hosts.deny, fail2ban)"
	case len(head) == 0:
		failure.Message = "no SSH version: " + innermost(err)
	default:
		failure.Message = fmt.Sprintf("not SSH: first bytes %q", said)
		failure.Hint = "check the port"
	}
	return failure
}

// throttled knows the lines that sshd sends in place of its version when it
// drops a connection because of MaxStartups or of penalties for an address.
func throttled(head []byte) bool {
	return bytes.HasPrefix(head, []byte("Exceeded MaxStartups")) ||
		bytes.HasPrefix(head, []byte("Not allowed at this time"))
}

// endOfConnection tells whether the peer hung up, in one of the ways it can.
func endOfConnection(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, context.Canceled)
}
