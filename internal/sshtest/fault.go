package sshtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Fault is a way to misbehave.
type Fault string

// The faults, in the order in which a client meets them.
const (
	FaultNone          Fault = ""
	FaultCloseAtOnce   Fault = "close-at-once"   // accepts and closes
	FaultSilent        Fault = "silent"          // accepts and never speaks
	FaultHTTP          Fault = "http"            // is a web server
	FaultTarpit        Fault = "tarpit"          // lines before the version, for ever, Pause apart
	FaultVersionOnly   Fault = "version-only"    // silent after its version
	FaultHangInKex     Fault = "hang-in-kex"     // begins its first packet and never ends it
	FaultCutInKex      Fault = "cut-in-kex"      // closes within its first packet
	FaultSlow          Fault = "slow"            // each byte by itself, Pause apart
	FaultWrongKey      Fault = "wrong-key"       // presents another key than HostKey
	FaultBannerFlood   Fault = "banner-flood"    // banners before the login, for ever
	FaultHangInAuth    Fault = "hang-in-auth"    // begins the login and never judges it
	FaultHangAfterAuth Fault = "hang-after-auth" // answers nothing after the login
	FaultNoSession     Fault = "no-session"      // lets in, refuses every session
	FaultHangInCommand Fault = "hang-in-command" // takes the command and says nothing
	FaultCutInCommand  Fault = "cut-in-command"  // the connection ends after Cut bytes of output
	FaultExitEarly     Fault = "exit-early"      // output ends after Cut bytes, with the handler's status
	FaultFlood         Fault = "flood"           // output for ever, until the client closes
	FaultBackground    Fault = "background"      // exit status, but a child holds the output open
)

// Faults lists every fault, without FaultNone.
func Faults() []Fault {
	return []Fault{
		FaultCloseAtOnce, FaultSilent, FaultHTTP, FaultTarpit, FaultVersionOnly, FaultHangInKex, FaultCutInKex,
		FaultSlow, FaultWrongKey, FaultBannerFlood, FaultHangInAuth, FaultHangAfterAuth, FaultNoSession,
		FaultHangInCommand, FaultCutInCommand, FaultExitEarly, FaultFlood, FaultBackground,
	}
}

// misbehaveEarly plays the faults that come before or instead of the protocol.
// It reports whether the connection is done with.
func misbehaveEarly(ctx context.Context, conn net.Conn, h *host) bool {
	switch h.Fault {
	case FaultCloseAtOnce:
	case FaultSilent:
		hold(conn)
	case FaultHTTP:
		_, _ = bufio.NewReader(conn).ReadString('\n')
		fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>400 Bad Request</h1>\n")
	case FaultTarpit:
		tarpit(ctx, conn, h.Pause)
	case FaultVersionOnly:
		fmt.Fprintf(conn, "%s\r\n", h.Version)
		hold(conn)
	case FaultHangInKex, FaultCutInKex:
		fmt.Fprintf(conn, "%s\r\n", h.Version)
		_, _ = bufio.NewReader(conn).ReadString('\n')
		// A KEXINIT that promises 1276 bytes and gives eight.
		_, _ = conn.Write([]byte{0, 0, 4, 0xfc, 6, 20, 1, 2})
		if h.Fault == FaultHangInKex {
			hold(conn)
		}
	default:
		return false
	}
	return true
}

// hold reads until the peer or Close closes conn: a server that closed with
// unread bytes would send a reset, which the silent ones do not.
func hold(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func tarpit(ctx context.Context, conn net.Conn, pause time.Duration) {
	for n := 0; ; n++ {
		if _, err := fmt.Fprintf(conn, "%08x\r\n", n); err != nil || sleep(ctx, pause) != nil {
			return
		}
	}
}

func floodBanner(conn ssh.ServerPreAuthConn) {
	text := strings.Repeat("Authorized use only. ", 1500)
	for conn.SendAuthBanner(text) == nil {
	}
}

// flood ends because a write fails: when the client closed the channel, or the
// connection ended.
func flood(w io.Writer) {
	line := []byte(strings.Repeat("0123456789abcdef", 2047) + "0123456789abcde\n")
	for {
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}

// slowConn writes byte by byte.
type slowConn struct {
	net.Conn
	ctx   context.Context
	pause time.Duration
}

func (c *slowConn) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := c.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
		if err := sleep(c.ctx, c.pause); err != nil {
			return i + 1, err
		}
	}
	return len(p), nil
}

var errCut = errors.New("the host went away")

// cutWriter passes on the first left bytes, then calls then, and fails.
type cutWriter struct {
	w    io.Writer
	left int
	then func()
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.w.Write(p)
	}
	n, _ := c.w.Write(p[:c.left])
	c.left = 0
	if c.then != nil {
		c.then()
	}
	return n, errCut
}
