package remote

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// outputGrace is how long output may still arrive after the exit status. A child
// that the command left behind may hold the streams for ever.
const outputGrace = time.Second

// closeGrace is how long a server may take to close a channel that has nothing
// left to say.
const closeGrace = 200 * time.Millisecond

// spareStderr is how much standard error is read and dropped beyond its cap. A
// command that goes on is ended: only its rate would bound the traffic.
const spareStderr = 1 << 20

// hopGrace is how long to wait for the news that a jump connection has ended,
// once a connection through it has.
const hopGrace = 100 * time.Millisecond

// stdinChunk bounds one write: the library keeps three buffers of the size of
// the largest packet for each connection, and hundreds are open at a time.
const stdinChunk = 8 << 10

// onlyReader and onlyWriter hide the methods by which io.CopyBuffer would pass
// its buffer by.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// session is one command on one connection.
type session struct {
	begun    time.Time // when the command was asked for, or got its input
	ch       ssh.Channel
	out, err capture
	drained  chan struct{} // closed when both streams have ended
	over     chan struct{} // closed when standard output is beyond its cap
	flood    chan struct{} // closed when standard error is far beyond its cap
	exit     exitStatus
}

// command runs cmd. The connection is closed when it returns.
func (a *attempt) command(cmd Command) (*Output, *Error) {
	line, why := cmd.Line, ""
	if cmd.Sudo != nil {
		if why = a.barred(); why == "" {
			var out *Output
			var failure *Error
			if out, why, failure = a.elevate(cmd); why == "" {
				return out, failure
			}
			line = cmd.Sudo.Refused
		}
	}
	s, failure := a.open(cmd, line)
	if failure != nil {
		return nil, failure
	}
	s.read()
	s.write(cmd.Stdin)
	defer a.watch()()
	out, failure := s.result(a, "")
	out.Sudo = why
	return out, failure
}

// open starts line in a session of its own, of which nothing is read yet.
func (a *attempt) open(cmd Command, line string) (*session, *Error) {
	begun := time.Now()
	a.enter(StageSession)
	ch, reqs, err := a.conn.OpenChannel("session", nil)
	if err != nil {
		if failure := a.closedAfterLogin(); failure != nil {
			return nil, failure
		}
		return nil, a.sessionFailure("the server opens no session", err)
	}
	s := &session{
		begun: begun,
		ch:    ch, out: capture{max: cmd.MaxStdout, end: cmd.End, ended: make(chan struct{})}, err: capture{max: cmd.MaxStderr},
		drained: make(chan struct{}), over: make(chan struct{}), flood: make(chan struct{}),
		exit: exitStatus{known: make(chan struct{}), closed: make(chan struct{}), value: -1},
	}
	// Ends with the channel. It runs before anything is asked: a server may fill
	// the queue of requests, and the library would wait for us to read it.
	go s.exit.watch(reqs)
	started, err := ch.SendRequest("exec", true, ssh.Marshal(struct{ Line string }{line}))
	if err != nil || !started {
		return nil, a.sessionFailure("the server runs no command", err)
	}
	return s, nil
}

// result waits for the answer and hangs up. password is what the host must not
// be quoted with.
func (s *session) result(a *attempt, password string) (*Output, *Error) {
	truncated, failure := s.wait(a)
	a.hangUp()
	// The connection is gone, so the readers end, and the buffers are ours.
	<-s.drained
	if !bytes.HasSuffix(s.out.kept, s.out.end) {
		s.out.kept = redact(s.out.kept, password)
	}
	out := &Output{
		Stdout: s.out.kept, Stderr: redact(s.err.kept, password), ExitStatus: -1, Truncated: truncated,
		Command: time.Since(s.begun), Bytes: s.out.total.Load() + s.err.total.Load(),
	}
	select {
	case <-s.exit.known:
		out.ExitStatus = s.exit.value
	default:
	}
	return out, failure
}

// write sends what the command reads, in a goroutine that ends with the command
// or with the connection.
func (s *session) write(stdin string) {
	go func() {
		// A command need not read its input, so a failure here says nothing.
		if _, err := io.CopyBuffer(onlyWriter{s.ch}, onlyReader{strings.NewReader(stdin)}, make([]byte, stdinChunk)); err == nil {
			s.ch.CloseWrite()
		}
	}()
}

// read takes the two streams in goroutines, each of which ends with its stream
// or with the connection.
func (s *session) read() {
	var readers sync.WaitGroup
	readers.Go(func() {
		if s.out.fill(s.ch, 0) {
			close(s.over)
		}
	})
	readers.Go(func() {
		if s.err.fill(s.ch.Stderr(), spareStderr) {
			close(s.flood)
		}
	})
	go func() {
		readers.Wait()
		close(s.drained)
	}()
}

// wait returns when the answer is as complete as it will be.
func (s *session) wait(a *attempt) (truncated bool, _ *Error) {
	select {
	case <-s.exit.known:
		return s.finish(a)
	case <-s.exit.closed:
	case <-s.out.ended:
		return s.linger(a)
	case <-s.over:
		return true, nil
	case <-s.flood:
		return false, flooded()
	case <-a.ctx.Done():
		return false, a.stopped()
	}
	select {
	case <-s.exit.known:
		return s.finish(a)
	case <-s.drained:
	case <-s.over:
		return true, nil
	case <-s.flood:
		return false, flooded()
	}
	if stopped := a.stopped(); stopped != nil {
		return false, stopped
	}
	// The channel has ended without a status. Some servers send none; a
	// connection that was cut looks the same.
	if !a.alive() {
		if a.mute.Load() {
			return false, a.sessionFailure("the host stopped answering while the command ran", io.ErrUnexpectedEOF)
		}
		failure := a.sessionFailure("the connection ended before the command did", io.ErrUnexpectedEOF)
		failure.Retryable = failure.Stage == StageSession || failure.Retryable
		return false, failure
	}
	return false, nil
}

// linger gives the status of a complete answer a moment to come in. It is worth
// no more: some servers never send one, and would hold their slot to the limit.
func (s *session) linger(a *attempt) (truncated bool, _ *Error) {
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-s.exit.known:
		return s.finish(a)
	case <-s.exit.closed:
	case <-grace.C:
	case <-s.over:
		return true, nil
	case <-a.ctx.Done():
		return false, a.stopped()
	}
	return false, nil
}

// flooded is for a command that would never come to an end of its complaints.
func flooded() *Error {
	return &Error{Stage: StageSession, Message: "the command floods standard error",
		Hint: "something in the login shell's start-up files may print without end"}
}

// alive tells by asking, or where nobody would answer, by waiting for the news.
func (a *attempt) alive() bool {
	if !a.master {
		_, _, err := a.conn.SendRequest("keepalive@openssh.com", true, nil)
		return err == nil
	}
	late := time.NewTimer(hopGrace)
	defer late.Stop()
	select {
	case <-a.dead:
		return false
	case <-late.C:
		return true
	}
}

// finish waits for the rest of the output of a command that has ended.
func (s *session) finish(a *attempt) (truncated bool, _ *Error) {
	grace := time.NewTimer(outputGrace)
	defer grace.Stop()
	select {
	case <-s.drained:
		// The server's close is on its way. Hanging up before it came in would
		// answer it with a reset, which sshd logs as an error.
		grace.Reset(closeGrace)
		select {
		case <-s.exit.closed:
		case <-grace.C:
		case <-a.ctx.Done():
		}
	case <-grace.C:
	case <-s.over:
		return true, nil
	case <-s.flood:
		return false, flooded()
	case <-a.ctx.Done():
		return false, a.stopped()
	}
	select {
	case <-s.over:
		return true, nil
	case <-s.flood:
		return false, flooded()
	default:
		return false, nil
	}
}

// sessionFailure blames the jump host when it is its connection that ended.
func (a *attempt) sessionFailure(message string, err error) *Error {
	if stopped := a.stopped(); stopped != nil {
		return stopped
	}
	if lost := a.lost(); lost != nil {
		return lost
	}
	failure := &Error{Stage: StageSession, Message: message, Err: err}
	var refused *ssh.OpenChannelError
	switch {
	case errors.As(err, &refused) && refused.Message != "":
		failure.Message += ": " + clean(errors.New(refused.Message))
		failure.Hint = "look for MaxSessions 0 in its sshd_config: the account may be for tunnels only"
	case err != nil && !endOfConnection(err):
		failure.Message += ": " + sshText(err)
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		failure.Message += ": it closed the connection"
	case err == nil:
		failure.Hint = "the account may be for file transfer or tunnels only: see ForceCommand and Subsystem in its sshd_config"
	}
	return failure
}

// closedAfterLogin is for a server that lets us in and then hangs up, which it
// does when it cannot become the user. The library says only that it got no
// answer.
func (a *attempt) closedAfterLogin() *Error {
	late := time.NewTimer(hopGrace)
	defer late.Stop()
	select {
	case <-a.dead:
	case <-late.C:
		return nil
	}
	if a.stopped() != nil || a.lost() != nil {
		return nil
	}
	return &Error{Stage: StageSession, Message: "the server closed the connection after the login", Err: io.EOF,
		Hint: "it may have no room for another process of the user, or ChrootDirectory, the user's limits or its home fail; see its log (journalctl -u ssh)"}
}

// lost is nil unless what carries the connection has ended, and with it this one.
func (a *attempt) lost() *Error {
	if failure := a.lostProxy(); failure != nil {
		return failure
	}
	return a.lostHop()
}

// lostHop is nil unless the jump connection that carried this one has ended.
func (a *attempt) lostHop() *Error {
	if a.hop == nil {
		return nil
	}
	late := time.NewTimer(hopGrace)
	defer late.Stop()
	select {
	case <-a.hop.dead:
		return a.route.via.blame(&Error{Message: "its connection was lost " + while(a.at()), Err: io.ErrUnexpectedEOF, Retryable: true})
	case <-late.C:
		return nil
	}
}
