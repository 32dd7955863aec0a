package e2e

import (
	"context"
	"crypto/ed25519"
	"crypto/md5"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// lab is a network of its own: an operator's namespace with a bridge, and hosts
// on it. The machine's own network is not touched.
type lab struct {
	dir      string // everything the lab writes
	twaudit  string // the built program
	operator string // the namespace from which hosts are audited
	hosts    []*host
}

// host is a machine as far as anything inside can tell.
type host struct {
	name, ns, addr string
	dir            string // its files: etc, varlog, key
	key            ssh.PublicKey
}

// newLab makes an empty network. It fails where the lab
// cannot run and CI says that it must, and skips elsewhere.
func newLab(t *testing.T) *lab {
	t.Helper()
	requireLab(t)
	l := &lab{dir: t.TempDir(), operator: fmt.Sprintf("twa%d-op", os.Getpid())}
	must(t, os.Chmod(l.dir, 0o755))
	must(t, os.Chmod(filepath.Dir(l.dir), 0o755))
	l.namespace(t, l.operator)
	inside(t, l.operator, "ip", "link", "add", "br0", "type", "bridge")
	inside(t, l.operator, "ip", "addr", "add", "10.77.0.1/24", "dev", "br0")
	inside(t, l.operator, "ip", "link", "set", "br0", "up")
	writeKey(t, filepath.Join(l.dir, "operator"))
	return l
}

// build builds the program that audits.
func (l *lab) build(t *testing.T) {
	t.Helper()
	l.twaudit = filepath.Join(l.dir, "twaudit")
	build := exec.Command("go", "build", "-o", l.twaudit, "twaudit/cmd/twaudit")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

func requireLab(t *testing.T) {
	t.Helper()
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	for _, tool := range []string{"/usr/sbin/sshd", "ip", "unshare", "nsenter", "busybox", "dash", "gzip", "xz", "bzip2", "zstd"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	switch {
	case len(missing) == 0:
	case os.Getenv("CI") != "":
		t.Fatalf("the lab needs %s", strings.Join(missing, ", "))
	default:
		t.Skipf("the lab needs %s", strings.Join(missing, ", "))
	}
}

// namespace adds a network namespace with loopback, deleted when the test ends.
func (l *lab) namespace(t *testing.T, name string) {
	t.Helper()
	run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	inside(t, name, "ip", "link", "set", "lo", "up")
	inside(t, name, "sysctl", "-qw", "net.ipv4.tcp_tw_reuse=0")
}

// addHost puts a host on the lab's network, with an /etc of its own that prepare
// may fill before its sshd starts.
func (l *lab) addHost(t *testing.T, name string, prepare func(h *host)) *host {
	t.Helper()
	n := len(l.hosts) + 2
	h := &host{
		name: name, ns: fmt.Sprintf("twa%d-%d", os.Getpid(), n),
		addr: fmt.Sprintf("10.77.0.%d", n), dir: filepath.Join(l.dir, name),
	}
	l.hosts = append(l.hosts, h)
	l.namespace(t, h.ns)
	outer := fmt.Sprintf("v%d", n)
	run(t, "ip", "link", "add", outer, "netns", l.operator, "type", "veth", "peer", "name", "eth0", "netns", h.ns)
	inside(t, l.operator, "ip", "link", "set", outer, "master", "br0", "up")
	inside(t, h.ns, "ip", "addr", "add", h.addr+"/24", "dev", "eth0")
	inside(t, h.ns, "ip", "link", "set", "eth0", "up")
	h.furnish(t, filepath.Join(l.dir, "operator.pub"))
	if prepare != nil {
		prepare(h)
	}
	h.boot(t)
	return h
}

// furnish gives the host an /etc, a /var/log and a host key.
func (h *host) furnish(t *testing.T, authorized string) {
	t.Helper()
	for _, dir := range []string{"etc/sysctl.d", "etc/ssh", "varlog"} {
		must(t, os.MkdirAll(filepath.Join(h.dir, dir), 0o755))
	}
	for _, file := range []string{"ld.so.cache", "nsswitch.conf", "os-release", "alternatives", "localtime", "shells"} {
		if _, err := os.Lstat("/etc/" + file); err == nil {
			run(t, "cp", "-a", "/etc/"+file, filepath.Join(h.dir, "etc", file))
		}
	}
	h.write(t, "etc/machine-id", fmt.Sprintf("%x\n", md5.Sum([]byte(h.ns))))
	h.write(t, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\naudit:x:1000:1000::/tmp:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534::/:/usr/sbin/nologin\n")
	h.write(t, "etc/shadow", "root:*:19000:0:99999:7:::\naudit:*:19000:0:99999:7:::\nsshd:*:19000::::::\nnobody:*:19000::::::\n")
	h.write(t, "etc/group", "root:x:0:\naudit:x:1000:\nnogroup:x:65534:\n")
	h.key = writeKey(t, filepath.Join(h.dir, "etc/ssh/hostkey"))
	run(t, "cp", authorized, filepath.Join(h.dir, "etc/ssh/authorized"))
	h.write(t, "etc/ssh/sshd_config", sshdConfig)
}

const sshdConfig = `Port 22
HostKey /etc/ssh/hostkey
AuthorizedKeysFile /etc/ssh/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
UseDNS no
`

// bootScript makes the host's namespaces its own and becomes its sshd. The
// chroots of a host move to /run, for sshd accepts none below a /tmp. A stale file
// under /run/netns is what an unmounted namespace leaves behind.
const bootScript = `set -e
hostname "$1"
mount --make-rprivate /
mount --bind "$2/etc" /etc
mount --bind "$2/varlog" /var/log
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/sshd /run/roots
if [ -e "$2/stale" ]; then mkdir /run/netns && : >/run/netns/stale; fi
if [ -d "$2/roots" ]; then mount --bind "$2/roots" /run/roots; fi
exec /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config
`

func (h *host) boot(t *testing.T) {
	t.Helper()
	log, err := os.Create(filepath.Join(h.dir, "sshd.log"))
	must(t, err)
	cmd := exec.Command("ip", "netns", "exec", h.ns, "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child",
		"--mount-proc", "/bin/sh", "-c", bootScript, "sh", h.name, h.dir)
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("sshd of %s:\n%s", h.name, text)
		}
	})
	waitFor(t, h.name+" listens", func() bool {
		out, _ := exec.Command("ip", "netns", "exec", h.ns, "ss", "-ltn").Output()
		return strings.Contains(string(out), ":22 ")
	})
}

func (h *host) write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(h.dir, path), []byte(content), 0o644))
}

// sshFiles writes the operator's known_hosts and ssh_config and returns the path
// of the latter.
func (l *lab) sshFiles(t *testing.T) string {
	t.Helper()
	var known, config strings.Builder
	for _, h := range l.hosts {
		fmt.Fprintf(&known, "%s %s", h.addr, ssh.MarshalAuthorizedKey(h.key))
		fmt.Fprintf(&config, "Host %s\n    HostName %s\n", h.name, h.addr)
	}
	fmt.Fprintf(&config, "Host *\n    User root\n    IdentityFile %s/operator\n    IdentitiesOnly yes\n    UserKnownHostsFile %s/known_hosts\n    GlobalKnownHostsFile /dev/null\n", l.dir, l.dir)
	must(t, os.WriteFile(filepath.Join(l.dir, "known_hosts"), []byte(known.String()), 0o600))
	path := filepath.Join(l.dir, "ssh_config")
	must(t, os.WriteFile(path, []byte(config.String()), 0o600))
	return path
}

// audit runs the built program in the operator's namespace and returns its
// output, messages and exit status.
func (l *lab) audit(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", l.operator, l.twaudit}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + l.dir, "TWAUDIT_NO_HISTORY=true"}
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // the status says it
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// writeKey makes an ed25519 key pair in path and path.pub.
func writeKey(t *testing.T, path string) ssh.PublicKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	must(t, err)
	must(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	key, err := ssh.NewPublicKey(public)
	must(t, err)
	must(t, os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(key), 0o644))
	return key
}

func inside(t *testing.T, ns string, args ...string) {
	t.Helper()
	run(t, "ip", append([]string{"netns", "exec", ns}, args...)...)
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// waitFor polls until ready says so; the lab's events come from other processes,
// which offer nothing to wait on.
func waitFor(t *testing.T, what string, ready func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ready() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s in vain: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
