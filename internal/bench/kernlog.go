package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const overflowWords = "TCP: time wait bucket table overflow"

// otherLines are what else a busy kernel says.
var otherLines = [...]string{
	"eth0: NIC Link is Up 1000 Mbps Full Duplex, Flow Control: RX/TX",
	"[UFW BLOCK] IN=eth0 OUT= SRC=198.51.100.23 DST=192.0.2.10 LEN=40 TOS=0x00 PREC=0x00 TTL=241 ID=54321 PROTO=TCP SPT=41022 DPT=23 WINDOW=1024 RES=0x00 SYN URGP=0",
	"EXT4-fs (sda1): mounted filesystem with ordered data mode",
	"php-fpm[2143]: segfault at 0 ip 00007f1c2a3b4c5d sp 00007ffd3b4a5c60 error 4 in libc-2.12.so[7f1c2a300000+18a000]",
	"device veth101.0 entered promiscuous mode",
	"TCP: Peer 203.0.113.9:51234/80 unexpectedly shrunk window 2410033:2410099 (repaired)",
	"CPU3: Core temperature above threshold, cpu clock throttled (total events = 182)",
}

// writeKernLog writes size bytes of the last 29 days, of whose lines share are
// ours: with every tenth goes a count of suppressed ones, unless all are.
func writeKernLog(path string, size int64, share float64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	const days = 29 * 24 * time.Hour
	step := time.Duration(int64(days) / (size / 60)) // no line is shorter than that
	at := time.Now().Add(-days)
	due, ours := 0.0, 0
	for written, i := int64(0), 0; written < size; i++ {
		at = at.Add(step)
		message := otherLines[i%len(otherLines)]
		if due += share; due >= 1 {
			due--
			message = overflowWords
			if ours++; ours%11 == 10 && share < 1 {
				message = "__ratelimit: 133 callbacks suppressed"
			}
		}
		n, err := fmt.Fprintf(w, "%s web1 kernel: [%d.%06d] %s\n", at.Format("Jan _2 15:04:05"), 1_000_000+int64(i)*int64(step)/int64(time.Second), i%1_000_000, message)
		if err != nil {
			return err
		}
		written += int64(n)
	}
	return w.Flush()
}

// addLongLine puts one line of length bytes behind a log, and one of ours.
func addLongLine(path string, length int64) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.CopyN(file, endless('x'), length); err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "\n%s web1 kernel: %s\n", time.Now().Format("Jan _2 15:04:05"), overflowWords)
	return err
}

// endless is a reader of one byte, again and again.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// freeBytes is the space that is left for files in dir.
func freeBytes(dir string) (int64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

// oldHost makes a host whose kernel writes overflows to its log: a /proc of
// files and our logs, laid over this machine's in a mount namespace.
func (b *bench) oldHost(logs string) (hosted, error) {
	proc, bin := filepath.Join(b.dir, "proc"), filepath.Join(b.dir, "bin")
	for path, text := range map[string]string{
		"proc/sys/kernel/ostype": "Linux", "proc/sys/kernel/osrelease": "2.6.32-431.el6.x86_64", "proc/sys/kernel/hostname": "web1",
		"proc/sys/net/ipv4/tcp_max_tw_buckets": "10000", "proc/uptime": "8640000.08 3.40", "proc/meminfo": "MemTotal: 1000000 kB",
		"proc/net/sockstat": "TCP: inuse 150 orphan 0 tw 7450 alloc 160 mem 20", "proc/net/netstat": "TcpExt: TW ListenDrops\nTcpExt: 5 6",
		"bin/dmesg": "#!/bin/sh", "bin/journalctl": "#!/bin/sh",
	} {
		path = filepath.Join(b.dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return hosted{}, err
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(path, bin) {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(text+"\n"), mode); err != nil {
			return hosted{}, err
		}
	}
	return hosted{
		lead: []string{"unshare", "-m", "sh", "-c", `mount --bind "$1" /var/log && mount --bind "$2" /proc && shift 2 && exec "$@"`, "sh", logs, proc},
		env:  []string{"PATH=" + bin + ":" + os.Getenv("PATH")},
	}, nil
}
