package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"

	"twaudit/remote/knownhosts"
)

// maxKeyFile bounds what is read from a path that was named as a key.
const maxKeyFile = 1 << 20

// dsaKey is the one type of a user's key that is never offered: no server of
// this century's second decade takes it.
const dsaKey = "ssh-dss"

// keyFile is one IdentityFile or CertificateFile, read at most once per Dialer.
type keyFile struct {
	path   string
	loaded chan struct{}    // closed when what follows is set
	pub    ssh.PublicKey    // nil: neither half could be read
	plain  string           // wire form of pub
	signer ssh.Signer       // nil: only an agent can sign with it
	cert   *ssh.Certificate // from the file itself or from path-cert.pub
	locked bool             // by a passphrase, or by a cipher that is not read here
	lock   lock
	wrong  string // why there is no signer; empty: there is one, or no such file
	shared bool   // others may read it: that is wrong
}

// problem is why a key cannot be offered.
type problem struct {
	what string // with the file or the socket, for the hint
	told string // without, for the message; empty: the message has it in other words
	way  string // the command that mends it; empty: there is none
}

// problem is why the file gives no key.
func (k *keyFile) problem(why string) problem {
	p := problem{k.path + ": " + why, "the key file cannot be used: " + why, ""}
	if k.shared {
		p.told, p.way = "the key file's "+why, "chmod 600 "+quote(k.path)
	}
	return p
}

// modeError is a private key that others may read.
type modeError struct{ mode fs.FileMode }

func (e *modeError) Error() string { return fmt.Sprintf("mode %04o lets others use it", e.mode) }

// keyFile returns the file at path, read; when ctx ends before, one that gives
// no key.
func (d *Dialer) keyFile(ctx context.Context, path string) *keyFile {
	d.mu.Lock()
	file := d.keyFiles[path]
	if file == nil {
		file = &keyFile{path: path, loaded: make(chan struct{})}
		d.keyFiles[path] = file
		// Ends when the file is read. Close does not wait for it: a file system
		// that hangs cannot be told.
		go func() {
			defer close(file.loaded)
			file.load()
		}()
	}
	d.mu.Unlock()
	select {
	case <-file.loaded:
		return file
	case <-ctx.Done():
		return &keyFile{path: path, wrong: "not read in time"}
	}
}

// load never asks for a passphrase: a locked key names the one that the agent
// should sign with, and is opened when a server wants it.
func (k *keyFile) load() {
	data, err := readPrivate(k.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		k.wrong = innermost(err)
		k.shared = errors.As(err, new(*modeError))
	default:
		k.parse(data)
	}
	if k.pub == nil {
		k.pub, _ = readPublic(k.path + ".pub")
	}
	if cert, isCert := k.pub.(*ssh.Certificate); isCert {
		// A CertificateFile names no key by itself.
		k.cert, k.pub = cert, nil
		return
	}
	if k.pub != nil {
		k.plain = string(k.pub.Marshal())
	}
	if other, _ := readPublic(k.path + "-cert.pub"); other != nil {
		k.cert, _ = other.(*ssh.Certificate)
	}
}

func (k *keyFile) parse(data []byte) {
	if pub, _, _, _, err := ssh.ParseAuthorizedKey(data); err == nil {
		// The public half as IdentityFile chooses one key of the agent.
		k.pub = pub
		return
	}
	if k.wrong = sealed(data); k.wrong != "" {
		k.locked = true
		return
	}
	signer, err := ssh.ParsePrivateKey(data)
	var missing *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &missing):
		k.locked, k.pub, k.lock.data = true, missing.PublicKey, data
		k.wrong = "protected by a passphrase"
	case err != nil:
		k.wrong = "not a private key that can be read: " + sshText(err)
	case signer.PublicKey().Type() == dsaKey:
		k.wrong = "DSA keys are not used"
	default:
		k.pub, k.signer = signer.PublicKey(), signer
	}
}

// readPrivate reads a private key, and refuses one that others may read, as ssh
// does: a fleet's key in the open is worth a failure.
func readPrivate(path string) ([]byte, error) {
	file, err := knownhosts.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, err
	}
	open := info.Mode().Perm()&0o077 != 0
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && open && int(stat.Uid) == os.Getuid() && isPrivate(data) {
		return nil, &modeError{info.Mode().Perm()}
	}
	return data, nil
}

func isPrivate(data []byte) bool { return strings.Contains(string(data), "PRIVATE KEY-----") }

// readPublic reads a file in the form of id.pub.
func readPublic(path string) (ssh.PublicKey, error) {
	file, err := knownhosts.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, err
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(data)
	return pub, err
}
