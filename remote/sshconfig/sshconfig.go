// Package sshconfig answers what `ssh -G HOST` would: where, as whom and
// through what a host is reached, from the user's and the system's ssh_config.
//
// It parses the files once with a library, behind a guard: constructs which
// the library does not read as OpenSSH does are handed to `ssh -G`, and without
// an ssh binary they are an error that names file and line. It never guesses,
// connects nowhere and reads no key. Start with New and Resolver.Resolve.
package sshconfig

import (
	"cmp"
	"context"
	"path/filepath"
	"time"
)

// Options say which files are read and for whom. The zero value is the
// environment of the ssh command for an unknown user without a home.
type Options struct {
	File       string              // as ssh -F: "" is Home/.ssh/config, then SystemFile; "none" is neither; else that file alone
	SystemFile string              // "" is /etc/ssh/ssh_config
	Home       string              // what ~ and %d mean; ssh takes it from the user database, not from HOME
	LocalUser  string              // what %u means, and the login name where nothing else says one
	Env        func(string) string // for ${NAME}; an empty answer is an unset variable; nil is an empty environment
	Settings   []string            // Key=Value, as ssh -o: they beat the files
	Mode       Mode                // "" is ModeAuto

	piped []byte // what File said, when it is a pipe; nil: it is none, or was not read yet
}

// Mode says who evaluates the files.
type Mode string

// The modes of a Resolver.
const (
	ModeAuto    Mode = "auto"    // ourselves, and ssh -G for what only OpenSSH reads rightly
	ModeBuiltin Mode = "builtin" // ourselves; what we cannot read is an error. Runs nothing, also no Match exec
	ModeOpenSSH Mode = "openssh" // ssh -G for every host
)

// Query is one host as ssh would be given it on its command line. User and
// Port stand before Settings: they beat them and the files.
type Query struct {
	Alias string // a name or an address without brackets; never user@host
	User  string // as ssh -l; empty: as the files say, else LocalUser
	Port  int    // as ssh -p; 0: as the files say, else 22
}

// Settings is what a host resolves to, with every ~, %token and ${NAME}
// expanded that ssh expands, and the defaults of OpenSSH for all that is unset.
// Callers must not change its slices: a resolved host may be shared.
type Settings struct {
	HostName         string
	Port             int
	User             string
	IdentityFiles    []string // in the order in which ssh tries them; may not exist
	IdentityFilesSet bool     // false: IdentityFiles are the defaults
	CertificateFiles []string
	IdentitiesOnly   bool
	IdentityAgent    string // socket; "none": use no agent; "": as SSH_AUTH_SOCK says

	ProxyJump    string // hops as [user@]host[:port], separated by commas; "" when there is none
	ProxyCommand string // for sh -c "exec …"; "" when there is none

	AddressFamily string // any, inet or inet6
	BindAddress   string // the local address to connect from; "" is any

	UserKnownHostsFiles   []string
	GlobalKnownHostsFiles []string
	HostKeyAlias          string
	StrictHostKeyChecking string // yes, no (also for off), ask or accept-new
	HashKnownHosts        bool

	ConnectTimeout time.Duration // 0: none set

	// Which algorithms may be used, as ssh_config says it: a list that may begin
	// with +, - or ^. Empty is OpenSSH's choice; see Algorithms.
	HostKeyAlgorithms, KexAlgorithms, Ciphers, MACs, PubkeyAcceptedAlgorithms string

	PubkeyAuthentication         bool // yes, and its shades unbound and host-bound
	PasswordAuthentication       bool
	KbdInteractiveAuthentication bool
	PreferredAuthentications     string // methods, separated by commas; "" is OpenSSH's order
	BatchMode                    bool   // nobody is asked for a password or a passphrase
	NumberOfPasswordPrompts      int

	ControlPath         string        // socket of a master connection, expanded; "" when there is none
	ServerAliveInterval time.Duration // 0: none set
	ServerAliveCountMax int

	Source string // SourceBuiltin or SourceOpenSSH
}

// The two ways a host is resolved.
const (
	SourceBuiltin = "builtin" // the parsed files
	SourceOpenSSH = "openssh" // ssh -G
)

// Resolver holds the parsed files. It is safe for concurrent use.
type Resolver struct {
	options Options
	config  *config
	openssh *openSSH // nil when no ssh command may be used
}

// New reads the files and everything they include, once. What ssh refuses for
// every host is an *Error already here.
func New(options Options) (*Resolver, error) {
	options.Mode = cmp.Or(options.Mode, ModeAuto)
	if options.Env == nil {
		options.Env = func(string) string { return "" }
	}
	r := &Resolver{options: options}
	if options.Mode != ModeBuiltin {
		r.openssh = findOpenSSH(options)
	}
	loaded, err := load(options)
	if err != nil {
		return nil, err
	}
	r.config, r.options.piped = loaded, loaded.piped
	if loaded.piped != nil && r.openssh != nil {
		r.openssh.otherFiles = "a pipe can be read only once"
	}
	switch {
	case options.Mode == ModeOpenSSH:
		err = r.needSSH(beyond{what: "every setting"})
	case len(loaded.beyond) > 0:
		err = r.needSSH(loaded.beyond[0])
	case !loaded.ignoresUnknown && len(loaded.unknown) > 0:
		err = loaded.unknown[0].refused()
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// With returns a Resolver over the same files, and other settings of the command
// line. A pipe is not read again.
func (r *Resolver) With(settings []string) (*Resolver, error) {
	options := r.options
	options.Settings = settings
	return New(options)
}

// needSSH is nil when ssh -G can be asked about what only OpenSSH reads.
func (r *Resolver) needSSH(b beyond) error {
	why, hint := "", hintNoSSH
	switch {
	case r.options.Mode == ModeBuiltin:
		why, hint = "which is not asked", hintBuiltin
	case r.openssh == nil:
		why = "and there is no ssh command"
	case r.openssh.otherFiles != "":
		why, hint = "and "+r.openssh.otherFiles, "name the file with -F"
	default:
		return nil
	}
	return &Error{b.place, b.what + " is read rightly only by ssh -G, " + why, hint}
}

// Resolve returns what q means. The files are not read again, but ssh -G, where
// it has to be asked, reads them anew. Answers of ssh -G are kept.
func (r *Resolver) Resolve(ctx context.Context, q Query) (*Settings, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	if r.options.Mode == ModeOpenSSH || len(r.config.beyond) > 0 {
		return r.openssh.resolve(ctx, r, q)
	}
	settings, odd, err := r.builtin(q)
	if odd == nil {
		return settings, err
	}
	if err := r.needSSH(*odd); err != nil {
		return nil, err
	}
	return r.openssh.resolve(ctx, r, q)
}

func (o Options) userFile() string { return filepath.Join(o.Home, ".ssh", "config") }

func (o Options) systemFile() string { return cmp.Or(o.SystemFile, "/etc/ssh/ssh_config") }
