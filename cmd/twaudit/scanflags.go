package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/remote"
	"twaudit/remote/sshconfig"
	"twaudit/report"
)

// scanFlags are the flags of scan as they were given. Other commands that scan
// start from newScanFlags and set what they need; check holds for all.
type scanFlags struct {
	cronFlags

	selectionFlags

	// What becomes of it.
	formats    []string // FORMAT or FORMAT=FILE; none is defaultFormat
	output     string   // the file of the only format; empty is standard output
	failOn     choiceFlag
	quiet      bool
	notify     []string    // names of alarms
	notifyFlag *pflag.Flag // the flag itself, which knows who set it
	redact     bool
	redactKey  string         // file of the key; empty is a new one that nobody keeps
	look       report.Options // of the table; Width and Color are found out

	// How hosts are reached. Empty and 0: as ssh_config says.
	sshConfig, user, jump  string
	port                   countFlag
	identities, sshOptions []string
	hostKeyPolicy          choiceFlag
	resolver               choiceFlag
	askPass                bool
	passphraseFile         string
	sudo, askSudoPass      bool

	// How fast. A rate or deadline of 0 is none; the other limits are never off,
	// because one host without a limit can hold a run for ever.
	concurrency, jumpConns                countFlag
	rate                                  rateFlag
	connectTimeout, hostTimeout, deadline durationFlag
	authTimeout                           durationFlag // the default counts as far as the host's is longer
	noProgress                            bool
	retries                               retryFlag

	// What is known of earlier runs. An empty file is the usual place.
	history   string
	noHistory bool

	// How hosts are asked and judged.
	near, critical        shareFlag
	sample, since, recent durationFlag // a sample of 0 is one reading
	logs                  choiceFlag
	noPeers               bool
}

// newScanFlags holds the defaults, as --help shows them.
func newScanFlags() *scanFlags {
	limits := audit.DefaultLimits()
	return &scanFlags{
		selectionFlags: newSelectionFlags(),

		port:           countFlag{max: 65535},
		hostKeyPolicy:  choiceFlag{"strict", []string{"strict", "accept-new"}},
		resolver:       choiceFlag{"auto", []string{"auto", "openssh", "builtin"}},
		concurrency:    countFlag{256, 1 << 16},
		jumpConns:      countFlag{max: 1 << 16},
		retries:        1,
		connectTimeout: durationFlag(10 * time.Second),
		authTimeout:    defaultAuthTimeout,
		hostTimeout:    durationFlag(60 * time.Second),
		near:           shareFlag(limits.Near),
		critical:       shareFlag(limits.Critical),
		sample:         durationFlag(time.Second),
		since:          durationFlag(limits.Since),
		recent:         durationFlag(limits.Recent),
		logs:           choiceFlag{"auto", []string{"auto", "full", "none"}},
		failOn:         choiceFlag{string(audit.VerdictNearLimit), words(failOnVerdicts)},
	}
}

// defaultAuthTimeout is that of remote, said once more for --help.
const defaultAuthTimeout = durationFlag(45 * time.Second)

// words are verdicts as the command line writes them.
func words(verdicts []audit.Verdict) []string {
	var list []string
	for _, v := range verdicts {
		list = append(list, string(v))
	}
	return list
}

// declare adds the flags in the groups in which --help shows them.
func (f *scanFlags) declare(cmd *cobra.Command) {
	set := cmd.Flags()
	set.SortFlags = false
	f.declareHosts(set)
	f.declareSelection(set)
	f.declareOutputs(set)
	f.declareEnding(set)
	f.declareAlarms(set)
	f.declareCron(set)
	f.declareSSH(set)
	f.declareSecrets(set)
	f.declarePace(set)
	f.declareTimeouts(set)
	f.declareMeasures(set)
	f.declareAsking(set)
	f.declareHistory(set)
	f.complete(cmd, report.Formats())
}

// complete offers the words of those flags that cmd has.
func (f *scanFlags) complete(cmd *cobra.Command, formats []string) {
	for name, words := range map[string][]string{
		"format": formats, "fail-on": f.failOn.choices,
		"host-key-policy": f.hostKeyPolicy.choices, "logs": f.logs.choices, "sort": report.SortKeys(),
		"ssh-config-resolver": f.resolver.choices, "inventory-kind": f.kind.choices,
	} {
		complete := cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
		if cmd.Flags().Lookup(name) == nil {
			continue
		}
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // registered twice: a mistake that every test of the command meets
		}
	}
}

// declareOutputs: what becomes of the run.
func (f *scanFlags) declareOutputs(set *pflag.FlagSet) {
	set.StringArrayVarP(&f.formats, "format", "f", nil, "write `FORMAT[=FILE]`: "+alternatives(report.Formats())+"; FILE - is standard output (repeatable)")
	set.StringVarP(&f.output, "output", "o", "", "write to `FILE` when there is one format; without --format its ending says which")
	declareLook(set, &f.look)
	f.declareRedaction(set)
}

// declareEnding: what the caller is told beside the result.
func (f *scanFlags) declareEnding(set *pflag.FlagSet) {
	set.Var(&f.failOn, "fail-on", "exit with status 1 from this verdict on: "+alternatives(f.failOn.choices))
	set.BoolVarP(&f.quiet, "quiet", "q", false, "print errors only, beside the result")
	set.BoolVar(&f.noProgress, "no-progress", false, "show no progress")
}

// declareSSH: letters as ssh has them, so that hands need not learn others.
func (f *scanFlags) declareSSH(set *pflag.FlagSet) {
	set.StringVarP(&f.sshConfig, "ssh-config", "F", "", "read this ssh_config `FILE` instead of the user's and the system's")
	set.StringVarP(&f.user, "user", "l", "", "log in as `USER`")
	set.VarP(&f.port, "port", "p", "connect to this port")
	set.StringVarP(&f.jump, "jump", "J", "", "connect through these `HOSTS`, comma-separated")
	set.StringArrayVar(&f.identities, "identity", nil, "offer the key in `FILE` (repeatable)")
	set.StringArrayVar(&f.sshOptions, "ssh-option", nil, "an ssh_config line as `KEY=VALUE` that beats the files (repeatable)")
	set.Var(&f.hostKeyPolicy, "host-key-policy", "what to do with unknown host keys: "+alternatives(f.hostKeyPolicy.choices))
	set.Var(&f.resolver, "ssh-config-resolver", "who evaluates ssh_config: "+alternatives(f.resolver.choices))
}

// declareSecrets: what only a person knows.
func (f *scanFlags) declareSecrets(set *pflag.FlagSet) {
	set.BoolVar(&f.askPass, "ask-pass", false, "ask for one password and use it where a host takes no key")
	set.StringVar(&f.passphraseFile, "passphrase-file", "", "open encrypted keys with the first line of `FILE`; else they are asked for")
}

// declarePace: what a run over many hosts may cost in time and load.
func (f *scanFlags) declarePace(set *pflag.FlagSet) {
	set.Var(&f.concurrency, "concurrency", "hosts audited at the same time")
	set.Var(&f.jumpConns, "jump-concurrency", "connections through one jump host at the same time; none given: no limit of its own")
	set.Var(&f.rate, "rate", "new logins per second; 0 is no limit")
	set.Var(&f.deadline, "deadline", "limit for the whole run; 0 is none")
}

// declareTimeouts: what one host may cost in time.
func (f *scanFlags) declareTimeouts(set *pflag.FlagSet) {
	set.Var(&f.connectTimeout, "connect-timeout", "limit for connecting, key exchange included; a name lookup before it may take as long")
	set.Var(&f.authTimeout, "auth-timeout", "limit for the login, within that for one host")
	set.Var(&f.hostTimeout, "host-timeout", "limit for one host")
	set.Var(&f.retries, "retries", "further tries, after all other hosts, of one that was lost or too busy")
}

// declareMeasures: by which measures hosts are judged.
func (f *scanFlags) declareMeasures(set *pflag.FlagSet) {
	set.Var(&f.near, "near", "near-limit from this share of the limit on")
	set.Var(&f.critical, "critical", "critical from this share of the limit on")
	set.Var(&f.since, "since", "how far back evidence counts")
	set.Var(&f.recent, "recent", "what counts as now in a log")
}

// declareAsking: what hosts are asked for.
func (f *scanFlags) declareAsking(set *pflag.FlagSet) {
	set.Var(&f.sample, "sample", "distance of the two counter readings; 0 is one reading")
	set.BoolVar(&f.sudo, "sudo", false, "run the script as root by sudo, without a password")
	set.BoolVar(&f.askSudoPass, "ask-sudo-pass", false, "run it so, and ask for one password where sudo wants one")
	set.Var(&f.logs, "logs", "how much of the kernel logs is read: "+alternatives(f.logs.choices))
	set.BoolVar(&f.noPeers, "no-peers", false, "collect no addresses of peers, and hide those in what hosts say")
}

// check looks for what contradicts itself, without touching anything.
func (f *scanFlags) check(names []string) error {
	if err := f.selectionFlags.check(names); err != nil {
		return err
	}
	for _, limit := range []struct {
		flag  string
		value durationFlag
	}{{"--connect-timeout", f.connectTimeout}, {"--auth-timeout", f.authTimeout}, {"--host-timeout", f.hostTimeout}} {
		if limit.value == 0 {
			return &usageError{fmt.Errorf("%s 0 would wait for ever", limit.flag), "give a duration such as 10s"}
		}
	}
	if f.authTimeout > f.hostTimeout && f.authTimeout != defaultAuthTimeout {
		return &usageError{fmt.Errorf("--auth-timeout %s is longer than --host-timeout %s", &f.authTimeout, &f.hostTimeout), "give hosts more time, or logins less"}
	}
	if f.sample >= f.hostTimeout {
		return &usageError{fmt.Errorf("--sample %s leaves no time of --host-timeout %s", &f.sample, &f.hostTimeout), "give hosts more time, or sample shorter"}
	}
	if err := f.checkCron(); err != nil {
		return err
	}
	return f.checkMeasures()
}

// checkMeasures is the part of check that judging needs.
func (f *scanFlags) checkMeasures() error {
	if f.recent > f.since {
		return &usageError{fmt.Errorf("--recent %s is longer than --since %s", &f.recent, &f.since), ""}
	}
	if f.near > f.critical && float64(f.critical) != audit.DefaultLimits().Critical {
		return &usageError{fmt.Errorf("--near %s is above --critical %s", &f.near, &f.critical), "a host is critical only among those near their limit"}
	}
	return nil
}

// limits are the measures of judgement. A default never contradicts what was
// asked for: with --near 99% critical begins there too.
func (f *scanFlags) limits() audit.Limits {
	return audit.Limits{
		Near: float64(f.near), Critical: float64(max(f.near, f.critical)),
		Since: time.Duration(f.since), Recent: time.Duration(f.recent),
	}
}

// reads lists the files of a run that no output may replace.
func (f *scanFlags) reads() []string {
	return slices.Concat(f.inventories, f.identities, []string{f.sshConfig, f.passphraseFile, f.redactKey, f.history})
}

// dialing is what the flags say about SSH; the rest is for the app to fill in.
func (f *scanFlags) dialing() remote.Options {
	return remote.Options{
		ConfigFile: f.sshConfig, User: f.user, Port: f.port.value, Jump: f.jump,
		Identities: f.identities, SSHOptions: f.sshOptions, Resolver: sshconfig.Mode(f.resolver.value), JumpConns: f.jumpConns.value,
		HostKeyPolicy:  remote.HostKeyPolicy(f.hostKeyPolicy.value),
		ConnectTimeout: time.Duration(f.connectTimeout), AuthTimeout: time.Duration(f.authTimeout), HostTimeout: time.Duration(f.hostTimeout),
	}
}

// asking is what the flags want to know of a host. The script ends itself when
// nobody waits for it any more: closing the session would not do that.
func (f *scanFlags) asking() probe.Options {
	return probe.Options{
		Sample: time.Duration(f.sample), Since: time.Duration(f.since),
		Limit: time.Duration(f.hostTimeout), Logs: f.logs.value, Peers: !f.noPeers,
	}
}

// given is nil for an empty list, which cobra and pflag make of what was not
// given: an empty selection would select nothing.
func given(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}
