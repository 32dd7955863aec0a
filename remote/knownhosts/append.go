package knownhosts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// Append adds a line for host and port to file, hashed when hash is set. It
// writes once, at the end, under a lock that other Appends honour, and changes
// neither mode nor owner nor a symbolic link. A missing file is made with mode
// 0600, a missing directory with 0700. A certificate is an error: its key may
// be added.
func Append(file, host string, port int, key ssh.PublicKey, hash bool) error {
	line, err := Format(host, port, key, hash)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	// /dev/null is there for those who want to keep nothing.
	if err := Keeps(file); err != nil && !errors.Is(err, errNull) {
		return err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_RDWR|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(appendLine(f, line), f.Close())
}

// Format is the line that Append adds, with its newline.
func Format(host string, port int, key ssh.PublicKey, hash bool) (string, error) {
	if _, certificate := key.(*ssh.Certificate); certificate {
		return "", errors.New("a certificate is no host key")
	}
	host = strings.ToLower(host)
	if host == "" || strings.ContainsAny(host, "@?*!#[]|'\"\\, \t\r\n\x00") {
		return "", fmt.Errorf("host name %q cannot stand in known_hosts", host)
	}
	name := hostPort(host, port)
	if hash {
		name = hashName(name)
	}
	return name + " " + string(ssh.MarshalAuthorizedKey(key)), nil
}

// appendLine writes line, after a newline where the last line has none.
func appendLine(f *os.File, line string) error {
	if err := lock(f); err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if size := info.Size(); size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = "\n" + line
		}
	}
	_, err = f.WriteString(line)
	return err
}

// lock waits for the lock, which ends when f is closed. Whoever holds it writes
// one line; one who holds it for ten seconds is stuck.
func lock(f *os.File) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		busy := errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR)
		if !busy || time.Now().After(deadline) {
			return err
		}
	}
}
