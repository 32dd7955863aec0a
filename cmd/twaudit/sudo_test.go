package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/audit"
	"twaudit/internal/sshtest"
)

// sudoUsers are the logins of the host that startSudoHost starts, each with the
// password sesame, and what sudo allows them.
var sudoUsers = []struct{ name, rules string }{
	{"granted", "Defaults:granted lecture=always\ngranted ALL=(ALL:ALL) ALL"},
	{"free", "free ALL=(ALL:ALL) NOPASSWD: ALL"},
	{"norule", ""},
	{"other", "other ALL=(ALL:ALL) /bin/true"},
	{"noterminal", "Defaults:noterminal requiretty\nnoterminal ALL=(ALL:ALL) ALL"},
	{"audit", ""},
	{"nosudo", ""}, // its shell has a PATH without sudo
}

// sudoHost is a real sshd whose logins are those of sudoUsers. Accounts, rules
// and programs are laid over those of this machine in a namespace of its own,
// with which they go.
type sudoHost struct {
	client *sshtest.Client
	dir    string
}

// startSudoHost also takes rules for audit, the line of its authorized_keys with
// KEY for the key, and commands that root runs on the host before it starts.
func startSudoHost(t *testing.T, rules, line string, asRoot ...string) *sudoHost {
	t.Helper()
	requireNamespaces(t)
	if _, err := exec.LookPath("sudo"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("sudo is missing: install sudo")
		}
		t.Skip("needs sudo")
	}
	client, err := sshtest.NewClient(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &sudoHost{client: client, dir: t.TempDir()}
	key := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(client.Key)))
	passwd, shadow := load(t, "/etc/passwd"), "root:*:19000::::::\n"
	sudoers := "Defaults env_reset, use_pty, logfile=" + h.dir + "/log\n" + rules + "\n"
	for i, user := range sudoUsers {
		passwd += fmt.Sprintf("%s:x:%d:65534::/:/bin/sh\n", user.name, 60001+i)
		shadow += user.name + ":" + sesame + ":19000::::::\n"
		sudoers += user.rules + "\n"
		allowed := key
		switch user.name {
		case "audit":
			allowed = strings.ReplaceAll(line, "KEY", key)
		case "nosudo":
			allowed = `environment="PATH=/mnt/bin" ` + key
		}
		h.write(t, user.name, allowed+"\n", 0o644)
	}
	h.write(t, "passwd", passwd, 0o644)
	h.write(t, "shadow", shadow, 0o600)
	h.write(t, "sudoers", sudoers, 0o440)
	if out, err := exec.Command("visudo", "-c", "-f", filepath.Join(h.dir, "sudoers")).CombinedOutput(); err != nil {
		t.Fatalf("visudo: %v: %s\n%s", err, out, sudoers)
	}
	// /mnt is what the logins can read: the test's own directories are closed.
	script := `set -e; cd "$0"; for f in passwd shadow sudoers; do mount --bind $f /etc/$f; done
		mount -t tmpfs -o mode=755 none /usr/local/lib; mount -t tmpfs -o mode=755 none /mnt
		mkdir /mnt/keys /mnt/bin; cp ` + strings.Join(sudoNames(), " ") + ` /mnt/keys
		for f in sh env sleep cat awk; do ln -s "$(command -v $f)" /mnt/bin; done
		` + strings.Join(asRoot, "\n") + "\nexec \"$@\""
	startSSHD(t, client, "all", []string{"unshare", "-m", "sh", "-c", script, h.dir},
		"AuthorizedKeysFile /mnt/keys/%u", "PermitUserEnvironment PATH")
	config := load(t, client.Config)
	config = config[strings.Index(config, "\n"):]
	var blocks strings.Builder
	for _, name := range sudoNames() {
		fmt.Fprintf(&blocks, "Host %s\n    User %s\n", name, name)
	}
	if err := os.WriteFile(client.Config, []byte(blocks.String()+"Host *"+config), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func sudoNames() (names []string) {
	for _, user := range sudoUsers {
		names = append(names, user.name)
	}
	return names
}

func (h *sudoHost) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// scan audits logins as if each were a host, with a person who says password,
// and returns the results by name.
func (h *sudoHost) scan(t *testing.T, password string, args ...string) map[string]audit.HostResult {
	t.Helper()
	asked := filepath.Join(t.TempDir(), "asked")
	program := filepath.Join(h.dir, "askpass")
	h.write(t, "askpass", fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$*\" >>%s\necho '%s'\n", asked, password), 0o755)
	var out, messages strings.Builder
	env := map[string]string{"SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force"}
	app := &App{Stdout: &out, Stderr: &messages, Env: func(name string) string { return env[name] }}
	args = append([]string{"scan", "-F", h.client.Config, "--sample", "0", "--logs", "none", "-f", "json"}, args...)
	app.Main(args) // its status depends on this machine
	if said := out.String() + messages.String(); strings.Contains(said, password) {
		t.Errorf("the password is in the output: %s", said)
	}
	if got, err := os.ReadFile(asked); err == nil && string(got) != "sudo password: \n" {
		t.Errorf("asked %q", got)
	}
	var run audit.Run
	if err := json.Unmarshal([]byte(out.String()), &run); err != nil {
		t.Fatalf("%v: %s%s", err, out.String(), messages.String())
	}
	hosts := map[string]audit.HostResult{}
	for _, host := range run.Hosts {
		hosts[host.Name] = host
		if host.Status != audit.StatusAudited {
			t.Errorf("%s: %+v", host.Name, host.Failure)
		}
	}
	return hosts
}

// isRoot tells whether the script ran as root.
func isRoot(host audit.HostResult) bool {
	return host.Facts != nil && host.Facts.Host.UID != nil && *host.Facts.Host.UID == 0
}

// sudoGap is what the result says of sudo; empty: nothing.
func sudoGap(host audit.HostResult) string {
	for _, gap := range host.Gaps {
		if gap.Section == "sudo" {
			return gap.Reason + " > " + gap.Remedy
		}
	}
	return ""
}

func TestAskSudoPass_overRealSudo(t *testing.T) {
	t.Parallel()
	h := startSudoHost(t, "", "KEY")
	hosts := h.scan(t, "sesame", append([]string{"--ask-sudo-pass"}, sudoNames()...)...)
	for name, want := range map[string]string{
		"granted":    "",
		"free":       "",
		"norule":     "sudo has no rule for this login: the probe ran without it > allow it: twaudit probe --sudoers prints the rule",
		"other":      "sudo has no rule by which this login may run the script: ",
		"noterminal": "sudo wants a terminal (requiretty in sudoers): ",
		"audit":      "sudo has no rule for this login: ",
		"nosudo":     "the host has no sudo: ",
	} {
		host, found := hosts[name]
		if gap := sudoGap(host); !found || isRoot(host) != (want == "") || !strings.HasPrefix(gap, want) || want == "" && gap != "" {
			t.Errorf("%s: root %v, gap %q, want %q", name, isRoot(host), gap, want)
		}
	}
	log := load(t, filepath.Join(h.dir, "log"))
	if strings.Contains(log, "incorrect password") || strings.Contains(log, "sesame") {
		t.Errorf("sudo's log:\n%s", log)
	}
}

// The first rejection is the last, also when many hosts wait with their prompts.
func TestAskSudoPass_wrongPassword(t *testing.T) {
	t.Parallel()
	h := startSudoHost(t, "granted ALL=(ALL:ALL) ALL", "KEY")
	config := strings.Replace(load(t, h.client.Config), "Host granted", "Host granted granted2 granted3 granted4 granted5", 1)
	if err := os.WriteFile(h.client.Config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	hosts := h.scan(t, "open up", "--ask-sudo-pass", "granted", "granted2", "granted3", "granted4", "granted5", "free")
	rejections := 0
	for name, host := range hosts {
		gap := sudoGap(host)
		switch {
		case name == "free":
			if !isRoot(host) || gap != "" {
				t.Errorf("%s: root %v, gap %q", name, isRoot(host), gap)
			}
		case isRoot(host):
			t.Errorf("%s: root", name)
		case strings.HasPrefix(gap, "sudo rejected the password, or asks for more"):
			rejections++
		case !strings.HasPrefix(gap, "the sudo password was not sent: another host rejected it in this run: "):
			t.Errorf("%s: gap %q", name, gap)
		}
	}
	if log := load(t, filepath.Join(h.dir, "log")); rejections != 1 || strings.Count(log, "1 incorrect password attempt") != 1 {
		t.Errorf("%d rejections, sudo's log:\n%s", rejections, log)
	}
}

// A host whose key this run took in gets no password, but is audited.
func TestAskSudoPass_newHost(t *testing.T) {
	t.Parallel()
	h := startSudoHost(t, "", "KEY")
	if err := os.WriteFile(h.client.KnownHosts, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	hosts := h.scan(t, "sesame", "--ask-sudo-pass", "--host-key-policy", "accept-new", "granted", "free")
	if gap := sudoGap(hosts["granted"]); isRoot(hosts["granted"]) || !strings.HasPrefix(gap, "the sudo password was not sent: the host's key was taken in by this run: ") {
		t.Errorf("root %v, gap %q", isRoot(hosts["granted"]), gap)
	}
	if !isRoot(hosts["free"]) {
		t.Errorf("free: %q", sudoGap(hosts["free"]))
	}
	if _, err := os.Stat(filepath.Join(h.dir, "log")); err == nil && strings.Contains(load(t, filepath.Join(h.dir, "log")), "granted : ") && strings.Contains(load(t, filepath.Join(h.dir, "log")), "incorrect") {
		t.Error("sudo saw a password")
	}
}

// What the program prints for sudoers, followed to the letter, makes a login that
// runs this script as root and nothing else.
func TestProbe_sudoersRule(t *testing.T) {
	t.Parallel()
	text := outputOf(t, &App{}, exitOK, "probe", "--sudoers", "audit")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte(outputOf(t, &App{}, exitOK, "probe")), 0o600); err != nil {
		t.Fatal(err)
	}
	steps := []string{"cd " + dir, "{ echo '#!/bin/sh'; cat script; } >probe"}
	_, asRoot, found := strings.Cut(text, "as root:")
	for line := range strings.Lines(asRoot) {
		if line = strings.Trim(line, "# \t\n"); found && strings.HasPrefix(line, "install ") {
			steps = append(steps, line)
		}
	}
	_, line, _ := strings.Cut(text, "#      restrict,")
	line, _, _ = strings.Cut(line, "\n")
	if len(steps) != 4 || line == "" {
		t.Fatalf("steps %q, line %q in\n%s", steps, line, text)
	}
	h := startSudoHost(t, text, "restrict,"+line+" KEY", steps...)
	for _, more := range [][]string{nil, {"--sudo"}, {"--ask-sudo-pass"}} {
		host := h.scan(t, "sesame", append(more, "audit")...)["audit"]
		if !isRoot(host) || sudoGap(host) != "" {
			t.Errorf("%v: root %v, gap %q", more, isRoot(host), sudoGap(host))
		}
	}
	for command, want := range map[string]string{"id": "may only run the twaudit probe", "sh -s -- 00; id": "twaudit-probe: "} {
		out, err := exec.CommandContext(t.Context(), "ssh", "-F", h.client.Config, "audit", command).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) || strings.Contains(string(out), "uid=") {
			t.Errorf("%s: %v, %s", command, err, out)
		}
	}
}

// A key that may run the script and nothing else hears of no sudo: that is said
// once, and not that --sudo would help.
func TestSudo_fixedCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "probe"), []byte(installedProbe()), 0o600); err != nil {
		t.Fatal(err)
	}
	h := startSudoHost(t, "audit ALL=(ALL:ALL) NOPASSWD: ALL", `restrict,command="`+installedPath+`" KEY`,
		"install -D -m 0755 "+dir+"/probe "+installedPath)
	for _, more := range []string{"--sudo", "--ask-sudo-pass"} {
		host := h.scan(t, "sesame", more, "audit")["audit"]
		if gap := sudoGap(host); isRoot(host) || !strings.Contains(gap, "--sudo was not heard: a fixed command answers") || !strings.Contains(gap, "twaudit probe --sudoers USER") {
			t.Errorf("%s: root %v, gap %q", more, isRoot(host), gap)
		}
		for _, gap := range host.Gaps {
			if strings.Contains(gap.Remedy, "with --sudo") {
				t.Errorf("%s: %+v", more, gap)
			}
		}
	}
}
