package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestChroots audits every host of testdata/hosts through one sshd and the built
// program: the real script on another system's files.
func TestChroots(t *testing.T) {
	paths, err := filepath.Glob("testdata/hosts/*.txtar")
	must(t, err)
	if len(paths) == 0 {
		t.Fatal("no host in testdata/hosts")
	}
	l := newLab(t)
	l.build(t)
	now := time.Now()
	userlands := filepath.Join(l.dir, "userland")
	buildUserlands(t, userlands)

	var fixtures []*fixture
	gate := l.addHost(t, "gate", func(h *host) {
		roots := filepath.Join(h.dir, "roots")
		must(t, os.Mkdir(roots, 0o755))
		for _, path := range paths {
			f := loadFixture(t, path)
			fixtures = append(fixtures, f)
			f.build(t, filepath.Join(roots, f.name), userlands, now)
			h.addUser(t, f)
		}
		h.append(t, "etc/ssh/sshd_config", "MaxStartups 500\nChrootDirectory /run/roots/%u\n")
	})

	config := l.sshFiles(t)
	var aliases strings.Builder
	args := []string{"scan", "-F", config, "-f", "json=-", "--fail-on", "overflowing"}
	for _, f := range fixtures {
		fmt.Fprintf(&aliases, "Host %s\n    HostName %s\n    User %s\n", f.name, gate.addr, f.name)
		args = append(args, f.name)
	}
	general, err := os.ReadFile(config)
	must(t, err)
	must(t, os.WriteFile(config, append([]byte(aliases.String()), general...), 0o600))

	out, messages, _ := l.audit(t, args...)
	hosts := parseRun(t, out)
	if len(hosts) != len(fixtures) {
		t.Fatalf("%d hosts in the run, want %d\n%s", len(hosts), len(fixtures), messages)
	}
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			h := hosts[f.name]
			h.checkAll(t, f.name, f.expect, now)
			t.Logf("%-36s expected %-12s got %s", f.name, f.verdict(), text(h.at("verdict")))
		})
	}
}

// addUser gives a fixture's login an account of its own name.
func (h *host) addUser(t *testing.T, f *fixture) {
	t.Helper()
	uid := 0
	if f.login != "root" {
		uid = 1000
	}
	h.append(t, "etc/passwd", fmt.Sprintf("%s:x:%d:%d::/:/bin/sh\n", f.name, uid, uid))
	h.append(t, "etc/shadow", fmt.Sprintf("%s:*:19000:0:99999:7:::\n", f.name))
}

// append adds lines to a file of the host.
func (h *host) append(t *testing.T, path, lines string) {
	t.Helper()
	old, err := os.ReadFile(filepath.Join(h.dir, path))
	must(t, err)
	h.write(t, path, string(old)+lines)
}
