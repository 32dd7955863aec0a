package remote

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/text"
)

// password is what the run knows of the one password that it has. Until a host
// has taken it, one host at a time may try it, and the first that rejects it is
// the last that saw it: a wrong one tried everywhere locks an account out of the
// whole fleet.
type password struct {
	trial chan struct{} // holds one entry while a host tries a password that nobody took yet

	mu       sync.Mutex
	taken    bool
	rejected bool
}

func newPassword() *password { return &password{trial: make(chan struct{}, 1)} }

func (p *password) state() (taken, rejected bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken, p.rejected
}

// turn waits until the password may be tried here, and reports whether the
// caller has to give the turn back, by an entry of trial, when it knows more.
func (p *password) turn(a *attempt) (mine bool) {
	if taken, _ := p.state(); taken {
		return false
	}
	a.pause()
	defer a.resume()
	select {
	case p.trial <- struct{}{}:
	case <-a.ctx.Done():
		return false
	}
	if taken, _ := p.state(); taken {
		<-p.trial
		return false
	}
	return true
}

// passwordError is why the password was not sent. Its text is a message.
type passwordError struct{ message, hint string }

func (e *passwordError) Error() string { return e.message }

// methods are the ways to log in that the settings allow, in their order.
func (a *attempt) methods() []ssh.AuthMethod {
	set := a.route.set
	allowed := map[string]ssh.AuthMethod{}
	if set.PubkeyAuthentication {
		allowed["publickey"] = ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			// The agent may have used up the time; nothing is offered after it.
			return a.keys.collect(a), a.ctx.Err()
		})
	}
	if a.mayAsk(a.d.opts.Password) && set.NumberOfPasswordPrompts > 0 {
		if set.KbdInteractiveAuthentication {
			allowed["keyboard-interactive"] = ssh.KeyboardInteractive(a.answer)
		}
		if set.PasswordAuthentication {
			allowed["password"] = ssh.PasswordCallback(func() (string, error) { return a.password("password") })
		}
	}
	var methods []ssh.AuthMethod
	for _, name := range strings.Split(cmp.Or(set.PreferredAuthentications, "publickey,keyboard-interactive,password"), ",") {
		if method, ok := allowed[name]; ok {
			methods = append(methods, method)
			delete(allowed, name)
		}
	}
	return methods
}

// mayAsk tells whether hook is there and the settings let a person be asked.
func (a *attempt) mayAsk(hook func(string) (string, error)) bool {
	return hook != nil && !a.route.set.BatchMode
}

// password returns what to send to this host by method, and waits for the host
// that tries it, if one does.
func (a *attempt) password(method string) (string, error) {
	p := a.d.shared.password
	switch {
	case a.hostKey.isNew():
		return "", &passwordError{"the password is not sent to a host whose key was taken in by this run",
			outOfBand + " with the line in known_hosts, and run again"}
	case a.keys.question != "":
		return "", a.keys.unanswered()
	case a.keys.sent != "":
		return "", &passwordError{"the password was rejected", ""}
	}
	value, err := a.ask(a.d.opts.Password, "password", "SSH password: ")
	if err != nil {
		return "", a.askFailure("no password: ", err)
	}
	a.trying = a.trying || p.turn(a)
	if a.ctx.Err() != nil {
		return "", context.Cause(a.ctx)
	}
	if _, rejected := p.state(); rejected {
		return "", &passwordError{"the password is not tried: another host rejected it in this run",
			"check it with one host (ssh " + quote(a.route.set.HostName) + "), then run again"}
	}
	a.keys.sent = method
	return value, nil
}

func (a *attempt) askFailure(what string, err error) error {
	if a.ctx.Err() != nil {
		return context.Cause(a.ctx)
	}
	return &passwordError{what + clean(err), ""}
}

// answer is asked by the server. Only a password is answered: what else it may
// want to know, a code or a new password, is nothing that a run has.
func (a *attempt) answer(_, _ string, questions []string, echos []bool) ([]string, error) {
	if len(questions) == 0 {
		return nil, nil
	}
	if len(questions) > 1 || echos[0] || a.keys.sent != "" || !strings.Contains(strings.ToLower(questions[0]), "passw") {
		a.keys.question = cmp.Or(text.CleanMax(strings.TrimSpace(questions[0]), 80), "…")
		return nil, a.keys.unanswered()
	}
	value, err := a.password("keyboard-interactive")
	return []string{value}, err
}

// unanswered is for a question that is not about the password.
func (o *offer) unanswered() error {
	return &passwordError{fmt.Sprintf("the server asks %q, which is not answered here", o.question),
		"log in by hand with ssh -M -S and name that socket as ControlPath: a master connection that is open is used"}
}

// judgePassword draws the lesson of a login that is over. A connection that was
// lost says nothing about the password.
func (a *attempt) judgePassword(err error) {
	p, sent := a.d.shared.password, a.keys.sent
	if sent != "" {
		p.mu.Lock()
		switch {
		case err == nil || slices.Contains(a.keys.passed, sent):
			p.taken = true
		case !endOfConnection(err) && a.ctx.Err() == nil:
			p.rejected = true
		}
		p.mu.Unlock()
	}
	if a.trying {
		a.trying = false
		<-p.trial
	}
}
