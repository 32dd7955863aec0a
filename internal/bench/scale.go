package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/internal/sshtest"
)

const slots = 256 // the program's default concurrency

// atScale audits fleets that replay a recorded answer, from another process.
func (b *bench) atScale() error {
	b.section("At scale: fleets in another process", `
Real SSH on loopback against a server process which replays a recorded answer of the probe; --sample 0, --concurrency
256, host keys checked against a known_hosts file with a line for each host. "Ideal" is the number of waves (hosts /
concurrency, rounded up) times the slowest host of the run. The server's CPU is not counted, but it shares the
processors, and bounds the wall time of the runs without added round trip time.`)
	rows := [][]string{{"hosts", "added round trip", "client CPU per host", "peak RSS", "wall", "wall / ideal"}}
	for _, c := range []struct {
		hosts int
		delay time.Duration
	}{{1000, 0}, {1000, 50 * time.Millisecond}, {5000, 0}, {5000, 50 * time.Millisecond}} {
		f, err := b.fleetRun(c.hosts, c.delay, false, c.hosts)
		if err != nil {
			return err
		}
		slowest := 0.0
		for _, h := range results(f.out) {
			slowest = math.Max(slowest, h.Timing.TotalMS)
		}
		ideal := time.Duration(math.Ceil(float64(c.hosts)/slots) * slowest * float64(time.Millisecond))
		rows = append(rows, []string{
			fmt.Sprint(c.hosts), c.delay.String(), ms(f.cpu / time.Duration(c.hosts)), megabytes(f.rss), seconds(f.wall), ratio(f.wall, ideal),
		})
	}
	b.table(rows)
	return nil
}

// withDeadHosts shows what hosts that never answer cost the others.
func (b *bench) withDeadHosts() error {
	const hosts, connectTimeout = 1000, 10 * time.Second
	b.section("With dead hosts", `
1,000 hosts of the fleet above; one in twenty accepts the connection and never speaks, one in twenty never answers the
connect. --sample 0, --concurrency 256, --connect-timeout 10s. The bound is 1.2 x (sum of slot times / slots) +
connect-timeout; a host holds a slot from the moment its TCP connection stands.`)
	f, err := b.fleetRun(hosts, 0, true, hosts-hosts/10)
	if err != nil {
		return err
	}
	sum, dead := 0.0, 0
	for _, h := range results(f.out) {
		if h.Failure != nil {
			dead++
		}
		if h.Failure == nil || h.Failure.Stage != audit.StageConnect {
			sum += h.Timing.TotalMS
		}
	}
	bound := time.Duration(1.2*sum/slots*float64(time.Millisecond)) + connectTimeout
	b.table([][]string{
		{"hosts", "live and audited", "dead and said so", "wall", "bound", "wall / bound"},
		{fmt.Sprint(hosts), fmt.Sprint(f.ok), fmt.Sprint(dead), seconds(f.wall), seconds(bound), fmt.Sprintf("%.2f", f.wall.Seconds()/bound.Seconds())},
	})
	return nil
}

func results(lines []byte) []audit.HostResult {
	var all []audit.HostResult
	for line := range bytes.Lines(lines) {
		var h audit.HostResult
		if json.Unmarshal(line, &h) == nil && h.Name != "" {
			all = append(all, h)
		}
	}
	return all
}

// fleetRun starts a fleet in a child process and audits it.
func (b *bench) fleetRun(hosts int, delay time.Duration, dead bool, want int) (figures, error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("fleet-%d-%s-%t", hosts, delay, dead))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return figures{}, err
	}
	end, err := startChild("-role", "fleet", "-hosts", fmt.Sprint(hosts), "-delay", delay.String(), fmt.Sprintf("-dead=%t", dead), dir)
	if err != nil {
		return figures{}, err
	}
	defer end()
	return b.measure(want, audited, b.twaudit, "scan", "-F", filepath.Join(dir, "ssh_config"), "-i", filepath.Join(dir, "hosts"),
		"--concurrency", fmt.Sprint(slots), "--sample", "0", "--connect-timeout", "10s", "--no-progress", "-f", "jsonl")
}

// startFleet makes dir and serves a fleet there as role says, until end is called.
func startFleet(dir, role string, hosts int) (end func(), err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	return startChild("-role", role, "-hosts", fmt.Sprint(hosts), dir)
}

// startChild starts this program with other arguments, and returns when it is
// ready. end ends it.
func startChild(args ...string) (end func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	child := exec.Command(self, args...)
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	end = func() { stdin.Close(); _ = child.Wait() }
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		end()
		return nil, fmt.Errorf("the fleet did not start: %w", err)
	}
	return end, nil
}

// serveFleet is the child: it serves until its standard input ends.
func serveFleet(dir string, hosts int, delay time.Duration, dead, faults bool) error {
	answer, err := record()
	if err != nil {
		return err
	}
	hole, fill, err := sshtest.BlackHole()
	if err != nil {
		return err
	}
	defer fill()
	fleet, err := sshtest.StartFleet(sshtest.FleetConfig{Hosts: hosts, Host: func(i int) sshtest.Config {
		c := sshtest.Config{Handler: replay(answer), Delay: delay}
		if dead && i%20 == 0 {
			c.Fault = sshtest.FaultSilent
		}
		if faults {
			c.Fault, c.Pause, c.Cut = faultOf(i), 50*time.Millisecond, len(answer)/2
		}
		return c
	}})
	if err != nil {
		return err
	}
	defer fleet.Close()
	var names, known, aliases strings.Builder
	holeHost, holePort, _ := strings.Cut(hole, ":")
	for i := range hosts {
		if dead && i%20 == 1 {
			// One address for all of them, under a name for each.
			fmt.Fprintf(&names, "dead%d\n", i)
			fmt.Fprintf(&aliases, "Host dead%d\n    HostName %s\n    Port %s\n", i, holeHost, holePort)
			continue
		}
		fmt.Fprintln(&names, fleet.Addr(i))
		known.WriteString(sshtest.KnownHostsLine(fleet.Addr(i), fleet.HostKey()))
	}
	if _, err := sshtest.WriteKey(filepath.Join(dir, "key")); err != nil {
		return err
	}
	config := aliases.String() + fmt.Sprintf("Host *\n    User bench\n    IdentityFile %s/key\n    IdentitiesOnly yes\n    UserKnownHostsFile %s/known_hosts\n    GlobalKnownHostsFile /dev/null\n", dir, dir)
	for name, content := range map[string]string{"hosts": names.String(), "known_hosts": known.String(), "ssh_config": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// record runs the probe once, here, and keeps its answer.
func record() ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-s", "--", probe.ManualNonce, "sample=0", "logs=none")
	cmd.Stdin = strings.NewReader(probe.Script())
	return cmd.Output()
}

// replay answers with the recorded bytes under the nonce that was asked for.
func replay(answer []byte) sshtest.Handler {
	return func(_ context.Context, e sshtest.Exec) int {
		if _, err := io.Copy(io.Discard, e.Stdin); err != nil {
			return 1
		}
		words := strings.Fields(e.Command) // sh -s -- NONCE …
		if len(words) < 4 {
			return 2
		}
		if _, err := e.Stdout.Write(bytes.ReplaceAll(answer, []byte(probe.ManualNonce), []byte(words[3]))); err != nil {
			return 1
		}
		return 0
	}
}
