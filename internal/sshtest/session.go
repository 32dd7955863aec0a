package sshtest

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// Exec is one command that a client asked for.
type Exec struct {
	User    string
	Command string // empty: the login shell
	Env     map[string]string
	Remote  string    // host:port of the client
	Stdin   io.Reader // ends with io.EOF when the client closes its side
	Stdout  io.Writer // fails when the client is gone
	Stderr  io.Writer
}

// NoStatus as a Handler's answer closes the session without any exit status,
// as a server does whose connection to the command broke.
const NoStatus = -1

// Handler answers a command and returns its exit status, 0 to 255, or NoStatus.
// It may run many times at once. The context ends with the connection.
type Handler func(context.Context, Exec) int

// connection is one client that is logged in.
type connection struct {
	*service
	host     *host
	ssh      *ssh.ServerConn
	ctx      context.Context
	sessions atomic.Int64
}

// serve returns when the client has closed the connection and every channel's
// work has ended.
func (c *connection) serve(channels <-chan ssh.NewChannel) {
	ctx, cancel := context.WithCancel(c.ctx)
	c.ctx = ctx
	var open sync.WaitGroup
	defer open.Wait()
	defer cancel()
	for asked := range channels {
		switch kind := asked.ChannelType(); {
		case kind == "session" && c.host.Fault != FaultNoSession:
			// Ends with its channel, which the connection's end closes; waited for above.
			open.Go(func() { c.session(asked) })
		case kind == "direct-tcpip" && c.host.JumpAllowed:
			// As above.
			open.Go(func() { c.forward(asked) })
		default:
			// A client that is gone does not hear the refusal.
			_ = asked.Reject(ssh.Prohibited, "administratively prohibited")
		}
	}
}

func (c *connection) session(asked ssh.NewChannel) {
	defer c.sessions.Add(-1)
	if limit := int64(c.host.MaxSessions); c.sessions.Add(1) > limit && limit > 0 {
		_ = asked.Reject(ssh.ConnectionFailed, "open failed")
		return
	}
	channel, requests, err := asked.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	c.counts.sessions.Add(1)
	env := map[string]string{}
	var command *string
	for command == nil {
		req, open := <-requests
		if !open {
			return
		}
		command = c.prepare(req, env)
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	// Ends when the client or this function closes the channel. It refuses what
	// comes late, and tells the handler when the client hung up.
	go func() {
		ssh.DiscardRequests(requests)
		cancel()
	}()
	c.counts.execs.Add(1)
	c.run(ctx, channel, Exec{
		User: c.ssh.User(), Command: *command, Env: env, Remote: c.ssh.RemoteAddr().String(),
		Stdin: channel, Stdout: channel, Stderr: channel.Stderr(),
	})
}

// prepare answers one request before the command. It returns the command, or
// nil as long as there is none.
func (c *connection) prepare(req *ssh.Request, env map[string]string) *string {
	reply := func(ok bool) {
		if req.WantReply {
			_ = req.Reply(ok, nil)
		}
	}
	switch req.Type {
	case "env":
		var kv struct{ Name, Value string }
		ok := ssh.Unmarshal(req.Payload, &kv) == nil
		if ok {
			env[kv.Name] = kv.Value
		}
		reply(ok)
	case "pty-req":
		reply(true)
	case "shell":
		reply(true)
		return new(string)
	case "exec":
		var line struct{ Command string }
		if ssh.Unmarshal(req.Payload, &line) != nil {
			reply(false)
			return nil
		}
		reply(true)
		return &line.Command
	default:
		reply(false)
	}
	return nil
}

// run lets the handler answer, within the host's fault.
func (c *connection) run(ctx context.Context, channel ssh.Channel, e Exec) {
	switch c.host.Fault {
	case FaultHangInCommand:
		<-ctx.Done()
		return
	case FaultFlood:
		flood(e.Stdout)
		return
	case FaultCutInCommand:
		e.Stdout = &cutWriter{w: e.Stdout, left: c.host.Cut, then: func() { c.ssh.Close() }}
	case FaultExitEarly:
		e.Stdout = &cutWriter{w: e.Stdout, left: c.host.Cut}
	}
	status := 0
	if c.host.Handler != nil {
		status = c.host.Handler(ctx, e)
	}
	if c.host.Fault == FaultCutInCommand {
		c.ssh.Close() // also when the answer was shorter than Cut
		return
	}
	if status != NoStatus {
		// A client that is gone does not hear the status.
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
	}
	if c.host.Fault == FaultBackground {
		<-ctx.Done()
	}
	_ = channel.CloseWrite()
}
