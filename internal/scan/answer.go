package scan

import (
	"errors"
	"fmt"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/internal/text"
	"twaudit/remote"
)

// maxSaid is how much of a host's own words a message repeats, in bytes.
const maxSaid = 160

// unanswered is the failure of a host that let us run the command and gave no
// complete answer; why is the error of probe.Parse. An exit status of 0 does not
// help: forced commands, menus and fish end with 0 as well.
func unanswered(out *remote.Output, why error) *audit.Failure {
	var notLinux *probe.NotLinuxError
	var incomplete *probe.IncompleteError
	var version *probe.VersionError
	switch {
	case errors.As(why, &notLinux):
		return &audit.Failure{
			Stage:   audit.StageNotLinux,
			Message: fmt.Sprintf("runs %s, not Linux", text.CleanMax(notLinux.System, 40)),
			Hint:    "leave it out of the inventory, or use --exclude",
		}
	case errors.As(why, &version):
		return &audit.Failure{
			Stage: audit.StageProbe,
			Message: fmt.Sprintf("answered with probe version %s, wanted %s",
				text.CleanMax(version.Got, 40), text.CleanMax(version.Want, 40)),
			Hint: "a copy of the script is installed there as a forced command: install the one that `twaudit probe` prints",
		}
	// Before incomplete: a host that prints for ever may have begun well.
	case out.Truncated:
		return &audit.Failure{
			Stage:   audit.StageProbe,
			Message: fmt.Sprintf("printed more than %s: %s", text.Bytes(int64(len(out.Stdout))), said(out)),
			Hint:    "something in the login shell's start-up files may print without end",
		}
	case errors.As(why, &incomplete):
		return brokenOff(out, incomplete)
	default:
		return elsewhere(out)
	}
}

// unread is the answer of a host with a script of another age: it was asked and
// it answered, and nothing of that can be read. Each section that a verdict needs
// has the gap, for the advice comes from there.
func unread(version *probe.VersionError) *probe.Answer {
	f := unanswered(&remote.Output{}, version)
	answer := &probe.Answer{Facts: &audit.Facts{}, Version: text.CleanMax(version.Got, 40)}
	answer.Facts.Host.ProbeVersion = answer.Version
	for _, section := range []string{"identity", "limits", "sockstat"} {
		answer.Gaps = append(answer.Gaps, audit.Gap{Section: section, Reason: f.Message + ", so nothing was read", Remedy: installProbe})
	}
	return answer
}

// installProbe is the way out of an installed copy of another age.
const installProbe = "install the script that `twaudit probe` prints where this host runs a copy of it (twaudit probe --authorized-keys has the steps)"

// brokenOff explains an answer that begins and does not end. Nothing of it is
// used: what is missing could be the very evidence against an ok.
func brokenOff(out *remote.Output, why *probe.IncompleteError) *audit.Failure {
	where := ""
	if why.Section != "" {
		where = fmt.Sprintf(" in section %s", text.CleanMax(why.Section, 40))
	}
	f := &audit.Failure{
		Stage:   audit.StageProbe,
		Message: fmt.Sprintf("the answer stops after %s%s: %s", text.Bytes(int64(why.Bytes)), where, exited(out)),
	}
	if line := lastLine(out.Stderr); line != "" {
		f.Message += fmt.Sprintf(", last words %q", line)
	}
	f.Hint = "run `twaudit probe | ssh HOST sh -s` to see what happens there"
	return f
}

// exited says how the command ended. The script ends itself by ulimit -t
// (SIGXCPU), by its watchdog (SIGTERM) or by timeout; SIGKILL comes from others.
func exited(out *remote.Output) string {
	switch status := out.ExitStatus; {
	case status < 0:
		return "no exit status"
	case status == 137:
		return "the script was killed (SIGKILL: out of memory, or an administrator)"
	case status == 152 || status == 143 || status == 142:
		return "the script was ended by its time limit"
	case status > 128:
		return fmt.Sprintf("the script was ended by signal %d", status-128)
	default:
		return fmt.Sprintf("exit status %d", status)
	}
}

// stranger is a known way to answer with something other than the script.
type stranger struct {
	words  []string // any of them, in lower case, in what the host said
	status int      // exit status that is enough by itself; 0 is none
	stage  audit.Stage
	reason string
	hint   string
}

// strangers are tried in order. Their words are those of the programs at fault,
// not of manuals: a login banner that talks about sudo must not match.
var strangers = []stranger{
	// Only a sudo whose first test run succeeded gets here: the command line
	// falls back to the login's own rights otherwise.
	{
		words: []string{"sudo: a password is required", "sudo: a terminal is required", "sudo: no tty", "sudo: sorry", "is not in the sudoers", "not allowed to execute"},
		stage: audit.StageSudo, reason: "sudo refused",
		hint: "install the rule that lets this account run the script without a password, or scan without --sudo",
	},
	// nologin(8) of util-linux and of shadow, and what copies them.
	{
		words: []string{"account is currently not available", "account is not available", "nologin"},
		stage: audit.StageProbe, reason: "the account may not log in",
		hint: "give the account a shell, or use another one with -l USER",
	},
	// Cisco and its relatives, Huawei, Junos, RouterOS: they take the command
	// for one of theirs, and some end with status 0.
	{
		words: []string{"% invalid", "% unknown command", "unknown command", "invalid input detected", "unrecognized command found", "syntax error: unknown"},
		stage: audit.StageProbe, reason: "no shell answered but a command line such as network equipment has",
		hint: "leave it out of the inventory, or use --exclude",
	},
	// PAM lets the key in and then refuses the session without a terminal.
	{
		words: []string{"password has expired", "must change your password", "password change required"},
		stage: audit.StageProbe, reason: "the account's password has expired",
		hint: "log in once by hand and change it, or use another account with -l USER",
	},
	// git-shell, gitolite, and ForceCommand internal-sftp.
	{
		words: []string{"unrecognized command", "interactive git shell", "this service allows sftp connections only"},
		stage: audit.StageProbe, reason: "the account is for another service",
		hint: "use an account with a shell: -l USER",
	},
	{
		status: 127,
		words:  []string{"sh: not found", "sh: command not found", "sh: no such file"},
		stage:  audit.StageProbe, reason: "the host has no sh that the account can run",
		hint: "check the account's shell and PATH with: ssh HOST 'command -v sh'",
	},
	{
		status: 126,
		stage:  audit.StageProbe, reason: "the account may not execute sh",
		hint: "use an account with a shell: -l USER",
	},
}

// elsewhere explains an answer in which the script never spoke: first by what is
// known to say such things, then by how much was said and how it ended.
func elsewhere(out *remote.Output) *audit.Failure {
	lower := strings.ToLower(string(out.Stdout[:min(len(out.Stdout), maxStderr)]) + "\n" + string(out.Stderr))
	for _, s := range strangers {
		if s.matches(lower, out.ExitStatus) {
			return &audit.Failure{Stage: s.stage, Message: fmt.Sprintf("%s (%s): %s", s.reason, exited(out), said(out)), Hint: s.hint}
		}
	}
	f := &audit.Failure{Stage: audit.StageProbe}
	empty := len(strings.TrimSpace(lower)) == 0
	switch {
	case empty && out.ExitStatus < 0:
		f.Message = "the host closed the session without a word"
		f.Hint = "try: ssh HOST sh -c 'echo works'"
	case empty && out.ExitStatus == 0:
		f.Message = "the command ended at once and said nothing (exit status 0)"
		f.Hint = "a forced command or the login shell may swallow it: try ssh HOST 'echo works'"
	case empty:
		f.Message = fmt.Sprintf("the command ended at once and said nothing (exit status %d)", out.ExitStatus)
		f.Hint = "the account's shell may be /bin/false, or a start-up file such as .bashrc may exit: try ssh HOST 'echo works'"
	case out.ExitStatus == 0:
		f.Message = "something else answered in place of the script: " + said(out)
		f.Hint = "a forced command (command= in authorized_keys, ForceCommand) or a menu is in the way"
	default:
		f.Message = fmt.Sprintf("the script did not run (%s): %s", exited(out), said(out))
		f.Hint = "try: ssh HOST 'echo works'"
	}
	return f
}

// matches looks at what the host said, in lower case, and at how it ended.
func (s *stranger) matches(lower string, status int) bool {
	if s.status != 0 && status == s.status {
		return true
	}
	for _, word := range s.words {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

// said quotes the host: what it printed, else what it complained about. The
// quote is what an operator recognises at once, where our own words only guess.
func said(out *remote.Output) string {
	words := firstWords(out.Stdout)
	if words == "" {
		words = firstWords(out.Stderr)
	}
	if words == "" {
		return "it said nothing"
	}
	return fmt.Sprintf("it said “%s”", words)
}

// firstWords is the beginning of remote text on one line, inert and short.
func firstWords(raw []byte) string {
	const enough = 4 * maxSaid // blanks fold away below
	line := strings.Join(strings.Fields(string(raw[:min(len(raw), enough)])), " ")
	if line != "" && len(raw) > enough {
		line += "…"
	}
	return text.CleanMax(line, maxSaid)
}

// lastLine is where programs say why they stopped.
func lastLine(raw []byte) string {
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	line := strings.TrimSpace(lines[len(lines)-1])
	if line != "" && len(raw) >= maxStderr {
		line += "…"
	}
	return text.CleanMax(line, maxSaid)
}
