package remote

import (
	"bytes"
	"io"
	"strings"
	"time"

	"twaudit/internal/text"
)

// Sudo is the same command as root, by a sudo that may want a password. The
// password is written when sudo asks for it and not before: where it needs none,
// the command would read the password as its own input.
type Sudo struct {
	Line    string // asks by Prompt on standard error; as root prints Ready, then reads Stdin
	Prompt  string // what no other program prints
	Ready   string // likewise
	Refused string // the line of the command where sudo does not run it
}

// cue waits for words in a stream, however it is cut into pieces.
type cue struct {
	words []byte
	tail  []byte        // what may be the beginning of words
	heard chan struct{} // has an entry for each time, up to its size
}

func newCue(words string) *cue { return &cue{words: []byte(words), heard: make(chan struct{}, 2)} }

func (c *cue) hear(p []byte) {
	if c == nil {
		return
	}
	c.tail = append(c.tail, p...)
	for {
		at := bytes.Index(c.tail, c.words)
		if at < 0 {
			break
		}
		c.tail = c.tail[at+len(c.words):]
		select {
		case c.heard <- struct{}{}:
		default:
		}
	}
	c.tail = append([]byte(nil), c.tail[max(0, len(c.tail)-len(c.words)+1):]...)
}

// barred is why this host does not get the password, before it asks for it;
// empty: it may.
func (a *attempt) barred() string {
	_, barred := a.d.shared.sudo.state()
	switch {
	case a.d.opts.SudoPassword == nil:
		return "nobody is asked for a sudo password"
	case barred:
		return rejectedElsewhere
	case a.master && (a.route.set.StrictHostKeyChecking == "no" || a.route.set.StrictHostKeyChecking == "accept-new"):
		return "the sudo password was not sent: the master connection may be to a host whose key nobody checked"
	case !a.master && a.hostKey.isNew():
		return "the sudo password was not sent: the host's key was taken in by this run"
	}
	return ""
}

const rejectedElsewhere = "the sudo password was not sent: another host rejected it in this run"

// elevate runs cmd by sudo. When sudo does not come to run it, why says so, and
// the host has begun nothing; the connection is then as before.
func (a *attempt) elevate(cmd Command) (out *Output, why string, _ *Error) {
	s, failure := a.open(cmd, cmd.Sudo.Line)
	if failure != nil {
		return nil, "", failure
	}
	s.err.cue, s.out.cue = newCue(cmd.Sudo.Prompt), newCue(cmd.Sudo.Ready)
	s.read()
	t := &talk{a: a, s: s}
	defer a.watch()()
	why, failure = t.hold()
	if why != "" {
		s.dismiss(a)
		return nil, why, nil
	}
	if failure == nil {
		// From here on it is the command's time: a person may have been asked.
		s.begun = time.Now()
		s.write(cmd.Stdin)
		out, failure = s.result(a, t.sent)
		return out, "", failure
	}
	failure.Retryable = failure.Retryable && t.sent == ""
	a.hangUp()
	<-s.drained
	return nil, "", failure
}

// talk is the conversation with sudo on one host.
type talk struct {
	a      *attempt
	s      *session
	sent   string // the password, once it is out
	trying bool   // it is ours to try: nobody took it yet
}

// end lets another host try.
func (t *talk) end() {
	if t.trying {
		t.trying = false
		<-t.a.d.shared.sudo.trial
	}
}

// hold returns when sudo runs the command, or the command has answered without
// it: a forced command has its own idea of what to run. Otherwise why, or the
// error, says what came between.
func (t *talk) hold() (why string, _ *Error) {
	patience := time.NewTimer(t.a.d.pace.sudo)
	defer patience.Stop()
	defer t.end()
	for {
		select {
		case <-t.s.out.cue.heard:
			t.learn(taken)
			return "", nil
		case <-t.s.err.cue.heard:
			if t.sent != "" {
				t.learn(rejected)
				return "sudo rejected the password, or asks for more than a password", nil
			}
			if why, failure := t.answer(); why != "" || failure != nil {
				return why, failure
			}
			patience.Reset(t.a.d.pace.sudo)
		case <-t.s.out.ended:
			return "", nil
		case <-t.s.drained:
			return t.ended()
		case <-t.s.over:
			return "", &Error{Stage: StageSession, Message: "sudo prints without end"}
		case <-t.s.flood:
			return "", flooded()
		case <-patience.C:
			return "sudo neither asked for the password nor came to a decision within " + text.Duration(t.a.d.pace.sudo), nil
		case <-t.a.ctx.Done():
			return "", t.a.stopped()
		}
	}
}

// answer sends the password, which it asks a person for when it is the first to
// need it, and waits for the host that tries it.
func (t *talk) answer() (why string, _ *Error) {
	a, p := t.a, t.a.d.shared.sudo
	value, err := a.ask(a.d.opts.SudoPassword, "sudo password", "sudo password: ")
	if err == nil {
		t.trying = p.turn(a)
	}
	_, barred := p.state()
	switch {
	case a.ctx.Err() != nil:
		return "", a.stopped()
	case err != nil:
		return "no sudo password: " + clean(err), nil
	case barred:
		return rejectedElsewhere, nil
	}
	select {
	case <-t.s.drained:
		return "sudo did not wait for the password", nil
	default:
	}
	t.sent = value
	// A failure shows as the end of the session.
	_, _ = io.WriteString(t.s.ch, value+"\n")
	return "", nil
}

// learn draws the lesson for all hosts.
func (t *talk) learn(l lesson) {
	if t.sent == "" {
		return
	}
	p := t.a.d.shared.sudo
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken, p.rejected = p.taken || l == taken, p.rejected || l == rejected
}

// ended is for a session that is over. What was heard in its last moment counts.
func (t *talk) ended() (why string, _ *Error) {
	select {
	case <-t.s.out.cue.heard:
		t.learn(taken)
		return "", nil
	case <-t.s.out.ended:
		return "", nil
	default:
	}
	late := time.NewTimer(closeGrace)
	defer late.Stop()
	select {
	case <-t.s.exit.known:
	case <-t.s.exit.closed:
	case <-late.C:
	}
	select {
	case <-t.s.exit.known:
	default:
		_, failure := t.s.wait(t.a)
		if failure != nil {
			return "", failure
		}
	}
	said := bytes.ReplaceAll(redact(t.s.err.kept, t.sent), t.s.err.cue.words, []byte("\n"))
	why, lesson := refusedBy(string(said))
	t.learn(lesson)
	return why, nil
}

// lesson is what a password was found to be.
type lesson int

const (
	nothing  lesson = iota // nobody looked at it
	taken                  // right
	rejected               // wrong, or nobody knows: one attempt too many locks an account
)

// refusals are what sudo, also the one written in Rust, says before it gives up.
// It looks at the password before it says that there is no rule.
var refusals = []struct {
	words, why string
	lesson     lesson
}{
	{"is not in the sudoers", "sudo has no rule for this login", taken},
	{"is not allowed to", "sudo has no rule by which this login may run the script", taken},
	{"may not run sudo", "sudo has no rule for this login", taken},
	{"can't do that", "sudo has no rule by which this login may run the script", taken},
	{"must have a tty", "sudo wants a terminal (requiretty in sudoers)", nothing},
	{"twaudit-probe: ", "a forced command is in the way of sudo", nothing},
	{"incorrect password", "sudo rejected the password", rejected},
	{"incorrect authentication", "sudo rejected the password", rejected},
	{"timed out reading", "sudo did not wait for the password", nothing},
	{"sudo: not found", "the host has no sudo", nothing},
	{"no such file or directory", "the host has no sudo", nothing},
}

// refusedBy explains what sudo said before it ended.
func refusedBy(said string) (why string, _ lesson) {
	lower := strings.ToLower(said)
	for _, r := range refusals {
		if strings.Contains(lower, r.words) {
			return r.why, r.lesson
		}
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := text.CleanMax(strings.TrimSpace(lines[len(lines)-1]), 120); last != "" {
		return "sudo did not run the script: it said " + last, rejected
	}
	return "sudo did not run the script and said nothing", rejected
}

// dismiss ends a session whose command was not run: sudo ends when nobody will
// answer it any more.
func (s *session) dismiss(a *attempt) {
	s.ch.CloseWrite()
	late := time.NewTimer(outputGrace)
	defer late.Stop()
	select {
	case <-s.exit.closed:
	case <-late.C:
	case <-a.ctx.Done():
	}
	s.ch.Close()
}

// redact takes the password out of what the host said: a message may quote that,
// and who misuses a prompt may also print what it got.
func redact(said []byte, password string) []byte {
	if password == "" {
		return said
	}
	return bytes.ReplaceAll(said, []byte(password), []byte("***"))
}
