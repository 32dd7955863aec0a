package sshconfig

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bounds on one ssh -G. Match exec may run anything, and DNS may hang.
const (
	opensshTime  = 10 * time.Second
	opensshBytes = 1 << 20
)

// openSSH runs ssh -G and keeps its answers.
type openSSH struct {
	binary     string
	args       []string      // of every call
	otherFiles string        // why ssh would read other files than we do; empty: it reads the same
	slots      chan struct{} // some more processes than CPUs: some only wait for DNS

	mu      sync.Mutex
	answers map[Query]*answer

	plain    chan struct{}       // holds one entry while somebody looks at defaults
	defaults map[string][]string // what ssh -G prints where nothing is set; nil: not asked yet
}

type answer struct {
	done     chan struct{} // closed when the others are set
	settings *Settings
	err      error
}

// findOpenSSH returns nil when there is no ssh command.
func findOpenSSH(o Options) *openSSH {
	binary, err := exec.LookPath("ssh")
	if err != nil {
		return nil
	}
	c := &openSSH{binary: binary, answers: map[Query]*answer{}, plain: make(chan struct{}, 1), slots: make(chan struct{}, 2*runtime.NumCPU()+4)}
	switch {
	case o.File != "":
		c.args = []string{"-F", o.File}
	case o.systemFile() != "/etc/ssh/ssh_config":
		c.otherFiles = "it would read another system file"
	default:
		if u, err := user.Current(); err != nil || u.HomeDir != o.Home {
			c.otherFiles = "it would look in another home directory"
		}
	}
	for _, s := range o.Settings {
		c.args = append(c.args, "-o", s)
	}
	return c
}

// resolve asks once for each query, however many callers wait for it. An answer
// that the context of its first caller cut short is not kept.
func (c *openSSH) resolve(ctx context.Context, r *Resolver, q Query) (*Settings, error) {
	for {
		c.mu.Lock()
		a, asked := c.answers[q]
		if !asked {
			a = &answer{done: make(chan struct{})}
			c.answers[q] = a
		}
		c.mu.Unlock()
		if !asked {
			c.answer(ctx, r, q, a)
			return a.settings, a.err
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !isContext(a.err) {
			return a.settings, a.err
		}
	}
}

// isContext tells an answer that was cut short from one about the host.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// answer fills a, and wakes those who wait for it.
func (c *openSSH) answer(ctx context.Context, r *Resolver, q Query, a *answer) {
	defer close(a.done)
	out, err := c.run(ctx, c.arguments(q))
	if err == nil {
		a.settings, err = r.readAnswer(out, q)
	}
	if err == nil {
		err = c.dropDefaults(ctx, a.settings)
	}
	a.err = err
	if isContext(err) {
		c.mu.Lock()
		delete(c.answers, q)
		c.mu.Unlock()
	}
}

// run returns the output of one ssh -G.
func (c *openSSH) run(ctx context.Context, args []string) ([]byte, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, opensshTime)
	defer cancel()
	cmd := exec.CommandContext(limited, c.binary, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out, problems bounded
	cmd.Stdout, cmd.Stderr = &out, &problems
	// A command of Match exec is in the same group, and ends with ssh.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, &Error{Text: fmt.Sprintf("ssh -G gave no answer in %s", opensshTime), Hint: "look for Match exec or CanonicalizeHostname that hangs"}
	case out.full:
		return nil, &Error{Text: "ssh -G answered without end"}
	case err != nil:
		return nil, opensshRefused(problems.buf.String(), err)
	}
	return out.buf.Bytes(), nil
}

// arguments puts the query first: for ssh the first value counts.
func (c *openSSH) arguments(q Query) []string {
	args := []string{"-G"}
	if q.User != "" {
		args = append(args, "-l", q.User)
	}
	if q.Port != 0 {
		args = append(args, "-p", strconv.Itoa(q.Port))
	}
	return append(append(args, c.args...), "--", q.Alias)
}

// bounded keeps the first opensshBytes.
type bounded struct {
	buf  bytes.Buffer
	full bool
}

// Write fails when it is full, which ends the reading and with it the process.
func (b *bounded) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > opensshBytes {
		b.full = true
		return 0, io.ErrShortWrite
	}
	return b.buf.Write(p)
}

// readAnswer turns the output of ssh -G into Settings. ssh has expanded there
// what it needs before it connects; IdentityFile, CertificateFile and the proxy
// are still as written.
func (r *Resolver) readAnswer(out []byte, q Query) (*Settings, error) {
	values := parseAnswer(out)
	first := func(keyword string) string {
		if len(values[keyword]) == 0 {
			return ""
		}
		return values[keyword][0]
	}
	for _, keyword := range []string{"bindinterface", "proxyusefdpass", "revokedhostkeys"} {
		if v := first(keyword); v != "" && !isNo(v) {
			return nil, forbidden(r.config.places[keyword], keyword)
		}
	}
	s := &Settings{
		Source:         SourceOpenSSH,
		ControlPath:    first("controlpath"),
		HostName:       first("hostname"),
		Port:           atoi(first("port")),
		User:           first("user"),
		IdentitiesOnly: isYes(first("identitiesonly")),
		HashKnownHosts: isYes(first("hashknownhosts")),
		HostKeyAlias:   first("hostkeyalias"),
		BindAddress:    first("bindaddress"),
		AddressFamily:  cmp.Or(first("addressfamily"), "any"),
		ConnectTimeout: time.Duration(atoi(first("connecttimeout"))) * time.Second,

		StrictHostKeyChecking: strictness(first("stricthostkeychecking")),
	}
	s.logins(first)
	if s.HostName == "" || s.Port == 0 || s.User == "" {
		return nil, &Error{Text: "ssh -G gave an answer without host, port or user"}
	}
	return s, r.complete(s, values, q)
}

// complete expands what ssh -G leaves as written.
func (r *Resolver) complete(s *Settings, values map[string][]string, q Query) error {
	e := r.expander(s, q)
	var err error
	s.IdentityFilesSet = !isDefaultKeys(values["identityfile"])
	if !s.IdentityFilesSet {
		s.IdentityFiles = e.defaults()
	} else if s.IdentityFiles, err = e.files(r.asSettings("identityfile", values)); err != nil {
		return err
	}
	if s.CertificateFiles, err = e.files(r.asSettings("certificatefile", values)); err != nil {
		return err
	}
	if agent := values["identityagent"]; len(agent) > 0 {
		s.IdentityAgent = e.agentSocket(e.tilde(agent[0]))
	}
	s.UserKnownHostsFiles = e.tildes(r.fields("userknownhostsfile", values, e))
	s.GlobalKnownHostsFiles = e.tildes(r.fields("globalknownhostsfile", values, e))
	for _, keyword := range []string{"proxycommand", "proxyjump"} {
		if v := values[keyword]; len(v) > 0 {
			return at(e.proxy(s, keyword+" "+v[0]), r.config.places[keyword])
		}
	}
	return nil
}

// asSettings gives what ssh -G printed the place where the keyword first stands
// in the files: the nearest that can be told.
func (r *Resolver) asSettings(keyword string, values map[string][]string) []setting {
	var settings []setting
	for _, v := range values[keyword] {
		settings = append(settings, setting{place: r.config.places[keyword], value: v})
	}
	return settings
}

// fields splits a list that ssh -G prints with blanks in between, also where a
// name holds blanks: such names are known from the files.
func (r *Resolver) fields(keyword string, values map[string][]string, e *expander) []string {
	if len(values[keyword]) == 0 {
		return nil
	}
	printed := values[keyword][0]
	for _, list := range r.config.lists {
		if list.keyword != keyword {
			continue
		}
		names := strings.Split(list.value, "\n")
		expanded := make([]string, len(names))
		for i, name := range names {
			// A name that cannot be expanded is not the one that was printed.
			expanded[i], _ = expandAll(e.tilde(name), e.tokens, e.env)
		}
		if printed == strings.Join(names, " ") || printed == strings.Join(expanded, " ") {
			return expanded
		}
	}
	return strings.Fields(printed)
}

// isDefaultKeys tells whether files are what some version of OpenSSH prints
// when no IdentityFile is set.
func isDefaultKeys(files []string) bool {
	for _, file := range files {
		name, ok := strings.CutPrefix(file, "~/.ssh/id_")
		if !ok || !slices.Contains([]string{"rsa", "dsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "xmss", "mldsa44_ed25519"}, name) {
			return false
		}
	}
	return len(files) >= 4 && files[0] == "~/.ssh/id_rsa"
}
