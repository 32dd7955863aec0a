// Package remote runs one script on one host over SSH, or here, and returns
// what came back: bytes, an exit status and what it cost, or an Error that
// names the stage. It knows ssh_config, keys, agents, known_hosts and jump
// hosts as the ssh command does; it knows nothing of what the script asks.
//
// It never asks whether a host key may be trusted, never writes to a host, and
// never runs longer than its context. Start with Dialer.
package remote

import (
	"context"
	"time"
)

// Target is one host as the operator named it.
type Target struct {
	Alias string // what ssh would be given as HOST: matched against ssh_config
	User  string // empty: as the config says, else the local user
	Port  int    // 0: as the config says, else 22
}

// Command is the one command that is run on a host.
type Command struct {
	Line      string // given to the login shell; must be words that every shell reads alike
	Stdin     string // written in full, then closed; shared, so that a fleet holds it once
	MaxStdout int    // bytes kept; beyond it the session is closed and Output.Truncated set
	MaxStderr int    // bytes kept; the rest is dropped, and far beyond it the run fails
	// End, when not empty, is how a complete answer ends. When standard output
	// does, Run waits but a moment for the exit status, and ends the session
	// without one. Local waits for the command.
	End []byte
	// Sudo, when not nil, is how the command runs as root with the password of
	// Options; Line then is for hosts that do not get the password, and for Local.
	Sudo *Sudo
	// Admit, when not nil, is called once a TCP connection to the host (or a
	// channel through its jump host) stands, and before anything is spoken on
	// it. It waits for a host slot; release gives the slot back. Time spent in
	// Admit counts against no limit but the context's.
	Admit func(context.Context) (release func(), err error)
}

// Output is the answer of a host. It may come together with an Error: then it
// is what arrived before the failure.
type Output struct {
	Stdout     []byte
	Stderr     []byte
	ExitStatus int  // of the remote command; 128+n when signal n ended it; -1 when none was sent
	Truncated  bool // Stdout met its cap
	NewHostKey bool // nothing but this run vouches for the host: send no secrets
	// Sudo is why the password did not make the command root's, in words that may
	// quote the host; empty also when none was needed. Only after Command.Sudo.
	Sudo    string
	Connect time.Duration
	Command time.Duration
	Bytes   int64 // received from the command, also what was dropped
}

// Stage is where a Run failed. The values are those of audit.Stage.
type Stage string

// The stages that remote knows.
const (
	StageConfig    Stage = "config"
	StageResolve   Stage = "resolve"
	StageConnect   Stage = "connect"
	StageHandshake Stage = "handshake"
	StageHostKey   Stage = "host-key"
	StageAuth      Stage = "auth"
	StageJump      Stage = "jump"
	StageSession   Stage = "session"
	StageTimeout   Stage = "timeout" // the host's own limit; the caller's context says whose it was
)

// Error is why a Run failed. Message holds no local path and no user name; Hint
// names files and commands, and is empty when there is no way out to offer.
type Error struct {
	Stage   Stage
	Via     string // the jump host at fault, as the operator named it
	Message string
	Hint    string
	Err     error // the cause; nil when Message is all there is
	// Retryable says that the same may well succeed a while later: the connection
	// broke, the server was too busy to talk, or this machine was. It is never set
	// for what a limit ended, a refused connection, a host key or a login.
	Retryable bool
}

func (e *Error) Error() string { return string(e.Stage) + ": " + e.Message }

func (e *Error) Unwrap() error { return e.Err }
