package sshconfig

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Parts of generated configurations. All are harmless to ssh -G.
var (
	randomKeywords = []string{
		"Host", "host", "HostName", "Port", "User", "IdentityFile", "identityfile2", "CertificateFile", "IdentitiesOnly",
		"IdentityAgent", "ProxyJump", "ProxyCommand", "UserKnownHostsFile", "GlobalKnownHostsFile", "HostKeyAlias",
		"StrictHostKeyChecking", "HashKnownHosts", "ConnectTimeout", "AddressFamily", "BindAddress", "SendEnv",
		"Ciphers", "KexAlgorithms", "PubkeyAcceptedKeyTypes", "ControlPath", "PreferredAuthentications", "BatchMode",
		"PubkeyAuthentication", "ChallengeResponseAuthentication", "ServerAliveInterval", "NumberOfPasswordPrompts",
		"IgnoreUnknown", "Nonsense", "Match", "Host", "Host", "Include", "#", "",
	}
	randomSpaces = []string{" ", " ", " ", "\t", "=", " = ", "  ", " =", "= \t"}
	randomValues = map[string][]string{
		"host":                  {"a", "b", "c", "*", "a*", "?", "!a", "!b", "a.b", "\"a\"", "b*", "[a]", "#", "A"},
		"hostname":              {"%h", "%h.x", "Real", "10.0.0.1", "::1", "2001:DB8::1", "%%", "x%hy", "1.2", "fe80::1%lo"},
		"port":                  {"22", "2022", "022", "65535", "0", "x", "\"23\""},
		"user":                  {"bob", "\"al ice\"", "bob'", "a@b", "%u", "ü"},
		"identitiesonly":        {"yes", "no", "true", "FALSE", "maybe"},
		"hashknownhosts":        {"yes", "no", "\"yes\""},
		"stricthostkeychecking": {"yes", "no", "ask", "off", "accept-new", "Ask"},
		"connecttimeout":        {"0", "5", "010", "none", "1m", "99999999999"},
		"addressfamily":         {"any", "inet", "inet6", "ANY"},
		"proxyjump":             {"gw", "none", "a@gw:22,b@gx", "[::1]:22", "ssh://u@g:1/", "gw,", "%r@%h", "NONE", "a,b,c", "10.0.0.1:1", "gw:"},
		"proxycommand":          {"nc %h %p", "none", "sh -c 'nc %h'", "\"q\" x", "x \"y z\" %%", "None", "=x"},
		"ciphers":               {"+aes128-cbc", "-aes*", "^aes256-ctr", "aes128-ctr,aes256-ctr", "\"-*gcm*\"", "+aes128-ctr,3des-cbc"},
		"kexalgorithms":         {"curve25519-sha256", "^ecdh-sha2-nistp256", "-*sha1", "+diffie-hellman-group1-sha1"},
		"controlpath":           {"none", "~/.ssh/%r@%h:%p", "/run/%C", "%d/%n-%L", "NONE", "\"/a b/%k\"", "%z", "~x/y", "rel/%i"},
		"preferredauthentications": {
			"publickey", "keyboard-interactive,password", "\"password\"", "none",
		},
		"pubkeyacceptedalgorithms":     {"+ssh-rsa", "-ssh-rsa*", "ssh-ed25519,rsa-sha2-512", "^ssh-ed25519*"},
		"batchmode":                    {"yes", "no", "True", "x"},
		"pubkeyauthentication":         {"yes", "NO", "unbound", "host-bound", "x"},
		"kbdinteractiveauthentication": {"yes", "no", "false"},
		"serveraliveinterval":          {"0", "10", "1m", "1h30", "none", "2W", "x", "1.5", "\"5\""},
		"numberofpasswordprompts":      {"0", "1", "03", "-1", "x"},
		"match":                        {"all", "ALL", "\"all\""},
		"include":                      {"$DIR/one", "$DIR/t*", "$DIR/none", "\"$DIR/two\"", "$DIR/one $DIR/two"},
		"ignoreunknown":                {"nonsense", "non*", "x,nonsense", "!nonsense,*"},
		"":                             {"~/k", "/k/%h", "k", "none", "\"/a b\"", "%d/%n%r%p%k", "~", "'x'", "a#b", "a\\b", "/x //y", "%%", "/a none", "~/a/../b"},
	}
)

// randomRuns is what CI can afford; the parts were tuned with 12,000.
const randomRuns = 40

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func randomConfig(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(14) {
		keyword := pick(r, randomKeywords)
		values, ok := randomValues[canonical(keyword)]
		if !ok {
			values = randomValues[""]
		}
		b.WriteString(pick(r, []string{"", "", "  ", "\t"}) + keyword + pick(r, randomSpaces) + pick(r, values))
		for r.IntN(4) == 0 {
			b.WriteString(pick(r, []string{" ", "\t", "  "}) + pick(r, values))
		}
		b.WriteString(pick(r, []string{"", "", "", " ", " # note", "\r", "\t"}) + "\n")
	}
	return b.String()
}

// What the built-in way makes of configurations that nobody thought of must be
// what ssh makes of them. Most are refused by both, some need ssh -G.
func TestRandomConfigs_equalOpenSSH(t *testing.T) {
	t.Parallel()
	requireSSH(t)
	compared, known := 0, installed(t)
	for seed := range uint64(randomRuns) {
		r := rand.New(rand.NewPCG(seed, 4))
		e := example{dir: t.TempDir(), queries: []Query{{Alias: "a"}, {Alias: "b", Port: 99}, {Alias: "a.b", User: "carol"}}}
		for _, name := range []string{"config", "one", "two"} {
			text := strings.ReplaceAll(randomConfig(r), "$DIR", e.dir)
			if name != "config" {
				text = strings.ReplaceAll(text, "nclude", "nclude "+e.dir+"/none #")
			}
			if err := os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ours, err := e.resolve(t, ModeBuiltin)
		if err != nil {
			continue
		}
		compared++
		theirs, err := e.resolve(t, ModeOpenSSH)
		if err != nil {
			t.Fatalf("seed %d: ssh refuses what we take: %v, %s\n%s", seed, err, hintOf(err), show(e))
		}
		comparable(ours, known)
		comparable(theirs, known)
		if diff := cmp.Diff(theirs, ours, cmpopts.IgnoreFields(Settings{}, "Source")); diff != "" {
			t.Fatalf("seed %d: ssh -G (-) and ours (+) differ:\n%s\n%s", seed, diff, show(e))
		}
	}
	if compared < randomRuns/20 {
		t.Errorf("only %d of %d configurations were compared", compared, randomRuns)
	}
}

func show(e example) string {
	var b strings.Builder
	for _, name := range []string{"config", "one", "two"} {
		text, _ := os.ReadFile(filepath.Join(e.dir, name))
		fmt.Fprintf(&b, "-- %s --\n%q\n", name, text)
	}
	return b.String()
}
