package remote

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/text"
)

// login speaks SSH on the connection until it is ours to run commands on.
func (a *attempt) login() *Error {
	if a.master {
		a.begin(StageSession, a.d.hostTimeout(), StageTimeout)
		return nil
	}
	begun := time.Now()
	a.enter(StageHandshake)
	a.resume()
	set := a.route.set
	hostKey, failure := a.d.checkHostKey(a)
	if failure != nil {
		return failure
	}
	a.hostKey, a.keys = hostKey, &offer{}
	use, failure := a.d.algorithms.chosen(set)
	if failure != nil {
		return failure
	}
	a.use = use
	config := &ssh.ClientConfig{
		Config:            use.Config,
		User:              set.User,
		HostKeyAlgorithms: a.hostKey.match.Algorithms(use.hostKeys),
		HostKeyCallback:   a.hostKey.callback,
		AuthCallback:      a.keys.observe,
		BannerCallback:    a.banner,
		Auth:              a.methods(),
	}
	conn, chans, reqs, err := ssh.NewClientConn(a.tcp, set.HostName, config)
	a.spent += time.Since(begun)
	a.judgePassword(err)
	if err != nil {
		return a.loginFailure(err)
	}
	// What the login left of the host's time is the command's.
	a.widen(a.d.hostTimeout(), StageTimeout)
	a.conn = conn
	a.attend(chans, reqs)
	return nil
}

// beginLogin is called when the host has proven who it is. Where the host's own
// limit is not longer, it is the one to name.
func (a *attempt) beginLogin() {
	if limit := a.d.authTimeout(); limit < a.d.hostTimeout() {
		a.begin(StageAuth, limit, StageAuth)
		return
	}
	a.begin(StageAuth, a.d.hostTimeout(), StageTimeout)
}

// attend serves what the server asks for, until the connection ends.
func (a *attempt) attend(chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request) {
	dead := make(chan struct{})
	a.dead = dead
	// Ends with the connection.
	go refuse(chans, reqs, dead)
}

// refuse answers what a server may ask of a client: nothing is granted. It
// closes dead when the connection has ended.
func refuse(chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request, dead chan<- struct{}) {
	defer close(dead)
	for chans != nil || reqs != nil {
		select {
		case ch, open := <-chans:
			if !open {
				chans = nil
				continue
			}
			ch.Reject(ssh.Prohibited, "not offered here")
		case req, open := <-reqs:
			if !open {
				reqs = nil
				continue
			}
			req.Reply(false, nil)
		}
	}
}

// loginFailure names the step that err ended.
func (a *attempt) loginFailure(err error) *Error {
	if failure := a.hostKey.failure.Load(); failure != nil {
		return failure
	}
	if stopped := a.stopped(); stopped != nil {
		return stopped
	}
	if endOfConnection(err) && (a.tcp.spoke() || len(a.tcp.first()) == 0) {
		if lost := a.lost(); lost != nil {
			return lost
		}
	}
	var mismatch *ssh.AlgorithmNegotiationError
	switch {
	case errors.As(err, &mismatch):
		return algorithmFailure(mismatch)
	case a.at() == StageAuth:
		return a.authFailure(err)
	case !a.tcp.spoke():
		return versionFailure(a.tcp.first(), err)
	case strings.HasPrefix(string(a.tcp.first()), "SSH-1.") && !strings.HasPrefix(string(a.tcp.first()), "SSH-1.99"):
		return &Error{Stage: StageHandshake, Message: "the server speaks only version 1 of the SSH protocol", Err: err,
			Hint: "update the host's SSH server: no client of today speaks that version"}
	case endOfConnection(err):
		return &Error{Stage: StageHandshake, Message: "connection closed during the key exchange", Err: err, Retryable: true,
			Hint: "the server or something on the way gave up; its log (journalctl -u ssh) may say why"}
	}
	return &Error{Stage: StageHandshake, Message: "key exchange: " + sshText(err), Err: err}
}

// silent is for a peer that took the connection and let the limit pass.
func (a *attempt) silent(span string, cause error) *Error {
	failure := &Error{Stage: StageHandshake, Err: cause}
	switch head := a.tcp.first(); {
	case a.tcp.spoke():
		failure.Message = "key exchange not finished within " + span
		failure.Hint = "the host is overloaded, or the way to it drops large packets (compare ping -M do -s 1400); --connect-timeout allows more time"
	case len(head) == 0:
		failure.Message = "connected, but no SSH version within " + span
		failure.Hint = "the server is overloaded or hangs, or something else owns the port"
	default:
		failure.Message = fmt.Sprintf("no SSH version within %s: first bytes %q", span, text.CleanMax(strings.TrimSpace(string(head)), 120))
		failure.Hint = "check the port: a tarpit may sit there"
	}
	return failure
}

// slowLogin is for a login that the limit ended. Who was waited for is half of
// the answer.
func (a *attempt) slowLogin(span string, cause error) *Error {
	failure := &Error{Stage: StageAuth, Message: "login not finished within " + span, Err: cause,
		Hint: "PAM, a directory (LDAP), DNS or an AuthorizedKeysCommand may hang there; see its log (journalctl -u ssh), or allow more time with --auth-timeout"}
	switch {
	case a.keys.unsigned:
		failure.Message += ": the agent did not sign"
		failure.Hint = "a key may have to be touched or confirmed for each login; look at the agent, or allow more time with --auth-timeout"
	case len(a.keys.accepts) == 0:
		failure.Message += ": the server answered nothing"
	}
	return failure
}

// sshText is the text of an error of the SSH library without its prefixes.
func sshText(err error) string {
	message := clean(err)
	for {
		rest, found := strings.CutPrefix(message, "ssh: ")
		if !found {
			rest, found = strings.CutPrefix(message, "handshake failed: ")
		}
		if !found {
			return message
		}
		message = rest
	}
}
