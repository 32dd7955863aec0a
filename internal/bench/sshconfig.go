package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	configBlocks = 5000
	askedOfSSH   = 100 // ssh -G is asked for so many of them only
)

// resolving reads a large ssh_config and resolves a host for each of its blocks.
func (b *bench) resolving() error {
	b.section(fmt.Sprintf("ssh_config: %d hosts against as many blocks", configBlocks), `
`+"`twaudit hosts -f json`"+` in a process of its own, everything included: reading the file, resolving each host, the output.
`+"`ssh -G`"+` is asked for `+fmt.Sprint(askedOfSSH)+` of the hosts. Wanted: 2 s of CPU in all.`)
	config, list, some := filepath.Join(b.dir, "large_config"), filepath.Join(b.dir, "large_hosts"), filepath.Join(b.dir, "some_hosts")
	var blocks, names strings.Builder
	for i := range configBlocks {
		fmt.Fprintf(&blocks, "Host web%d web%[1]d.example.com\n    HostName 10.%d.%d.%d\n    User deploy%[1]d\n    Port 2222\n    IdentityFile ~/.ssh/deploy_%%h\n", i, i>>16, i>>8&255, i&255)
		fmt.Fprintf(&names, "web%d\n", i)
	}
	blocks.WriteString("Host *.example.com !web1.example.com\n    ProxyJump bastion\nHost *\n    ServerAliveInterval 30\n    IdentitiesOnly yes\n")
	for file, text := range map[string]string{config: blocks.String(), list: names.String(), some: strings.Join(strings.Fields(names.String())[:askedOfSSH], "\n")} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	ours, err := b.measure(configBlocks, func(out []byte) int { return bytes.Count(out, []byte(`"source": "builtin"`)) },
		b.twaudit, "hosts", "-F", config, "-i", list, "--ssh-config-resolver", "builtin", "-f", "json")
	if err != nil {
		return err
	}
	theirs, err := b.measure(askedOfSSH, func(out []byte) int { return bytes.Count(out, []byte("\nidentitiesonly yes")) },
		"sh", "-c", "xargs -I{} ssh -G -F "+config+" {} <"+some)
	if err != nil {
		return err
	}
	b.table([][]string{
		{"tool", "hosts", "CPU", "CPU per host", "ratio", "wall"},
		{"twaudit hosts", fmt.Sprint(configBlocks), seconds(ours.cpu), ms(ours.cpu / configBlocks), "1.0", seconds(ours.wall)},
		{"ssh -G", fmt.Sprint(askedOfSSH), seconds(theirs.cpu), ms(theirs.cpu / askedOfSSH),
			ratio(theirs.cpu/askedOfSSH, ours.cpu/configBlocks), seconds(theirs.wall.Round(time.Millisecond))},
	})
	return nil
}
