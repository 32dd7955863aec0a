package scan

import (
	"slices"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/internal/text"
	"twaudit/remote"
)

// asRoot is the command by a sudo that may want a password. The words that are
// waited for are spelt otherwise in it (sudo makes one % of two), so that a shell
// which prints what it runs is not taken for sudo. For the rest it has the form
// that a forced command understands.
func (a *Auditor) asRoot(nonce string) *remote.Sudo {
	plain := probe.CommandLine(nonce, a.Options, false)
	words := strings.TrimPrefix(plain, "sh -s -- ")
	return &remote.Sudo{
		// In English, for remote reads what sudo complains about.
		Line: `sh -c 'exec env LC_ALL=C sudo -S -k -p "twaudit-password%%$1:" ` +
			`sh -c "echo twaudit-ready-$1; exec sh -s -- $*"' sh ` + words,
		Prompt:  "twaudit-password%" + nonce + ":",
		Ready:   "twaudit-ready-" + nonce + "\n",
		Refused: plain + " sudo=denied",
	}
}

// FixedCommand is in the remedy of a host where a command of its own answers the
// login, so that nothing which is asked for can bring sudo there.
const FixedCommand = "a fixed command"

// unheardSudo adds the gap of a host where root was asked for in vain and nobody
// said so. The line that asks for root does say so where sudo refuses; an answer
// without a word, as another user, comes from a forced command: that takes the
// numbers and words of a request and nothing of the line around them.
func (a *Auditor) unheardSudo(job Job, answer *probe.Answer) {
	host := answer.Facts.Host
	if job.Local || !a.Sudo && !a.SudoAsk || host.UID == nil || *host.UID == 0 || host.Sudo != "" {
		return
	}
	answer.Gaps = append(answer.Gaps, audit.Gap{
		Section: "sudo", Reason: "--sudo was not heard: " + FixedCommand + " answers this login (command= of the key, or ForceCommand)", Remedy: fixedRemedy,
	})
}

const fixedRemedy = "put sudo into " + FixedCommand + " on the host, as twaudit probe --sudoers USER shows, and scan without --sudo"

// refusedSudo completes the gap of a host that was asked without root's rights:
// why, and what they would add. reason is remote's; empty: the host refused. asked
// tells whether sudo was to get a password. That sudo would help is no advice
// for the other gaps any more.
func refusedSudo(gaps []audit.Gap, reason string, asked bool) {
	at := slices.IndexFunc(gaps, func(g audit.Gap) bool { return g.Section == "sudo" })
	if at < 0 {
		return
	}
	if reason != "" {
		gaps[at].Reason = text.CleanMax(reason, maxMessage) + ": the probe ran without it"
	}
	switch {
	case gaps[at].Remedy == fixedRemedy:
	case strings.Contains(reason, "forced command"):
		gaps[at].Remedy = fixedRemedy
	case strings.Contains(reason, "rejected"):
		gaps[at].Remedy = "the password was rejected: run again with the right one"
	case !asked:
		gaps[at].Remedy = "give a password with --ask-sudo-pass, or " + gaps[at].Remedy
	}
	var missing []string
	for i := range gaps {
		g := &gaps[i]
		without := strings.Replace(g.Remedy, " or with --sudo", "", 1)
		if i == at || without == g.Remedy {
			continue
		}
		if g.Remedy = without; !slices.Contains(missing, g.Section) {
			missing = append(missing, g.Section)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		gaps[at].Remedy += "; it would add what is missing of: " + strings.Join(missing, ", ")
	}
}
