package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// maxSecret is the longest password or passphrase.
const maxSecret = 1 << 10

// errNoSecret is for a person who was asked and gave nothing.
var errNoSecret = errors.New("nothing was entered")

// secret is a question to a person, put at most once per Dialer, and the answer.
type secret struct {
	answered chan struct{} // closed when the others are set
	value    string
	err      error
}

// ask puts a question by hook unless it was put before, and waits for the
// answer. The person's time is not the host's: no limit but the caller's runs
// meanwhile. Questions come one after the other, and nothing is held by whoever
// waits for one.
func (a *attempt) ask(hook func(string) (string, error), name, prompt string) (string, error) {
	d := a.d
	d.mu.Lock()
	s := d.secrets[name]
	if s == nil {
		s = &secret{answered: make(chan struct{})}
		d.secrets[name] = s
		// Ends with the answer. Close does not wait for it: a person who went for
		// lunch cannot be told.
		go func() {
			defer close(s.answered)
			d.asking.Lock()
			defer d.asking.Unlock()
			if s.value, s.err = hook(prompt); s.err == nil && s.value == "" {
				s.err = errNoSecret
			}
		}()
	}
	d.mu.Unlock()
	begun := time.Now()
	a.pause()
	defer a.resume()
	select {
	case <-s.answered:
		a.asked += time.Since(begun)
		return s.value, s.err
	case <-a.ctx.Done():
		return "", context.Cause(a.ctx)
	}
}

// Askpass puts a question by a program, as ssh does with that of SSH_ASKPASS:
// the prompt is its argument, the first line of its output the answer. It ends
// with ctx.
func Askpass(ctx context.Context, program, prompt string) (string, error) {
	cmd := exec.CommandContext(ctx, program, prompt)
	out := &limited{max: maxSecret}
	cmd.Stdout = out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = outputGrace
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("askpass program: %w", err)
	}
	return firstLine(out.bytes(), out.over())
}

// FirstLine reads the answer to a question from a file that holds it, such as
// one with a passphrase: its first line, without the end of the line.
func FirstLine(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err != nil {
		return "", err
	}
	return firstLine(data, len(data) > maxSecret)
}

func firstLine(data []byte, cut bool) (string, error) {
	line, _, found := bytes.Cut(data, []byte("\n"))
	if cut && !found {
		return "", fmt.Errorf("longer than %d bytes", maxSecret)
	}
	return strings.TrimSuffix(string(line), "\r"), nil
}
