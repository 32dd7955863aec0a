package remote_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"twaudit/remote"
)

// secretDoor lets in whoever knows the word, by password or by question.
type secretDoor struct {
	*door
	tried atomic.Int64
}

func (l *lab) secretDoor(word string, questions ...string) *secretDoor {
	s := &secretDoor{}
	check := func(got string) (*ssh.Permissions, error) {
		s.tried.Add(1)
		if got != word {
			return nil, errors.New("wrong")
		}
		return nil, nil
	}
	config := &ssh.ServerConfig{}
	if len(questions) == 0 {
		config.PasswordCallback = func(_ ssh.ConnMetadata, got []byte) (*ssh.Permissions, error) { return check(string(got)) }
	} else {
		config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			for _, question := range questions {
				answers, err := ask("", "", []string{question}, []bool{false})
				if err != nil || len(answers) != 1 {
					return nil, err
				}
				if _, err := check(answers[0]); err != nil {
					return nil, err
				}
			}
			return nil, nil
		}
	}
	s.door = l.door(config)
	return s
}

// person answers every question alike, and counts them.
type person struct {
	says    string
	err     error
	mu      sync.Mutex
	prompts []string
}

func (p *person) ask(prompt string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prompts = append(p.prompts, prompt)
	return p.says, p.err
}

// wantInside fails unless the door let us in, which only shows in what it says.
func wantInside(t *testing.T, failure *remote.Error) {
	t.Helper()
	wantError(t, failure, remote.StageSession, "this is only a door")
}

// One question for the whole run, and each host that wants it gets the answer.
func TestPassword_oncePerRun(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	byPassword, byQuestion := l.secretDoor("sesame"), l.secretDoor("sesame", "Password: ")
	byPassword.block("p*")
	byQuestion.block("q*")
	byPassword.block("rest", "PreferredAuthentications keyboard-interactive")
	byPassword.block("batch", "BatchMode yes")
	someone := &person{says: "sesame"}
	d := l.dialer(remote.Options{Password: someone.ask})
	for _, format := range []string{"p%d", "q%d"} {
		for _, failure := range runMany(t, d, 20, format) {
			wantInside(t, failure)
		}
	}
	if len(someone.prompts) != 1 || strings.Contains(someone.prompts[0], "audit") {
		t.Errorf("asked %q, want one question for all", someone.prompts)
	}
	for _, alias := range []string{"rest", "batch"} {
		_, failure := run(t, d, alias)
		wantError(t, failure, remote.StageAuth, "accepts no keys, only password")
	}
	byPassword.block("nokeys", "PubkeyAuthentication no")
	wrong := &person{says: "wrong"}
	_, failure := run(t, l.dialer(remote.Options{Password: wrong.ask}), "nokeys")
	wantHint(t, failure, "run again with --ask-pass and the right password")
	if strings.Contains(failure.Hint, "--identity") || strings.Contains(failure.Hint, "agent") {
		t.Errorf("the hint for a wrong password speaks of keys: %s", failure.Hint)
	}
	_, failure = run(t, l.dialer(remote.Options{}), "nokeys")
	wantHint(t, failure, "give a password with --ask-pass")
}

// A wrong password is seen by one host, however many run at a time.
func TestPassword_rejectedOnce(t *testing.T) {
	t.Parallel()
	for _, questions := range [][]string{nil, {"Password: "}} {
		l := newLab(t)
		s := l.secretDoor("sesame", questions...)
		s.block("h*")
		someone := &person{says: "wrong"}
		rejected := 0
		for _, failure := range runMany(t, l.dialer(remote.Options{Password: someone.ask}), 30, "h%d") {
			wantError(t, failure, remote.StageAuth)
			if strings.Contains(failure.Message, "the password was rejected, and is not used again") {
				rejected++
			} else if !strings.Contains(failure.Message, "another host rejected it") {
				t.Errorf("message %q", failure.Message)
			}
		}
		if s.tried.Load() != 1 || rejected != 1 {
			t.Errorf("tried %d times, rejected for %d hosts, want 1, 1", s.tried.Load(), rejected)
		}
	}
}

// Only a password is answered, and not to a host that nobody vouches for.
func TestPassword_keptBack(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.secretDoor("sesame", "Verification code: ").block("code")
	twice := l.secretDoor("sesame", "Password: ", "Verification code: ")
	twice.block("both")
	fresh := l.secretDoor("sesame")
	l.block("new", fresh.addr, nil)
	someone := &person{says: "sesame"}
	d := l.dialer(remote.Options{Password: someone.ask, HostKeyPolicy: remote.PolicyAcceptNew})
	_, failure := run(t, d, "code")
	wantError(t, failure, remote.StageAuth, `asks "Verification code:"`)
	wantHint(t, failure, "ControlPath")
	_, failure = run(t, d, "new")
	wantError(t, failure, remote.StageAuth, "key was taken in by this run")
	if fresh.tried.Load() != 0 || len(someone.prompts) != 0 {
		t.Errorf("asked %q, sent %d times", someone.prompts, fresh.tried.Load())
	}
	_, failure = run(t, l.dialer(remote.Options{Password: someone.ask}), "both")
	wantError(t, failure, remote.StageAuth, `asks "Verification code:"`)
	mute := &person{err: errors.New("no terminal")}
	_, failure = run(t, l.dialer(remote.Options{Password: mute.ask}), "new")
	wantError(t, failure, remote.StageAuth, "no password: no terminal")
}

// A passphrase is asked for when a server wants the key, once per key.
func TestPassphrase(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	wanted, pub := l.keygen("wanted", "-t", "ed25519", "-N", "secret", "-a", "1")
	pem, pemPub := l.keygen("pem", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "secret")
	blind, blindPub := l.keygen("blind", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "secret")
	if err := os.Remove(blind + ".pub"); err != nil {
		t.Fatal(err)
	}
	l.known("h*", pub, "IdentityFile "+wanted)
	l.known("pem", pemPub, "IdentityFile "+pem)
	l.known("blind", blindPub, "IdentityFile "+blind)
	l.known("other", l.Key, "IdentityFile "+wanted, "IdentityFile "+l.KeyFile)
	someone := &person{says: "secret"}
	d := l.dialer(remote.Options{Passphrase: someone.ask})
	_, failure := run(t, d, "other")
	wantOK(t, failure)
	if len(someone.prompts) != 0 {
		t.Errorf("asked %q for a key that the server does not know", someone.prompts)
	}
	for _, failure := range runMany(t, d, 20, "h%d") {
		wantOK(t, failure)
	}
	for _, alias := range []string{"pem", "blind", "pem", "blind"} {
		_, failure := run(t, d, alias)
		wantOK(t, failure)
	}
	if got := strings.Join(someone.prompts, "|"); len(someone.prompts) != 3 || !strings.Contains(got, wanted) {
		t.Errorf("asked %q, want one question for each of three keys", someone.prompts)
	}
	held := newAgent(t)
	holdLocked(t, held, wanted)
	someone.prompts = nil
	_, failure = run(t, l.dialer(remote.Options{Passphrase: someone.ask, Env: env(held.serve(t))}), "h1")
	wantOK(t, failure)
	if len(someone.prompts) != 0 {
		t.Errorf("asked %q for a key that the agent holds", someone.prompts)
	}
}

func TestPassphrase_inVain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	file, pub := l.keygen("locked", "-t", "ed25519", "-N", "secret", "-a", "1")
	gcm, gcmPub := l.keygen("gcm", "-t", "ed25519", "-N", "secret", "-a", "1", "-Z", "aes256-gcm@openssh.com")
	l.known("h", pub, "IdentityFile "+file)
	l.known("gcm", gcmPub, "IdentityFile "+gcm)
	someone := &person{says: "guess"}
	d := l.dialer(remote.Options{Passphrase: someone.ask})
	_, failure := run(t, d, "h")
	wantError(t, failure, remote.StageAuth, "stays locked: the passphrase is wrong")
	wantHint(t, failure, "--passphrase-file", "ssh-add "+file)
	_, failure = run(t, d, "h")
	wantError(t, failure, remote.StageAuth)
	wantHint(t, failure, file+": the passphrase is wrong")
	_, failure = run(t, d, "gcm")
	wantError(t, failure, remote.StageAuth)
	wantHint(t, failure, "aes256-gcm@openssh.com", "ssh-add")
	if len(someone.prompts) != 1 {
		t.Errorf("asked %q, want one question", someone.prompts)
	}
	_, failure = run(t, l.dialer(remote.Options{Passphrase: someone.ask, SSHOptions: []string{"BatchMode=yes"}}), "h")
	wantError(t, failure, remote.StageAuth, "a passphrase protects it")
	_, failure = run(t, l.dialer(remote.Options{}), "h")
	wantHint(t, failure, file, "--passphrase-file", "SSH_ASKPASS", "ssh-add")
}

func TestAskpass(t *testing.T) {
	t.Parallel()
	if got, err := remote.Askpass(t.Context(), "echo", "who?"); err != nil || got != "who?" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := remote.Askpass(t.Context(), "false", "who?"); err == nil {
		t.Error("no error from a program that refused")
	}
	if got, err := remote.FirstLine(strings.NewReader("secret\n")); err != nil || got != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := remote.FirstLine(strings.NewReader(strings.Repeat("x", 5000))); err == nil {
		t.Error("an endless line is taken")
	}
}

// holdLocked loads a key into the agent that a passphrase protects.
func holdLocked(t *testing.T, held *slowAgent, path string) {
	t.Helper()
	private, err := ssh.ParseRawPrivateKeyWithPassphrase(readFile(t, path), []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
}
