package remote

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/text"
)

// errClosed is the cause of what Close ends.
var errClosed = errors.New("the dialer was closed")

// Run runs cmd on t and returns its answer. The error is always an *Error: nil
// when the command ran to its end, whatever its exit status, or met its cap.
// Output is nil unless the command was begun. When ctx ended the run, the error
// wraps ctx.Err().
func (d *Dialer) Run(ctx context.Context, t Target, cmd Command) (*Output, error) {
	r, failure := d.route(ctx, t)
	if failure != nil {
		return nil, failure
	}
	a := d.attempt(ctx, r)
	defer a.close()
	out, failure := a.run(cmd)
	if failure != nil {
		return out, failure
	}
	return out, nil
}

// attempt is one try to reach one host, and the connection that came of it.
type attempt struct {
	*clock
	d      *Dialer
	caller context.Context // whose end is not the host's fault
	route  *route
	spent  time.Duration // on dialling, key exchange and login
	waited time.Duration // in Admit, last time
	asked  time.Duration // waited for a person
	trying bool          // the password, which no host took yet
	placed bool          // among the connections through the jump host
	master bool          // through the operator's master connection
	direct bool          // not through a master: the host itself is asked
	mute   atomic.Bool   // hung up because no sign of life came
	beyond bool          // DNS does not know the name, and the system's other places are asked

	tcp     *headConn   // nil until reached
	hop     *link       // the jump connection that tcp is a channel of
	unwatch func() bool // keeps the end of the context from closing tcp
	conn    ssh.Conn    // nil until logged in
	use     algorithms
	keys    *offer // what was offered at the login
	hostKey *hostKeyCheck
	dead    <-chan struct{} // closed when conn is
	unbase  func() bool
}

func (d *Dialer) attempt(ctx context.Context, r *route) *attempt {
	a := &attempt{clock: newClock(ctx), d: d, caller: ctx, route: r}
	a.unbase = context.AfterFunc(d.base, func() { a.cancel(errClosed) })
	return a
}

// close ends the connection and everything that watched it.
func (a *attempt) close() {
	a.hangUp()
	if a.placed {
		a.placed = false
		<-a.route.via.slots
	}
	a.unbase()
	a.end()
}

func (a *attempt) hangUp() {
	if a.unwatch != nil {
		a.unwatch()
		a.unwatch = nil
	}
	if a.conn != nil {
		a.conn.Close()
	}
	if a.tcp != nil {
		a.tcp.Close()
	}
}

func (a *attempt) run(cmd Command) (*Output, *Error) {
	if failure := a.reach(); failure != nil {
		return nil, failure
	}
	release, failure := a.admit(cmd.Admit)
	if failure != nil {
		return nil, failure
	}
	defer release()
	defer a.hangUp()
	if a.waited > a.d.pace.stale {
		a.hangUp()
		if failure := a.reach(); failure != nil {
			return nil, failure
		}
	}
	failure = a.login()
	if failure != nil && a.mayRepeat(failure) {
		a.hangUp()
		if failure = a.reach(); failure == nil {
			failure = a.login()
		}
	}
	if failure != nil {
		return nil, failure
	}
	out, failure := a.command(cmd)
	if out != nil {
		out.Connect = a.spent
		out.NewHostKey = !a.master && a.hostKey.isNew()
	}
	return out, failure
}

// mayRepeat tells whether a login that broke off was not the host's doing: its
// jump host went, or the host lost patience while a person was asked.
func (a *attempt) mayRepeat(failure *Error) bool {
	return failure.Retryable && a.ctx.Err() == nil && (failure.Stage == StageJump || a.asked > a.d.pace.stale)
}

// reach opens the TCP connection, or the channel of a jump host that stands for
// it. From then on the end of the context closes it: a channel knows no
// deadlines, and one way for both is easier to trust.
func (a *attempt) reach() *Error {
	begun := time.Now()
	a.conn, a.master = nil, false
	if !a.direct && a.throughMaster() {
		return nil
	}
	conn, failure := a.dial()
	a.pause()
	a.spent += time.Since(begun)
	if failure != nil {
		return failure
	}
	a.tcp = &headConn{Conn: conn}
	a.unwatch = context.AfterFunc(a.ctx, func() { conn.Close() })
	return nil
}

func (a *attempt) dial() (net.Conn, *Error) {
	limit := a.d.connectTimeout(a.route.set)
	if a.route.via == nil {
		if a.route.set.ProxyCommand != "" {
			a.begin(StageConnect, limit, StageConnect)
			return a.dialProxy()
		}
		return a.dialTCP(limit)
	}
	// The way to the jump host has limits of its own. A place there is kept until
	// the attempt is over: to give it back while holding a host's slot, and to wait
	// for it again, could stop everybody. A jump host behind another needs none.
	a.enter(StageJump)
	if !a.placed && a.caller != a.d.base {
		if !a.route.via.enter(a.ctx) {
			return nil, a.stopped()
		}
		a.placed = a.route.via.slots != nil
	}
	return a.dialThrough(limit)
}

// admit waits for the host's slot.
func (a *attempt) admit(ask func(context.Context) (func(), error)) (release func(), _ *Error) {
	if ask == nil {
		return func() {}, nil
	}
	begun := time.Now()
	release, err := ask(a.ctx)
	a.waited = time.Since(begun)
	if err != nil {
		return nil, a.failed(err, &Error{Stage: a.at(), Message: "no slot for this host: " + clean(err), Err: err})
	}
	if release == nil {
		release = func() {}
	}
	return release, nil
}

// failed is the Error for a step that failed with err: that of the limit or of
// the caller's context when one of them ended the step, else otherwise.
func (a *attempt) failed(err error, otherwise *Error) *Error {
	if stopped := a.stopped(); stopped != nil {
		return stopped
	}
	if otherwise.Err == nil {
		otherwise.Err = err
	}
	return otherwise
}

// stopped is nil as long as nothing but the host itself can have failed.
func (a *attempt) stopped() *Error {
	// A dialer looks at the deadline itself, and may be a moment before its context.
	if end, set := a.caller.Deadline(); set && time.Now().After(end) {
		<-a.caller.Done()
	}
	if a.ctx.Err() == nil && a.caller.Err() == nil {
		return nil
	}
	stage := a.at()
	if err := a.caller.Err(); err != nil {
		return &Error{Stage: stage, Message: "stopped " + while(stage), Err: err}
	}
	cause := context.Cause(a.ctx)
	var limit *limitError
	if !errors.As(cause, &limit) {
		return &Error{Stage: stage, Message: "stopped " + while(stage), Err: cause}
	}
	span := text.Duration(limit.limit)
	switch {
	case limit.of == StageTimeout:
		return &Error{Stage: StageTimeout, Message: "not finished within " + span + ", stopped " + while(stage), Err: cause,
			Hint: "allow more time with --host-timeout"}
	case limit.of == StageAuth:
		return a.slowLogin(span, cause)
	case limit.of == StageResolve:
		return a.slowLookup(span, cause)
	case stage == StageHandshake:
		return a.silent(span, cause)
	default:
		return &Error{Stage: StageConnect, Message: "no answer within " + span + a.route.through(), Err: cause,
			Hint: "check that the host is up and that no firewall drops the connection, or allow more time with --connect-timeout"}
	}
}

// while says what an attempt does at stage s.
func while(s Stage) string {
	switch s {
	case StageResolve:
		return "while looking its name up"
	case StageJump:
		return "while waiting for the jump host"
	case StageHandshake:
		return "during the key exchange"
	case StageAuth:
		return "during the login"
	case StageSession:
		return "while the command ran"
	}
	return "while connecting"
}

// clean is the text of an error that may quote a stranger.
func clean(err error) string { return text.CleanMax(err.Error(), 200) }
