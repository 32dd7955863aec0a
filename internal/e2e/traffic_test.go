package e2e

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program also be the traffic inside a host: started in
// the host's namespace with role as its environment says, it is not a test.
func TestMain(m *testing.M) {
	switch os.Getenv("TWAUDIT_LAB_ROLE") {
	case "":
		os.Exit(m.Run())
	case "closes":
		n, err := strconv.Atoi(os.Getenv("TWAUDIT_LAB_CLOSES"))
		if err == nil {
			err = serveAndClose(n, time.Now().Add(time.Minute))
		}
		exitWith(err)
	case "closes-on":
		// Until the parent closes stdin, and never longer than two minutes.
		stop := make(chan struct{})
		go func() { // ends with this process
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(stop)
		}()
		deadline := time.Now().Add(2 * time.Minute)
		for time.Now().Before(deadline) {
			select {
			case <-stop:
				os.Exit(0)
			default:
				if err := serveAndClose(200, deadline); err != nil {
					exitWith(err)
				}
			}
		}
	}
	os.Exit(0)
}

func exitWith(err error) {
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// serveAndClose makes n connections to a server of its own on loopback which
// closes first: each leaves one TIME_WAIT on the server's side, or an overflow.
func serveAndClose(n int, deadline time.Time) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	for range n {
		if time.Now().After(deadline) {
			return nil
		}
		client, err := net.Dial("tcp4", listener.Addr().String())
		if err != nil {
			return err
		}
		server, err := listener.Accept()
		if err != nil {
			return err
		}
		server.Close()
		_, _ = io.Copy(io.Discard, client) // the server's FIN has come: it closed first
		client.Close()
	}
	return nil
}

// closes makes n real closed connections inside the namespace of h.
func (h *host) closes(t *testing.T, n int) {
	t.Helper()
	cmd := exec.Command("ip", "netns", "exec", h.ns, os.Args[0])
	cmd.Env = append(os.Environ(), "TWAUDIT_LAB_ROLE=closes", "TWAUDIT_LAB_CLOSES="+strconv.Itoa(n))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("closes in %s: %v\n%s", h.name, err, out)
	}
}

// keepClosing makes closed connections inside h until the test ends.
func (h *host) keepClosing(t *testing.T) {
	t.Helper()
	cmd := exec.Command("ip", "netns", "exec", h.ns, os.Args[0])
	cmd.Env = append(os.Environ(), "TWAUDIT_LAB_ROLE=closes-on")
	stdin, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
}

// limit sets net.ipv4.tcp_max_tw_buckets of h.
func (h *host) limit(t *testing.T, n int) {
	t.Helper()
	inside(t, h.ns, "sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets="+strconv.Itoa(n))
}

// container starts a process in a network namespace of its own inside h, as a
// container runtime does, with limit buckets, and makes n closed connections
// in it.
func (h *host) container(t *testing.T, limit, n int) {
	t.Helper()
	script := `ip link set lo up && sysctl -qw net.ipv4.tcp_tw_reuse=0 net.ipv4.tcp_max_tw_buckets=` + strconv.Itoa(limit) +
		` && TWAUDIT_LAB_ROLE=closes TWAUDIT_LAB_CLOSES=` + strconv.Itoa(n) + ` "$0" && echo ready && exec sleep 300`
	cmd := exec.Command("nsenter", "-t", h.sshdPID(t), "-n", "-m", "-u", "-p", "unshare", "--net", "--fork", "--kill-child",
		"/bin/sh", "-c", script, os.Args[0])
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ready := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(stdout, ready); err != nil {
		t.Fatalf("container in %s: %v", h.name, err)
	}
}

// sshdPID is the process outside of which h sees nothing.
func (h *host) sshdPID(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("ip", "netns", "pids", h.ns).Output()
	must(t, err)
	for pid := range strings.FieldsSeq(string(out)) {
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		if strings.TrimSpace(string(name)) == "sshd" {
			return pid
		}
	}
	t.Fatalf("no sshd runs in %s", h.name)
	return ""
}

// counter reads one value of /proc/net/netstat in a namespace.
func counter(t *testing.T, ns, block, name string) int64 {
	t.Helper()
	out, err := exec.Command("ip", "netns", "exec", ns, "cat", "/proc/net/netstat").Output()
	must(t, err)
	var names []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != block+":" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, n := range names {
			if n == name && i < len(fields) {
				v, err := strconv.ParseInt(fields[i], 10, 64)
				must(t, err)
				return v
			}
		}
	}
	t.Fatalf("no %s %s in /proc/net/netstat", block, name)
	return 0
}
