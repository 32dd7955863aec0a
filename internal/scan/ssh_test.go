package scan

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/internal/sshtest"
	"twaudit/remote"
)

// auditOverSSH audits one host of an SSH server in this process.
func auditOverSSH(t *testing.T, config sshtest.Config, timeout time.Duration) audit.HostResult {
	t.Helper()
	client, err := sshtest.NewClient(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, err := sshtest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := client.Add("web1", server.Addr(), server.HostKey()); err != nil {
		t.Fatal(err)
	}
	dialer, err := remote.New(remote.Options{ConfigFile: client.Config, HostTimeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialer.Close() })
	a := &Auditor{Remote: dialer.Run, Limits: audit.DefaultLimits(), Timeout: timeout}
	return a.Host(t.Context(), Job{Name: "web1", Target: remote.Target{Alias: "web1"}}, free)
}

// onShell reads the script, as a shell would, and answers with what reply makes
// of the nonce.
func onShell(t *testing.T, reply func(nonce string) string, status int) sshtest.Handler {
	return func(_ context.Context, e sshtest.Exec) int {
		script, err := io.ReadAll(e.Stdin)
		if err != nil || string(script) != probe.Script() {
			t.Errorf("the host got %d bytes of script (%v), want %d", len(script), err, len(probe.Script()))
		}
		_, _ = io.WriteString(e.Stdout, reply(strings.Fields(e.Command)[3]))
		return status
	}
}

func TestHost_over_SSH(t *testing.T) {
	t.Parallel()
	const long = time.Minute
	for name, test := range map[string]struct {
		config  sshtest.Config
		timeout time.Duration
		stage   audit.Stage // empty: audited
		says    string
	}{
		"answer": {sshtest.Config{Handler: onShell(t, minimal, 0)}, long, "", ""},
		"answer in crumbs": {
			sshtest.Config{Handler: onShell(t, minimal, 0), Fault: sshtest.FaultSlow}, long, "", "",
		},
		"child that holds the session": {
			sshtest.Config{Handler: onShell(t, minimal, 0), Fault: sshtest.FaultBackground}, 2 * time.Second, "", "",
		},
		"server that sends no status": {
			sshtest.Config{Handler: func(ctx context.Context, e sshtest.Exec) int {
				onShell(t, minimal, 0)(ctx, e)
				<-ctx.Done()
				return 0
			}}, long, "", "",
		},
		"words of another": {
			sshtest.Config{Handler: onShell(t, func(string) string { return "menu: 1) reboot \x1b[5m\n" }, 0)},
			long, audit.StageProbe, "something else answered in place of the script: it said “menu: 1) reboot \ufffd[5m”",
		},
		"cut answer": {
			sshtest.Config{Handler: onShell(t, minimal, 0), Fault: sshtest.FaultExitEarly, Cut: 120},
			long, audit.StageProbe, "the answer stops after",
		},
		"flood": {sshtest.Config{Fault: sshtest.FaultFlood}, long, audit.StageProbe, "printed more than 2.0 MiB"},
		"hang":  {sshtest.Config{Fault: sshtest.FaultHangInCommand}, 300 * time.Millisecond, audit.StageTimeout, "not finished within 300ms"},
		"deaf":  {sshtest.Config{Fault: sshtest.FaultNoSession}, long, audit.StageSession, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := auditOverSSH(t, test.config, test.timeout)
			switch {
			case test.stage == "" && got.Status != audit.StatusAudited:
				t.Errorf("failed: %+v", got.Failure)
			case test.stage != "" && (got.Failure == nil || got.Failure.Stage != test.stage || !strings.Contains(got.Failure.Message, test.says)):
				t.Errorf("got %s %+v, want %s with %q", got.Status, got.Failure, test.stage, test.says)
			}
			if got.Timing.TotalMS <= 0 || test.stage == "" && got.Timing.Bytes == 0 {
				t.Errorf("timing %+v", got.Timing)
			}
		})
	}
}

// A copy of the script of another age answers: the host was audited, and what is
// known of it is nothing.
func TestHost_anotherVersion(t *testing.T) {
	t.Parallel()
	got := auditOverSSH(t, sshtest.Config{Handler: onShell(t, func(nonce string) string {
		return "twaudit-probe " + nonce + " begin 9\x1b\ntwaudit-probe " + nonce + " section x\ntwaudit-probe " + nonce + " end\n"
	}, 0)}, time.Minute)
	if got.Status != audit.StatusAudited || got.Verdict != audit.VerdictUnknown {
		t.Fatalf("%s, %s: %+v", got.Status, got.Verdict, got.Failure)
	}
	at := slices.IndexFunc(got.Gaps, func(g audit.Gap) bool {
		return strings.Contains(g.Reason, "probe version 9\ufffd, wanted 1, so nothing was read")
	})
	if at < 0 || !strings.HasPrefix(got.Gaps[at].Remedy, "install the script that `twaudit probe` prints") {
		t.Errorf("gaps %+v", got.Gaps)
	}
	if advice := got.Findings[0].Advice; len(advice) != 1 || !strings.HasPrefix(advice[0], "Install the script") {
		t.Errorf("advice %q", advice)
	}
}
