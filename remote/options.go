package remote

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"twaudit/internal/text"
	"twaudit/remote/sshconfig"
)

// HostKeyPolicy says what happens to a host whose key no known_hosts file
// holds. A changed or revoked key is refused by every policy.
type HostKeyPolicy string

// The policies. The zero value is PolicyStrict, also where ssh_config says
// something that is less safe.
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
	ResolveTimeout time.Duration  // the lookup of the name, before ConnectTimeout begins; 0 is as long as that
	AuthTimeout    time.Duration  // the login, within HostTimeout; 0 is 45s
	HostTimeout    time.Duration  // login and command, which has what the login leaves; 0 is 60s
	Home           string         // what ~ means
	LocalUser      string         // the login name where nothing else says one
	// Password and Passphrase ask a person, with prompt as it is to be shown: the
	// one password of the run, and the passphrase of each key that a server wants.
	// Each question is put once per Dialer at most, one at a time, from any
	// goroutine; the answer counts for the whole run. nil: nobody is asked.
	Password   func(prompt string) (string, error)
	Passphrase func(prompt string) (string, error)
	// SudoPassword asks in the same way, for the password that sudo wants on the
	// hosts; see Command.Sudo. nil: no host gets one.
	SudoPassword func(prompt string) (string, error)
	// Shared is common to all Dialers of one run; nil: there is only this one.
	Shared     *Shared
	JumpConns  int // connections through one jump host at a time; 0: no limit
	AgentConns int // signatures that an agent is asked for at a time; 0 is 8

	Env  func(string) string // for SSH_AUTH_SOCK and ${NAME}; nil is an empty environment
	Warn func(string)        // told each warning once, from any goroutine; nil: nobody is told
}

// check looks for what is wrong with the options themselves.
func (o *Options) check() error {
	switch o.HostKeyPolicy {
	case "", PolicyStrict, PolicyAcceptNew:
	default:
		return fmt.Errorf("host key policy %q is neither strict nor accept-new", o.HostKeyPolicy)
	}
	switch o.Resolver {
	case "", sshconfig.ModeAuto, sshconfig.ModeBuiltin, sshconfig.ModeOpenSSH:
	default:
		return fmt.Errorf("ssh_config resolver %q is none of auto, builtin, openssh", o.Resolver)
	}
	if o.Port < 0 || o.Port > 65535 {
		return fmt.Errorf("port %d is not in 1-65535", o.Port)
	}
	if o.User != "" {
		if err := sshconfig.CheckUser(o.User); err != nil {
			return fmt.Errorf("user %q: %w", text.CleanMax(o.User, 100), err)
		}
	}
	if err := sshconfig.CheckJump(o.Jump); err != nil {
		return fmt.Errorf("jump hosts %q: %w", text.CleanMax(o.Jump, 200), err)
	}
	return nil
}

// CheckIdentities looks for a key that was named but is not there, before any
// host says that it does not know the others. The public half is enough for an
// agent. New does without: a key that is missing may concern one host of many.
func (o *Options) CheckIdentities() error {
	for _, file := range o.Identities {
		if err := o.checkIdentity(file); err != nil {
			return fmt.Errorf("identity file %q: %w", text.CleanMax(file, 200), err)
		}
	}
	return nil
}

func (o *Options) checkIdentity(file string) error {
	path := o.atHome(file)
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		if _, other := os.Stat(path + ".pub"); other == nil {
			return nil
		}
	}
	var why *os.PathError
	switch {
	case errors.As(err, &why):
		return why.Err
	case err == nil && info.IsDir():
		return errors.New("it is a directory")
	}
	return err
}

// atHome is file with ~ as the shell would have it.
func (o *Options) atHome(file string) string {
	if rest, found := strings.CutPrefix(file, "~/"); found && o.Home != "" {
		return filepath.Join(o.Home, rest)
	}
	return file
}
