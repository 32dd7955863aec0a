package scan

import (
	"slices"
	"strings"
	"testing"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/remote"
)

// An answer that is not root's and does not say that sudo refused comes from a
// fixed command; no other one is told so.
func TestHost_sudo_that_was_not_heard(t *testing.T) {
	t.Parallel()
	const login = "uid 1000\ngap tables denied\n"
	for name, c := range map[string]struct {
		lines   string
		reason  string // remote's
		a       Auditor
		local   bool
		remedy  string // of the gap about sudo; empty: there is none
		missing string // of the other gap
	}{
		"fixed command":     {login, "", Auditor{Sudo: true}, false, fixedRemedy + "; it would add what is missing of: identity", "run as root"},
		"and a password":    {login, "", Auditor{SudoAsk: true}, false, fixedRemedy + "; it would add", "run as root"},
		"an older copy":     {login + "sudo denied\n", "a forced command is in the way of sudo", Auditor{SudoAsk: true}, false, fixedRemedy, "run as root"},
		"refused":           {login + "sudo denied\n", "", Auditor{Sudo: true}, false, "give a password with --ask-sudo-pass", "run as root"},
		"root":              {"uid 0\n", "", Auditor{Sudo: true}, false, "", "let the login read /proc/uptime"},
		"nobody knows":      {"gap tables denied\n", "", Auditor{Sudo: true}, false, "", "run as root or with --sudo"},
		"not asked":         {login, "", Auditor{}, false, "", "run as root or with --sudo"},
		"this very machine": {login, "", Auditor{Sudo: true}, true, "", "run as root or with --sudo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nonce := strings.Repeat("0a", 16)
			answer, err := probe.Parse([]byte(strings.Replace(minimal(nonce), "hostname web1\n", c.lines, 1)), nonce, c.a.now())
			if err != nil {
				t.Fatal(err)
			}
			c.a.unheardSudo(Job{Local: c.local, Target: remote.Target{}}, answer)
			refusedSudo(answer.Gaps, c.reason, c.a.SudoAsk)
			remedy := func(section string) string {
				at := slices.IndexFunc(answer.Gaps, func(g audit.Gap) bool { return g.Section == section })
				if at < 0 {
					return ""
				}
				return answer.Gaps[at].Remedy
			}
			if got := remedy("sudo"); !strings.HasPrefix(got, c.remedy) || got != "" && c.remedy == "" {
				t.Errorf("%q, want %q; gaps %+v", got, c.remedy, answer.Gaps)
			}
			if got := remedy("identity"); got != c.missing {
				t.Errorf("the other gap says %q, want %q", got, c.missing)
			}
		})
	}
}
