package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/sshtest"
	"twaudit/remote/knownhosts"
)

const knownLines = 10_000

// knownHosts measures the index alone: in a scan it would drown in handshakes.
func (b *bench) knownHosts() error {
	b.section(fmt.Sprintf("known_hosts: %d hosts against as many lines", knownLines), `
Reading the file once, and then for each host what a connection needs of it: the types of key to ask for, and the
verdict about the key that is shown. `+"`ssh-keygen -F`"+` is asked for a hundredth of the hosts. Wanted: 2.5 ms a host where
names are hashed, 20 µs where they are not.`)
	key, err := sshtest.NewKey()
	if err != nil {
		return err
	}
	rows := [][]string{{"names", "reading", "CPU per host", "wanted", "ssh-keygen -F, per host"}}
	for _, kind := range []struct {
		name   string
		hash   bool
		wanted string
	}{{"plain", false, "0.020 ms"}, {"hashed", true, "2.50 ms"}} {
		file := filepath.Join(b.dir, "known_"+kind.name)
		if err := writeKnown(file, key.PublicKey(), kind.hash); err != nil {
			return err
		}
		row, err := b.knownRow(file, key.PublicKey())
		if err != nil {
			return err
		}
		rows = append(rows, []string{kind.name, row[0], row[1], kind.wanted, row[2]})
	}
	b.table(rows)
	return nil
}

func knownName(i int) string { return fmt.Sprintf("host%d.example.com", i) }

func writeKnown(file string, key ssh.PublicKey, hash bool) error {
	var lines strings.Builder
	for i := range knownLines {
		line, err := knownhosts.Format(knownName(i), 22, key, hash)
		if err != nil {
			return err
		}
		lines.WriteString(line)
	}
	return os.WriteFile(file, []byte(lines.String()), 0o600)
}

// knownRow is reading, ours per host, and ssh-keygen's.
func (b *bench) knownRow(file string, key ssh.PublicKey) ([]string, error) {
	begun := ownCPU()
	index, warnings := knownhosts.Load([]string{file})
	reading := ownCPU() - begun
	if len(warnings) > 0 {
		return nil, fmt.Errorf("%s: %v", file, warnings)
	}
	offered := []string{ssh.KeyAlgoECDSA256, ssh.KeyAlgoED25519, ssh.KeyAlgoRSASHA512}
	begun = ownCPU()
	for i := range knownLines {
		match := index.Lookup(knownName(i), 22)
		if err := match.Check(key); err != nil || match.Algorithms(offered)[0] != ssh.KeyAlgoED25519 {
			return nil, fmt.Errorf("%s: %s: %v, %v", file, knownName(i), err, match.Algorithms(offered))
		}
	}
	ours := ownCPU() - begun
	const asked = knownLines / 100
	var theirs time.Duration
	for i := range asked {
		cmd := exec.Command("ssh-keygen", "-F", knownName(i*100), "-f", file)
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("ssh-keygen -F: %w", err)
		}
		theirs += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return []string{ms(reading), fmt.Sprintf("%.4f ms", float64(ours)/float64(time.Millisecond)/knownLines), ms(theirs / asked)}, nil
}

// ownCPU is what this process has used so far, in user and system mode.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
