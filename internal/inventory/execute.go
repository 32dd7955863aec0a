package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"twaudit/internal/text"
)

// Bounds of programs that print inventories. Those that ask a cloud take their
// time; those that hang must not hold the run.
const (
	programTime  = 2 * time.Minute // all calls of one source together
	maxStderr    = 16 << 10
	maxHostCalls = 1000 // of a script without _meta, one for each host
	hostCalls    = 8    // at a time
)

// answer is what a program printed, and what more it was asked.
type answer struct {
	program string // as messages name it
	stdout  []byte
	dir     string
	hosts   map[string][]byte // --host of each, for a script without _meta
	notes   []Note
}

// origin of an answer are lines of text that nobody can mend.
func (a *answer) origin() origin {
	return origin{file: a.program, dir: a.dir, generated: true}
}

// fill adds the answer to a tree. It may be called again: nothing is started
// anew.
func (a *answer) fill(t *tree) error {
	if _, err := t.readJSON(a.stdout, a.origin()); err != nil {
		return err
	}
	for _, m := range t.members {
		if err := t.hostAnswer(m, a.hosts[m.name], a.program); err != nil {
			return err
		}
	}
	return nil
}

// runScript asks a script for everything.
func runScript(ctx context.Context, path string) (*answer, error) {
	info, err := os.Stat(path)
	name := text.CleanMax(path, 200)
	switch {
	case err != nil:
		return nil, fmt.Errorf("inventory %s: %w", name, bare(err))
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return nil, fmt.Errorf("inventory %s: is no program: run chmod +x on it if it is to be started", name)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, programTime, errTooSlow)
	defer cancel()
	absolute, err := filepath.Abs(path) // a bare name would be looked for in PATH
	if err != nil {
		return nil, fmt.Errorf("inventory %s: %w", name, err)
	}
	a := &answer{program: name, dir: filepath.Dir(path)}
	var said string
	if a.stdout, said, err = call(ctx, nil, absolute, "--list"); err != nil {
		return nil, fmt.Errorf("inventory %s --list: %w", name, err)
	}
	if said != "" {
		a.notes = append(a.notes, Note("inventory "+name+" says: "+text.CleanMax(said, 300)))
	}
	// Read once for itself: only then is it known whether there is a _meta, and
	// what the program said on standard error helps with an answer that is none.
	trial := newTree(nil)
	meta, err := trial.readJSON(a.stdout, a.origin())
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, printed(a.stdout, said))
	}
	if !meta {
		err = a.askHosts(ctx, absolute, trial.members)
	}
	return a, err
}

var errTooSlow = fmt.Errorf("gave no answer in %s and was ended", programTime)

// printed helps with a program whose answer was none.
func printed(stdout []byte, said string) string {
	shown := "; it printed " + quote(strings.TrimSpace(string(stdout[:min(len(stdout), 200)])))
	if said != "" {
		shown += " and said: " + text.CleanMax(said, 800)
	}
	return shown
}

// askHosts calls a script of the oldest kind once for each host.
func (a *answer) askHosts(ctx context.Context, program string, members []*member) error {
	if len(members) > maxHostCalls {
		return fmt.Errorf("inventory %s: it prints no _meta, and to ask it for each of %s hosts takes too long: let --list print _meta.hostvars",
			a.program, text.Count(int64(len(members))))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a.hosts = make(map[string][]byte, len(members))
	var mu sync.Mutex
	var running sync.WaitGroup
	slots := make(chan struct{}, hostCalls)
	for _, m := range members {
		slots <- struct{}{}
		// Ends with its program, which ends with ctx at the latest.
		running.Go(func() {
			defer func() { <-slots }()
			out, _, err := call(ctx, nil, program, "--host", m.name)
			mu.Lock()
			defer mu.Unlock()
			a.hosts[m.name] = out
			if err != nil {
				cancel(fmt.Errorf("inventory %s --host %s: %w", a.program, m.name, err))
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return nil
}

// hostAnswer takes over what --host printed.
func (t *tree) hostAnswer(m *member, out []byte, program string) error {
	if len(bytes.TrimSpace(out)) == 0 {
		return nil
	}
	r := newJSONReader(t, out, origin{file: program + " --host " + m.name, generated: true})
	vars, err := r.variables()
	if err != nil {
		return err
	}
	for _, v := range vars {
		m.vars.set(v)
	}
	return nil
}

// runAnsible lets ansible-inventory read path.
func runAnsible(ctx context.Context, path string) (*answer, error) {
	name := text.CleanMax(path, 200)
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		return nil, fmt.Errorf("inventory %s: it needs a plugin of Ansible, and there is no ansible-inventory command: install ansible-core, or save elsewhere what `ansible-inventory -i %s --list` prints and give that file", name, name)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, programTime, errTooSlow)
	defer cancel()
	// It would else carry on without what it could not read.
	env := []string{"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=True", "ANSIBLE_INVENTORY_UNPARSED_FAILED=True", "ANSIBLE_NOCOLOR=1", "ANSIBLE_DEPRECATION_WARNINGS=False"}
	out, said, err := call(ctx, env, program, "-i", path, "--list")
	if err != nil {
		return nil, fmt.Errorf("ansible-inventory -i %s: %w", name, err)
	}
	dir := path
	if !isDir(path) {
		dir = filepath.Dir(path)
	}
	a := &answer{program: "ansible-inventory -i " + name, stdout: out, dir: dir}
	if said != "" {
		a.notes = append(a.notes, Note("ansible-inventory says of "+name+": "+text.CleanMax(said, 300)))
	}
	return a, nil
}

// call runs a program within ctx and returns its output and what it said on
// standard error, in one line. A program that leaves children behind is waited
// for no longer than it lives itself.
func call(ctx context.Context, env []string, program string, args ...string) (out []byte, said string, err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	stdout, stderr := &capped{most: MaxBytes, strict: true}, &capped{most: maxStderr}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	// Its children are in the same group, and end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A child in another session could hold the pipe open for ever.
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	said = oneLine(stderr.buf.String())
	switch {
	case stdout.full:
		return nil, said, fmt.Errorf("printed %w", errTooBig)
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, exec.ErrWaitDelay):
		_ = cmd.Cancel() // what it left behind holds our pipe
		err = nil
	}
	if err != nil && said != "" {
		err = fmt.Errorf("%w; it said: %s", err, text.CleanMax(said, 800))
	}
	return stdout.buf.Bytes(), said, err
}

// oneLine is what matters of an error output: the first lines name the first
// trouble, the last ones say what became of it.
func oneLine(s string) string {
	const ends = 5
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) > 2*ends {
		lines = slices.Concat(lines[:ends], []string{"…"}, lines[len(lines)-ends:])
	}
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return text.Clean(strings.Join(lines, " / "))
}

// capped keeps the first bytes written to it. When strict, more is an error
// that ends the writer; else it is dropped.
type capped struct {
	buf    bytes.Buffer
	most   int
	strict bool
	full   bool
}

// Write keeps what fits.
func (c *capped) Write(p []byte) (int, error) {
	room := c.most - c.buf.Len()
	if len(p) <= room {
		return c.buf.Write(p)
	}
	c.buf.Write(p[:room])
	c.full = true
	if c.strict {
		return room, errTooBig
	}
	return len(p), nil
}
