package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/text"
	"twaudit/remote/knownhosts"
	"twaudit/remote/sshconfig"
)

// outOfBand is what every host key hint comes down to: the network that shows
// the key cannot vouch for it.
const outOfBand = "compare the fingerprint out of band"

// hostKeyCheck decides about the key of one host, once per connection.
type hostKeyCheck struct {
	a       *attempt
	set     *sshconfig.Settings
	name    string // what known_hosts calls the host: its alias, or its name
	port    int
	match   *knownhosts.Match
	failure atomic.Pointer[Error] // why the key was refused
	taken   atomic.Bool           // no file held the key before this run
}

// isNew tells whether nothing but this run vouches for the host's key.
func (h *hostKeyCheck) isNew() bool { return h.taken.Load() }

func (d *Dialer) checkHostKey(a *attempt) (*hostKeyCheck, *Error) {
	set := a.route.set
	h := &hostKeyCheck{a: a, set: set, name: set.HostName, port: set.Port}
	if set.HostKeyAlias != "" {
		// OpenSSH looks an alias up as it stands, without the port.
		h.name, h.port = set.HostKeyAlias, 22
	}
	files := append(append([]string(nil), set.UserKnownHostsFiles...), set.GlobalKnownHostsFiles...)
	index := d.index(a.ctx, files)
	if index == nil {
		if err := a.caller.Err(); err != nil {
			return nil, a.stopped()
		}
		return nil, &Error{Stage: StageConfig, Message: "the known_hosts files could not be read in time", Err: context.Cause(a.ctx),
			Hint: "a file system may hang: " + text.CleanMax(strings.Join(files, ", "), 300)}
	}
	h.match = index.Lookup(h.name, h.port)
	return h, nil
}

// callback is called by the library when the host has proven to own key: at the
// login, whose limit runs from then on, and again whenever keys are renewed.
func (h *hostKeyCheck) callback(_ string, _ net.Addr, key ssh.PublicKey) error {
	err := h.match.Check(key)
	var unknown *knownhosts.UnknownError
	switch {
	case err == nil:
		h.taken.Store(h.a.d.shared.took(h.match.Name(), key))
	case errors.As(err, &unknown) && h.accepts():
		err = h.accept(unknown)
		h.taken.Store(err == nil)
	}
	if err != nil {
		failure := h.refusal(err)
		h.failure.Store(failure)
		return failure
	}
	if h.a.at() == StageHandshake {
		h.a.beginLogin()
	}
	return nil
}

// accepts tells whether a key that no file holds may be taken in.
func (h *hostKeyCheck) accepts() bool {
	return h.a.d.opts.HostKeyPolicy == PolicyAcceptNew
}

// warnCareless says that a setting of the operator is not obeyed, which is less
// safe than what the command line asks for.
func (d *Dialer) warnCareless(set *sshconfig.Settings) {
	switch {
	case set.StrictHostKeyChecking == "accept-new" && d.opts.HostKeyPolicy != PolicyAcceptNew,
		set.StrictHostKeyChecking == "no" && d.opts.HostKeyPolicy != PolicyAcceptNew:
		d.warn("StrictHostKeyChecking " + set.StrictHostKeyChecking + " in ssh_config is not obeyed: a host whose key is unknown fails (--host-key-policy accept-new takes new keys in)")
	case set.StrictHostKeyChecking == "no":
		d.warn("StrictHostKeyChecking no in ssh_config is not obeyed: a host whose key has changed fails")
	}
}

// accept takes the key of a new host in. A host that an authority vouches for is
// not new: a stranger in its place would show just such a plain key.
// Certificates are never taken in; their authority would be.
func (h *hostKeyCheck) accept(unknown *knownhosts.UnknownError) error {
	if _, isCert := unknown.Key.(*ssh.Certificate); isCert || len(unknown.Others) > 0 {
		return unknown
	}
	if len(h.set.UserKnownHostsFiles) == 0 {
		return errNowhere
	}
	known, first := h.a.d.shared.takeIn(unknown.Host, unknown.Key)
	if !first {
		if known == string(unknown.Key.Marshal()) {
			return nil
		}
		return &knownhosts.ChangedError{Presented: unknown.Presented}
	}
	if err := knownhosts.Append(h.set.UserKnownHostsFiles[0], h.name, h.port, unknown.Key, h.set.HashKnownHosts); err != nil {
		h.a.d.shared.forget(unknown.Host)
		return err
	}
	return nil
}

// errNowhere is for accept-new where no file may remember what was accepted.
var errNowhere = errors.New("UserKnownHostsFile is none")

// nowhere is the way out where a user's file is missing.
const nowhere = "set UserKnownHostsFile for this host to a file that can be kept, such as ~/.ssh/known_hosts"

// file is where a key for this host belongs: the first of the user's files that
// is read. Where there is none, wrong says why.
func (h *hostKeyCheck) file() (file, wrong string) {
	if len(h.set.UserKnownHostsFiles) == 0 {
		return "", errNowhere.Error()
	}
	for _, file := range h.set.UserKnownHostsFiles {
		err := knownhosts.Keeps(file)
		if err == nil {
			return file, ""
		}
		if wrong == "" {
			wrong = "UserKnownHostsFile " + quote(file) + ": " + clean(err)
		}
	}
	return "", wrong
}

// refusal is the Error for a key that is not accepted.
func (h *hostKeyCheck) refusal(err error) *Error {
	failure := &Error{Stage: StageHostKey, Err: err}
	var (
		unknown *knownhosts.UnknownError
		changed *knownhosts.ChangedError
		revoked *knownhosts.RevokedError
		cert    *knownhosts.CertError
	)
	switch {
	case errors.As(err, &unknown):
		failure.Message = "host key unknown: " + shown(unknown.Presented)
		failure.Hint = knownLines("vouched for by an authority at", unknown.Others) + outOfBand + ", then" + h.scan(unknown.Presented, "")
	case errors.As(err, &changed):
		failure.Message = "host key changed: it shows " + shown(changed.Presented)
		if otherType(changed) {
			failure.Message += ", and is known by another type of key"
		}
		failure.Hint = knownLines("known at", changed.Known) + outOfBand + "; if the change is genuine" + h.scan(changed.Presented, h.remove(changed))
	case errors.As(err, &revoked):
		failure.Message = "host key revoked: " + shown(revoked.Presented)
		failure.Hint = knownLines("revoked at", revoked.Revoked) + "do not log in there before its keys are replaced"
	case errors.As(err, &cert):
		failure.Message = "host certificate not accepted: " + shown(cert.Presented) + ", " + text.CleanMax(cert.Reason, 200)
		failure.Hint = knownLines("authority known at", cert.Known) + "signed by " + cert.CA
	case errors.Is(err, errNowhere):
		failure.Message = "the new host key is not accepted: no known_hosts file would keep it"
		failure.Hint = errNowhere.Error() + ": " + nowhere
	default:
		failure.Message = "the new host key could not be added to known_hosts"
		failure.Hint = clean(err)
	}
	return failure
}

func shown(p knownhosts.Presented) string { return p.KeyType + " " + p.Fingerprint }

// knownLines lists at most four lines of known_hosts as the start of a hint.
func knownLines(intro string, lines []knownhosts.Line) string {
	if len(lines) == 0 {
		return ""
	}
	var b strings.Builder
	for i, line := range lines[:min(len(lines), 4)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s:%d (%s %s)", line.File, line.Line, line.Key.Type(), ssh.FingerprintSHA256(line.Key))
	}
	return intro + " " + b.String() + "; "
}

// otherType tells whether the known keys may still be good beside the new one.
func otherType(changed *knownhosts.ChangedError) bool {
	return len(changed.Known) > 0 && !changed.SameType()
}

// remove is the command that takes the old keys out, with the && after it. The
// file is the one that holds them, not the one new keys go to.
func (h *hostKeyCheck) remove(changed *knownhosts.ChangedError) string {
	if otherType(changed) {
		return ""
	}
	file, wrong := h.file()
	if len(changed.Known) > 0 {
		file, wrong = changed.Known[0].File, ""
	}
	if wrong != "" {
		return ""
	}
	return fmt.Sprintf("ssh-keygen -R %s -f %s && ", quote(changed.Host), quote(file))
}

// scan ends a hint with the command that adds the key, run where the host can be
// reached, after the command first. Where a line would be added in vain, it names
// the setting that is to be changed.
func (h *hostKeyCheck) scan(p knownhosts.Presented, first string) string {
	command := fmt.Sprintf("ssh-keyscan -p %d -t %s %s", h.set.Port, scanType(p.KeyType), quote(h.set.HostName))
	if via := h.a.route.via; via != nil {
		command = via.command() + " " + command
	}
	if h.set.HostKeyAlias != "" {
		command += fmt.Sprintf(" | sed %s", quote("s/^[^ #]* /"+h.set.HostKeyAlias+" /"))
	}
	file, wrong := h.file()
	if wrong != "" {
		return ", " + nowhere + " (" + wrong + "), and add to that file what this prints: " + first + command
	}
	if dir := filepath.Dir(file); first == "" && missing(dir) {
		first = "mkdir -p -m 700 " + quote(dir) + " && "
	}
	return ": " + first + command + " >> " + quote(file)
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist)
}

// scanType is what ssh-keyscan -t calls a key type.
func scanType(keyType string) string {
	for _, t := range []struct{ prefix, name string }{
		{"ssh-ed25519", "ed25519"}, {"ecdsa-", "ecdsa"}, {"ssh-rsa", "rsa"}, {"rsa-", "rsa"}, {"ssh-dss", "dsa"},
	} {
		if strings.HasPrefix(keyType, t.prefix) {
			return t.name
		}
	}
	return text.CleanMax(keyType, 40)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./~-]+$`)

// quote makes one word of s for a POSIX shell.
func quote(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
