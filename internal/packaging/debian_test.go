package packaging

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
)

// serviceUser is somebody of whom nothing on the system knows, as the user of
// DynamicUser= is for a static binary.
const serviceUser = 64321

// debian is a fresh Debian in a directory. Its network is that of this machine.
type debian struct{ root string }

// newDebian bootstraps the release of this machine from the mirror that apt uses.
func newDebian(t *testing.T) *debian {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	needs(t, "debootstrap", "apt-get", "apt-config")
	release := regexp.MustCompile(`(?m)^VERSION_CODENAME=(\w+)$`).FindStringSubmatch(load(t, "/etc/os-release"))
	if release == nil {
		t.Fatal("this Debian has no name")
	}
	targets := run(t, nil, "apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Identifier: Packages")
	mirror := regexp.MustCompile(`(?m)^` + release[1] + ` main (\S+)$`).FindStringSubmatch(targets)
	if mirror == nil {
		t.Fatalf("apt has no source for %s:\n%s", release[1], targets)
	}
	// Nobody needs what is in there after a power failure.
	env := []string{"DPKG_FORCE=unsafe-io", "LC_ALL=C"}
	if proxy := strings.TrimSpace(run(t, nil, "apt-config", "shell", "p", "Acquire::http::Proxy")); proxy != "" {
		env = append(env, "http_proxy="+strings.Trim(strings.TrimPrefix(proxy, "p="), "'"))
	}
	d := &debian{t.TempDir()}
	run(t, env, "debootstrap", "--variant=minbase", release[1], d.root, mirror[1])
	return d
}

func (d *debian) path(name string) string { return filepath.Join(d.root, name) }

// run is what a command in there prints, and its exit status.
func (d *debian) run(t *testing.T, user uint32, env []string, words ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/env", append([]string{"-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, append(env, words...)...)...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: d.root, Credential: &syscall.Credential{Uid: user, Gid: user}}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("%q: %v", words, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// asRoot runs a command as root, which must succeed.
func (d *debian) asRoot(t *testing.T, words ...string) string {
	t.Helper()
	out, status := d.run(t, 0, nil, words...)
	if status != 0 {
		t.Fatalf("%q: status %d\n%s", words, status, out)
	}
	return out
}

// host is what is audited: a server that gives a saved answer.
type host struct {
	*sshtest.Server
	answer atomic.Value // string, a file of saved answers without its ending
}

func startHost(t *testing.T, client *sshtest.Client) *host {
	t.Helper()
	h := &host{}
	const nonce = "00000000000000000000000000000000" // of an answer that was saved by hand
	server, err := sshtest.Start(sshtest.Config{Authorized: []ssh.PublicKey{client.Key}, Handler: func(_ context.Context, e sshtest.Exec) int {
		_, _ = io.Copy(io.Discard, e.Stdin)
		answer, err := os.ReadFile(filepath.Join("../../cmd/twaudit/testdata/answers", h.answer.Load().(string)+".out"))
		words := strings.Fields(e.Command) // sh -s -- NONCE
		if err != nil || len(words) < 4 {
			return 1
		}
		_, _ = io.WriteString(e.Stdout, strings.ReplaceAll(string(answer), nonce, words[3]))
		return 0
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	h.Server = server
	return h
}

// The deb is installed and set up as docs/cron.md says, what its timer and the
// cron example start is run as they would run it, and the deb goes again.
func testDebian(t *testing.T, dist string) {
	d := newDebian(t)
	write(t, d.path("twaudit.deb"), load(t, only(t, dist, "*.deb")), 0o644)
	d.asRoot(t, "dpkg", "--install", "/twaudit.deb")
	if changed := d.asRoot(t, "dpkg", "--verify", "twaudit"); changed != "" {
		t.Errorf("not as packed: %s", changed)
	}
	if got := d.asRoot(t, "twaudit", "version"); !strings.Contains(got, version) {
		t.Errorf("version %q", got)
	}
	d.asRoot(t, "twaudit", "demo")

	client, err := sshtest.NewClient(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := startHost(t, client)
	d.setUp(t, client, h)
	d.testService(t, h)
	d.testCron(t, h)

	d.asRoot(t, "dpkg", "--purge", "twaudit")
	if _, err := os.Stat(d.path("usr/bin/twaudit")); !os.IsNotExist(err) {
		t.Errorf("after the purge: %v", err)
	}
	if _, err := os.Stat(d.path("var/lib/twaudit/history.db")); err != nil {
		t.Errorf("the history is gone with the package: %v", err)
	}
}

// setUp gives the package a host and a key, runs the commands of docs/cron.md, and
// does what systemd does before it starts the service.
func (d *debian) setUp(t *testing.T, client *sshtest.Client, h *host) {
	t.Helper()
	h.answer.Store("rhel8-healthy")
	write(t, d.path("etc/twaudit/hosts"), h.Addr()+"\n", 0o644)
	write(t, d.path("etc/twaudit/ssh-key.pub"), load(t, client.KeyFile+".pub"), 0o644)
	write(t, d.path("etc/twaudit/ssh-key"), load(t, client.KeyFile), 0o600)
	steps := regexp.MustCompile(`(?m)^ {7}((?:twaudit|touch|grep) .*)$`).FindAllStringSubmatch(load(t, d.path("usr/share/doc/twaudit/cron.md")), -1)
	if len(steps) != 6 {
		t.Errorf("docs/cron.md has the steps %q", steps)
	}
	for _, step := range steps {
		d.asRoot(t, "/bin/sh", "-c", step[1])
	}
	for _, path := range []string{"etc/twaudit/ssh-key", "run/credentials/twaudit.service/ssh-key"} {
		write(t, d.path(path), load(t, client.KeyFile), 0o400)
		if err := os.Chown(d.path(path), serviceUser, serviceUser); err != nil {
			t.Fatal(err)
		}
	}
	state := d.path("var/lib/twaudit") // nothing above may have made it
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(state, serviceUser, serviceUser); err != nil {
		t.Fatal(err)
	}
}

// testService runs the unit's command line with what systemd has in store for it.
func (d *debian) testService(t *testing.T, h *host) {
	t.Helper()
	start := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(load(t, d.path("usr/lib/systemd/system/twaudit.service")))
	if start == nil {
		t.Fatal("the unit starts nothing")
	}
	env := []string{"CREDENTIALS_DIRECTORY=/run/credentials/twaudit.service", "STATE_DIRECTORY=/var/lib/twaudit", "HOME=/", "USER=twaudit", "LOGNAME=twaudit"}
	words := strings.Fields(strings.ReplaceAll(start[1], "${CREDENTIALS_DIRECTORY}", "/run/credentials/twaudit.service"))
	for i, step := range []struct {
		answer string
		status int
		said   string // empty: nothing at all
	}{
		{"rhel8-healthy", 0, ""}, {"debian11-near", 1, "near-limit"}, {"debian11-near", 0, ""}, {"rhel8-healthy", 0, ""},
	} {
		h.answer.Store(step.answer)
		got, status := d.run(t, serviceUser, env, words...)
		if status != step.status || !strings.Contains(got, step.said) || step.said == "" && got != "" {
			t.Errorf("run %d, %s: status %d, want %d and %q:\n%s", i, step.answer, status, step.status, step.said, got)
		}
		// A look as root leaves nothing behind that would stop the next run.
		if runs := d.asRoot(t, "twaudit", "runs", "--config", "/etc/twaudit/config.yaml"); strings.Count(runs, "/etc/twaudit/hosts") != i+1 {
			t.Errorf("after run %d:\n%s", i, runs)
		}
	}
}

// testCron runs the line of the crontab as cron does, but for the wait at its start.
func (d *debian) testCron(t *testing.T, h *host) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^17 \* \* \* \* twaudit (.*) --splay 5m$`).FindStringSubmatch(load(t, d.path("usr/share/doc/twaudit/examples/cron.d-twaudit")))
	if line == nil {
		t.Fatal("the crontab has no such line")
	}
	h.answer.Store("debian8-overflowed")
	for _, want := range []int{1, 0} {
		got, status := d.run(t, serviceUser, []string{"HOME=/nonexistent", "LOGNAME=twaudit", "SHELL=/bin/sh"}, "/bin/sh", "-c", line[1])
		if status != want || strings.Contains(got, "overflowed") != (want == 1) {
			t.Errorf("status %d, want %d:\n%s", status, want, got)
		}
	}
}
