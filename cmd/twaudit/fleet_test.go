package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
)

// scriptFleet are the SSH hosts of one script.
type scriptFleet struct {
	client *sshtest.Client
	hosts  string // the inventory: one line a host, in the order of add
	ends   []func()

	hung chan struct{} // of each time that a host of kind hang got its command
}

func newScriptFleet(dir string) (*scriptFleet, error) {
	home := filepath.Join(dir, ".ssh")
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	client, err := sshtest.NewClient(home)
	if err != nil {
		return nil, err
	}
	return &scriptFleet{client: client, hosts: filepath.Join(dir, "hosts.txt"), hung: make(chan struct{}, 16)}, nil
}

func (f *scriptFleet) close() {
	for _, end := range f.ends {
		end()
	}
}

func (f *scriptFleet) waitHung() error {
	select {
	case <-f.hung:
		return nil
	case <-time.After(time.Minute):
		return errors.New("no hung host was asked")
	}
}

// add starts a host. Its kind is a verdict that its answer leads to, or one of
// those in behaviour, or a fault of sshtest.
func (f *scriptFleet) add(name, kind string) error {
	switch kind {
	case "refuses":
		return f.addSilent(name, "127.0.0.1:1", nil)
	case "drops":
		addr, end, err := sshtest.BlackHole()
		return errors.Join(err, f.addSilent(name, addr, end))
	}
	config := sshtest.Config{Handler: f.behaviour(name, kind), Cut: 200}
	if kind == "keys" { // lets nobody in without the script's own key
		config.Handler, config.Authorized = replay(healthy(name)), []ssh.PublicKey{f.client.Key}
	}
	if config.Handler == nil {
		config.Fault, config.Handler = sshtest.Fault(kind), replay(healthy(name))
	}
	server, err := sshtest.Start(config)
	if err != nil {
		return err
	}
	f.ends = append(f.ends, func() { server.Close() })
	key, addr := server.HostKey(), server.Addr()
	switch kind {
	case "stranger":
		key = nil
	case "flaky":
		var end func()
		if addr, end, err = loseFirst(addr); err != nil {
			return err
		}
		f.ends = append(f.ends, end)
	}
	return errors.Join(f.client.Add(name, addr, key), f.list(name))
}

// loseFirst stands before a server: it closes the first connection at once, and
// passes the others on.
func loseFirst(server string) (addr string, end func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	// Ends with the listener, and each relay with its connections.
	go func() {
		for first := true; ; first = false {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			if first {
				client.Close()
				continue
			}
			target, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				return
			}
			relay := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				to.Close()
			}
			go relay(target, client)
			go relay(client, target)
		}
	}()
	return listener.Addr().String(), func() { listener.Close() }, nil
}

func (f *scriptFleet) addSilent(name, addr string, end func()) error {
	if end != nil {
		f.ends = append(f.ends, end)
	}
	return errors.Join(f.client.Add(name, addr, nil), f.list(name))
}

func (f *scriptFleet) list(name string) error {
	file, err := os.OpenFile(f.hosts, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, name)
	return errors.Join(err, file.Close())
}

// behaviour is how a host of a kind answers; nil for the faults of sshtest.
func (f *scriptFleet) behaviour(name, kind string) sshtest.Handler {
	switch kind {
	case "freebsd":
		return saying("", "FreeBSD", 0)
	case "nologin":
		return saying("This account is currently not available.\n", "", 1)
	case "false":
		return saying("", "", 1)
	case "greeting":
		return saying("Last login: Mon Nov 23 10:00:00 2026 from 203.0.113.77\nWelcome to 203.0.113.9\n", "", 0)
	case "switch":
		return saying("\r\n% Invalid input detected at '^' marker.\r\n", "", 0)
	case "hang":
		return func(ctx context.Context, e sshtest.Exec) int {
			select {
			case f.hung <- struct{}{}:
			default: // nobody counts so many
			}
			<-ctx.Done()
			return sshtest.NoStatus
		}
	case "real":
		return real
	case "file":
		return f.asFile(name)
	}
	if a, made := answerOf(name, kind); made {
		return replay(a)
	}
	return nil
}

// asFile behaves as the kind that stands in the file NAME.kind at that moment; one
// of no such kind ends the session without an answer.
func (f *scriptFleet) asFile(name string) sshtest.Handler {
	return func(ctx context.Context, e sshtest.Exec) int {
		kind, err := os.ReadFile(filepath.Join(filepath.Dir(f.hosts), name+".kind"))
		if err != nil {
			return sshtest.NoStatus
		}
		answers := f.behaviour(name, strings.TrimSpace(string(kind)))
		if answers == nil {
			return sshtest.NoStatus
		}
		return answers(ctx, e)
	}
}

// answerOf is what a host says whose kind is a verdict; false for the others.
func answerOf(name, kind string) (a answer, made bool) {
	a = healthy(name)
	switch kind {
	case "ok", "stranger", "flaky":
	case "near-limit":
		a.buckets = 900
	case "overflowed":
		a.overflows = [2]int{7, 7}
	case "raised": // overflowed once; the limit was 1000 before
		a.overflows, a.limit, a.configured = [2]int{7, 7}, 10000, true
	case "rebooted":
		a.bootID = "another-boot"
	case "reinstalled":
		a.bootID, a.hostname = "another-boot", "another-"+name
	case "overflowing":
		a.overflows, a.buckets = [2]int{7, 40}, 1000
	case "unknown":
		a.kernel = "2.6.32-754.el6.x86_64"
	case "markup":
		a.hostname = "\x1b]0;owned\x07<script>alert(1)</script>=cmd|' /C calc'!A0"
	default:
		return a, false
	}
	return a, true
}

// saying answers with other words than the script's; system, when not empty,
// makes it the script's answer on such a system.
func saying(words, system string, status int) sshtest.Handler {
	return func(_ context.Context, e sshtest.Exec) int {
		_, _ = io.Copy(io.Discard, e.Stdin)
		if system != "" {
			n := nonce(e.Command)
			words = frame(n, "begin 1") + frame(n, "section identity") + "ostype " + system + "\n" + frame(n, "end")
		}
		_, _ = io.WriteString(e.Stdout, words)
		return status
	}
}

// real runs the script on this machine, as sshd would.
func real(ctx context.Context, e sshtest.Exec) int {
	cmd := exec.CommandContext(ctx, "sh", "-c", e.Command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = e.Stdin, e.Stdout, e.Stderr
	cmd.WaitDelay = time.Second
	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		return 126
	}
	return 0
}

// answer is what a made-up host tells the script: just enough for a verdict.
type answer struct {
	hostname, kernel string
	buckets, limit   int
	overflows        [2]int // at both readings
	bootID           string
	configured       bool // the limit is set by /etc/sysctl.conf
}

func healthy(name string) answer {
	return answer{hostname: name, kernel: "6.1.0-18-amd64", buckets: 10, limit: 1000, bootID: "6f1c2f0e-1f57-4c4b-9c43-0d9f5a0f7b11"}
}

// replay answers as the script would on host a.
func replay(a answer) sshtest.Handler {
	return func(_ context.Context, e sshtest.Exec) int {
		_, _ = io.Copy(io.Discard, e.Stdin)
		_, _ = io.WriteString(e.Stdout, a.text(nonce(e.Command), time.Now()))
		return 0
	}
}

func nonce(command string) string {
	words := strings.Fields(command)
	if len(words) < 4 {
		return ""
	}
	return words[3]
}

func frame(nonce, what string) string { return "twaudit-probe " + nonce + " " + what + "\n" }

func (a answer) text(nonce string, now time.Time) string {
	var b strings.Builder
	b.WriteString("Last login: never\n" + frame(nonce, "begin 1"))
	section := func(name, format string, args ...any) {
		b.WriteString(frame(nonce, "section "+name))
		fmt.Fprintf(&b, format, args...)
	}
	section("identity", "ostype Linux\nkernel %s\narch x86_64\nhostname %s\nboot_id %s\nmachine_id %032x\nclock %d +0000\nuptime 864000.00\nuid 0\nmem_total_kb 8000000\npid1 systemd\n", a.kernel, a.hostname, a.bootID, crc32.ChecksumIEEE([]byte(a.hostname)), now.Unix())
	section("limits", "net.ipv4.tcp_max_tw_buckets %d\n", a.limit)
	counters := func(name string, reading int, uptime string) {
		overflow := ""
		if !strings.HasPrefix(a.kernel, "2.6.") {
			overflow = " TCPTimeWaitOverflow"
		}
		section(name, "uptime %s\n= netstat\n|TcpExt: TW TWKilled%s\n|TcpExt: %d 0", uptime, overflow, 5000+reading*10)
		if overflow != "" {
			fmt.Fprintf(&b, " %d", a.overflows[reading])
		}
		fmt.Fprintf(&b, "\n= sockstat\n|TCP: inuse 14 orphan 0 tw %d alloc 14 mem 2\n", a.buckets)
	}
	counters("counters", 0, "864000.00")
	section("namespaces", "own 4026531840\nby ns\nprocesses 100\nrefused 0\nfound 0\n")
	section("states", "source ss\nstate ESTAB 4\ntw %d\ntimewait_fin_wait2 0\n", a.buckets)
	section("config", "procps_system yes\n")
	if a.configured {
		changed := now.AddDate(-1, 0, 0).Unix()
		fmt.Fprintf(&b, "stat %d %d 40 /etc/sysctl.conf\n= file sysctl /etc/sysctl.conf\n|3 net.ipv4.tcp_max_tw_buckets=%d\n", changed, changed, a.limit)
	}
	section("log", "mode auto\nsince %d\n", now.Add(-30*24*time.Hour).Unix())
	counters("counters-last", 1, "864001.00")
	b.WriteString(frame(nonce, "end"))
	return b.String()
}
