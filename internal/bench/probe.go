package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
)

const (
	fillSockets = 200_000
	logBytes    = 1_000_000_000
	longLine    = 200_000_000
)

// seedPipeline is how the states were counted by hand.
const seedPipeline = "netstat -an | awk '{print $6}' | sort | uniq -c | sort -rn"

func (b *bench) probePreface() error {
	fmt.Fprintf(&b.out, `# What the probe costs a host

Written by `+"`make bench-probe`"+` (root). All figures come from one run on one machine, where other work may go on: wall
times say little, ratios of CPU say more. CPU is user + system time of all processes, orphans too (getrusage), median of
%d runs that take turns with what they are compared with. Processes started are counted by strace in a run of its own;
the probe is run as a scan runs it (two counter readings, --logs auto).

Machine: %s.
`, b.runs, machine())
	return nil
}

func probeHeading(more ...string) []string {
	return append([]string{"host", "CPU of the probe", "ratio", "bound", "processes", "answer", "wall", "peak RSS"}, more...)
}

// probeRow is what one host says; base is the cost that bound multiplies, zero
// for none.
func probeRow(host string, c, base cost, bound float64, more ...string) []string {
	row := []string{host, ms(c.cpu), "", "", fmt.Sprint(c.forks), fmt.Sprintf("%d bytes", len(c.out)), seconds(c.wall), megabytes(c.rss)}
	if base.cpu > 0 && bound > 0 {
		r := float64(c.cpu) / float64(base.cpu)
		row[2], row[3] = fmt.Sprintf("%.2f", r), fmt.Sprint(bound)
		if r > bound {
			row[3] += " (missed)"
		}
	}
	return append(row, more...)
}

// healthyHost is this machine as it is.
func (b *bench) healthyHost() error {
	b.section("A healthy host", `
This machine, as root. The promise is at most 30 processes, 2 more for each further network namespace, and 64 KiB. The
second counter reading is a second after the first, which is most of the wall time.`)
	here := hosted{}
	c, err := b.median(here.probe)
	if err != nil {
		return err
	}
	if c[0].forks, err = b.forks(here); err != nil {
		return err
	}
	answer, err := probe.Parse(c[0].out, probe.ManualNonce, time.Now())
	if err != nil {
		return err
	}
	further := max(0, len(answer.Facts.Namespaces)-1)
	b.table([][]string{
		probeHeading("further network namespaces"),
		probeRow("this machine", c[0], cost{}, 0, fmt.Sprint(further)),
	})
	return nil
}

// fullTable compares with the pipeline in a namespace full of TIME_WAIT.
func (b *bench) fullTable() error {
	b.section(fmt.Sprintf("%d sockets in TIME_WAIT", fillSockets), `
A network namespace, and a process namespace that shows nothing else, filled by a generator right before; besides
TIME_WAIT there are listening, established and half-closed sockets. Compared with `+"`"+seedPipeline+"`"+`
there, which must count the same for every TCP state.`)
	name := fmt.Sprintf("twaprobe%d", os.Getpid())
	for _, command := range [][]string{{"ip", "netns", "add", name}, {"ip", "-n", name, "link", "set", "lo", "up"}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
		}
	}
	defer func() { _ = exec.Command("ip", "netns", "del", name).Run() }()
	full := hosted{lead: []string{"ip", "netns", "exec", name, "unshare", "--pid", "--fork", "--mount-proc"}}
	var c []cost
	forks := 0
	err := filled(name, func() error {
		var err error
		if c, err = b.median(full.probe, func() *exec.Cmd { return full.command("sh", "-c", seedPipeline) }); err != nil {
			return err
		}
		forks, err = b.forks(full)
		return err
	})
	if err != nil {
		return err
	}
	c[0].forks = forks
	same, err := sameStates(c[0].out, c[1].out)
	if err != nil {
		return err
	}
	b.table([][]string{
		probeHeading("CPU of the pipeline", "same counts"),
		probeRow("namespace", c[0], c[1], 0.1, ms(c[1].cpu), same),
	})
	fmt.Fprint(&b.out, `
On Linux 6.15 and later the probe does not say who makes so many: such a kernel lists the connections to one destination
side by side, so that a part is no fair sample and the whole would cost as much as the pipeline. Older kernels list in
the order of a hash; there a sample of 5,000 rows is added to this.
`)
	return nil
}

// filled runs what there is to measure while a namespace is full.
func filled(namespace string, measure func() error) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.Command("ip", "netns", "exec", namespace, self, "-role", "fill", "-hosts", fmt.Sprint(fillSockets))
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	end := func() { stdin.Close(); _ = child.Wait() }
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		end()
		return fmt.Errorf("the namespace was not filled: %w", err)
	}
	took, _ := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	ready := time.Now().Add(-time.Duration(took))
	err = measure()
	end()
	if err == nil && time.Since(ready) > time.Minute {
		return fmt.Errorf("the first sockets were gone before the end: %v after the first", time.Since(ready))
	}
	return err
}

// sameStates compares the probe's states with those of the pipeline, which
// counts words of headings and of other sockets too.
func sameStates(answer, pipeline []byte) (string, error) {
	parsed, err := probe.Parse(answer, probe.ManualNonce, time.Now())
	if err != nil {
		return "", err
	}
	counted := map[string]int64{}
	for line := range strings.Lines(string(pipeline)) {
		if words := strings.Fields(line); len(words) == 2 {
			counted[words[1]], _ = strconv.ParseInt(words[0], 10, 64)
		}
	}
	var wrong, right []string
	for state, n := range parsed.Facts.TCPStates {
		if n != counted[state] {
			wrong = append(wrong, fmt.Sprintf("%s %d, not %d", state, n, counted[state]))
		} else if n > 0 {
			right = append(right, fmt.Sprintf("%s %d", state, n))
		}
	}
	slices.Sort(wrong)
	slices.Sort(right)
	if len(wrong) > 0 || len(right) == 0 {
		return "no: " + strings.Join(wrong, "; "), nil
	}
	return "yes: " + strings.Join(right, ", "), nil
}

// bigLogs compares with the cheapest search that there is.
func (b *bench) bigLogs() error {
	b.section("Big kernel logs", `
A host with Linux 2.6.32, whose log is the evidence: files of real lines, some of which are ours, in /var/log/kern.log;
those of 1 GB are read whole. Compared with `+"`LC_ALL=C grep -cF '"+overflowWords+"'`"+` of the same file. The
probe's budget is 1 GiB of a log, 256 MiB of memory for each process, 60 s of CPU for each and for the whole run.`)
	logs := filepath.Join(b.dir, "log")
	if err := os.Mkdir(logs, 0o755); err != nil {
		return err
	}
	old, err := b.oldHost(logs)
	if err != nil {
		return err
	}
	free, err := freeBytes(logs)
	if err != nil {
		return err
	}
	big := int64(8 * logBytes)
	if free < 25_000_000_000 {
		big = 4 * logBytes
	}
	kern := filepath.Join(logs, "kern.log")
	rows := [][]string{probeHeading("CPU of grep", "gaps")}
	for _, log := range []struct {
		name  string
		bound float64
		write func() error
	}{
		{"1 GB, 0.01 % of the lines are ours", 3, func() error { return writeKernLog(kern, logBytes, 0.0001) }},
		{"1 GB, 5 %", 3, func() error { return writeKernLog(kern, logBytes, 0.05) }},
		{"1 GB, all", 3, func() error { return writeKernLog(kern, logBytes, 1) }},
		{fmt.Sprintf("%d GB, 1 %%", big/logBytes), 0, func() error { return writeKernLog(kern, big, 0.01) }},
		{"1 GB, 1 %", 3, func() error { return writeKernLog(kern, logBytes, 0.01) }},
		{"the same and one line of 200 MB", 0, func() error { return addLongLine(kern, longLine) }},
	} {
		if err := log.write(); err != nil {
			return err
		}
		row, err := b.logRow(log.name, old, kern, log.bound)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	b.table(rows)
	return nil
}

func (b *bench) logRow(name string, old hosted, kern string, bound float64) ([]string, error) {
	c, err := b.median(old.probe, func() *exec.Cmd {
		return hosted{env: []string{"LC_ALL=C"}}.command("grep", "-cF", overflowWords, kern)
	})
	if err != nil {
		return nil, err
	}
	if c[0].forks, err = b.forks(old); err != nil {
		return nil, err
	}
	answer, err := probe.Parse(c[0].out, probe.ManualNonce, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if log := answer.Facts.Log; log == nil || log.OverflowLines == nil || *log.OverflowLines == 0 {
		return nil, fmt.Errorf("%s: no line of ours was found", name)
	}
	return probeRow(name, c[0], c[1], bound, ms(c[1].cpu), logGaps(answer.Gaps)), nil
}

// logGaps are the words of the gaps in the log, as an operator reads them.
func logGaps(gaps []audit.Gap) string {
	var words []string
	for _, gap := range gaps {
		if gap.Section == "log" {
			words = append(words, gap.Reason)
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, "; ")
}
