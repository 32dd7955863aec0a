package remote

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"twaudit/internal/text"
	"twaudit/remote/knownhosts"
	"twaudit/remote/sshconfig"
)

// The limits where Options name none.
const (
	defaultConnectTimeout = 10 * time.Second
	defaultHostTimeout    = 60 * time.Second
)

// pace is how patient a Dialer is where nobody chooses.
type pace struct {
	// stale is how long a connection may wait for its slot. A server closes one
	// that says nothing (LoginGraceTime, often 30 s or more), and a connection
	// found dead after the wait would look like a fault of the host.
	stale time.Duration
	// grudge is how long a jump host that failed is not asked again: the hosts
	// behind it fail at once instead of one limit after the other.
	grudge time.Duration
	// pulse is how often a jump host, or a host with a long command, must show that
	// it lives; it may take twice as long to do so. TCP alone notices a dead one
	// after many minutes.
	pulse time.Duration
	// retry is the first wait before a jump host is tried once more.
	retry time.Duration
}

var unhurried = pace{stale: 20 * time.Second, grudge: 30 * time.Second, pulse: 15 * time.Second, retry: 500 * time.Millisecond}

// HostKeyPolicy says what happens to a host whose key no known_hosts file
// holds. A changed or revoked key is refused by every policy.
type HostKeyPolicy string

// The policies. The zero value is PolicyStrict, unless the operator's
// ssh_config says accept-new for a host.
const (
	PolicyStrict    HostKeyPolicy = "strict"     // the host fails
	PolicyAcceptNew HostKeyPolicy = "accept-new" // its key is added to known_hosts
)

// Options are what a command line says about SSH. The zero value reaches hosts
// as the ssh command would for a user without a home.
type Options struct {
	ConfigFile     string         // as ssh -F: empty is the user's and the system's file, "none" is neither
	Resolver       sshconfig.Mode // who evaluates ssh_config; empty is ModeAuto
	User           string         // for targets that name none; beats ssh_config
	Port           int            // for targets that name none; 0: as ssh_config says
	Jump           string         // as ssh -J: beats ssh_config; empty: as it says
	Identities     []string       // key files, offered before those of ssh_config; to jump hosts after theirs
	SSHOptions     []string       // Key=Value, as ssh -o; like there, not for jump hosts
	HostKeyPolicy  HostKeyPolicy  // see its zero value
	ConnectTimeout time.Duration  // dial, version and key exchange, as ssh counts it; 0 is 10s; ssh_config beats it
	HostTimeout    time.Duration  // from the key exchange to the command's end; 0 is 60s
	Home           string         // what ~ means
	LocalUser      string         // the login name where nothing else says one
	// Password and Passphrase ask a person, with prompt as it is to be shown: the
	// one password of the run, and the passphrase of each key that a server wants.
	// Each question is put once per Dialer at most, one at a time, from any
	// goroutine; the answer counts for the whole run. nil: nobody is asked.
	Password   func(prompt string) (string, error)
	Passphrase func(prompt string) (string, error)
	JumpConns  int // connections through one jump host at a time; 0: no limit
	AgentConns int // signatures that an agent is asked for at a time; 0 is 8

	Env  func(string) string // for SSH_AUTH_SOCK and ${NAME}; nil is an empty environment
	Warn func(string)        // told each warning once, from any goroutine; nil: nobody is told
}

// Dialer runs commands on hosts. It owns what hosts share: parsed settings,
// keys, the agent, known_hosts, and one connection per jump host. It is safe for
// concurrent use; Close it.
type Dialer struct {
	opts    Options
	targets *sshconfig.Resolver // with the command line's settings
	hops    *sshconfig.Resolver // without them: ssh -J starts from the files again

	pace       pace
	algorithms algorithms // never changed: connections share its lists

	base    context.Context // ends with Close
	endAll  context.CancelFunc
	running sync.WaitGroup // every goroutine that may outlive a Run

	elsewhere *elsewhere

	asking   sync.Mutex // held while a person is asked
	password *password

	mu       sync.Mutex
	closed   bool
	warned   map[string]bool
	indexes  map[string]*indexEntry
	accepted map[string]string  // known_hosts name -> key taken in by accept-new, in wire form
	secrets  map[string]*secret // by what they open
	keyFiles map[string]*keyFile
	agents   map[string]*agentPool
	jumps    map[string]*jumpHost // by the way to them
	chains   map[string]*jumpHost // by ProxyJump, as a target has it
}

// New reads ssh_config. It connects nowhere and reads no key.
func New(opts Options) (*Dialer, error) {
	switch opts.HostKeyPolicy {
	case "", PolicyStrict, PolicyAcceptNew:
	default:
		return nil, fmt.Errorf("host key policy %q is neither strict nor accept-new", opts.HostKeyPolicy)
	}
	switch opts.Resolver {
	case "", sshconfig.ModeAuto, sshconfig.ModeBuiltin, sshconfig.ModeOpenSSH:
	default:
		return nil, fmt.Errorf("ssh_config resolver %q is none of auto, builtin, openssh", opts.Resolver)
	}
	if opts.Port < 0 || opts.Port > 65535 {
		return nil, fmt.Errorf("port %d is not in 1-65535", opts.Port)
	}
	if opts.Env == nil {
		opts.Env = func(string) string { return "" }
	}
	settings := opts.SSHOptions
	if opts.Jump != "" {
		// In front: the first value wins, and it also rules out a ProxyCommand.
		settings = append([]string{"ProxyJump=" + opts.Jump}, settings...)
	}
	config := sshconfig.Options{File: opts.ConfigFile, Home: opts.Home, LocalUser: opts.LocalUser, Env: opts.Env, Mode: opts.Resolver}
	hops, err := sshconfig.New(config)
	if err != nil {
		return nil, err
	}
	targets := hops
	if len(settings) > 0 {
		if targets, err = hops.With(settings); err != nil {
			return nil, err
		}
	}
	base, endAll := context.WithCancel(context.Background())
	return &Dialer{
		opts: opts, targets: targets, hops: hops, base: base, endAll: endAll, algorithms: goodAlgorithms(), pace: unhurried,
		warned: map[string]bool{}, indexes: map[string]*indexEntry{}, accepted: map[string]string{},
		elsewhere: newElsewhere(), password: &password{trial: make(chan struct{}, 1)}, secrets: map[string]*secret{},
		keyFiles: map[string]*keyFile{}, agents: map[string]*agentPool{}, jumps: map[string]*jumpHost{}, chains: map[string]*jumpHost{},
	}, nil
}

// Close ends what is still running: a Run in progress returns an error soon, the
// jump connections have ended when Close returns. It always returns nil.
func (d *Dialer) Close() error {
	d.mu.Lock()
	d.closed = true
	agents := d.agents
	d.agents = map[string]*agentPool{}
	d.mu.Unlock()
	d.endAll()
	d.running.Wait()
	for _, pool := range agents {
		pool.close()
	}
	return nil
}

// start runs f in a goroutine that Close waits for. It reports false, and runs
// nothing, once the Dialer is closed. f must end when d.base does.
func (d *Dialer) start(f func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.running.Go(f)
	return true
}

// Resolve returns where, as whom and through what t is reached. It may run
// `ssh -G`, and connects nowhere.
func (d *Dialer) Resolve(ctx context.Context, t Target) (*sshconfig.Settings, error) {
	query := sshconfig.Query{Alias: t.Alias, User: t.User, Port: t.Port}
	if query.User == "" {
		query.User = d.opts.User
	}
	if query.Port == 0 {
		query.Port = d.opts.Port
	}
	set, err := d.targets.Resolve(ctx, query)
	if err != nil || len(d.opts.Identities) == 0 {
		return set, err
	}
	// A key on the command line replaces the default ones, as with ssh -i, and
	// comes before those that the config names.
	own := *set
	own.IdentityFiles = d.identities()
	if set.IdentityFilesSet {
		own.IdentityFiles = append(own.IdentityFiles, set.IdentityFiles...)
	}
	own.IdentityFilesSet = true
	return &own, nil
}

// resolveHop is Resolve for a host on the way. The command line's keys are
// offered there too, where ssh would not: one -i is what most people expect to
// open the whole way.
func (d *Dialer) resolveHop(ctx context.Context, q sshconfig.Query) (*sshconfig.Settings, error) {
	set, err := d.hops.Resolve(ctx, q)
	if err != nil || len(d.opts.Identities) == 0 {
		return set, err
	}
	own := *set
	own.IdentityFiles = append(slices.Clone(set.IdentityFiles), d.identities()...)
	own.IdentityFilesSet = true
	return &own, nil
}

func (d *Dialer) identities() []string {
	files := make([]string, len(d.opts.Identities))
	for i, file := range d.opts.Identities {
		files[i] = file
		if rest, found := strings.CutPrefix(file, "~/"); found && d.opts.Home != "" {
			files[i] = filepath.Join(d.opts.Home, rest)
		}
	}
	return files
}

// warn passes message on unless it was passed on before.
func (d *Dialer) warn(message string) {
	d.mu.Lock()
	known := d.warned[message]
	d.warned[message] = true
	d.mu.Unlock()
	if !known && d.opts.Warn != nil {
		d.opts.Warn(message)
	}
}

// indexEntry is known_hosts files being read, or read.
type indexEntry struct {
	loaded chan struct{} // closed when index is set
	index  *knownhosts.Index
}

// index returns the index over files, which are read once per Dialer; nil when
// ctx ends before.
func (d *Dialer) index(ctx context.Context, files []string) *knownhosts.Index {
	key := strings.Join(files, "\x00")
	d.mu.Lock()
	entry := d.indexes[key]
	if entry == nil {
		entry = &indexEntry{loaded: make(chan struct{})}
		d.indexes[key] = entry
		// Ends when the files are read. Close does not wait for it: a file system
		// that hangs cannot be told.
		go func() {
			defer close(entry.loaded)
			entry.index = d.loadIndex(files)
		}()
	}
	d.mu.Unlock()
	select {
	case <-entry.loaded:
		return entry.index
	case <-ctx.Done():
		return nil
	}
}

func (d *Dialer) loadIndex(files []string) *knownhosts.Index {
	index, warnings := knownhosts.Load(files)
	for _, w := range warnings {
		place := w.File
		if w.Line > 0 {
			place = fmt.Sprintf("%s:%d", w.File, w.Line)
		}
		d.warn(place + ": " + text.CleanMax(w.Text, 200))
	}
	return index
}

// connectTimeout is the limit for set's host, from dial to key exchange.
func (d *Dialer) connectTimeout(set *sshconfig.Settings) time.Duration {
	switch {
	case set.ConnectTimeout > 0:
		return set.ConnectTimeout
	case d.opts.ConnectTimeout > 0:
		return d.opts.ConnectTimeout
	}
	return defaultConnectTimeout
}

func (d *Dialer) hostTimeout() time.Duration {
	if d.opts.HostTimeout > 0 {
		return d.opts.HostTimeout
	}
	return defaultHostTimeout
}
