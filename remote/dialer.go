package remote

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"twaudit/internal/text"
	"twaudit/remote/knownhosts"
	"twaudit/remote/sshconfig"
)

// The limits where Options name none. A login may meet one server of a directory
// that is down, for which nss_ldap and pam_ldap wait 30 s by default, as a lookup
// does in three name servers, and goes on; a quarter of the host's time is kept
// for the command. sshd itself would wait for 120 s (LoginGraceTime).
const (
	defaultConnectTimeout = 10 * time.Second
	defaultHostTimeout    = 60 * time.Second
	defaultAuthTimeout    = 45 * time.Second
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
	// sudo is how long sudo may take to ask for the password, and then to judge it:
	// it may look rights up in a directory, and sleeps after a wrong one.
	sudo time.Duration
}

var unhurried = pace{sudo: 15 * time.Second, stale: 20 * time.Second, grudge: 30 * time.Second, pulse: 15 * time.Second, retry: 500 * time.Millisecond}

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

	resolver  *net.Resolver
	elsewhere *elsewhere

	asking sync.Mutex // held while a person is asked
	shared *Shared

	mu       sync.Mutex
	closed   bool
	warned   map[string]bool
	indexes  map[string]*indexEntry
	secrets  map[string]*secret // by what they open
	keyFiles map[string]*keyFile
	agents   map[string]*agentPool
	jumps    map[string]*jumpHost // by the way to them
	chains   map[string]*jumpHost // by ProxyJump, as a target has it
}

// New reads ssh_config. It connects nowhere and reads no key.
func New(opts Options) (*Dialer, error) {
	if err := opts.check(); err != nil {
		return nil, err
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
		warned: map[string]bool{}, indexes: map[string]*indexEntry{},
		resolver: &net.Resolver{PreferGo: true}, elsewhere: newElsewhere(), shared: cmp.Or(opts.Shared, NewShared()), secrets: map[string]*secret{},
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

func (d *Dialer) query(t Target) sshconfig.Query {
	return sshconfig.Query{Alias: t.Alias, User: cmp.Or(t.User, d.opts.User), Port: cmp.Or(t.Port, d.opts.Port)}
}

// Check returns why ssh refuses its configuration for all hosts; t is one of
// them. That something is wrong with t alone is left to Run. It may run `ssh -G`,
// whose answer is kept, and connects nowhere.
func (d *Dialer) Check(ctx context.Context, t Target) error { return d.targets.Check(ctx, d.query(t)) }

// Resolve returns where, as whom and through what t is reached. It may run
// `ssh -G`, and connects nowhere.
func (d *Dialer) Resolve(ctx context.Context, t Target) (*sshconfig.Settings, error) {
	set, err := d.targets.Resolve(ctx, d.query(t))
	if err != nil {
		return nil, err
	}
	d.warnCareless(set)
	if len(d.opts.Identities) == 0 {
		return set, nil
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
	if err != nil {
		return nil, err
	}
	d.warnCareless(set)
	if len(d.opts.Identities) == 0 {
		return set, nil
	}
	own := *set
	own.IdentityFiles = append(slices.Clone(set.IdentityFiles), d.identities()...)
	own.IdentityFilesSet = true
	return &own, nil
}

func (d *Dialer) identities() []string {
	files := make([]string, len(d.opts.Identities))
	for i, file := range d.opts.Identities {
		files[i] = d.opts.atHome(file)
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

// resolveTimeout is the limit for the lookup of set's name.
func (d *Dialer) resolveTimeout(set *sshconfig.Settings) time.Duration {
	if d.opts.ResolveTimeout > 0 {
		return d.opts.ResolveTimeout
	}
	return d.connectTimeout(set)
}

func (d *Dialer) authTimeout() time.Duration {
	if d.opts.AuthTimeout > 0 {
		return d.opts.AuthTimeout
	}
	return defaultAuthTimeout
}

func (d *Dialer) hostTimeout() time.Duration {
	if d.opts.HostTimeout > 0 {
		return d.opts.HostTimeout
	}
	return defaultHostTimeout
}
