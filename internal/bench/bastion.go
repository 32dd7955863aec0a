package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"twaudit/internal/probe"
	"twaudit/internal/sshtest"
)

const jumpTargets = 500

// behindBastion compares with the way that everybody has: one ssh -J a host.
func (b *bench) behindBastion() error {
	b.section(fmt.Sprintf("Behind a bastion: %d hosts", jumpTargets), `
The bastion is OpenSSH's server, the hosts behind it are a fleet in another process that replays a recorded answer, so
that what is measured is the way to them. `+"`xargs ssh -J`"+` runs 32 at a time, twaudit as many as it wants (256). Logins
are what the bastion's log counts of one run. Wanted: a ratio of CPU of 20 or more, of wall time of 5 or more, and one
login.`)
	dir := filepath.Join(b.dir, "bastion")
	end, err := startFleet(dir, "fleet", jumpTargets)
	if err != nil {
		return err
	}
	defer end()
	bastion, err := startBastion(dir)
	if err != nil {
		return err
	}
	defer bastion.close()
	config, list, err := bastion.write(dir)
	if err != nil {
		return err
	}
	script := filepath.Join(dir, "probe.sh")
	if err := os.WriteFile(script, []byte(probe.Script()), 0o600); err != nil {
		return err
	}
	remote := "sh -s -- " + probe.ManualNonce + " sample=0"
	rows := [][]string{{"tool", "client CPU per host", "ratio", "wall", "ratio", "peak RSS", "logins on the bastion"}}
	var base figures
	for i, tool := range []tool{
		{"twaudit", []string{b.twaudit, "scan", "--quiet", "-F", config, "-i", list, "--sample", "0", "--no-progress", "-f", "jsonl"}, audited},
		{"xargs ssh -J", []string{"sh", "-c", "xargs -P " + fmt.Sprint(forks) + " -I{} sh -c \"ssh -F " + config + " -J bastion {} '" + remote + "' <" + script + "\" <" + list},
			func(out []byte) int { return bytes.Count(out, []byte("twaudit-probe "+probe.ManualNonce+" end")) }},
	} {
		before := bastion.logins.Load()
		f, err := b.measureTree(jumpTargets, tool.count, tool.command...)
		if err != nil {
			return err
		}
		if i == 0 {
			base = f
		}
		rows = append(rows, []string{
			tool.name, ms(f.cpu / jumpTargets), ratio(f.cpu, base.cpu), seconds(f.wall), ratio(f.wall, base.wall), megabytes(f.rss),
			fmt.Sprint((bastion.logins.Load() - before) / int64(b.runs)),
		})
	}
	b.table(rows)
	return nil
}

// measureTree is measure for commands that do not wait for all that they start:
// ssh leaves the ssh -W by which it jumps to somebody else.
func (b *bench) measureTree(want int, count func([]byte) int, command ...string) (figures, error) {
	var all []figures
	for range b.runs {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env = append(os.Environ(), "TWAUDIT_NO_HISTORY=true")
		c, err := spend(cmd)
		if err != nil {
			return figures{}, err
		}
		if n := count(c.out); n != want {
			return figures{}, fmt.Errorf("%s: %d of %d hosts answered:\n%.2000s", command[0], n, want, c.out)
		}
		all = append(all, figures{wall: c.wall, cpu: c.cpu, rss: c.rss, ok: want, out: c.out})
	}
	slices.SortFunc(all, func(x, y figures) int { return int(x.cpu - y.cpu) })
	return all[len(all)/2], nil
}

// bastion is a real sshd that counts its logins.
type bastion struct {
	sshd   *exec.Cmd
	port   string
	logins atomic.Int64
}

func startBastion(dir string) (*bastion, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close()
	if _, err := sshtest.WriteKey(filepath.Join(dir, "bastion_key")); err != nil {
		return nil, err
	}
	config := "Port " + port + "\nListenAddress 127.0.0.1\nHostKey " + dir + "/bastion_key\nAuthorizedKeysFile " + dir + "/key.pub\n" +
		"PermitRootLogin yes\nStrictModes no\nUsePAM no\nPidFile none\nUseDNS no\nMaxStartups 1000\nLogLevel VERBOSE\n"
	if err := os.WriteFile(filepath.Join(dir, "bastion_config"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		return nil, err
	}
	s := &bastion{sshd: exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(dir, "bastion_config")), port: port}
	stderr, err := s.sshd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.sshd.Start(); err != nil {
		return nil, err
	}
	listens := make(chan bool, 1)
	go func() { // ends with sshd
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			switch {
			case strings.Contains(lines.Text(), "Accepted publickey"):
				s.logins.Add(1)
			case strings.Contains(lines.Text(), "Server listening"):
				listens <- true
			}
		}
		listens <- false
	}()
	if !<-listens {
		return nil, fmt.Errorf("the bastion does not listen")
	}
	return s, nil
}

func (s *bastion) close() {
	_ = s.sshd.Process.Kill()
	_ = s.sshd.Wait()
}

// write makes the config for both clients, and the list of the hosts, of the
// files that the fleet wrote.
func (s *bastion) write(dir string) (config, list string, err error) {
	addresses, err := os.ReadFile(filepath.Join(dir, "hosts"))
	if err != nil {
		return "", "", err
	}
	key, err := os.ReadFile(filepath.Join(dir, "bastion_key.pub"))
	if err != nil {
		return "", "", err
	}
	var blocks, names strings.Builder
	fmt.Fprintf(&blocks, "Host bastion\n    HostName 127.0.0.1\n    Port %s\n    User root\nHost t*\n    ProxyJump bastion\n", s.port)
	for i, address := range strings.Fields(string(addresses)) {
		host, port, _ := strings.Cut(address, ":")
		fmt.Fprintf(&blocks, "Host t%d\n    HostName %s\n    Port %s\n    User bench\n", i, host, port)
		fmt.Fprintf(&names, "t%d\n", i)
	}
	fmt.Fprintf(&blocks, "Host *\n    IdentityFile %s/key\n    IdentitiesOnly yes\n    UserKnownHostsFile %[1]s/known_hosts\n    GlobalKnownHostsFile /dev/null\n", dir)
	known, err := os.OpenFile(filepath.Join(dir, "known_hosts"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return "", "", err
	}
	defer known.Close()
	if _, err := fmt.Fprintf(known, "[127.0.0.1]:%s %s", s.port, key); err != nil {
		return "", "", err
	}
	config, list = filepath.Join(dir, "jump_config"), filepath.Join(dir, "names")
	if err := os.WriteFile(config, []byte(blocks.String()), 0o600); err != nil {
		return "", "", err
	}
	return config, list, os.WriteFile(list, []byte(names.String()), 0o600)
}
