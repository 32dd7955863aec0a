package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/audit"
	"twaudit/internal/sshtest"
	"twaudit/remote"
	"twaudit/report"
)

// requireSSHD is for tests that need the real server.
func requireSSHD(t *testing.T) string {
	t.Helper()
	const path = "/usr/sbin/sshd"
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("sshd is missing: install openssh-server")
		}
		t.Skip("needs sshd (openssh-server)")
	}
	if os.Getuid() == 0 {
		// Where sshd locks itself in; its service unit would make it.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// startSSHD starts an OpenSSH server on loopback that the client knows as alias.
// around stands in front of its command line, lines in its configuration.
func startSSHD(t *testing.T, client *sshtest.Client, alias string, around []string, lines ...string) {
	t.Helper()
	path, dir := requireSSHD(t), t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	_, port, _ := net.SplitHostPort(addr)
	key, err := sshtest.WriteKey(filepath.Join(dir, "host_key"))
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "sshd_config")
	text := strings.Join(append(lines, "ListenAddress 127.0.0.1", "Port "+port, "HostKey "+filepath.Join(dir, "host_key"),
		"PidFile none", "StrictModes no", "UsePAM no", "PermitRootLogin yes"), "\n") + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	words := append(around, path, "-D", "-e", "-f", config)
	cmd := exec.Command(words[0], words[1:]...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	messages := bufio.NewReader(stderr)
	for line := ""; !strings.Contains(line, "Server listening"); {
		if line, err = messages.ReadString('\n'); err != nil {
			t.Fatalf("sshd did not start: %v", err)
		}
	}
	go io.Copy(io.Discard, messages) // ends with sshd
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Add(alias, addr, key.PublicKey()); err != nil {
		t.Fatal(err)
	}
	// Add has its own user in a block that ssh_config reads first.
	config = strings.Replace(load(t, client.Config), "User audit", "User "+me.Username, 1)
	if err := os.WriteFile(client.Config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// outputOf runs a command line, which must end with status, and returns what it
// printed on standard output.
func outputOf(t *testing.T, app *App, status int, args ...string) string {
	t.Helper()
	var out, messages strings.Builder
	app.Stdin, app.Stdout = strings.NewReader(""), &out
	if app.Stderr == nil {
		app.Stderr = &messages
	}
	if got := app.Main(args); got != status {
		t.Fatalf("%q: status %d, want %d\n%s%s", args, got, status, out.String(), messages.String())
	}
	return out.String()
}

// onlyHost is the one host of a run in JSON.
func onlyHost(t *testing.T, data string) audit.HostResult {
	t.Helper()
	run, err := report.Read(strings.NewReader(data))
	if err != nil || len(run.Hosts) != 1 {
		t.Fatalf("%v: %s", err, data)
	}
	return run.Hosts[0]
}

// What the program prints for authorized_keys, followed to the letter but for the
// path, makes a host that a real sshd lets be audited, and nothing else.
func TestProbe_forcedCommand(t *testing.T) {
	t.Parallel()
	client, err := sshtest.NewClient(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copied, allowed := filepath.Join(dir, "probe"), filepath.Join(dir, "authorized_keys")
	// As the steps do it: the line that they begin with, and what probe prints.
	script := "#!/bin/sh\n" + outputOf(t, &App{}, exitOK, "probe")
	if err := os.WriteFile(copied, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	lines := outputOf(t, &App{}, exitOK, "probe", "--authorized-keys", client.KeyFile+".pub")
	if !strings.Contains(lines, `restrict,command="/usr/local/lib/twaudit/probe" ssh-ed25519 AAAA`) {
		t.Fatalf("lines %s", lines)
	}
	if sum, err := exec.Command("sha256sum", copied).Output(); err != nil || !strings.Contains(lines, string(sum[:64])) {
		t.Errorf("the steps do not have the hash %s (%v)", sum, err)
	}
	if err := os.WriteFile(allowed, []byte(strings.ReplaceAll(lines, installedPath, copied)), 0o600); err != nil {
		t.Fatal(err)
	}
	startSSHD(t, client, "web1", nil, "AuthorizedKeysFile "+allowed)
	for _, more := range [][]string{{"--logs", "none"}, {"--sudo", "--logs", "none"}} {
		args := append([]string{"scan", "web1", "-F", client.Config, "--sample", "10ms", "-f", "json", "--fail-on", "overflowing"}, more...)
		var out strings.Builder
		app := &App{Stdout: &out, Stderr: io.Discard}
		app.Main(args) // its status depends on this machine
		host := onlyHost(t, out.String())
		if host.Status != audit.StatusAudited || host.Facts.TimeWait.Limit == nil {
			t.Errorf("%v: %s %+v", more, host.Status, host.Failure)
		}
	}
	dialer, err := remote.New(remote.Options{ConfigFile: client.Config})
	if err != nil {
		t.Fatal(err)
	}
	defer dialer.Close()
	for _, line := range []string{"id", "sh -s -- 00; id", "sh -c 'id' sh $(id)"} {
		out, err := dialer.Run(t.Context(), remote.Target{Alias: "web1"}, remote.Command{Line: line, MaxStdout: 1 << 10, MaxStderr: 1 << 10})
		if err != nil || out.ExitStatus == 0 || len(out.Stdout) > 0 || !strings.Contains(string(out.Stderr), "twaudit-probe: ") {
			t.Errorf("%q: %+v, %v", line, out, err)
		}
	}
}

// A server that looks keys up slowly, as one does whose directory is down: within
// its limit the login succeeds, and beyond it the host, or all behind it, fail.
func TestScan_slowLogin(t *testing.T) {
	t.Parallel()
	client, err := sshtest.NewClient(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	startSSHD(t, client, "slow", nil, "AuthorizedKeysFile none", "AuthorizedKeysCommandUser "+me.Username,
		fmt.Sprintf(`AuthorizedKeysCommand /bin/sh -c "sleep 2; cat '%s.pub'"`, client.KeyFile))
	startSSHD(t, client, "web1", nil, "AuthorizedKeysFile "+client.KeyFile+".pub")
	for _, test := range []struct {
		args   []string
		stage  audit.Stage // empty: audited
		via    string
		retold string
	}{
		{[]string{"slow"}, "", "", ""},
		{[]string{"slow", "--auth-timeout", "1s"}, audit.StageAuth, "", "login not finished within 1s"},
		{[]string{"web1", "-J", "slow", "--auth-timeout", "1s"}, audit.StageJump, "slow", "login not finished within 1s"},
		{[]string{"slow", "--host-timeout", "1s"}, audit.StageTimeout, "", "not finished within 1s, stopped during the login"},
	} {
		var out strings.Builder
		app := &App{Stdout: &out, Stderr: io.Discard}
		app.Main(append([]string{"scan", "-F", client.Config, "--sample", "0", "--logs", "none", "-f", "json"}, test.args...))
		host := onlyHost(t, out.String())
		if test.stage == "" {
			if host.Status != audit.StatusAudited || host.Timing.ConnectMS < 2000 {
				t.Errorf("%v: %s %+v in %v ms, want one that was worth the wait", test.args, host.Status, host.Failure, host.Timing.ConnectMS)
			}
			continue
		}
		if f := host.Failure; f == nil || f.Stage != test.stage || f.Via != test.via || f.Message != test.retold || f.Retryable {
			t.Errorf("%v: %+v, want stage %s: %s", test.args, f, test.stage, test.retold)
		}
	}
}

func TestProbe_keyFiles(t *testing.T) {
	t.Parallel()
	signer, err := sshtest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	for text, want := range map[string]string{
		key: key, "# old\n\n" + `command="sh" ` + key + " me@\x1b[2Jhome\n": key + " me@\ufffd[2Jhome",
		"": "", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl": "",
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := publicKeys(path)
		if want == "" && err == nil || want != "" && fmt.Sprint(got) != fmt.Sprint([]string{want}) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
