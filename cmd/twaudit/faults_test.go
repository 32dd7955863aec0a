package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"twaudit/internal/audit"
	"twaudit/internal/sshtest"
	"twaudit/report"
)

// faultsOfAFleet are what one host in a hundred each does, and how it ends.
var faultsOfAFleet = []struct {
	fault sshtest.Fault
	stage audit.Stage // empty: audited
}{
	{sshtest.FaultSilent, audit.StageHandshake}, {sshtest.FaultVersionOnly, audit.StageHandshake},
	{sshtest.FaultHangInKex, audit.StageHandshake}, {sshtest.FaultHangAfterAuth, audit.StageTimeout},
	{sshtest.FaultBannerFlood, audit.StageAuth}, {sshtest.FaultTarpit, audit.StageHandshake},
	{sshtest.FaultSlow, audit.StageHandshake}, {sshtest.FaultCutInCommand, audit.StageSession},
	{sshtest.FaultBackground, ""}, {sshtest.FaultWrongKey, audit.StageHostKey},
}

// faultFleet serves hosts, and writes what a client needs for them to dir.
func faultFleet(t *testing.T, dir string, hosts int) (fleet *sshtest.Fleet, client *sshtest.Client) {
	t.Helper()
	fleet, err := sshtest.StartFleet(sshtest.FleetConfig{Hosts: hosts, Host: func(i int) sshtest.Config {
		config := sshtest.Config{Handler: replay(healthy("web1")), Pause: 50 * time.Millisecond, Cut: 500}
		if n := i % 100; n < len(faultsOfAFleet) {
			config.Fault = faultsOfAFleet[n].fault
		}
		return config
	}})
	if err != nil {
		t.Fatal(err)
	}
	if client, err = sshtest.NewClient(dir); err != nil {
		t.Fatal(err)
	}
	var names strings.Builder
	for i := range hosts {
		name := fmt.Sprintf("h%d", i)
		if err := client.Add(name, fleet.Addr(i), fleet.HostKey()); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&names, name)
	}
	if err := os.WriteFile(filepath.Join(dir, "hosts"), []byte(names.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return fleet, client
}

// Hosts that misbehave in every way cost the others nothing, the run no more than
// their limits, and the process no goroutine and no file. Not parallel: it counts
// those of the whole process.
func TestScan_fleetWithFaults(t *testing.T) {
	const hosts, slots, hostTimeout = 100, 16, 6 * time.Second
	before, files := goleak.IgnoreCurrent(), openDescriptors(t)
	dir := t.TempDir()
	fleet, client := faultFleet(t, dir, hosts)
	begun := time.Now()
	var out strings.Builder
	app := &App{Stdin: strings.NewReader(""), Stdout: &out, Stderr: io.Discard}
	status := app.Main([]string{
		"scan", "-F", client.Config, "-i", filepath.Join(dir, "hosts"), "--sample", "0", "--connect-timeout", "4s", "--retries", "0",
		"--host-timeout", hostTimeout.String(), "--concurrency", fmt.Sprint(slots), "-f", "json",
	})
	wall := time.Since(begun)
	fleet.Close()
	run, err := report.Read(strings.NewReader(out.String()))
	if err != nil || len(run.Hosts) != hosts || status != exitIncomplete {
		t.Fatalf("%d hosts, status %d, %v", len(run.Hosts), status, err)
	}
	sum := 0.0
	for i := range run.Hosts {
		host := &run.Hosts[i]
		sum += host.Timing.TotalMS
		var n int
		fmt.Sscanf(host.Name, "h%d", &n)
		want, got := audit.Stage(""), audit.Stage("")
		if n %= 100; n < len(faultsOfAFleet) {
			want = faultsOfAFleet[n].stage
		}
		if host.Failure != nil {
			got = host.Failure.Stage
		}
		if got != want {
			t.Errorf("%s: %+v, want stage %q", host.Name, host.Failure, want)
		}
	}
	if bound := time.Duration(1.2*sum/slots*float64(time.Millisecond)) + hostTimeout; wall > bound {
		t.Errorf("took %v, at most %v expected", wall, bound)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
	if now := openDescriptors(t); now > files {
		t.Errorf("%d files open, %d before", now, files)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("needs /proc")
	}
	return len(files)
}
