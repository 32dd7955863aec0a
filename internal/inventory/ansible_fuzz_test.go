package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"twaudit/internal/text"
	"twaudit/remote/sshconfig"
)

// ansibleSeeds are whole inventories of the corpus.
func ansibleSeeds(f *testing.F, ending string) {
	f.Helper()
	files, err := filepath.Glob("testdata/ansible/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(data), "\n-- ") {
			name, content, _ := strings.Cut(part, " --\n")
			if strings.HasSuffix(name, ending) {
				f.Add([]byte(content))
			}
		}
	}
	for _, test := range ansibleFaults {
		f.Add([]byte(test.data))
	}
}

// checkAnsible is what holds for every text.
func checkAnsible(t *testing.T, hosts []Host, notes []Note, err error) {
	t.Helper()
	if err != nil {
		if msg := err.Error(); len(msg) > 2000 || text.Clean(msg) != msg {
			t.Fatalf("message %q", msg)
		}
		return
	}
	for _, n := range notes {
		if text.Clean(string(n)) != string(n) {
			t.Fatalf("note %q", n)
		}
	}
	for _, h := range hosts {
		if err := sshconfig.CheckHost(h.Target.Alias); err != nil && h.Fault == "" {
			t.Fatalf("%q: %v", h.Name, err)
		}
		if err := sshconfig.CheckUser(h.Target.User); h.Target.User != "" && err != nil {
			t.Fatalf("%q: %v", h.Name, err)
		}
		if text.Clean(h.Name) != h.Name || text.Clean(h.Fault) != h.Fault || h.Target.Port < 0 || h.Target.Port > 65535 {
			t.Fatalf("unsafe: %+v", h)
		}
		for _, g := range h.Groups {
			if g == "" || text.Clean(g) != g {
				t.Fatalf("unsafe group %q", g)
			}
		}
		for line := range strings.SplitSeq(h.SSH.Settings, "\n") {
			if line != "" && !strings.ContainsAny(line, "= \t") {
				t.Fatalf("setting %q", line)
			}
		}
	}
}

func FuzzAnsibleINI(f *testing.F) {
	ansibleSeeds(f, "hosts")
	f.Fuzz(func(t *testing.T, data []byte) {
		hosts, notes, err := parseAnsibleINI(data, "hosts", "")
		checkAnsible(t, hosts, notes, err)
	})
}

func FuzzAnsibleYAML(f *testing.F) {
	ansibleSeeds(f, "ml")
	f.Fuzz(func(t *testing.T, data []byte) {
		hosts, notes, err := parseAnsibleYAML(data, "h.yml", "")
		checkAnsible(t, hosts, notes, err)
	})
}

func FuzzDynamic(f *testing.F) {
	ansibleSeeds(f, "json")
	f.Add([]byte(`{"web": {"hosts": ["w1"], "vars": {"ansible_user": "u"}}, "_meta": {"hostvars": {"w1": {"ansible_port": 22}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		hosts, notes, err := parseDynamic(data, "h.json", "")
		checkAnsible(t, hosts, notes, err)
	})
}
