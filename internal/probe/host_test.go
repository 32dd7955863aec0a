package probe

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// oldHost is a host of another age: a /proc and a /var/log of files, laid over
// the machine's own in a mount namespace.
type oldHost struct{ proc, log string }

func newOldHost(t *testing.T, kernel string) oldHost {
	t.Helper()
	dir := t.TempDir()
	h := oldHost{proc: filepath.Join(dir, "proc"), log: filepath.Join(dir, "log")}
	for path, text := range map[string]string{
		"sys/kernel/ostype": "Linux", "sys/kernel/osrelease": kernel, "sys/kernel/hostname": "web1",
		"sys/net/ipv4/tcp_max_tw_buckets": "10000", "uptime": "100000.08 3.40", "meminfo": "MemTotal: 1000 kB",
		"net/sockstat": "TCP: inuse 150 orphan 0 tw 7450 alloc 160 mem 20",
		"net/netstat":  "TcpExt: TW ListenDrops\nTcpExt: 5 6",
	} {
		h.write(t, filepath.Join(h.proc, path), text+"\n")
	}
	if err := os.MkdirAll(h.log, 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h oldHost) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// section runs the script there, with a dmesg that is silent, and returns the
// lines of one section.
func (h oldHost) section(t *testing.T, name string, shell ...string) []string {
	t.Helper()
	bin := stubs(t, map[string]string{"dmesg": "#!/bin/sh\n", "journalctl": "#!/bin/sh\n"})
	args := []string{"-m", "sh", "-c", `mount --bind "$1" /var/log && mount --bind "$2" /proc && shift 2 && exec "$@"`,
		"sh", h.log, h.proc}
	args = append(append(args, shell...), "-s", "--", scriptNonce, "sample=0", "limit=30", "logs=auto")
	cmd := exec.Command("unshare", args...)
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin:/usr/sbin:/sbin", "TZ=UTC"}
	cmd.Stdin = strings.NewReader(Script())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %.300q", err, out)
	}
	mark := "twaudit-probe " + scriptNonce + " "
	_, rest, ok := strings.Cut(string(out), mark+"section "+name+"\n")
	if !ok {
		t.Fatalf("no section %s in %.300q", name, out)
	}
	rest, _, _ = strings.Cut(rest, mark)
	return strings.Split(strings.TrimSuffix(rest, "\n"), "\n")
}

// kernLog is every way in which a record is written, and what is none.
const kernLog = `Nov 20 21:49:51 web1 kernel: : __ratelimit: 133 callbacks suppressed
Nov 20 21:49:51 web1 kernel: : TCP: time wait bucket table overflow
Nov 20 21:49:51 web1 kernel: : TCP: time wait bucket table overflow
Nov 20 21:49:56 web1 kernel: : __ratelimit: 107 callbacks suppressed
Nov 20 22:00:00 web1 kernel: [1557411.243821] TCP: time wait bucket table overflow (CT101) 
Nov 20 22:00:09 web1 last message repeated 7 times
Nov 20 23:00:00 web1 last message repeated 9 times
Nov 20 23:00:00 web1 kernel: message repeated 4 times: [ TCP: time wait bucket table overflow]
Nov 20 23:00:01 web1 sudo: root: COMMAND=/bin/grep TCP: time wait bucket table overflow
Nov 20 23:00:02 static1 kernel: TCP: time wait bucket table overflow Nov 20 23:00:03 static1 kernel: TCP: time wait bucket table overflow
Nov 20 23:10:00 web1 kernel: DCCP: time wait bucket table overflow
Nov 20 23:10:00 web1 kernel: nf_conntrack: table full, dropping packet.
Nov 20 23:10:00 web1 kern.info kernel: TCP: request_sock_TCP: Possible SYN flooding on port 80. Sending cookies.
2026-11-21T07:49:51.000001+01:00 web1 kernel: TCP: time wait bucket table overflow
Nov 21 22:49:51 kernel: TCP: time wait bucket table overflow
Nov 21 22:49:51 web1 app: Neighbour table overflow.
Nov 21 23:49:51 web1 kernel: net_ratelimit: 12 callbacks suppressed
Nov 21 23:50:00 web1 kernel: eth0: link up
`

var kernLogGroups = []string{
	"= group ours kernel 4 7 web1 -",
	"= group ours kernel 1 8 web1 CT101",
	"= group ours other 1 1 - -",
	"= group ours kernel 2 2 static1 -",
	"= group conntrack kernel 1 1 web1 -",
	"= group syn-flood kernel 1 1 web1 -",
	"= group ours kernel 1 1 - -",
	"= group neighbour other 1 1 - -",
}

func TestScript_oldKernelLog(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	for _, shell := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			t.Parallel()
			requireTool(t, shell[0])
			h := newOldHost(t, "2.6.32-431.el6.x86_64")
			h.write(t, filepath.Join(h.log, "kern.log"), kernLog)
			old := filepath.Join(h.log, "kern.log.9")
			h.write(t, old, kernLog)
			if err := os.Chtimes(old, time.Now(), time.Now().AddDate(-1, 0, 0)); err != nil {
				t.Fatal(err)
			}
			got := h.section(t, "log", shell...)
			var groups []string
			for _, line := range got {
				if strings.HasPrefix(line, "= group ") {
					groups = append(groups, line)
				}
			}
			if !slices.Equal(groups, kernLogGroups) {
				t.Errorf("groups\n%s\nwant\n%s", strings.Join(groups, "\n"), strings.Join(kernLogGroups, "\n"))
			}
			for _, want := range []string{
				"= source kern /var/log/kern.log", fmt.Sprint("size ", len(kernLog)), "kernel yes", "unattributed 1 133",
				"suppressed __ratelimit 1 107", "suppressed net_ratelimit 1 12", "hour 2 2 107 Nov 20 21", "hour 8 1 0 Nov 20 22", "hour 4 1 0 Nov 20 23",
				"hour 1 1 12 2026-11-21T07+01:00", "|Nov 20 23:00:03 static1 kernel: TCP: time wait bucket table overflow",
				"|Nov 21 23:50:00 web1 kernel: eth0: link up", "= source kern /var/log/kern.log.9", "error old",
			} {
				if !slices.Contains(got, want) {
					t.Errorf("no line %q in\n%s", want, strings.Join(got, "\n"))
				}
			}
		})
	}
}

// TestScript_logServer meets a file in which other hosts write more than this one,
// which no zeroed block and no turn of the year must hide.
func TestScript_logServer(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	const others = "Nov 22 10:00:00 db2 kernel: eth0: link up\n"
	const mine = "Nov 12 10:00:00 web1 kernel: TCP: time wait bucket table overflow\n"
	for _, shell := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			t.Parallel()
			requireTool(t, shell[0])
			h := newOldHost(t, "2.6.32-431.el6.x86_64")
			h.write(t, filepath.Join(h.log, "kern.log"), others+others)
			h.write(t, filepath.Join(h.log, "messages"), others+"Nov 10 10:00:00 WEB1.lan sshd[7]: kernel: x\n"+others)
			h.write(t, filepath.Join(h.log, "syslog"), strings.Repeat("\x00", 4096)+mine+"May  1 10:00:00 web1 x: y\nNov  2 10:00:00 web1 x: z\n")
			got := strings.Join(h.section(t, "log", shell...), "\n")
			for path, want := range map[string]string{
				"kern.log": "kernel no\n*= first\n|\nalien yes\n=",
				"messages": "kernel no\n*= first\n|Nov 10 10:00:00 WEB1.lan sshd[7]: kernel: x\nalien yes\n= last\n|Nov 10 10:00:00 WEB1.lan sshd[7]: kernel: x\n",
				"syslog":   "kernel no\n*= group ours kernel 1 1 web1 -\n*turned 1 Nov 12 10\n= last\n|Nov  2 10:00:00 web1 x: z\n",
			} {
				_, block, _ := strings.Cut(got, "/var/log/"+path+"\n")
				block, _, _ = strings.Cut(block+"\n", "= source")
				block += "="
				for part := range strings.SplitSeq(want, "*") {
					if _, rest, ok := strings.Cut(block, part); ok {
						block = rest
					} else {
						t.Errorf("%s: no %q behind what came before, in\n%s", path, part, got)
					}
				}
			}
		})
	}
}

// TestScript_packedLogs reads rotated logs with the tools that a host has.
func TestScript_packedLogs(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	for _, tool := range []struct{ name, suffix string }{{"gzip", "gz"}, {"xz", "xz"}, {"bzip2", "bz2"}, {"zstd", "zst"}} {
		t.Run(tool.name, func(t *testing.T) {
			t.Parallel()
			requireTool(t, tool.name)
			h := newOldHost(t, "2.6.32")
			cmd := exec.Command(tool.name, "-c")
			cmd.Stdin = strings.NewReader(kernLog)
			packed, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(h.log, "messages.1."+tool.suffix)
			h.write(t, path, string(packed))
			got := h.section(t, "log", "dash")
			if !slices.Contains(got, kernLogGroups[0]) || slices.ContainsFunc(got, isError) {
				t.Errorf("a good file gave\n%s", strings.Join(got, "\n"))
			}
			h.write(t, path, string(packed[:len(packed)/2]))
			if got := h.section(t, "log", "dash"); !slices.ContainsFunc(got, isError) {
				t.Errorf("a cut file is no error:\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

func isError(line string) bool { return strings.HasPrefix(line, "error ") }

// TestScript_bigLogs meets a log with more records than are looked at one by
// one, and one line that no tool should hold in memory.
func TestScript_bigLogs(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	const record = "Nov 20 21:49:51 web1 kernel: TCP: time wait bucket table overflow\n"
	const records = 400_000
	h := newOldHost(t, "2.6.32")
	path := filepath.Join(h.log, "kern.log")
	h.write(t, path, strings.Repeat(record, records))
	got := h.section(t, "log", "dash")
	for _, want := range []string{
		fmt.Sprint("count ", records), fmt.Sprint("read ", len(record)*records), "= earliest",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no line %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "= group ours other") }) {
		t.Errorf("half a line at the seek became a record:\n%s", strings.Join(got, "\n"))
	}
	h.write(t, path, record+strings.Repeat("x", 180<<20)+"\n"+record)
	got = h.section(t, "log", "dash")
	if !slices.Contains(got, "= group ours kernel 2 2 web1 -") {
		t.Errorf("beside a line of 180 MB:\n%.2000s", strings.Join(got, "\n"))
	}
}

// TestScript_bigLogTurns finds that a log too big to be read twice holds more than
// a year, which most of its bytes do not show.
func TestScript_bigLogTurns(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	const record = "Nov 20 21:49:51 web1 kernel: TCP: time wait bucket table overflow\n"
	for _, test := range []struct {
		name, quiet, day string
		turned           bool
	}{
		{"quiet winter", "Feb  3 10:00:00 web1 kernel: eth0: up\n", "Jul  2", true},
		{"one day", "", "Nov 21", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newOldHost(t, "2.6.32")
			flood := strings.Repeat(test.day+" 10:00:00 web1 kernel: eth0: link up\n", 600_000)
			h.write(t, filepath.Join(h.log, "kern.log"), record+test.quiet+flood)
			got := h.section(t, "log", "dash")
			if slices.Contains(got, "turned 1 Nov 20 21") != test.turned {
				t.Errorf("turned in\n%.2000s", strings.Join(got, "\n"))
			}
		})
	}
}

// TestScript_quadraticKernel must not list the sockets of an old kernel that
// has many: that would take it minutes.
func TestScript_quadraticKernel(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	h := newOldHost(t, "2.6.32")
	h.write(t, filepath.Join(h.proc, "net/sockstat"), "TCP: inuse 150 orphan 0 tw 180000 alloc 160 mem 20\n")
	for _, name := range []string{"states", "top"} {
		want := "gap " + name + " too-large"
		if got := h.section(t, name, "dash"); !slices.Contains(got, want) {
			t.Errorf("no line %q in %q", want, got)
		}
	}
}

// TestScript_namespaces finds a namespace that has its own limit, with root's
// eyes and with those of nobody.
func TestScript_namespaces(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	requireTool(t, "unshare")
	child := exec.Command("unshare", "-n", "sh", "-c", "echo 777 >/proc/sys/net/ipv4/tcp_max_tw_buckets; echo ready; exec cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); child.Wait() })
	if _, err := stdout.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	for _, user := range []struct {
		name    string
		command []string
		by      string
		limit   bool
	}{
		{"root", []string{"sh"}, "by ns", true},
		{"nobody", []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh"}, "by procnet", false},
	} {
		t.Run(user.name, func(t *testing.T) {
			requireTool(t, user.command[0])
			args := append(slices.Clone(user.command), "-s", "--", scriptNonce, "sample=0", "logs=none")
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Stdin = strings.NewReader(Script())
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			text := string(out)
			_, block, ok := strings.Cut(text, fmt.Sprintf(" %d\n", child.Process.Pid))
			if !ok || !strings.Contains(text, "\n"+user.by+"\n") {
				t.Fatalf("the namespace of process %d is not there: %s", child.Process.Pid, text)
			}
			block, _, _ = strings.Cut(block, "\n= ")
			block, _, _ = strings.Cut(block, "\ntwaudit-probe")
			block = "\n" + block + "\n"
			for _, want := range []string{"\ncomm cat\n", "\ntw 0\n", "\noverflow 0\n"} {
				if !strings.Contains(block, want) {
					t.Errorf("no %q in %s", want, block)
				}
			}
			if strings.Contains(block, "\nlimit 777\n") != user.limit {
				t.Errorf("limit in %s, want it: %v", block, user.limit)
			}
		})
	}
}
