package remote

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/text"
)

// hostKeyAlgorithms are in the order in which a host unknown so far is asked for
// its keys, as OpenSSH has it: certificates first, then the small keys.
var hostKeyAlgorithms = []string{
	ssh.CertAlgoED25519v01,
	ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
	ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
	ssh.KeyAlgoED25519,
	ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
}

// goodAlgorithms leaves out what the library still offers by default although it
// calls it insecure: SHA-1 key exchanges and hmac-sha1-96.
func goodAlgorithms() ssh.Config {
	supported := ssh.SupportedAlgorithms()
	return ssh.Config{KeyExchanges: supported.KeyExchanges, Ciphers: supported.Ciphers, MACs: supported.MACs}
}

// login speaks SSH on the connection until it is ours to run commands on.
func (a *attempt) login() *Error {
	begun := time.Now()
	a.enter(StageHandshake)
	a.resume()
	set := a.route.set
	a.hostKey = a.d.checkHostKey(a)
	a.keys = &offer{}
	config := &ssh.ClientConfig{
		Config:            a.d.algorithms,
		User:              set.User,
		HostKeyAlgorithms: a.hostKey.match.Algorithms(hostKeyAlgorithms),
		HostKeyCallback:   a.hostKey.callback,
		AuthCallback:      a.keys.observe,
		BannerCallback:    a.banner,
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			// The agent may have used up the time; nothing is offered after it.
			return a.keys.collect(a), a.ctx.Err()
		})},
	}
	conn, chans, reqs, err := ssh.NewClientConn(a.tcp, set.HostName, config)
	a.spent += time.Since(begun)
	if err != nil {
		return a.loginFailure(err)
	}
	a.conn = conn
	dead := make(chan struct{})
	a.dead = dead
	// Ends with the connection.
	go refuse(chans, reqs, dead)
	return nil
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
	if endOfConnection(err) {
		if lost := a.lostHop(); lost != nil {
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
		return &Error{Stage: StageHandshake, Message: "the server speaks only version 1 of the SSH protocol", Err: err}
	case endOfConnection(err):
		return &Error{Stage: StageHandshake, Message: "connection closed during the key exchange", Err: err}
	}
	return &Error{Stage: StageHandshake, Message: "key exchange: " + sshText(err), Err: err}
}

// silent is for a peer that took the connection and let the limit pass.
func (a *attempt) silent(span string, cause error) *Error {
	failure := &Error{Stage: StageHandshake, Err: cause}
	switch head := a.tcp.first(); {
	case a.tcp.spoke():
		failure.Message = "key exchange not finished within " + span
	case len(head) == 0:
		failure.Message = "connected, but no SSH version within " + span
		failure.Hint = "the server is overloaded or hangs, or something else owns the port"
	default:
		failure.Message = fmt.Sprintf("no SSH version within %s: first bytes %q", span, text.CleanMax(strings.TrimSpace(string(head)), 120))
		failure.Hint = "check the port: a tarpit may sit there"
	}
	return failure
}

// algorithmFailure names the ssh_config line by which the ssh command would
// still speak to a host that offers only what is no longer considered safe.
func algorithmFailure(err *ssh.AlgorithmNegotiationError) *Error {
	directive := ""
	for _, d := range []struct{ word, name string }{
		{"key exchange", "KexAlgorithms"}, {"host key", "HostKeyAlgorithms"}, {"cipher", "Ciphers"}, {"MAC", "MACs"},
	} {
		if strings.Contains(err.What, d.word) {
			directive = d.name
		}
	}
	offered := make([]string, 0, len(err.RequestedAlgorithms))
	for _, name := range err.RequestedAlgorithms {
		// Markers for extensions are no algorithms.
		if !strings.HasPrefix(name, "ext-info-") && !strings.HasPrefix(name, "kex-strict-") {
			offered = append(offered, name)
		}
	}
	list := text.CleanMax(strings.Join(offered, ","), 300)
	failure := &Error{Stage: StageHandshake, Err: err, Message: fmt.Sprintf("no common %s algorithm: the host offers only %s", err.What, list)}
	if directive != "" {
		failure.Hint = fmt.Sprintf("update the host's SSH server; until then ssh needs the line %q for this host in ssh_config, which is not used here yet",
			directive+" +"+legacyChoice(offered))
	}
	return failure
}

// legacyChoice is the least bad of what an old server offers.
func legacyChoice(offered []string) string {
	for _, name := range []string{
		"diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1", "diffie-hellman-group1-sha1",
		"ssh-rsa", "ssh-dss", "aes256-cbc", "aes128-cbc", "3des-cbc", "hmac-sha1-96",
	} {
		if slices.Contains(offered, name) {
			return name
		}
	}
	if len(offered) > 0 {
		return text.CleanMax(offered[0], 80)
	}
	return "…"
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
