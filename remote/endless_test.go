package remote_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
	"twaudit/remote"
)

// mkfifo makes a pipe that nobody writes to: to open it would wait for ever.
func mkfifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Keys and certificates are read from regular files alone.
func TestKeyFile_onlyRegularFiles(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"pipe": mkfifo(t), "device": "/dev/zero"} {
		for _, keyword := range []string{"IdentityFile", "CertificateFile"} {
			t.Run(name+" "+keyword, func(t *testing.T) {
				t.Parallel()
				l := newLab(t)
				key := newKey(t)
				s := l.untrusted(sshtest.Config{HostKey: key, Authorized: []ssh.PublicKey{l.Key}, Handler: echo})
				l.block("h", s.Addr(), key.PublicKey(), keyword+" "+file)
				_, failure := run(t, l.dialer(remote.Options{}), "h")
				wantError(t, failure, remote.StageAuth, "no key to offer")
				wantHint(t, failure, file+": not a regular file")
			})
		}
	}
	// The public half and the certificate beside a good key.
	l := newLab(t)
	path, pub := l.writeKey("good")
	for _, beside := range []string{"-cert.pub", ".pub"} {
		os.Remove(path + beside)
		if err := syscall.Mkfifo(path+beside, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.server("h", sshtest.Config{Authorized: []ssh.PublicKey{pub}, Handler: echo}, "IdentityFile "+path)
	_, failure := run(t, l.dialer(remote.Options{Identities: []string{path}}), "h")
	wantOK(t, failure)
}

// A config may come from a shell's <(command), and is read from there once.
func TestNew_configFromPipe(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	io.WriteString(write, "Host h\n  HostName h.example.com\n")
	write.Close()
	pipe := fmt.Sprintf("/dev/fd/%d", read.Fd())
	d, err := remote.New(remote.Options{ConfigFile: pipe, SSHOptions: []string{"Port=2222"}, LocalUser: "nobody", Resolver: "builtin"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	set, err := d.Resolve(t.Context(), remote.Target{Alias: "h"})
	if err != nil || set.HostName != "h.example.com" || set.Port != 2222 {
		t.Errorf("%+v (%v), want the host of the pipe and the port of the command line", set, err)
	}
	for file, words := range map[string]string{mkfifo(t): "nothing came out of the pipe", "/dev/zero": "not a regular file"} {
		if _, err := remote.New(remote.Options{ConfigFile: file}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", file, err, words)
		}
	}
}

// Standard error is dropped beyond its cap, and not for ever.
func TestRun_floodOfStderr(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server("h", sshtest.Config{Handler: func(_ context.Context, e sshtest.Exec) int {
		line := []byte(strings.Repeat("oops ", 1000))
		for {
			if _, err := e.Stderr.Write(line); err != nil {
				return 1
			}
		}
	}})
	out, failure := run(t, l.dialer(remote.Options{}), "h")
	wantError(t, failure, remote.StageSession, "the command floods standard error")
	if out == nil || len(out.Stderr) != command().MaxStderr || out.Bytes > 2<<20 {
		t.Errorf("output %+v, want a full buffer and little more traffic", out)
	}
}

// An answer that is complete waits for no status, and one that is not does.
func TestRun_endOfAnswer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server("h", sshtest.Config{Handler: func(ctx context.Context, e sshtest.Exec) int {
		io.Copy(e.Stdout, e.Stdin)
		<-ctx.Done()
		return 0
	}})
	l.server("good", sshtest.Config{Handler: func(ctx context.Context, e sshtest.Exec) int {
		echo(ctx, e)
		return 3
	}})
	d := l.dialer(remote.Options{HostTimeout: 2 * time.Second})
	cmd := command()
	cmd.End = []byte("llo\n")
	out, err := d.Run(t.Context(), remote.Target{Alias: "h"}, cmd)
	wantOK(t, asError(t, err))
	if string(out.Stdout) != "hello\n" || out.ExitStatus != -1 {
		t.Errorf("output %+v, want all of it and no status", out)
	}
	out, err = d.Run(t.Context(), remote.Target{Alias: "good"}, cmd)
	wantOK(t, asError(t, err))
	if out.ExitStatus != 3 {
		t.Errorf("status %d, want the one that comes in time", out.ExitStatus)
	}
	cmd.End = []byte("hello")
	_, err = d.Run(t.Context(), remote.Target{Alias: "h"}, cmd)
	wantError(t, asError(t, err), remote.StageTimeout, "while the command ran")
}

// No hint sends a key where nobody looks for it.
func TestHostKey_hintNamesNoUselessFile(t *testing.T) {
	t.Parallel()
	dir, pipe := t.TempDir(), mkfifo(t)
	for file, why := range map[string]string{
		"none": "UserKnownHostsFile is none", "/dev/null": "/dev/null: it keeps nothing",
		dir: dir + ": is a directory", pipe: pipe + ": not a regular file",
	} {
		l := newLab(t)
		s := l.untrusted(sshtest.Config{Handler: echo})
		l.block("h", s.Addr(), nil, "UserKnownHostsFile "+file)
		_, failure := run(t, l.dialer(remote.Options{}), "h")
		wantError(t, failure, remote.StageHostKey, "host key unknown")
		wantHint(t, failure, "set UserKnownHostsFile for this host", why, "ssh-keyscan -p ")
		if strings.Contains(failure.Hint, ">>") {
			t.Errorf("%s: hint %q adds a line in vain", file, failure.Hint)
		}
		if file == "/dev/null" {
			continue
		}
		out, failure := run(t, l.dialer(remote.Options{HostKeyPolicy: remote.PolicyAcceptNew}), "h")
		wantError(t, failure, remote.StageHostKey, "the new host key")
		if _, err := os.Stat(filepath.Join(l.Dir, ".ssh", "known_hosts")); err == nil || out != nil {
			t.Errorf("%s: a key was taken in (%v)", file, err)
		}
	}
	// The second file is read when the first cannot be.
	l := newLab(t)
	s := l.untrusted(sshtest.Config{})
	l.block("h", s.Addr(), nil, "UserKnownHostsFile "+dir+" "+l.KnownHosts)
	_, failure := run(t, l.dialer(remote.Options{}), "h")
	wantHint(t, failure, ">> "+l.KnownHosts)
}
