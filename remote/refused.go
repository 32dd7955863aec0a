package remote

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/text"
	"twaudit/remote/sshconfig"
)

// authFailure says why a login did not succeed, and what would let it.
func (a *attempt) authFailure(err error) *Error {
	o, failure := a.keys, &Error{Stage: StageAuth, Err: err}
	failure.Hint = o.offers(a.route.set)
	var (
		agentFailed *agentError
		noPassword  *passwordError
		stillLocked *passphraseError
		remedies    []string
	)
	switch {
	case o.banners > maxBanner:
		failure.Message = "login given up: the banner does not end"
		failure.Hint = fmt.Sprintf("keys are not the cause: the server sent more than %s of banner before the login; look at Banner in its sshd_config and at what its PAM prints", text.Bytes(maxBanner))
	case errors.As(err, &noPassword):
		failure.Message = "login refused: " + noPassword.message
		if noPassword.hint != "" {
			failure.Hint = noPassword.hint + "; " + failure.Hint
		}
	case o.sent != "" && !endOfConnection(err) && !slices.Contains(o.passed, o.sent):
		failure.Message = "login refused: the password was rejected, and is not used again in this run"
		remedies = append(remedies, "run again with --ask-pass and the right password")
	case errors.As(err, &stillLocked):
		failure.Message = "the key that the server accepts stays locked: " + clean(stillLocked.err)
		remedies = a.unlocking([]string{stillLocked.path}, errors.Is(stillLocked.err, errPassphrase))
	case strings.Contains(err.Error(), "Too many authentication failures"):
		failure.Message = fmt.Sprintf("login refused: the server stopped before the right one of %s", o.kinds())
		failure.Hint = "name the right key with IdentityFile and IdentitiesOnly yes in ssh_config; " + failure.Hint
	case errors.As(err, &agentFailed):
		failure.Message = "the agent did not sign with a key that the server accepts: " + innermost(agentFailed.err)
	case strings.Contains(err.Error(), "no common public key signature algorithm"):
		failure.Message = "login refused: the server takes RSA keys with SHA-1 signatures only"
		failure.Hint = "use an ed25519 or ECDSA key, or put the line \"PubkeyAcceptedAlgorithms +ssh-rsa\" for this host in ssh_config; " + failure.Hint
	case len(o.passed) > 0:
		failure.Message = "a key was accepted, but the server also asks for " + methods(o.accepts)
		remedies = a.passwordToo()
	case !strings.Contains(err.Error(), "unable to authenticate"):
		failure.Message = "connection lost during the login: " + sshText(err)
		// A password that went out is not sent again to find out what became of it.
		failure.Retryable = endOfConnection(err) && o.sent == ""
	case len(o.accepts) > 0 && !slices.Contains(o.accepts, "publickey"):
		failure.Message = "login refused: the server accepts no keys, only " + methods(o.accepts)
		remedies = append(a.passwordToo(), "set up a key there")
	case !a.route.set.PubkeyAuthentication:
		failure.Message = "login refused: ssh_config allows no keys, and nothing else opens the door"
		remedies = append(a.passwordToo(), "take PubkeyAuthentication no out of ssh_config for this host")
	default:
		failure.Message, remedies = a.noKey()
	}
	if len(remedies) > 0 {
		failure.Hint = strings.Join(remedies, ", or ") + "; " + failure.Hint
	}
	return failure
}

// noKey is for a login by keys that had none, or none that the server takes.
func (a *attempt) noKey() (message string, remedies []string) {
	o := a.keys
	told, ways := o.troubles()
	remedies = slices.Concat(ways, a.unlocking(o.shut, true), a.unlocking(o.locked, false))
	for _, path := range o.sealed {
		remedies = append(remedies, "load "+quote(path)+" with ssh-add")
	}
	switch {
	case len(o.keys) > 0:
		message = fmt.Sprintf("login refused: the server accepts none of %s (it takes %s)", o.kinds(), methods(o.accepts))
	case len(o.shut) > 0:
		message = "no key to offer: the passphrase that was given opens none"
	case len(o.locked)+len(o.sealed) > 0:
		message = "no key to offer: a passphrase protects it and no agent holds it"
	case told != "":
		message = "no key to offer: " + told
		remedies = append(remedies, "name another key with --identity", "start an agent")
	default:
		message = "no key to offer: no agent with keys and no readable key file"
		remedies = append(remedies, "name a key with --identity", "start an agent")
	}
	return message, append(remedies, a.passwordToo()...)
}

// troubles say what keeps keys from being offered, for a message, and the ways to
// mend it.
func (o *offer) troubles() (told string, ways []string) {
	const most = 2
	var words []string
	for _, p := range o.problems {
		if p.told != "" && !slices.Contains(words, p.told) {
			words = append(words, p.told)
		}
		if p.way != "" {
			ways = append(ways, p.way)
		}
	}
	if left := len(words) - most; left > 0 {
		words = append(words[:most], fmt.Sprintf("%d more", left))
	}
	return text.CleanMax(strings.Join(words, "; "), 300), ways
}

// unlocking are the ways to open keys, after a passphrase that did not.
func (a *attempt) unlocking(paths []string, tried bool) (ways []string) {
	for _, path := range paths {
		words := "give the passphrase of " + quote(path) + " by --passphrase-file FILE"
		if tried {
			words = "give the right passphrase of " + quote(path) + ", asked for or by --passphrase-file FILE"
		}
		if a.d.opts.Passphrase == nil {
			words += ", by a terminal or by a program that SSH_ASKPASS names"
		}
		ways = append(ways, words, "unlock it with ssh-add "+quote(path))
	}
	return ways
}

// passwordToo is the way by a password, where the server takes one, the settings
// allow it and nobody gave one.
func (a *attempt) passwordToo() []string {
	set, takes := a.route.set, func(method string) bool { return slices.Contains(a.keys.accepts, method) }
	if a.d.opts.Password != nil ||
		!(takes("password") && set.PasswordAuthentication || takes("keyboard-interactive") && set.KbdInteractiveAuthentication) {
		return nil
	}
	if set.BatchMode {
		return []string{"give a password with --ask-pass, which BatchMode yes in ssh_config forbids"}
	}
	return []string{"give a password with --ask-pass"}
}

// kinds counts the offered keys: 3 keys (ssh-ed25519, ssh-rsa).
func (o *offer) kinds() string {
	var types []string
	for _, key := range o.keys {
		if t := key.signer.PublicKey().Type(); !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	noun := "keys"
	if len(o.keys) == 1 {
		noun = "key"
	}
	return fmt.Sprintf("%d %s (%s)", len(o.keys), noun, strings.Join(types, ", "))
}

// methods is what a server said it accepts.
func methods(names []string) string { return text.CleanMax(strings.Join(names, ", "), 120) }

// offers lists what was offered and why the rest could not be.
func (o *offer) offers(set *sshconfig.Settings) string {
	var parts []string
	for _, key := range o.keys[:min(len(o.keys), 8)] {
		pub := key.signer.PublicKey()
		parts = append(parts, fmt.Sprintf("%s %s (%s)", pub.Type(), ssh.FingerprintSHA256(pub), key.from))
	}
	words := fmt.Sprintf("as user %s: ", set.User)
	if len(parts) > 0 {
		words += "offered " + strings.Join(parts, ", ")
	} else {
		words += "nothing was offered"
	}
	for _, problem := range o.problems {
		words += "; " + text.CleanMax(problem.what, 300)
	}
	return words
}
