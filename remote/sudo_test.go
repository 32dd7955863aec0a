package remote

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"twaudit/internal/sshtest"
	"twaudit/remote/sshconfig"
)

// sudoCommand is one whose lines say what a host plays: sudo or no sudo.
func sudoCommand() Command {
	return Command{
		Line: "no password", Stdin: "the script", MaxStdout: 1 << 10, MaxStderr: 1 << 10, End: []byte("end\n"),
		Sudo: &Sudo{Line: "sudo", Prompt: "PROMPT:", Ready: "READY\n", Refused: "refused"},
	}
}

// playedSudo is a host on which play is sudo; whatever runs in the end answers
// with its input.
func playedSudo(play func(e sshtest.Exec, password func() string, run func() int) int) sshtest.Config {
	return sshtest.Config{Handler: func(_ context.Context, e sshtest.Exec) int {
		in := bufio.NewReader(e.Stdin)
		run := func() int {
			script, _ := io.ReadAll(in)
			fmt.Fprintf(e.Stdout, "%s got %s end\n", e.Command, script)
			return 0
		}
		if e.Command != "sudo" {
			return run()
		}
		password := func() string {
			line, err := in.ReadString('\n')
			if err != nil {
				return "(nothing)"
			}
			return strings.TrimSuffix(line, "\n")
		}
		return play(e, password, run)
	}}
}

// ready lets the command run as root.
func ready(e sshtest.Exec, run func() int) int {
	io.WriteString(e.Stdout, "READY\n")
	return run()
}

func TestSudo(t *testing.T) {
	t.Parallel()
	const ok, refused = "READY\nsudo got the script end\n", "refused got the script end\n"
	for name, test := range map[string]struct {
		play     func(e sshtest.Exec, password func() string, run func() int) int
		out, why string
		asked    int
		rejected bool
	}{
		"no password wanted": {play: func(e sshtest.Exec, _ func() string, run func() int) int { return ready(e, run) }, out: ok},
		"right, after a lecture and in pieces": {play: func(e sshtest.Exec, password func() string, run func() int) int {
			io.WriteString(e.Stderr, strings.Repeat("We trust you. ", 1000)+"PROM")
			io.WriteString(e.Stderr, "PT:")
			if password() != "sesame" {
				return 1
			}
			fmt.Fprint(e.Stdout, "REA")
			fmt.Fprint(e.Stdout, "DY\n")
			return run()
		}, out: ok, asked: 1},
		"wrong": {play: func(e sshtest.Exec, password func() string, _ func() int) int {
			io.WriteString(e.Stderr, "PROMPT:")
			first := password()
			fmt.Fprintf(e.Stderr, "Sorry, try again, %s.\nPROMPT:", first)
			if second := password(); second != "(nothing)" {
				t.Errorf("a second attempt: %q", second)
			}
			return 1
		}, out: refused, why: "sudo rejected the password, or asks for more than a password", asked: 1, rejected: true},
		"no rule, and the password told": {play: func(e sshtest.Exec, password func() string, _ func() int) int {
			io.WriteString(e.Stderr, "PROMPT:")
			fmt.Fprintf(e.Stderr, "%s is not in the sudoers file.\n", password())
			return 1
		}, out: refused, why: "sudo has no rule for this login", asked: 1},
		"unheard of": {play: func(e sshtest.Exec, password func() string, _ func() int) int {
			io.WriteString(e.Stderr, "PROMPT:")
			fmt.Fprintf(e.Stderr, "\x1b[2Joops: %s\n", password())
			return 1
		}, out: refused, why: "sudo did not run the script: it said \ufffd[2Joops: ***", asked: 1, rejected: true},
		"missing": {play: func(e sshtest.Exec, _ func() string, _ func() int) int {
			io.WriteString(e.Stderr, "env: 'sudo': No such file or directory\n")
			return 127
		}, out: refused, why: "the host has no sudo"},
		"another prompt": {play: func(e sshtest.Exec, password func() string, _ func() int) int {
			io.WriteString(e.Stderr, "Token: ")
			if got := password(); got != "(nothing)" {
				t.Errorf("the password went to a stranger: %q", got)
			}
			return 1
		}, out: refused, why: "sudo neither asked for the password nor came to a decision within 300ms"},
		"a forced command": {play: func(e sshtest.Exec, _ func() string, _ func() int) int {
			io.WriteString(e.Stdout, "its own answer end\n")
			return 0
		}, out: "its own answer end\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t)
			startServer(t, c, "h", playedSudo(test.play))
			d := hurried(t, c, pace{stale: time.Hour, grudge: time.Hour, pulse: time.Hour, sudo: 300 * time.Millisecond})
			asked := 0
			d.opts.SudoPassword = func(string) (string, error) {
				asked++
				return "sesame", nil
			}
			out, err := d.Run(t.Context(), Target{Alias: "h"}, sudoCommand())
			if err != nil {
				t.Fatal(err)
			}
			if string(out.Stdout) != test.out || out.Sudo != test.why || asked != test.asked || strings.Contains(string(out.Stderr), "sesame") {
				t.Errorf("answer %q (%q), reason %q, asked %d times", out.Stdout, out.Stderr, out.Sudo, asked)
			}
			if _, rejected := d.shared.sudo.state(); rejected != test.rejected {
				t.Errorf("rejected: %v", rejected)
			}
		})
	}
}

// A connection that is lost with the password on its way: nobody knows whether it
// was tried, so it is not tried again.
func TestSudo_lostWithThePassword(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	config := playedSudo(func(e sshtest.Exec, password func() string, _ func() int) int {
		io.WriteString(e.Stderr, "PROMPT:")
		password()
		return 0
	})
	config.Fault = sshtest.FaultCutInCommand
	startServer(t, c, "h", config)
	d := hurried(t, c, pace{stale: time.Hour, grudge: time.Hour, pulse: time.Hour, sudo: time.Minute})
	d.opts.SudoPassword = func(string) (string, error) { return "sesame", nil }
	_, err := d.Run(t.Context(), Target{Alias: "h"}, sudoCommand())
	failure, _ := err.(*Error)
	if failure == nil || failure.Stage != StageSession || failure.Retryable {
		t.Fatalf("%+v", err)
	}
	if taken, rejected := d.shared.sudo.state(); taken || rejected {
		t.Errorf("taken %v, rejected %v", taken, rejected)
	}
}

// Many hosts want it at once: one tries, and what it learns holds for all.
func TestSudo_oneTriesForAll(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]struct{ tried, root int }{"sesame": {20, 20}, "wrong": {1, 0}} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			c := newClient(t)
			var mu sync.Mutex
			tried, known := 0, false
			startServer(t, c, "h*", playedSudo(func(e sshtest.Exec, password func() string, run func() int) int {
				io.WriteString(e.Stderr, "PROMPT:")
				got := password()
				if got == "(nothing)" {
					return 1
				}
				mu.Lock()
				defer mu.Unlock()
				if tried++; tried > 1 && !known {
					t.Error("a second host was tried before the first had answered")
				}
				if known = got == "sesame"; known {
					return ready(e, run)
				}
				io.WriteString(e.Stderr, "PROMPT:")
				password()
				return 1
			}))
			d := hurried(t, c, pace{stale: time.Hour, grudge: time.Hour, pulse: time.Hour, sudo: time.Minute})
			d.opts.SudoPassword = func(string) (string, error) { return word, nil }
			var wait sync.WaitGroup
			root := 0
			for i := range 20 {
				wait.Go(func() {
					out, err := d.Run(t.Context(), Target{Alias: fmt.Sprintf("h%d", i)}, sudoCommand())
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					if out.Sudo == "" {
						root++
					}
				})
			}
			wait.Wait()
			if tried != want.tried || root != want.root {
				t.Errorf("%d tried, %d root, want %+v", tried, root, want)
			}
		})
	}
}

// Where nothing but the run, or nothing at all, vouches for the host.
func TestSudo_barred(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		a    *attempt
		want string
	}{
		"new key":               {&attempt{hostKey: newKeyTaken(), route: &route{set: &sshconfig.Settings{}}}, "taken in by this run"},
		"careless master":       {&attempt{master: true, route: &route{set: &sshconfig.Settings{StrictHostKeyChecking: "no"}}}, "nobody checked"},
		"master that takes new": {&attempt{master: true, route: &route{set: &sshconfig.Settings{StrictHostKeyChecking: "accept-new"}}}, "nobody checked"},
		"master":                {&attempt{master: true, route: &route{set: &sshconfig.Settings{StrictHostKeyChecking: "ask"}}}, ""},
	} {
		d := &Dialer{shared: NewShared(), opts: Options{SudoPassword: func(string) (string, error) { return "", nil }}}
		test.a.d = d
		if got := test.a.barred(); test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q", name, got)
		}
		d.shared.sudo.rejected = true
		if got := test.a.barred(); got != rejectedElsewhere {
			t.Errorf("%s after a rejection: %q", name, got)
		}
	}
}

func newKeyTaken() *hostKeyCheck {
	h := &hostKeyCheck{}
	h.taken.Store(true)
	return h
}

// A key that one Dialer took in is new to all of the run, although a file holds it
// by now; and what one password was found to be holds for all.
func TestShared(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	server, err := sshtest.Start(playedSudo(func(e sshtest.Exec, _ func() string, run func() int) int { return ready(e, run) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := c.Add("h", server.Addr(), nil); err != nil {
		t.Fatal(err)
	}
	shared := NewShared()
	for n := range 3 {
		if n == 2 {
			shared = nil // another run
		}
		d, err := New(Options{ConfigFile: c.Config, HostKeyPolicy: PolicyAcceptNew, Shared: shared})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		out, err := d.Run(t.Context(), Target{Alias: "h"}, Command{Line: "x", MaxStdout: 100})
		if err != nil || out.NewHostKey != (n < 2) {
			t.Errorf("dialer %d: %+v, %v", n, out, err)
		}
		if n < 2 && (d.shared != shared || d.shared.sudo != shared.sudo) {
			t.Error("nothing is shared")
		}
	}
}
