package packaging

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// version is that of the packages which the tests build.
const version = "1.2.3"

// needs makes sure that programs are there, which packages of Debian bring. With CI
// set none may be missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: .ci/packages has to install it", program)
		}
		t.Skipf("needs %s", program)
	}
}

// run is the standard output of a command, which must succeed within minutes and
// print nothing else.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out.String(), messages.String())
	}
	if messages.Len() > 0 {
		t.Logf("%s: %s", name, messages.String())
	}
	return out.String()
}

// `make dist` is built once, for this system alone; its parts are looked at beside
// each other.
func TestDist(t *testing.T) {
	t.Parallel()
	needs(t, "make", "go", "gzip", "tar")
	dist := t.TempDir()
	// Without -trimpath, so that what other tests compiled is used.
	run(t, nil, "make", "-C", "../..", "dist", "DIST="+dist, "VERSION=v"+version, "PLATFORMS=linux/amd64", "TRIMPATH=")
	for name, test := range map[string]func(*testing.T, string){
		"checksums": testChecksums, "static binary": testStatic, "rpm": testRPM, "completions": testCompletions,
		"units": testUnits, "docs": testDocs, "deb in a fresh Debian": testDebian,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, dist)
		})
	}
}

// only is the one file of dist that the pattern matches.
func only(t *testing.T, dist, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dist, pattern))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	return files[0]
}

func testChecksums(t *testing.T, dist string) {
	lines := strings.Split(strings.TrimSpace(load(t, filepath.Join(dist, "SHA256SUMS"))), "\n")
	if len(lines) != 4 { // binary, deb, rpm, extras
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	for _, line := range lines {
		want, name, _ := strings.Cut(line, "  ")
		sum := sha256.Sum256([]byte(load(t, filepath.Join(dist, name))))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s has the sum %s, not %s", name, got, want)
		}
	}
}

func load(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A static binary has no interpreter to load libraries, and runs on any Linux.
func testStatic(t *testing.T, dist string) {
	path := only(t, dist, "twaudit_*_linux_amd64")
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("it is dynamic: %v", part.Type)
		}
	}
	if got := run(t, nil, path, "version"); !strings.HasPrefix(got, "twaudit v"+version+"\n") {
		t.Errorf("version %q", got)
	}
}

func testRPM(t *testing.T, dist string) {
	needs(t, "rpm")
	path := only(t, dist, "*.rpm")
	listed := run(t, nil, "rpm", "-qp", "--queryformat", `%{NAME} %{VERSION} %{ARCH}\n[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEFLAGS:fflags} %{FILENAMES}\n]`, path)
	for _, want := range []string{
		"twaudit " + version + " x86_64\n",
		"-rwxr-xr-x root  /usr/bin/twaudit\n",
		"-rw-r--r-- root  /usr/lib/systemd/system/twaudit.service\n",
		"-rw-r--r-- root  /usr/lib/systemd/system/twaudit.timer\n",
		"-rw-r--r-- root cn /etc/twaudit/config.yaml\n", // configuration, not replaced
		"-rw-r--r-- root  /usr/share/man/man1/twaudit-scan.1.gz\n",
		"-rw-r--r-- root  /usr/share/zsh/site-functions/_twaudit\n",
		" /usr/share/doc/twaudit/cron.md\n",
	} {
		if !strings.Contains(listed, want) {
			t.Errorf("the rpm lacks %q:\n%s", want, listed)
		}
	}
	if got := run(t, nil, "rpm", "-qp", "--requires", path); strings.Contains(got, ".so") {
		t.Errorf("it requires libraries: %s", got)
	}
}

// What a shell offers, asked in the shell where it can be asked without a terminal.
func testCompletions(t *testing.T, dist string) {
	needs(t, "bash", "zsh", "fish")
	bin := t.TempDir()
	if err := os.Symlink(only(t, dist, "twaudit_*_linux_amd64"), filepath.Join(bin, "twaudit")); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + bin, "XDG_CONFIG_HOME=" + bin}
	script := func(shell string) string { return filepath.Join(dist, "completions", "twaudit."+shell) }
	run(t, env, "zsh", "-n", script("zsh"))
	const line = "twaudit scan --fail-on over"
	// bash-completion takes the words apart; nothing else of it is used.
	bash := `_get_comp_words_by_ref() { cur=over prev=--fail-on words=("${COMP_WORDS[@]}") cword=3; }
		compopt() { :; }
		COMP_WORDS=(` + line + `) COMP_CWORD=3 COMP_LINE="` + line + `" COMP_POINT=${#COMP_LINE}
		. "$0" && __start_twaudit && printf '%s\n' "${COMPREPLY[@]}"`
	for shell, got := range map[string]string{
		"bash": run(t, env, "bash", "--norc", "-c", bash, script("bash")),
		"fish": run(t, env, "fish", "--no-config", "-c", `source "$argv[1]"; complete -C "`+line+`"`, script("fish")),
	} {
		if !strings.Contains(got, "overflowing\n") || !strings.Contains(got, "overflowed\n") || strings.Contains(got, "unknown") {
			t.Errorf("%s offers %q", shell, got)
		}
	}
}

// systemd reads the units without a word, finds the manual that they name, and
// thinks little of what an intruder could do.
func testUnits(t *testing.T, dist string) {
	needs(t, "systemd-analyze", "dpkg-deb", "man")
	root, units := t.TempDir(), t.TempDir()
	run(t, nil, "dpkg-deb", "--extract", only(t, dist, "*.deb"), root)
	for from, to := range map[string]string{
		filepath.Join(root, "usr/lib/systemd/system/twaudit.service"):         "twaudit.service",
		filepath.Join(root, "usr/lib/systemd/system/twaudit.timer"):           "twaudit.timer",
		filepath.Join(root, "usr/share/doc/twaudit/examples/prometheus.conf"): "twaudit.service.d/prometheus.conf",
	} {
		// It looks whether the program is there.
		text := strings.ReplaceAll(load(t, from), "/usr/bin/twaudit", filepath.Join(root, "usr/bin/twaudit"))
		write(t, filepath.Join(units, to), text, 0o644)
	}
	env := []string{"MANPATH=" + filepath.Join(root, "usr/share/man"), "SYSTEMD_LOG_LEVEL=info"}
	verify := exec.Command("systemd-analyze", "verify", filepath.Join(units, "twaudit.service"), filepath.Join(units, "twaudit.timer"))
	verify.Env = append(os.Environ(), env...)
	if out, err := verify.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	// Of 100: what is left is that it may open connections, to anywhere.
	run(t, nil, "systemd-analyze", "security", "--offline=yes", "--threshold=20", filepath.Join(units, "twaudit.service"))
}

// What docs/cron.md says is so: its flags exist, its crontab is the one that is
// packed, its alarms are good.
func testDocs(t *testing.T, dist string) {
	binary, docs := only(t, dist, "twaudit_*_linux_amd64"), load(t, "../../docs/cron.md")
	help := run(t, nil, binary, "scan", "--help")
	for _, row := range regexp.MustCompile("(?m)^\\| `(--[a-z-]+)").FindAllStringSubmatch(docs, -1) {
		if !strings.Contains(help, row[1]+" ") {
			t.Errorf("scan has no %s", row[1])
		}
	}
	cron := strings.Split(strings.TrimSpace(load(t, "../../contrib/cron.d/twaudit")), "\n")
	if line := cron[len(cron)-1]; !strings.Contains(docs, "    "+line+"\n") {
		t.Errorf("docs/cron.md does not have %q", line)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "chat.url"), "https://chat.example.net/hook\n", 0o600)
	alarms := regexp.MustCompile(`(?ms)^    alarms:\n.*?\n\n`).FindString(docs)
	alarms = strings.ReplaceAll(strings.ReplaceAll("\n"+alarms, "\n    ", "\n"), "/etc/twaudit", dir)
	write(t, filepath.Join(dir, "config.yaml"), alarms, 0o600)
	if got := run(t, nil, binary, "config", "check", "--config", filepath.Join(dir, "config.yaml")); !strings.Contains(got, "alarms: chat") {
		t.Errorf("%s", got)
	}
}

// write makes a file, and the directories that it needs.
func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
