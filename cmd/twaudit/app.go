package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"twaudit/internal/scan"
	"twaudit/internal/text"
)

// App is the program without its process: everything it takes from outside is a
// field. A nil Env has no variables, a nil Now is time.Now, a nil Exit is
// os.Exit. An App runs one command line.
type App struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Env    func(string) string
	Now    func() time.Time
	Home   string // what ~ means in ssh_config
	User   string // the login name where ssh_config names none
	// Whoami finds out Home and User; nil: they are what they are.
	Whoami func() (home, user string)
	// Environ lists all variables as NAME=VALUE, to find those that are misspelt;
	// nil: there are none.
	Environ func() []string
	// Terminal opens where a person can be asked; nil, or an error: nowhere.
	Terminal func() (*os.File, error)
	// Exit ends the process at once; a second Ctrl-C is its only caller.
	Exit func(status int)

	ways    map[string]way // of the hosts that have one of their own, by name; from jobs
	dialers *dialers       // of the run; nil before it has some

	quiet    bool          // --quiet
	settings *settings     // the configuration file; nil before it was read
	end      ending        // filled in by the command, read by Main
	progress time.Duration // distance of plain progress lines; 0 is plainEvery
	silence  time.Duration // how long pipes are waited for without a word; 0 is pipeSilence
	patience time.Duration // how long a question waits for its answer; 0 is questionTime

	mu       sync.Mutex // guards what follows, and writes to Stderr
	bar      *bar       // shares stderr with our messages; nil when none is drawn
	asks     bool       // the command is about to ask hosts, or does
	tells    bool       // the report is written, and alarms are being sent
	cleanup  func()     // what an abrupt end has to remove
	scratch  string     // a directory that it has to remove, too; empty: none
	asking   bool       // a question is on the screen
	held     []string   // messages that wait for its answer
	restore  func()     // gives back the terminal that a question has; nil when none has it
	prompts  *prompter  // nil: nobody is asked
	warnings []string   // what the run has to note beside its hosts
}

// processApp is the App of this process. Home and user come from the user
// database, as for ssh, and from the environment only where that has no entry. It
// takes no time: a signal that comes before Main watches for it ends the process
// without a word.
func processApp() *App {
	return &App{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Env: os.Getenv, Environ: os.Environ, Now: time.Now, Exit: os.Exit, Terminal: openTTY,
		Whoami: func() (home, user string) { return whoami(os.Getenv) },
	}
}

// Main runs one command line, without the program's name, and returns the exit
// status.
func (a *App) Main(args []string) int {
	a.defaults()
	ctx, stop := a.watchSignals(context.Background())
	defer stop()
	if a.Whoami != nil { // after the signals: a directory service may be slow
		a.Home, a.User = a.Whoami()
	}
	root := a.root()
	root.SetArgs(countedBack(args))
	if err := unknownCommand(root, root.ExecuteContext(ctx)); err != nil {
		a.end.interrupted = errors.Is(context.Cause(ctx), scan.ErrInterrupted) && !a.scanning()
		if !a.end.interrupted { // what the signal has said already, and done
			a.end.err = err
			a.complain(err)
		}
	}
	status := a.end.status()
	a.sayStatus(status)
	return status
}

func (a *App) defaults() {
	if a.Env == nil {
		a.Env = func(string) string { return "" }
	}
	if a.Now == nil {
		a.Now = time.Now
	}
	if a.Exit == nil {
		a.Exit = os.Exit
	}
}

// root is the command tree. Usage and errors are printed by us, once, on
// stderr: cobra would print the whole usage for each typing error.
func (a *App) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "twaudit",
		Short:         "Find the hosts whose TIME_WAIT bucket table overflows",
		Long:          "twaudit asks Linux hosts over SSH, read-only, whether the kernel destroys\nTIME_WAIT sockets because their table is full, and says what to do.\n\n" + exitHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		// cobra would write them over several lines; unknownCommand does it.
		DisableSuggestions: true,
		// Runs after cobra has understood flags and arguments: an error that
		// comes before it is one of usage.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := bindEnvironment(cmd.Flags(), a.Env); err != nil {
				return err
			}
			a.sayUnknownVariables(cmd)
			if err := a.bindSettings(cmd); err != nil {
				return err
			}
			yield(cmd.Flags())
			a.end.began = true
			return nil
		},
		// Without this cobra would print the help and end with 0, which a
		// script that lost its arguments would take for success.
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("no command given"), "twaudit scan HOST… audits hosts; twaudit --help lists the commands"}
		},
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err, fmt.Sprintf("%s --help lists the flags", cmd.CommandPath())}
	})
	root.AddCommand(a.scanCommand(), a.showCommand(), a.importCommand(), a.reportCommand(), a.diffCommand(), a.runsCommand(), a.hostsCommand(), a.probeCommand(), a.rulesCommand(), a.demoCommand(), a.configCommand(), a.versionCommand())
	declareConfig(root.PersistentFlags())
	return root
}

// say prints a message about the run; --quiet keeps it back.
func (a *App) say(format string, args ...any) {
	if !a.quiet {
		a.print(fmt.Sprintf(format, args...))
	}
}

// warn says what the run met beside its hosts, and keeps it for the result. It
// is called from any goroutine.
func (a *App) warn(message string) {
	a.say("%s", message)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.warnings = append(a.warnings, text.Clean(message))
}

// warned are the warnings so far, sorted: which host met one first is chance.
func (a *App) warned() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(slices.Values(a.warnings))
}

// complain prints an error and its hint, also with --quiet.
func (a *App) complain(err error) {
	for line := range strings.Lines(err.Error()) { // joined errors have one each
		a.print(strings.TrimSuffix(line, "\n"))
	}
	var usage *usageError
	if errors.As(err, &usage) && usage.hint != "" {
		a.print("hint: " + usage.hint)
	}
	var hinted *hintedError
	if errors.As(err, &hinted) {
		a.print("hint: " + hinted.hint)
	}
}

// print writes one message line, inert: it may quote an argument, a file or a
// host. While a progress line is drawn it goes through
// that, because two writers would tear each other's lines.
func (a *App) print(message string) {
	message = text.Clean(message)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asking {
		a.held = append(a.held, message)
		return
	}
	if a.bar != nil && a.bar.log("twaudit: "+message) {
		return
	}
	fmt.Fprintln(a.Stderr, "twaudit: "+message) // nobody is left to tell when stderr is gone
}

// scanning reports whether hosts are being audited, or were.
func (a *App) scanning() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cleanup != nil
}

// onAbruptEnd registers what has to be removed when the process ends at once.
func (a *App) onAbruptEnd(cleanup func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cleanup = cleanup
}
