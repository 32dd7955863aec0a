package sshtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// NewKey makes an ed25519 key.
func NewKey() (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}

// WriteKey makes an ed25519 key and writes it to path (0600, OpenSSH's format,
// no passphrase) and its public half to path.pub.
func WriteKey(path string) (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "sshtest")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	return signer, os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(signer.PublicKey()), 0o600)
}

// KnownHostsLine is the line, with its newline, by which a client trusts key at
// addr, which is a name or host:port.
func KnownHostsLine(addr string, key ssh.PublicKey) string {
	return knownhosts.Line([]string{knownhosts.Normalize(addr)}, key) + "\n"
}

// Client is a directory with all that an ssh client needs to reach test
// servers, and nothing of the person who runs it.
type Client struct {
	Dir        string
	KeyFile    string // private key, ed25519
	KnownHosts string
	Config     string // for ssh -F
	Key        ssh.PublicKey
}

// NewClient writes a key, an empty known_hosts and an empty ssh_config to dir,
// which must exist.
func NewClient(dir string) (*Client, error) {
	c := &Client{
		Dir:        dir,
		KeyFile:    filepath.Join(dir, "id_ed25519"),
		KnownHosts: filepath.Join(dir, "known_hosts"),
		Config:     filepath.Join(dir, "config"),
	}
	signer, err := WriteKey(c.KeyFile)
	if err != nil {
		return nil, err
	}
	c.Key = signer.PublicKey()
	for _, path := range []string{c.KnownHosts, c.Config} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Add appends a Host block for alias that leads to addr (host:port), and trusts
// key there; a nil key leaves the host unknown. Each of more is one further
// line of the block, such as "ProxyJump bastion".
func (c *Client) Add(alias, addr string, key ssh.PublicKey, more ...string) error {
	name, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	var block strings.Builder
	fmt.Fprintf(&block, "Host %s\n", alias)
	for _, line := range append([]string{
		"HostName " + name, "Port " + port, "HostKeyAlias " + alias, "User audit",
		"IdentityFile " + quoted(c.KeyFile), "IdentitiesOnly yes", "IdentityAgent none",
		"UserKnownHostsFile " + quoted(c.KnownHosts), "GlobalKnownHostsFile /dev/null",
	}, more...) {
		fmt.Fprintf(&block, "    %s\n", line)
	}
	if key != nil {
		if err := appendTo(c.KnownHosts, knownhosts.Line([]string{alias}, key)+"\n"); err != nil {
			return err
		}
	}
	return appendTo(c.Config, block.String()+"\n")
}

// quoted protects blanks in a path; ssh_config has no way to write a quote.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t") {
		return `"` + path + `"`
	}
	return path
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
