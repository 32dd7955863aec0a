package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"twaudit/internal/audit"
	"twaudit/internal/sshtest"
)

// typist sits at a pseudo terminal.
type typist struct {
	path   string // of the terminal
	master *os.File

	mu    sync.Mutex
	shown bytes.Buffer
	news  *sync.Cond
}

func newTypist(t *testing.T) *typist {
	t.Helper()
	master, path := newTerminal(t)
	p := &typist{path: path, master: master}
	p.news = sync.NewCond(&p.mu)
	held, err := p.open() // a terminal that nobody has open answers reads with an error
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		held.Close()
		master.Close()
	})
	// Ends when the terminal is closed.
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			if err != nil {
				return
			}
			p.mu.Lock()
			p.shown.Write(b[:n])
			p.news.Broadcast()
			p.mu.Unlock()
		}
	}()
	return p
}

func (p *typist) open() (*os.File, error) {
	return os.OpenFile(p.path, os.O_RDWR|unix.O_NOCTTY, 0)
}

// after types a line when words are on the screen.
func (p *typist) after(words, line string) {
	p.mu.Lock()
	for !strings.Contains(p.shown.String(), words) {
		p.news.Wait()
	}
	p.mu.Unlock()
	if line != "" {
		io.WriteString(p.master, line+"\n")
	}
}

func (p *typist) screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown.String()
}

// echoes tells whether the terminal shows what is typed.
func (p *typist) echoes(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(p.master.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// app has its messages on the typist's terminal, and a bar there.
func (p *typist) app(t *testing.T) *App {
	t.Helper()
	screen, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return &App{Stderr: screen, Terminal: p.open}
}

// encrypted gives the client's key a passphrase.
func encrypted(t *testing.T, client *sshtest.Client, passphrase string) {
	t.Helper()
	if said, err := exec.Command("ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f", client.KeyFile).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, said)
	}
}

// keyFleet are hosts that want the client's key, which is encrypted.
func keyFleet(t *testing.T, names ...string) *scriptFleet {
	t.Helper()
	f := hostsOfKind(t, "keys", names...)
	encrypted(t, f.client, "sesame")
	return f
}

func TestPrompt_onTheTerminalWithoutEcho(t *testing.T) {
	t.Parallel()
	f, person := keyFleet(t, "web1", "web2", "web3"), newTypist(t)
	const question = "twaudit: Passphrase for "
	done := make(chan struct{})
	// Ends with its answer.
	go func() {
		defer close(done)
		person.after(question, "")
		// Several times a drawing of the bar: none may come into the question.
		time.Sleep(5 * barRefresh)
		person.after(question, "sesame")
	}()
	got := outputOf(t, person.app(t), exitOK, "scan", "-i", f.hosts, "-F", f.client.Config, "--sample", "0", "-f", "csv")
	<-done
	if n := strings.Count(got, ",audited,ok,"); n != 3 {
		t.Errorf("%d hosts audited: %s", n, got)
	}
	screen := person.screen()
	_, after, _ := strings.Cut(screen, question)
	inside, _, _ := strings.Cut(after, "\n")
	if strings.Count(screen, question) != 1 || strings.Contains(screen, "sesame") || strings.Contains(inside, "hosts") || strings.Contains(inside, "\x1b") {
		t.Errorf("the screen shows %q", screen)
	}
	if !person.echoes(t) {
		t.Error("the terminal is left without echo")
	}
}

// Where progress is lines and no bar, none comes into a question, nor does a
// message; that is shown afterwards.
func TestPrompt_plainLinesWait(t *testing.T) {
	t.Parallel()
	f, person := keyFleet(t, "web1"), newTypist(t)
	app := person.app(t)
	app.progress = time.Millisecond
	app.Env = func(name string) string { return map[string]string{"TERM": "dumb"}[name] }
	const question = "twaudit: Passphrase for "
	done := make(chan struct{})
	// Ends with its answer.
	go func() {
		defer close(done)
		person.after(question, "")
		app.warn("a message in between")
		time.Sleep(20 * app.progress) // time for lines, of which there must be none
		person.after(question, "sesame")
	}()
	outputOf(t, app, exitOK, "scan", "web1", "-F", f.client.Config, "--sample", "0", "-f", "csv")
	<-done
	_, after, _ := strings.Cut(person.screen(), question)
	inside, outside, _ := strings.Cut(after, "\n")
	if strings.Contains(inside, "hosts") || strings.Contains(inside, "message") || !strings.HasPrefix(outside, "twaudit: a message in between") {
		t.Errorf("the screen shows %q", person.screen())
	}
}

func TestPrompt_endsWithTheRun(t *testing.T) {
	t.Parallel()
	f, person := keyFleet(t, "web1"), newTypist(t)
	got := outputOf(t, person.app(t), exitFailed, "scan", "web1", "-F", f.client.Config, "--sample", "0", "--deadline", "2s", "-f", "json")
	if host := onlyHost(t, got); host.Failure == nil || host.Failure.Stage != audit.StageDeadline {
		t.Errorf("%+v", host.Failure)
	}
	if !strings.Contains(person.screen(), "Passphrase for ") || !person.echoes(t) {
		t.Errorf("echo %v, screen %q", person.echoes(t), person.screen())
	}
}

// A question that nobody answers is the last one: each key would else hold the run
// for as long again.
func TestPrompt_asksAnEmptyChairOnce(t *testing.T) {
	t.Parallel()
	person := newTypist(t)
	app := person.app(t)
	app.Env, app.patience = func(string) string { return "" }, time.Millisecond
	p := app.prompter(t.Context())
	defer p.close()
	for _, question := range []string{"first: ", "second: "} {
		if answer, err := p.ask(question); answer != "" || !errors.Is(err, errUnanswered) {
			t.Errorf("%s%q, %v", question, answer, err)
		}
	}
	person.after("is asked in this run", "")
	if screen := person.screen(); strings.Count(screen, "first: ") != 1 || strings.Contains(screen, "second: ") {
		t.Errorf("the screen shows %q", screen)
	}
}

// Hosts that want an answer which nobody gives fail with that reason, and the others
// do not wait.
func TestPrompt_nobodyAnswers(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "askpass")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec sleep 60\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{"terminal": "", "program": program} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, person := keyFleet(t, "web1", "web2"), newTypist(t)
			app := person.app(t)
			app.patience = 300 * time.Millisecond
			app.Env = func(name string) string {
				return map[string]string{"SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "prefer"}[name]
			}
			got := outputOf(t, app, exitFailed, "scan", "web1", "web2", "-F", f.client.Config, "--sample", "0", "--ask-pass", "-f", "json")
			if n := strings.Count(got, "stays locked: nobody answered"); n != 2 {
				t.Errorf("%d hosts say why: %s", n, got)
			}
			person.after("is asked in this run", "")
			const said = "nobody answered a question within 300ms: it counts as refused, and no further one is asked in this run"
			if screen := person.screen(); strings.Count(screen, said) != 1 || !strings.Contains(got, said) || strings.Contains(screen, "SSH password") || !person.echoes(t) {
				t.Errorf("echo %v, screen %q", person.echoes(t), screen)
			}
		})
	}
}

// requireNamespaces is for tests in which a server sees files of its own.
func requireNamespaces(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 && exec.Command("unshare", "-m", "true").Run() == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("needs root and mount namespaces")
	}
	t.Skip("needs root and mount namespaces")
}

// sesame is the password of whoever has this line in the shadow file.
const sesame = `$6$saltsalt$g3uPFdehVnKoLXdidvSAg1zlVgYomPr0X/xgdXSBn2LuxZUOGgYW4IULZkguZ77fzYteIur49AGHmF9iek6Sf1`

// One password for two real servers, asked once, and kept out of every output.
func TestAskPass_overRealSSHD(t *testing.T) {
	t.Parallel()
	requireNamespaces(t)
	client, err := sshtest.NewClient(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	shadow := filepath.Join(client.Dir, "shadow")
	if err := os.WriteFile(shadow, []byte("root:"+sesame+":19000::::::\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, alias := range []string{"web1", "web2"} {
		around := []string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc/shadow && exec "$@"`, shadow}
		startSSHD(t, client, alias, around, "PasswordAuthentication yes", "AuthorizedKeysFile none")
	}
	person := newTypist(t)
	go person.after("SSH password: ", "sesame") // ends with the password
	var out strings.Builder
	app := person.app(t)
	app.Stdin, app.Stdout = strings.NewReader(""), &out
	app.Main([]string{"scan", "web1", "web2", "-F", client.Config, "--ask-pass", "--sample", "0", "--logs", "none", "-f", "csv"})
	if strings.Count(out.String(), ",audited,") != 2 || strings.Contains(out.String(), "sesame") {
		t.Errorf("%s", out.String())
	}
	if screen := person.screen(); strings.Count(screen, "SSH password: ") != 1 || strings.Contains(screen, "sesame") {
		t.Errorf("the screen shows %q", screen)
	}
}
