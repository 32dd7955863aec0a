package remote

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"golang.org/x/crypto/ssh"
)

// lock is a private key that a passphrase protects.
type lock struct {
	data []byte // nil: nothing here can open it

	once   sync.Once
	mu     sync.Mutex // guards the rest
	signer ssh.Signer
	err    error
}

// errPassphrase is for a passphrase that is not that of the key.
var errPassphrase = errors.New("the passphrase is wrong")

// unlock asks for the passphrase, once per run, and opens the key with it, also
// once: that takes 0.1 s by design, and more by choice.
func (k *keyFile) unlock(a *attempt) (ssh.Signer, error) {
	passphrase, err := a.ask(a.d.opts.Passphrase, k.path, "Passphrase for "+k.path+": ")
	if err != nil {
		if a.ctx.Err() == nil {
			k.lock.fail(err)
		}
		return nil, &passphraseError{k.path, err}
	}
	k.lock.once.Do(func() {
		signer, err := ssh.ParsePrivateKeyWithPassphrase(k.lock.data, []byte(passphrase))
		if err != nil {
			k.lock.fail(errPassphrase)
			return
		}
		k.lock.mu.Lock()
		defer k.lock.mu.Unlock()
		k.lock.signer = signer
	})
	signer, err := k.lock.state()
	if err != nil {
		return nil, &passphraseError{k.path, err}
	}
	return signer, nil
}

func (l *lock) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// state is nil, nil until the key was opened or could not be.
func (l *lock) state() (ssh.Signer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.signer, l.err
}

// passphraseError is a key that stayed locked. Its path is for the hint.
type passphraseError struct {
	path string
	err  error
}

func (e *passphraseError) Error() string { return e.err.Error() }

func (e *passphraseError) Unwrap() error { return e.err }

// lockedSigner asks for the passphrase when a server wants the signature, and
// not before: the keys that no server knows stay locked.
type lockedSigner struct {
	a    *attempt
	file *keyFile
}

func (s *lockedSigner) PublicKey() ssh.PublicKey { return s.file.pub }

func (s *lockedSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, "")
}

func (s *lockedSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := s.file.unlock(s.a)
	if err != nil {
		return nil, err
	}
	able, ok := signer.(ssh.AlgorithmSigner)
	if !ok || algorithm == "" {
		return signer.Sign(rand, data)
	}
	return able.SignWithAlgorithm(rand, data, algorithm)
}

// sealed returns why no passphrase would open the key here; empty: one would.
func sealed(data []byte) string {
	block, _ := pem.Decode(data)
	if block == nil {
		return ""
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" {
		return "encrypted in PKCS#8 form, which is not read here; an agent can hold it"
	}
	rest, isOpenSSH := bytes.CutPrefix(block.Bytes, []byte("openssh-key-v1\x00"))
	var head struct {
		Cipher string
		Rest   []byte `ssh:"rest"`
	}
	if !isOpenSSH || ssh.Unmarshal(rest, &head) != nil || slices.Contains([]string{"none", "aes256-ctr", "aes256-cbc"}, head.Cipher) {
		return ""
	}
	return fmt.Sprintf("encrypted with %.40q, which is not read here; an agent can hold it", head.Cipher)
}
