package report

import (
	"strings"
	"testing"

	"twaudit/internal/audit"
)

func TestTable_commandsToPaste(t *testing.T) {
	t.Parallel()
	const (
		remove = "ssh-keygen -R '[a-host-with-a-long-name.example.com]:2222' -f /home/someone/.ssh/known_hosts"
		scan   = "ssh-keyscan -p 2222 -t ed25519 a-host-with-a-long-name.example.com >> /home/someone/.ssh/known_hosts"
		plain  = "ssh-keygen -R web1 -f /home/someone/.ssh/known_hosts"
	)
	for _, c := range []struct {
		commands string
		want     []string
	}{
		{scan, []string{scan}},
		{plain + " && " + scan, []string{plain, scan}},
		{remove + " && " + scan, []string{remove + " && " + scan}},
		{"ssh -F ssh.conf bastion " + scan, []string{"ssh -F ssh.conf bastion " + scan}},
		{"mkdir -p -m 700 /home/someone/.ssh && " + scan, []string{"mkdir -p -m 700 /home/someone/.ssh", scan}},
	} {
		failure := &audit.Failure{Stage: audit.StageHostKey, Message: "host key changed", Hint: "compare the fingerprint out of band, then: " + c.commands}
		run := &audit.Run{Hosts: []audit.HostResult{{Name: "web1", Status: audit.StatusFailed, Failure: failure}}}
		run.Summary = audit.Summarize(run.Hosts)
		for name, out := range map[string]string{"table": string(render(t, run, "table", Options{Width: 60})), "page": hostPage(t, run, "web1", Options{Width: 60})} {
			var lines []string
			for line := range strings.Lines(out) {
				lines = append(lines, strings.TrimSpace(line))
			}
			if got := strings.Join(lines, "\n") + "\n"; !strings.Contains(got, "\n"+strings.Join(c.want, "\n")+"\n") {
				t.Errorf("%s lacks the lines %q:\n%s", name, c.want, out)
			}
		}
		if out := string(render(t, run, "table", Options{})); !strings.Contains(out, failure.Hint+"\n") {
			t.Errorf("a pipe lacks the whole hint:\n%s", out)
		}
	}
}

// isCommand tells whether a line may be wider than the terminal.
func isCommand(line string) bool {
	line = strings.TrimLeft(line, " ")
	for _, begin := range []string{"ssh-keygen -R ", "ssh-keyscan ", "mkdir -p -m ", "ssh "} {
		if strings.HasPrefix(line, begin) {
			return true
		}
	}
	return false
}
