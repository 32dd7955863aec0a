package knownhosts

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// The names of generated files and of lookups: small, so that they meet often.
var (
	oracleHosts    = []string{"a", "b", "web1", "web2", "a.example.com", "b.example.com", "10.0.0.1", "2001:db8::1"}
	oraclePatterns = []string{"*.example.com", "web?", "10.*", "!a.example.com", "!web2", "b*"}
	oraclePorts    = []int{22, 2222}
)

// generate returns the lines of a file: plain, ported, hashed and with patterns,
// marked now and then.
func generate(t *testing.T, random *rand.Rand, markers bool) []string {
	t.Helper()
	lines := make([]string, 0, 40)
	for range 40 {
		var names []string
		for range 1 + random.IntN(3) {
			if random.IntN(4) == 0 {
				names = append(names, oraclePatterns[random.IntN(len(oraclePatterns))])
			} else {
				names = append(names, hostPort(oracleHosts[random.IntN(len(oracleHosts))], oraclePorts[random.IntN(2)]))
			}
		}
		name := strings.Join(names, ",")
		if random.IntN(3) == 0 {
			name = hashName(hostPort(oracleHosts[random.IntN(len(oracleHosts))], oraclePorts[random.IntN(2)]))
		}
		line := entry(name, testKey(t, random.IntN(4)))
		if markers {
			line = []string{"", "", "", "@revoked ", "@cert-authority "}[random.IntN(5)] + line
		}
		lines = append(lines, line)
	}
	return lines
}

// Lookup must find the lines that ssh-keygen -F finds. No exception is needed:
// both read a line's names alike, and generated lines are well formed.
// (ssh-keygen also prints lines whose key it cannot read; we skip them.)
func TestLookup_equalsSSHKeygen(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no ssh-keygen, which CI must have")
		}
		t.Skip("no ssh-keygen (Debian: openssh-client)")
	}
	found := regexp.MustCompile(`(?m)^# Host .* found: line (\d+)`)
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 1))
		file := write(t, generate(t, random, true)...)
		x, warnings := Load([]string{file})
		if len(warnings) > 0 {
			t.Fatal(warnings)
		}
		for _, host := range append(oracleHosts, "nowhere", "A.Example.com") {
			for _, port := range oraclePorts {
				m := x.Lookup(host, port)
				out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-F", m.Name(), "-f", file).Output()
				var status *exec.ExitError
				if err != nil && !(errors.As(err, &status) && status.ExitCode() == 1) {
					t.Fatal(err)
				}
				var want, got []int
				for _, match := range found.FindAllStringSubmatch(string(out), -1) {
					line, _ := strconv.Atoi(match[1])
					want = append(want, line)
				}
				for _, l := range m.Known() {
					got = append(got, l.Line)
				}
				if !slices.Equal(got, want) {
					t.Errorf("seed %d, %s: lines %v, ssh-keygen finds %v", seed, m.Name(), got, want)
				}
			}
		}
	}
}

// Check must judge plain keys as golang.org/x/crypto does, but for its known
// differences from OpenSSH, where we follow OpenSSH:
//   - it reads patterns apart from ports, so that * means port 22 only, and
//     *.example.com:2222 is a pattern;
//   - it does not fall back from a port that nothing is known about;
//   - it does not fold case;
//   - its * does not match nothing: b* is not b;
//   - it takes the key of an authority for a host key, and a key that one host
//     revokes for revoked everywhere.
//
// So generated files have no markers and no bare *, and b, and hosts that nothing
// is known about at another port, are left out.
func TestCheck_equalsXCrypto(t *testing.T) {
	t.Parallel()
	compared := 0
	for seed := range uint64(20) {
		file := write(t, generate(t, rand.New(rand.NewPCG(seed, 2)), false)...)
		x, _ := Load([]string{file})
		theirs, err := knownhosts.New(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range oracleHosts {
			for _, port := range oraclePorts {
				m := x.Lookup(host, port)
				if host == "b" || (port != 22 && len(m.Known()) == 0) {
					continue
				}
				for n := range 5 {
					compared++
					want := xcrypto(theirs, host, port, testKey(t, n))
					if got := kind(m.Check(testKey(t, n))); got != want {
						t.Errorf("seed %d, %s, key %d: %s, x/crypto says %s", seed, m.Name(), n, got, want)
					}
				}
			}
		}
	}
	if compared < 500 {
		t.Errorf("only %d comparisons", compared)
	}
}

func xcrypto(check ssh.HostKeyCallback, host string, port int, key ssh.PublicKey) string {
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	err := check(addr, &net.TCPAddr{IP: net.IPv4zero, Port: port}, key)
	var failed *knownhosts.KeyError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &failed) && len(failed.Want) == 0:
		return "unknown"
	case errors.As(err, &failed):
		return "changed"
	}
	return fmt.Sprint(err)
}

// What hashName writes, the others must be able to read.
func TestHashName_isReadByXCrypto(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	for _, host := range oracleHosts {
		file.WriteString(entry(hashName(hostPort(host, 2222)), testKey(t, 1)))
	}
	check, err := knownhosts.New(write(t, file.String()))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range oracleHosts {
		if got := xcrypto(check, host, 2222, testKey(t, 1)); got != "ok" {
			t.Errorf("%s: %s", host, got)
		}
	}
}
