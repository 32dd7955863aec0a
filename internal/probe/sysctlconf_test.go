package probe

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"twaudit/internal/audit"
)

const key = limitKey

// unset is what the kernel is left with when no assignment is taken.
const unset = 7777

// precedence holds file sets and what the kernel ends up with. A text that
// begins with "-> " is a link. Each row was measured with procps 4.0.2, systemd
// 252 and BusyBox 1.35; the test below measures them again.
var precedence = []struct {
	name                     string
	files                    map[string]string
	procps, systemd, busybox int64
}{
	{"name order beats directory", map[string]string{"/usr/lib/sysctl.d/50-a.conf": key + "=1001", "/etc/sysctl.d/10-b.conf": key + "=1002"}, 1001, 1001, unset},
	{"same name, earlier directory", map[string]string{"/usr/lib/sysctl.d/50-a.conf": key + "=1001", "/etc/sysctl.d/50-a.conf": key + "=1003"}, 1003, 1003, unset},
	{"etc before run", map[string]string{"/run/sysctl.d/50-a.conf": key + "=1", "/etc/sysctl.d/50-a.conf": key + "=2"}, 2, 2, unset},
	{"run before usr/local", map[string]string{"/run/sysctl.d/50-a.conf": key + "=1", "/usr/local/lib/sysctl.d/50-a.conf": key + "=2"}, 1, 1, unset},
	{"usr/local before usr", map[string]string{"/usr/lib/sysctl.d/50-a.conf": key + "=1", "/usr/local/lib/sysctl.d/50-a.conf": key + "=2"}, 2, 2, unset},
	{"sysctl.conf without link", map[string]string{"/etc/sysctl.d/50-a.conf": key + "=1003", sysctlConf: key + "=1004"}, 1004, 1003, 1004},
	{"sysctl.conf with link", map[string]string{"/etc/sysctl.d/50-a.conf": key + "=1003", sysctlConf: key + "=1004", "/etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf"}, 1004, 1004, 1004},
	{"sysctl.conf is last for procps", map[string]string{sysctlConf: key + "=1004", "/etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf", "/etc/sysctl.d/zz-last.conf": key + "=1005"}, 1004, 1005, 1004},
	{"capitals sort first", map[string]string{"/etc/sysctl.d/b.conf": key + "=1", "/etc/sysctl.d/Z.conf": key + "=2"}, 1, 1, unset},
	{"masked by /dev/null", map[string]string{"/usr/lib/sysctl.d/50-a.conf": key + "=1", "/etc/sysctl.d/50-a.conf": "-> /dev/null"}, unset, unset, unset},
	{"masked by an empty file", map[string]string{"/usr/lib/sysctl.d/50-a.conf": key + "=1", "/etc/sysctl.d/50-a.conf": ""}, unset, unset, unset},
	{"hidden file", map[string]string{"/etc/sysctl.d/.a.conf": key + "=1"}, 1, unset, unset},
	{"not a .conf", map[string]string{"/etc/sysctl.d/50.config": key + "=1", "/etc/sysctl.d/README": key + "=2"}, unset, unset, unset},
	{"slashes", both("net/ipv4/tcp_max_tw_buckets = 11"), 11, 11, 11},
	{"slash in front", both("/net/ipv4/tcp_max_tw_buckets=11"), 11, 11, unset},
	{"first separator decides", both("net.ipv4/tcp_max_tw_buckets=11"), unset, unset, unset},
	{"dash", both("-" + key + "=11"), 11, 11, unset},
	{"dash and a blank", both("- " + key + "=11"), unset, 11, unset},
	{"dash without a value", map[string]string{"/etc/sysctl.d/a.conf": key + "=11\n-" + key}, 11, unset, unset},
	{"a value after the exclusion", map[string]string{"/etc/sysctl.d/a.conf": "-" + key + "\n" + key + "=11"}, 11, 11, unset},
	{"exclusion shields from globs", map[string]string{"/etc/sysctl.d/a.conf": "net.ipv4.tcp_max_tw_b*=11", "/etc/sysctl.d/b.conf": "-" + key}, unset, unset, unset},
	{"explicit beats glob", map[string]string{"/etc/sysctl.d/a.conf": key + "=12", "/etc/sysctl.d/b.conf": "net.ipv4.tcp_max_tw_b*=11"}, 12, 12, unset},
	{"last glob wins", map[string]string{"/etc/sysctl.d/a.conf": "net.ipv4.tcp_max_tw_b*=11", "/etc/sysctl.d/b.conf": "net.ipv4.tcp_max_tw*=12"}, 12, 12, unset},
	{"question mark", both("net.ipv4.tcp_max_tw_bucket?=11"), 11, 11, unset},
	{"set", both("net.ipv4.tcp_max_tw_bucket[!a]=11"), 11, 11, unset},
	{"star inside", both("net.*.tcp_max_tw_buckets=11"), 11, 11, unset},
	{"star stops at dots", both("net.*=11"), unset, unset, unset},
	{"comment behind", both(key + " = 1010 # comment"), 1010, 1010, 1010},
	{"comment without a blank", both(key + "=1010#comment"), unset, unset, unset},
	{"indented", both("  " + key + " =  11"), 11, 11, 11},
	{"CRLF", both(key + "=11\r"), 11, 11, 11},
	{"commented", both("#" + key + "=11\n;" + key + "=12\n # " + key + "=13"), unset, unset, unset},
	{"last line wins", both(key + "=11\n" + key + "=12"), 12, 12, 12},
	{"hex", both(key + "=0x400"), 1024, 1024, 1024},
	{"octal", both(key + "=010"), 8, 8, 8},
	{"negative", both(key + "=-1"), -1, -1, -1},
	{"zero", both(key + "=0"), 0, 0, 0},
	{"refused by the kernel", both(key + "=5k"), unset, unset, unset},
	{"out of range", both(key + "=99999999999"), unset, unset, unset},
	{"plus", both(key + "=+11"), unset, unset, unset},
	{"quotes", both(key + `="11"`), unset, unset, unset},
	{"second number", both(key + "=11 22"), 11, 11, 11},
	{"refused after a good one", both(key + "=11\n" + key + "=5k"), 11, unset, 11},
	{"empty after a good one", both(key + "=11\n" + key + "="), 11, unset, 11},
	{"no equals sign", both(key + " 11"), unset, unset, unset},
	{"blank in the key", both("net.ipv4. tcp_max_tw_buckets=11"), unset, unset, unset},
}

// both puts the text where every reader sees it.
func both(text string) map[string]string {
	return map[string]string{sysctlConf: text, "/etc/sysctl.d/a.conf": text}
}

// sysctlFiles is what the probe would report of a file set.
func sysctlFiles(set map[string]string) []sysctlFile {
	var files []sysctlFile
	for _, path := range slices.Sorted(maps.Keys(set)) {
		file := sysctlFile{ConfigFile: audit.ConfigFile{Path: path}}
		if target, ok := strings.CutPrefix(set[path], "-> "); ok {
			file.Target = target
		} else {
			for i, text := range strings.Split(set[path], "\n") {
				if line, ok := parseSysctlLine(i+1, text); ok {
					file.lines = append(file.lines, line)
				}
			}
		}
		files = append(files, file)
	}
	followLinks(files)
	return files
}

func evaluated(reader audit.Reader, set map[string]string) int64 {
	if value, _ := configuredValue(reader, "", sysctlFiles(set)); value != nil {
		return *value
	}
	return unset
}

func TestConfiguredValue(t *testing.T) {
	t.Parallel()
	for _, row := range precedence {
		for reader, want := range map[audit.Reader]int64{
			audit.ReaderProcps: row.procps, audit.ReaderSystemd: row.systemd, audit.ReaderBusyBox: row.busybox,
		} {
			if got := evaluated(reader, row.files); got != want {
				t.Errorf("%s, %s: %d, want %d", row.name, reader, got, want)
			}
		}
	}
}

// TestConfiguredValue_startScripts follows those that call BusyBox in a loop.
func TestConfiguredValue_startScripts(t *testing.T) {
	t.Parallel()
	const dropIn = "/etc/sysctl.d/b.conf"
	for _, test := range []struct {
		name          string
		files         map[string]string
		openrc, procd int64
	}{
		{"both files", map[string]string{sysctlConf: key + "=1", dropIn: key + "=2"}, 2, 1},
		{"drop-in alone", map[string]string{dropIn: key + "=2"}, unset, 2},
		{"two drop-ins", map[string]string{sysctlConf: "", dropIn: key + "=2", "/etc/sysctl.d/a.conf": key + "=3"}, 2, 2},
		{"hidden", map[string]string{sysctlConf: key + "=1", "/etc/sysctl.d/.b.conf": key + "=2"}, 1, 1},
		{"other suffix", map[string]string{sysctlConf: key + "=1", "/etc/sysctl.d/b": key + "=2"}, 1, 1},
		{"other directory", map[string]string{sysctlConf: "", "/usr/lib/sysctl.d/b.conf": key + "=2"}, unset, unset},
		{"behind a refused one", map[string]string{sysctlConf: key + "=5k\n" + key + "=1", dropIn: key + "=2"}, 2, 2},
		{"behind a refused one in the last file", map[string]string{sysctlConf: key + "=5k\n" + key + "=1"}, 1, unset},
	} {
		for by, want := range map[starter]int64{starterOpenRC: test.openrc, starterProcd: test.procd} {
			got := int64(unset)
			if value, _ := configuredValue(audit.ReaderBusyBox, by, sysctlFiles(test.files)); value != nil {
				got = *value
			}
			if got != want {
				t.Errorf("%s, %s: %d, want %d", test.name, by, got, want)
			}
		}
	}
}

// TestConfiguredValue_realReaders lets the programs themselves read the rows
// above, and random sets of files, in a network namespace of their own.
func TestConfiguredValue_realReaders(t *testing.T) {
	t.Parallel()
	readers := requireReaders(t)
	sets := make([]map[string]string, 0, len(precedence)+60)
	for _, row := range precedence {
		sets = append(sets, row.files)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		sets = append(sets, randomFiles(random))
	}
	for reader, command := range readers {
		t.Run(string(reader), func(t *testing.T) {
			t.Parallel()
			for i, got := range loaded(t, command, sets) {
				if want := evaluated(reader, sets[i]); got != want {
					t.Errorf("we say %d, it loads %d from %q", want, got, sets[i])
				}
			}
		})
	}
}

// randomFiles uses each value once, so that the value tells the line. Two globs
// are never the same, for systemd keeps the place of the first one then.
func randomFiles(random *rand.Rand) map[string]string {
	names := []string{"10-a.conf", "50-b.conf", "99-z.conf", "odd.config"}
	forms := []string{
		key + "=%d", key + " = %d # x", "net/ipv4/tcp_max_tw_buckets=%d", "-" + key + "=%d", "#" + key + "=%d",
		"net.ipv4.tcp_max_tw_b*=%d", key + "=%dk", "-" + key, key + "=",
	}
	set := map[string]string{}
	for n := range 2 + random.IntN(5) {
		path := sysctlConf
		if i := random.IntN(len(sysctlDirs)); i < len(sysctlDirs)-1 { // /lib is /usr/lib on merged systems
			path = sysctlDirs[i] + "/" + names[random.IntN(len(names))]
		}
		form := forms[random.IntN(len(forms))]
		if strings.Contains(form, "%d") {
			form = fmt.Sprintf(form, 1000+n)
		}
		set[path] += form + "\n"
	}
	if random.IntN(2) == 0 {
		set["/etc/sysctl.d/99-sysctl.conf"] = "-> ../sysctl.conf"
		set[sysctlConf] += "\n"
	}
	return set
}

// requireReaders finds the programs; it skips where the test cannot run, and
// fails in CI, where it must.
func requireReaders(t *testing.T) map[audit.Reader]string {
	t.Helper()
	missing := ""
	if os.Geteuid() != 0 || exec.Command("unshare", "-n", "-m", "true").Run() != nil {
		missing = "root with the right to make namespaces"
	}
	found := map[audit.Reader]string{}
	for reader, command := range map[audit.Reader]string{
		audit.ReaderProcps: "sysctl --system", audit.ReaderSystemd: "/lib/systemd/systemd-sysctl", audit.ReaderBusyBox: "busybox sysctl -p",
	} {
		if _, err := exec.LookPath(strings.Fields(command)[0]); err != nil {
			missing = strings.Fields(command)[0]
			continue
		}
		found[reader] = command
	}
	if missing != "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("needs %s", missing)
		}
		t.Skipf("needs %s", missing)
	}
	return found
}

// loaded is what the kernel holds after a program has read each file set, in
// namespaces that nobody else sees.
func loaded(t *testing.T, command string, sets []map[string]string) []int64 {
	t.Helper()
	dir := t.TempDir()
	const script = `set -e
for d in /etc/sysctl.d /usr/lib/sysctl.d /usr/local/lib /run; do mount -t tmpfs none $d; done
mkdir /usr/local/lib/sysctl.d /run/sysctl.d
: >"$1/conf"
mount --bind "$1/conf" /etc/sysctl.conf
n=0
while [ -d "$1/$n" ]; do
	find /etc/sysctl.d /usr/lib/sysctl.d /usr/local/lib/sysctl.d /run/sysctl.d -mindepth 1 -delete
	cp -a "$1/$n/." /
	echo 7777 >/proc/sys/net/ipv4/tcp_max_tw_buckets
	$2 >/dev/null 2>&1 || :
	cat /proc/sys/net/ipv4/tcp_max_tw_buckets
	n=$((n + 1))
done
`
	for i, set := range sets {
		root := filepath.Join(dir, strconv.Itoa(i))
		write(t, filepath.Join(root, sysctlConf), set[sysctlConf])
		for path, text := range set {
			if path != sysctlConf {
				write(t, filepath.Join(root, path), text)
			}
		}
	}
	out, err := exec.Command("unshare", "-n", "-m", "sh", "-c", script, "sh", dir, command).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	var values []int64
	for _, word := range strings.Fields(string(out)) {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, n)
	}
	if len(values) != len(sets) {
		t.Fatalf("%s: %d values from %d sets", command, len(values), len(sets))
	}
	return values
}

func write(t *testing.T, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if target, ok := strings.CutPrefix(text, "-> "); ok && err == nil {
		err = os.Symlink(target, path)
	} else if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzSysctlLine(f *testing.F) {
	for _, row := range precedence {
		for _, text := range row.files {
			f.Add(text)
		}
	}
	f.Add("# raise this when the tcp_max_tw_buckets line shows up")
	f.Fuzz(func(t *testing.T, text string) {
		line, ok := parseSysctlLine(1, text)
		if ok && (!utf8.ValidString(line.key) || len(line.key) > 256 || strings.ContainsAny(line.key, " \t\n\x00\x1b")) {
			t.Errorf("key %q", line.key)
		}
		if n, ok := kernelInt(line.value); ok && (n > 1<<31-1 || n < -1<<31) {
			t.Errorf("value %q is %d", line.value, n)
		}
		globMatches(line.key)
	})
}
