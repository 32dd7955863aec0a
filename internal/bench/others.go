package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"twaudit/internal/probe"
	"twaudit/internal/sshtest"
)

const (
	forks    = 32 // connections at a time, for each tool alike
	realPort = "22022"
)

// ground is a real sshd in a network namespace of its own, which is all of
// 127.0.0.0/8 to its clients, and what they need to reach it.
type ground struct {
	namespace string
	client    *sshtest.Client
	inventory string
	hosts     []string
	sshd      *exec.Cmd
}

// againstOthers compares with every tool.
func (b *bench) againstOthers() error {
	return b.against(100, func(tool) bool { return true })
}

// againstSSH compares with the least and the best, in a few seconds.
func (b *bench) againstSSH() error {
	return b.against(40, func(t tool) bool { return t.name == "twaudit" || t.name == bareName || t.name == quickName })
}

const (
	bareName  = "bare x/crypto"
	quickName = "xargs ssh, curve25519" // its usual key exchange costs seven times as much
)

// against lets tools run the same script on the same hosts.
func (b *bench) against(hosts int, wanted func(tool) bool) error {
	g, err := b.newGround(hosts)
	if err != nil {
		return err
	}
	defer g.close()
	b.section(fmt.Sprintf("Against other tools: %d hosts behind a real sshd", hosts), `
OpenSSH's server in a network namespace, as many addresses of 127.0.0.0/8, ed25519 keys, host keys checked by every tool,
`+fmt.Sprint(forks)+` connections at a time. Every tool runs the same probe script once on each host with one counter reading
(--sample 0) and discards or stores the answer; twaudit also parses, judges and reports it. "bare x/crypto" is a loop
of dial, login, exec and close around golang.org/x/crypto/ssh which runs `+"`true`"+`. RSS is that of the largest single
process: tools that start one ssh for each host use more at once.`)
	rows := [][]string{{"tool", "client CPU per host", "ratio", "wall", "ratio", "peak RSS"}}
	var base figures
	for i, tool := range slices.DeleteFunc(b.tools(g), func(t tool) bool { return !wanted(t) }) {
		f, err := b.measure(hosts, tool.count, append([]string{"ip", "netns", "exec", g.namespace}, tool.command...)...)
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: left out: %s: %v\n", tool.name, err)
			rows = append(rows, []string{tool.name, "did not reach all hosts", "", "", "", ""})
			continue
		}
		if i == 0 {
			base = f
		}
		rows = append(rows, []string{
			tool.name, ms(f.cpu / time.Duration(hosts)), ratio(f.cpu, base.cpu), seconds(f.wall), ratio(f.wall, base.wall), megabytes(f.rss),
		})
	}
	b.table(rows)
	return nil
}

func ratio(x, base time.Duration) string {
	if base <= 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", float64(x)/float64(base))
}

type tool struct {
	name    string
	command []string
	count   func([]byte) int
}

func (b *bench) tools(g *ground) []tool {
	config, n := g.client.Config, fmt.Sprint(forks)
	script := filepath.Join(b.dir, "probe.sh")
	remote := "sh " + script + " " + probe.ManualNonce + " sample=0 logs=auto"
	ends := func(out []byte) int { return bytes.Count(out, []byte("twaudit-probe "+probe.ManualNonce+" end")) }
	list := filepath.Join(b.dir, "hosts")
	self, _ := os.Executable() // go run's binary exists as long as we do
	xargs := func(options string) []string {
		return []string{"sh", "-c", "xargs -P " + n + " -I{} ssh -F " + config + " " + options + " {} '" + remote + "' <" + list}
	}
	return []tool{
		{"twaudit", []string{b.twaudit, "scan", "-F", config, "-i", list, "--concurrency", n, "--sample", "0", "--no-progress", "-f", "jsonl"}, audited},
		{bareName, append([]string{self, "-role", "bare", g.client.KeyFile, filepath.Join(b.dir, "hostkey.pub")}, g.hosts...), func(out []byte) int { return bytes.Count(out, []byte("ok\n")) }},
		{"xargs ssh", xargs(""), ends},
		{quickName, xargs("-o KexAlgorithms=curve25519-sha256"), ends},
		{"pdsh", []string{"env", "PDSH_SSH_ARGS_APPEND=-F " + config, "pdsh", "-R", "ssh", "-f", n, "-w", "^" + list, remote}, ends},
		{"clush", []string{"clush", "-f", n, "-o", "-F " + config, "--hostfile", list, remote}, ends},
		{"pssh", []string{"parallel-ssh", "-p", n, "-t", "60", "-x", "-F " + config, "-h", list, "-i", remote}, ends},
		{"ansible raw", []string{"ansible", "-i", list, "all", "-f", n, "-m", "raw", "-a", remote, "--ssh-common-args", "-F " + config}, ends},
	}
}

func audited(out []byte) int { return bytes.Count(out, []byte(`"status":"audited"`)) }

func (b *bench) newGround(hosts int) (*ground, error) {
	g := &ground{namespace: fmt.Sprintf("twabench%d", os.Getpid())}
	dir := filepath.Join(b.dir, "client")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if g.client, err = sshtest.NewClient(dir); err != nil {
		return nil, err
	}
	hostKey, err := sshtest.WriteKey(filepath.Join(b.dir, "hostkey"))
	if err != nil {
		return nil, err
	}
	for i := range hosts {
		name := fmt.Sprintf("h%03d", i)
		g.hosts = append(g.hosts, fmt.Sprintf("127.9.0.%d:%s", i+1, realPort))
		if err := g.client.Add(name, g.hosts[i], hostKey.PublicKey()); err != nil {
			return nil, err
		}
		g.inventory += name + "\n"
	}
	if err := b.writeGround(g); err != nil {
		return nil, err
	}
	return g, g.start(b.dir)
}

func (b *bench) writeGround(g *ground) error {
	config := "Port " + realPort + "\nListenAddress 0.0.0.0\nHostKey " + b.dir + "/hostkey\nAuthorizedKeysFile " + g.client.KeyFile + ".pub\n" +
		"PermitRootLogin yes\nStrictModes no\nUsePAM no\nPidFile none\nUseDNS no\nMaxStartups 1000\nLogLevel ERROR\n"
	for name, content := range map[string]string{
		"sshd_config": config, "hosts": g.inventory, "probe.sh": probe.Script(), "shadow": "audit:*:19000:0:99999:7:::\n",
		"passwd": "audit:x:0:0::/:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n",
	} {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// start gives the sshd a network of its own, and audit, who is root there, a plain shell: a login
// shell that is slow to start would be measured instead.
func (g *ground) start(dir string) error {
	for _, command := range [][]string{
		{"ip", "netns", "add", g.namespace},
		{"ip", "netns", "exec", g.namespace, "ip", "link", "set", "lo", "up"},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
		}
	}
	g.sshd = exec.Command("ip", "netns", "exec", g.namespace, "unshare", "--mount", "sh", "-c",
		`mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/shadow" /etc/shadow && mount -t tmpfs tmpfs /run && mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f "$0/sshd_config"`, dir)
	g.sshd.Stderr = os.Stderr
	if err := g.sshd.Start(); err != nil {
		return err
	}
	for range 200 {
		out, _ := exec.Command("ip", "netns", "exec", g.namespace, "ss", "-ltn").Output()
		if bytes.Contains(out, []byte(":"+realPort)) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("sshd does not listen")
}

func (g *ground) close() {
	_ = g.sshd.Process.Kill()
	_ = g.sshd.Wait()
	_ = exec.Command("ip", "netns", "del", g.namespace).Run()
}
