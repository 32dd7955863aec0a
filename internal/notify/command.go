package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// maxSaid bounds what is kept of what a command says.
const maxSaid = 4 << 10

// Command runs a program with the JSON on its standard input. It is tried once: a
// command that failed half-way may have told somebody already.
type Command struct {
	Args []string // the program and its arguments; no shell is between
	Env  []string // nil is that of this process
	// Timeout of 0 is half a minute.
	Timeout time.Duration
}

// Check reports whether the program is there, by the PATH of this process.
func (c Command) Check() error {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return errors.New("the alarm names no command")
	}
	if _, err := exec.LookPath(c.Args[0]); err != nil {
		return fmt.Errorf("command: %w", err)
	}
	return nil
}

// Send runs the command and waits for it. What it says on standard error is in
// the error when it fails.
func (c Command) Send(ctx context.Context, m Message) error {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return errors.New("the alarm names no command")
	}
	limit := c.Timeout
	if limit == 0 {
		limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	said := &head{most: maxSaid}
	cmd.Env, cmd.Stdin, cmd.Stderr = c.Env, bytes.NewReader(m.JSON), said
	// What the command has started goes with it, and does not hold standard error.
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // it succeeded, and left a child that holds standard error
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%s was ended: %w", c.Args[0], ctx.Err())
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s did not end within %s", c.Args[0], limit)
	case said.String() != "":
		return fmt.Errorf("%s: %w: %s", c.Args[0], err, said)
	}
	return fmt.Errorf("%s: %w", c.Args[0], err)
}

// head keeps the beginning of what is written to it.
type head struct {
	kept bytes.Buffer
	most int
}

func (h *head) Write(p []byte) (int, error) {
	if room := h.most - h.kept.Len(); room > 0 {
		h.kept.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (h *head) String() string { return strings.TrimSpace(h.kept.String()) }
