package sshconfig

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// withSSH returns a resolver that asks script in the place of ssh -G. $DIR is
// the directory of the script.
func withSSH(t *testing.T, script string) (*Resolver, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "ssh")
	text := "#!/bin/sh\nDIR=" + dir + "\n" + script
	// A process that another test starts just now would inherit the open file, and
	// as long as somebody may write to a file, the kernel does not run it.
	syscall.ForkLock.RLock()
	err := os.WriteFile(file, []byte(text), 0o700)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	config, err := load(Options{File: "none"})
	if err != nil {
		t.Fatal(err)
	}
	r := &Resolver{
		options: Options{Mode: ModeOpenSSH, Home: "/home/me", Env: func(string) string { return "" }},
		config:  config,
		openssh: &openSSH{binary: file, slots: make(chan struct{}, 2), answers: map[Query]*answer{}, plain: make(chan struct{}, 1)},
	}
	return r, dir
}

const answerOfSSH = `printf 'hostname h.example.com\nport 22\nuser bob\n'` + "\n"

func TestOpenSSH_isAskedOncePerQuery(t *testing.T) {
	t.Parallel()
	r, dir := withSSH(t, `echo "$@" >> $DIR/calls`+"\n"+answerOfSSH)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { // ends with the one Resolve
			s, err := r.Resolve(t.Context(), Query{Alias: "h", User: "bob", Port: 2022})
			if err != nil || s.HostName != "h.example.com" || s.Source != SourceOpenSSH {
				t.Error(s, err)
			}
		})
	}
	group.Wait()
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	if want := "-G -l bob -p 2022 -- h\n"; err != nil || string(calls) != want {
		t.Errorf("calls: %q, %v", calls, err)
	}
}

func TestOpenSSH_endsWithTheContextAndIsAskedAgain(t *testing.T) {
	t.Parallel()
	// The first call waits in a child, as Match exec does, and both hold the
	// pipe open; the next call answers.
	r, dir := withSSH(t, `if [ -e $DIR/again ]; then `+strings.TrimSpace(answerOfSSH)+`; exit; fi
: > $DIR/again; exec 3> $DIR/held; echo >&3; sh -c 'sleep 60; :'
`)
	if err := syscall.Mkfifo(filepath.Join(dir, "held"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { // ends with the last process that holds the pipe
		held, err := os.Open(filepath.Join(dir, "held"))
		if err == nil {
			_, err = held.Read(make([]byte, 1))
		}
		cancel()
		if err == nil {
			_, err = io.Copy(io.Discard, held)
		}
		ended <- err
	}()
	start := time.Now()
	if _, err := r.Resolve(ctx, Query{Alias: "h"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-ended; err != nil || time.Since(start) > 30*time.Second {
		t.Errorf("a child outlived ssh: %v, %v", time.Since(start), err)
	}
	if _, err := r.Resolve(t.Context(), Query{Alias: "h"}); err != nil {
		t.Errorf("the cancelled answer was kept: %v", err)
	}
}

func TestOpenSSH_keepsBlanksInNamesOfKnownHosts(t *testing.T) {
	t.Parallel()
	r, dir := withSSH(t, answerOfSSH+"echo userknownhostsfile '/kh/my h.example.com /home/me/two'; echo globalknownhostsfile /a /b")
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte("UserKnownHostsFile \"/kh/my %h\" ~/two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.config, err = load(Options{File: file}); err != nil {
		t.Fatal(err)
	}
	s, err := r.Resolve(t.Context(), Query{Alias: "h"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"/kh/my h.example.com", "/home/me/two"}; !slices.Equal(s.UserKnownHostsFiles, want) {
		t.Errorf("%q", s.UserKnownHostsFiles)
	}
	if want := []string{"/a", "/b"}; !slices.Equal(s.GlobalKnownHostsFiles, want) {
		t.Errorf("%q", s.GlobalKnownHostsFiles)
	}
}

func TestOpenSSH_badAnswersAreErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ script, want string }{
		"refusal":  {"echo '/etc/x line 3: Bad \033[31m option' >&2; exit 255", "/etc/x:3: ssh refuses this line"},
		"silence":  {"exit 1", "exit status 1"},
		"nothing":  {"exit 0", "without host"},
		"half":     {"echo hostname h", "without host"},
		"no end":   {"while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", "without end"},
		"forbids":  {answerOfSSH + "echo proxyusefdpass yes", "proxyusefdpass is not supported"},
		"bad jump": {answerOfSSH + "echo 'proxyjump a;b'", "does not allow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := withSSH(t, test.script)
			_, err := r.Resolve(t.Context(), Query{Alias: "h"})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if strings.Contains(hintOf(err), "\x1b") {
				t.Errorf("%q", hintOf(err))
			}
		})
	}
}

// ssh -G prints keys and proxy as written. What ssh makes of them, it says only
// when it connects: to a ProxyCommand that fails at once.
func TestExpansion_equalsWhatSSHDoes(t *testing.T) {
	t.Parallel()
	requireSSH(t)
	e := example{dir: t.TempDir(), queries: []Query{{Alias: "h"}}}
	text := `Host h
	HostName real.example.com
	User bob
	Port 2022
	HostKeyAlias Key
	IdentityFile ~/a/%h-%n-%p-%r-%u-%k-%i-%l-%L-%%
	IdentityFile %d/b
	IdentityFile ${HOME}/c
	IdentityFile none
	IdentityFile d
	ProxyCommand false %h %n %p %r %k %%
`
	if err := os.WriteFile(filepath.Join(e.dir, "config"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := e.resolve(t, ModeBuiltin)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), opensshTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ssh", "-v", "-F", filepath.Join(e.dir, "config"), "--", "h", "true")
	var said bytes.Buffer
	cmd.Stderr = &said
	if cmd.Run() == nil {
		t.Fatal("ssh connected through false")
	}
	var files []string
	for _, m := range regexp.MustCompile(`identity file (.*) type -?\d+`).FindAllStringSubmatch(said.String(), -1) {
		if !strings.HasSuffix(m[1], "-cert") {
			files = append(files, m[1])
		}
	}
	if !slices.Equal(files, all[0].IdentityFiles) {
		t.Errorf("ssh tries\n%q, we\n%q", files, all[0].IdentityFiles)
	}
	if !strings.Contains(strings.ReplaceAll(said.String(), "\r", ""), "Executing proxy command: exec "+all[0].ProxyCommand+"\n") {
		t.Errorf("we would run %q; ssh says\n%s", all[0].ProxyCommand, said.String())
	}
}
