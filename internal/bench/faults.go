package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/sshtest"
)

const (
	faultHosts       = 2000
	faultHostTimeout = 15 * time.Second
)

// fleetFaults are the ways to misbehave, each of one host in a hundred.
var fleetFaults = []sshtest.Fault{
	sshtest.FaultSilent, sshtest.FaultVersionOnly, sshtest.FaultHangInKex, sshtest.FaultHangAfterAuth, sshtest.FaultBannerFlood,
	sshtest.FaultTarpit, sshtest.FaultSlow, sshtest.FaultCutInCommand, sshtest.FaultBackground, sshtest.FaultWrongKey,
}

// faultOf is how host i of the fault fleet behaves.
func faultOf(i int) sshtest.Fault {
	if n := i % 100; i >= 0 && n < len(fleetFaults) {
		return fleetFaults[n]
	}
	return sshtest.FaultNone
}

// withFaults shows what hosts that misbehave in every way cost the others.
func (b *bench) withFaults() error {
	b.section(fmt.Sprintf("With faults: %d hosts", faultHosts), `
A fleet in another process of whose hosts one in a hundred each: is silent after the connection, after its version,
within its first packet, after the login; sends banners without end; is a tarpit; writes byte by byte; is cut off within
its answer; leaves a child that holds its output; shows a wrong key. --sample 0, --concurrency 256, --connect-timeout 5s,
--host-timeout 15s. The bound is 1.2 x (sum of slot times / slots) + host-timeout.`)
	dir := filepath.Join(b.dir, "faults")
	end, err := startFleet(dir, "faults", faultHosts)
	if err != nil {
		return err
	}
	defer end()
	f, err := once([]string{
		b.twaudit, "scan", "-F", filepath.Join(dir, "ssh_config"), "-i", filepath.Join(dir, "hosts"), "--concurrency", fmt.Sprint(slots),
		"--sample", "0", "--connect-timeout", "5s", "--host-timeout", faultHostTimeout.String(), "--no-progress", "-f", "jsonl",
	})
	if err != nil {
		return err
	}
	healthy, sum := 0, 0.0
	ends := map[sshtest.Fault]map[string]int{}
	hosts := results(f.out)
	for i := range hosts {
		fault := faultOf(fleetIndex(hosts[i].Name))
		if hosts[i].Failure == nil || hosts[i].Failure.Stage != audit.StageConnect {
			sum += hosts[i].Timing.TotalMS
		}
		if fault == sshtest.FaultNone && hosts[i].Status == audit.StatusAudited {
			healthy++
		}
		count(ends, fault, &hosts[i])
	}
	bound := time.Duration(1.2*sum/slots*float64(time.Millisecond)) + faultHostTimeout
	want := faultHosts * (100 - len(fleetFaults)) / 100
	b.table([][]string{
		{"hosts", "healthy and audited", "wall", "bound", "wall / bound", "client CPU", "peak RSS"},
		{fmt.Sprint(len(hosts)), fmt.Sprintf("%d of %d", healthy, want), seconds(f.wall), seconds(bound),
			fmt.Sprintf("%.2f", f.wall.Seconds()/bound.Seconds()), seconds(f.cpu), megabytes(f.rss)},
	})
	rows := [][]string{{"fault", "ends as"}}
	for _, fault := range fleetFaults {
		rows = append(rows, []string{string(fault), counted(ends[fault])})
	}
	fmt.Fprintln(&b.out)
	b.table(rows)
	return nil
}

// fleetIndex is the number of a host of a sshtest.Fleet; -1 for any other.
func fleetIndex(name string) int {
	var high, low, port int
	if _, err := fmt.Sscanf(name, "127.77.%d.%d:%d", &high, &low, &port); err != nil {
		return -1
	}
	return high<<8 | low
}

func count(ends map[sshtest.Fault]map[string]int, fault sshtest.Fault, host *audit.HostResult) {
	if ends[fault] == nil {
		ends[fault] = map[string]int{}
	}
	end := string(host.Status)
	if host.Failure != nil {
		end += " (" + string(host.Failure.Stage) + ")"
	}
	ends[fault][end]++
}

func counted(ends map[string]int) string {
	var words []string
	for end, n := range ends {
		words = append(words, fmt.Sprintf("%d %s", n, end))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}
