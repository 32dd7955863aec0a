package remote_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"twaudit/remote"
)

// What one host costs this side: log in, send 32 KiB of script, read 32 KiB.
func BenchmarkRun_openSSH(b *testing.B) {
	l := newLab(b)
	l.sshd().block("h", "IdentityFile "+l.KeyFile)
	d := l.dialer(remote.Options{})
	cmd := remote.Command{Line: "cat", Stdin: strings.Repeat("x", 32<<10), MaxStdout: 1 << 20, MaxStderr: 1 << 10}
	before := cpuTime(b)
	b.ReportAllocs()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			out, err := d.Run(b.Context(), remote.Target{Alias: "h"}, cmd)
			if err != nil || len(out.Stdout) != len(cmd.Stdin) {
				b.Errorf("%v, %+v", err, out)
			}
		}
	})
	b.ReportMetric(float64(cpuTime(b)-before)/float64(time.Millisecond)/float64(b.N), "cpu-ms/op")
}

// cpuTime is what this process used so far, the servers not counted.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
