package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"twaudit/internal/text"
	"twaudit/remote"
)

// maxPrompt bounds a question in bytes; it names a key file.
const maxPrompt = 500

// prompter asks a person, one question at a time, until it is closed.
type prompter struct {
	app     *App
	program string // that of SSH_ASKPASS; empty: the terminal
	ctx     context.Context
	cancel  context.CancelFunc

	one  sync.Mutex // held while the terminal belongs to a question
	left bool       // nobody answered: whoever sat there is gone; guarded by one

	mu    sync.Mutex
	asked time.Duration // how long questions took
	since time.Time     // when the one that is open was put; zero: none is
}

// questionTime is how long a question waits for its answer. A terminal that nobody
// looks at would hold the whole run; and the hosts that want the answer have hung
// up by then, as LoginGraceTime of sshd_config is no longer.
const questionTime = 2 * time.Minute

// errUnanswered is for a question that nobody answered.
var errUnanswered = errors.New("nobody answered")

// prompter returns nil where nobody can be asked. Who is asked is as with ssh:
// the terminal, which need not be any of our streams, before the program of
// SSH_ASKPASS, unless SSH_ASKPASS_REQUIRE says otherwise.
func (a *App) prompter(ctx context.Context) *prompter {
	program, require := a.Env("SSH_ASKPASS"), a.Env("SSH_ASKPASS_REQUIRE")
	preferred := require == "prefer" || require == "force"
	switch {
	case require == "never":
		program = ""
	case preferred && program != "":
	case require == "force":
		return nil
	case a.hasTerminal():
		program = ""
	}
	if program == "" && !a.hasTerminal() {
		return nil
	}
	p := &prompter{app: a, program: program}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

func (a *App) hasTerminal() bool {
	if a.Terminal == nil {
		return false
	}
	tty, err := a.Terminal()
	if err != nil {
		return false
	}
	tty.Close()
	return true
}

// close ends the open question, and gives the terminal back. It may be called on
// nil, and twice.
func (p *prompter) close() {
	if p == nil {
		return
	}
	p.cancel()
	p.one.Lock() // the terminal is as it was
	defer p.one.Unlock()
}

// ask puts a question. It fails when the run ends before the answer comes, and when
// none comes in time: then this was the last question.
func (p *prompter) ask(prompt string) (string, error) {
	p.one.Lock()
	defer p.one.Unlock()
	switch {
	case p.ctx.Err() != nil:
		return "", context.Cause(p.ctx)
	case p.left:
		return "", errUnanswered
	}
	patience := cmp.Or(p.app.patience, questionTime)
	ctx, cancel := context.WithTimeoutCause(p.ctx, patience, errUnanswered)
	defer cancel()
	p.count(true)
	defer p.count(false)
	defer p.app.holdScreen()()
	answer, err := p.put(ctx, text.CleanMax(prompt, maxPrompt))
	// Askpass tells only that its program was ended.
	if err != nil && context.Cause(ctx) == errUnanswered {
		p.left, err = true, errUnanswered
		p.app.warn("nobody answered a question within " + text.Duration(patience) + ": it counts as refused, and no further one is asked in this run")
	}
	return answer, err
}

// put asks where questions go.
func (p *prompter) put(ctx context.Context, prompt string) (string, error) {
	if p.program != "" {
		return remote.Askpass(ctx, p.program, prompt)
	}
	return p.askTerminal(ctx, prompt)
}

// count keeps the time of questions, of which one begins or ends.
func (p *prompter) count(begins bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if begins {
		p.since = time.Now()
		return
	}
	p.asked += time.Since(p.since)
	p.since = time.Time{}
}

// waited is how long a person has been asked so far. It may be called on nil.
func (p *prompter) waited() time.Duration {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		return p.asked
	}
	return p.asked + time.Since(p.since)
}

// askTerminal reads a line without showing it.
func (p *prompter) askTerminal(ctx context.Context, prompt string) (string, error) {
	tty, err := p.app.Terminal()
	if err != nil {
		return "", errors.New("the terminal is gone") // the error would name its path
	}
	fd := int(tty.Fd())
	// Who is quick would see the answer: nothing is shown from here on, whenever the
	// reader begins, which then takes whole lines.
	before, err := term.MakeRaw(fd)
	if err != nil {
		tty.Close()
		return "", errors.New("the terminal is gone")
	}
	// A second Ctrl-C ends the process at once, and the shell wants its echo.
	restore := func() { _ = term.Restore(fd, before) }
	p.app.onQuit(restore)
	defer p.app.onQuit(nil)
	type line struct {
		text []byte
		err  error
	}
	answered := make(chan line, 1)
	raw, _ := term.GetState(fd) // as it was a moment ago
	// Ends with a line of the person, or with the process: nothing can call back a
	// read from a terminal, so that nobody waits for it, and tty stays open.
	go func() {
		answer, err := term.ReadPassword(fd)
		restore() // it leaves the terminal as it found it: raw
		answered <- line{answer, err}
	}()
	awaitChange(fd, raw)
	fmt.Fprint(tty, "twaudit: "+prompt)
	select {
	case answer := <-answered:
		fmt.Fprintln(tty) // that of the person was not shown
		tty.Close()
		return string(answer.text), answer.err
	case <-ctx.Done():
		restore()
		fmt.Fprintln(tty)
		return "", context.Cause(ctx)
	}
}

// awaitChange returns when the terminal is no longer as before: a line that is typed
// sooner would not end. On a busy machine the reader may take its time.
func awaitChange(fd int, before *term.State) {
	for range 5000 {
		if now, err := term.GetState(fd); err != nil || before == nil || *now != *before {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// openTTY is the terminal that the process belongs to.
func openTTY() (*os.File, error) { return os.OpenFile("/dev/tty", os.O_RDWR, 0) }

// secrets adds to options who knows passwords and passphrases; its second result
// ends the questions.
func (a *App) secrets(ctx context.Context, flags *scanFlags, options *remote.Options) (end func(), err error) {
	if err := options.CheckIdentities(); err != nil {
		return nil, &usageError{err, ""}
	}
	p := a.prompter(ctx)
	for _, flag := range []struct {
		given     bool
		name, way string
	}{{flags.askPass, "--ask-pass", "use a key or an agent"}, {flags.askSudoPass, "--ask-sudo-pass", "use --sudo with a rule that needs no password (twaudit probe --sudoers)"}} {
		if flag.given && p == nil {
			return nil, &usageError{errors.New(flag.name + " has nobody to ask: there is no terminal, and SSH_ASKPASS names no program"), flag.way + ", or set SSH_ASKPASS"}
		}
	}
	if p != nil {
		options.Passphrase = p.ask
	}
	if flags.askPass {
		options.Password = p.ask
	}
	if flags.askSudoPass {
		options.SudoPassword = p.ask
	}
	if flags.passphraseFile != "" {
		defer a.sayPipes(flags.passphraseFile)()
		passphrase, err := readSecret(flags.passphraseFile)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--passphrase-file: %w", err), ""}
		}
		options.Passphrase = func(string) (string, error) { return passphrase, nil }
	}
	a.mu.Lock()
	a.prompts = p
	a.mu.Unlock()
	return p.close, nil
}

// prompting is whom this run asks; nil is nobody.
func (a *App) prompting() *prompter {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.prompts
}

// readSecret is the first line of a file, which may be a pipe.
func readSecret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	secret, err := remote.FirstLine(file)
	switch {
	case err != nil:
		return "", fmt.Errorf("read %s: %w", path, err)
	case secret == "":
		return "", fmt.Errorf("the first line of %s is empty", path)
	}
	return secret, nil
}

// holdScreen keeps the bar and all messages off the screen until the returned
// function is called: they would land in the question, or in what is typed.
func (a *App) holdScreen() (resume func()) {
	a.mu.Lock()
	a.asking = true
	b := a.bar
	a.mu.Unlock()
	release := func() {}
	if b != nil {
		release = b.screen.hold()
	}
	return func() {
		release()
		a.mu.Lock()
		held := a.held
		a.asking, a.held = false, nil
		a.mu.Unlock()
		for _, message := range held {
			a.print(message)
		}
	}
}

// sayUnasked is say, but for what is old news once a question is answered.
func (a *App) sayUnasked(format string, args ...any) {
	a.mu.Lock()
	asking := a.asking
	a.mu.Unlock()
	if !asking {
		a.say(format, args...)
	}
}

// onQuit registers what gives the terminal back when the process ends at once.
func (a *App) onQuit(restore func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.restore = restore
}
