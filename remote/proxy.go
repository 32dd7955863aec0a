package remote

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"twaudit/internal/text"
)

const (
	// maxProxyWords is how much of what a ProxyCommand says on standard error is
	// kept for the message.
	maxProxyWords = 1 << 10
	// proxyGrace is how long a ProxyCommand has to take leave, which some do to
	// end a session that is paid for.
	proxyGrace = time.Second
)

// proxyConn is a ProxyCommand as a connection: its standard output is what the
// host says, its standard input what the host hears.
type proxyConn struct {
	in, out *os.File
	command *exec.Cmd
	words   *limited
	heard   atomic.Bool   // something was read, or tried to
	left    []byte        // what was left to read when it could not be written to
	ended   chan struct{} // closed when the command has ended
	once    sync.Once
}

// dialProxy starts the ProxyCommand of the route. It returns before anything
// came through: that the command fails is seen when it says no SSH version.
func (a *attempt) dialProxy() (net.Conn, *Error) {
	conn, err := startProxy(a.d, a.route.set.ProxyCommand)
	if err != nil {
		return nil, a.failed(err, &Error{Stage: StageConnect, Message: "its ProxyCommand could not be started: " + innermost(err), Err: err})
	}
	return conn, nil
}

// startProxy runs command as ssh does: by the user's shell, which it replaces.
// It has a process group of its own, so that nothing of it stays behind.
func startProxy(d *Dialer, command string) (*proxyConn, error) {
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirIn.Close()
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		ourOut.Close()
		return nil, err
	}
	defer theirOut.Close()
	c := &proxyConn{
		in: ourIn, out: ourOut, words: &limited{max: maxProxyWords}, ended: make(chan struct{}),
		command: exec.Command(cmp.Or(d.opts.Env("SHELL"), "/bin/sh"), "-c", "exec "+command),
	}
	c.command.Stdin, c.command.Stdout, c.command.Stderr = theirIn, theirOut, c.words
	c.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.command.WaitDelay = proxyGrace
	if err := c.command.Start(); err != nil {
		ourIn.Close()
		ourOut.Close()
		return nil, err
	}
	// Ends with the command, which Close ends.
	if !d.start(c.wait) {
		c.Close()
		c.wait()
		return nil, errClosed
	}
	return c, nil
}

// wait also ends what the command left behind.
func (c *proxyConn) wait() {
	// The status is read from the command where it matters.
	_ = c.command.Wait()
	syscall.Kill(-c.command.Process.Pid, syscall.SIGKILL)
	close(c.ended)
}

// Close hangs up, as ssh does when it is done with its proxy.
func (c *proxyConn) Close() error {
	c.once.Do(func() {
		c.in.Close()
		c.out.Close()
		c.signal(syscall.SIGHUP)
		time.AfterFunc(proxyGrace, func() { c.signal(syscall.SIGKILL) })
	})
	return nil
}

// signal does nothing once the command has ended: its number may be another's.
func (c *proxyConn) signal(s syscall.Signal) {
	select {
	case <-c.ended:
	default:
		syscall.Kill(-c.command.Process.Pid, s)
	}
}

func (c *proxyConn) Read(p []byte) (int, error) {
	c.heard.Store(true)
	return c.in.Read(p)
}

// Write keeps what a command said that ended before it was spoken to: the library
// hangs up then without having read a word.
func (c *proxyConn) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	if errors.Is(err, syscall.EPIPE) && !c.heard.Load() {
		c.in.SetReadDeadline(time.Now().Add(hopGrace))
		c.left, _ = io.ReadAll(io.LimitReader(c.in, headSize))
	}
	return n, err
}

func (c *proxyConn) LocalAddr() net.Addr              { return channelAddr{} }
func (c *proxyConn) RemoteAddr() net.Addr             { return channelAddr{} }
func (c *proxyConn) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (c *proxyConn) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (c *proxyConn) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

// lostProxy is nil unless the connection is a ProxyCommand that has ended.
func (a *attempt) lostProxy() *Error {
	proxy, ok := a.tcp.Conn.(*proxyConn)
	if !ok {
		return nil
	}
	late := time.NewTimer(hopGrace)
	defer late.Stop()
	select {
	case <-proxy.ended:
	case <-late.C:
		return nil
	}
	if len(proxy.left) > 0 {
		return versionFailure(proxy.left, errProxyEnded)
	}
	how := "ended"
	if state := proxy.command.ProcessState; state != nil && !state.Success() {
		how = fmt.Sprintf("ended with status %d", localStatus(state.Sys()))
	}
	when := while(a.at())
	if !a.tcp.spoke() {
		when = "before the SSH version"
	}
	return &Error{Stage: StageConnect, Message: "its ProxyCommand " + how + " " + when, Hint: proxy.hint(), Err: errProxyEnded}
}

var errProxyEnded = errors.New("the ProxyCommand ended")

// hint is what the command said, which may hold what a message must not.
func (c *proxyConn) hint() string {
	if said := text.CleanMax(string(c.words.bytes()), 300); said != "" {
		return "it said: " + said
	}
	return "it said nothing; run it by hand"
}
