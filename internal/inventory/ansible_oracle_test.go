package inventory

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// Each file of testdata/ansible is an inventory. Its comment may name the
// source (else it is hosts), and in a line "differs: WHY" explain that Ansible
// reads something else; the file want or error then says what we read. Without,
// ansible-inventory has the last word: on hosts, groups and every variable that
// leads to a host; and on what is an error.
func TestAnsible_readsAsAnsibleInventory(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/ansible/*.txtar")
	if err != nil || len(archives) < 40 {
		t.Fatalf("%d inventories, %v", len(archives), err)
	}
	python := requireAnsible(t)
	var cases []*inventoryCase
	for _, file := range archives {
		cases = append(cases, unpack(t, file))
	}
	if python != "" {
		askOracle(t, python, cases)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.compare(t)
		})
	}
}

// requireAnsible returns the interpreter of ansible-inventory; empty when there
// is none and none is needed: what we read is tested all the same.
func requireAnsible(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("ansible-inventory")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ansible-inventory is missing (package ansible-core): in CI it must not be")
		}
		return ""
	}
	head, err := os.ReadFile(path)
	first, _, _ := strings.Cut(string(head), "\n")
	if words := strings.Fields(strings.TrimPrefix(first, "#!")); err == nil && len(words) > 0 {
		return words[len(words)-1]
	}
	t.Fatalf("%s is no script: %q, %v", path, first, err)
	return ""
}

// inventoryCase is one archive, unpacked.
type inventoryCase struct {
	name, dir   string
	source      string // path
	differs     bool
	want, fault string

	asked  bool // what follows is Ansible's answer
	theirs string
	failed string
}

func unpack(t *testing.T, file string) *inventoryCase {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &inventoryCase{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), dir: dir, source: filepath.Join(dir, "hosts")}
	for line := range strings.Lines(string(archive.Comment)) {
		if name, found := strings.CutPrefix(line, "source: "); found {
			c.source = filepath.Join(dir, strings.TrimSpace(name))
		}
		c.differs = c.differs || strings.HasPrefix(line, "differs: ")
	}
	for _, f := range archive.Files {
		switch f.Name {
		case "want":
			c.want = string(f.Data)
			continue
		case "error":
			c.fault = strings.TrimSpace(string(f.Data))
			continue
		}
		mode := os.FileMode(0o600)
		if strings.HasPrefix(string(f.Data), "#!") {
			mode = 0o700
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, mode); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *inventoryCase) compare(t *testing.T) {
	t.Helper()
	if !c.asked && strings.HasPrefix(c.name, "plugin-") {
		t.Skip("there is no ansible-inventory (package ansible-core)")
	}
	hosts, notes, err := Load(t.Context(), Request{Sources: []Source{{Path: c.source, Kind: KindAnsible}}})
	switch {
	case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
		t.Errorf("error %v, want %s", err, c.fault)
	case c.fault == "" && err != nil:
		t.Fatal(err)
	}
	got := shown(hosts)
	if c.want != "" && got != c.want {
		t.Errorf("(-want +got)\n%s", cmp.Diff(c.want, got))
	}
	if !c.asked {
		return
	}
	same := (c.fault != "") == (c.failed != "") && (c.failed != "" || c.theirs == got)
	switch {
	case c.differs && same:
		t.Errorf("no difference any more: take the line out")
	case c.differs || same:
	case c.failed != "":
		t.Errorf("ansible-inventory refuses it (%s), we read\n%s", c.failed, got)
	default:
		t.Errorf("(-ansible +ours)\n%s\nnotes %q", cmp.Diff(c.theirs, got), notes)
	}
}

// shown is one line for each host, sorted.
func shown(hosts []Host) string {
	var lines []string
	for _, h := range hosts {
		line := h.Name
		for _, part := range []struct{ key, value string }{
			{"groups", strings.Join(h.Groups, ",")}, {"host", h.Target.Alias}, {"port", fmt.Sprint(h.Target.Port)}, {"user", h.Target.User},
			{"key", h.SSH.Identity}, {"config", h.SSH.Config}, {"settings", strings.ReplaceAll(h.SSH.Settings, "\n", ";")}, {"fault", h.Fault},
		} {
			if part.value != "" && part.value != "0" {
				line += " " + part.key + "=" + part.value
			}
		}
		lines = append(lines, line+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// askOracle runs ansible-inventory for each case.
func askOracle(t *testing.T, python string, cases []*inventoryCase) {
	t.Helper()
	script, err := filepath.Abs("testdata/ansible_oracle.py")
	if err != nil {
		t.Fatal(err)
	}
	answers, elsewhere := t.TempDir(), t.TempDir() // Ansible also reads group_vars of the working directory
	var todo strings.Builder
	for _, c := range cases {
		fmt.Fprintf(&todo, "%s\t%s\n", c.source, filepath.Join(answers, c.name))
	}
	cmd := exec.CommandContext(t.Context(), python, script)
	cmd.Dir, cmd.Stdin = elsewhere, strings.NewReader(todo.String())
	cmd.Env = append(os.Environ(), "HOME="+elsewhere, "ANSIBLE_CONFIG="+elsewhere+"/none", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1",
		"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=True", "ANSIBLE_INVENTORY_UNPARSED_FAILED=True")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, c := range cases {
		read := func(ending string) string {
			data, err := os.ReadFile(filepath.Join(answers, c.name+ending))
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		c.asked = true
		if status := read(".rc"); status != "0" {
			c.failed = "exit status " + status + ": " + read(".err")
			continue
		}
		c.theirs = oracleHosts(t, read(".json"))
	}
}

// oracleHosts reads an answer with code of its own.
func oracleHosts(t *testing.T, out string) string {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("ansible-inventory printed %q: %v", out, err)
	}
	var meta struct {
		HostVars map[string]map[string]any `json:"hostvars"`
	}
	groups := map[string]oracleGroup{}
	for name, raw := range all {
		var g oracleGroup
		to := any(&g)
		if name == "_meta" {
			to = &meta
		}
		if err := json.Unmarshal(raw, to); err != nil {
			t.Fatal(err)
		}
		groups[name] = g
	}
	var hosts []Host
	member := membership(groups)
	for name, in := range member {
		if h, found := oracleHost(t, name, in, meta.HostVars[name]); found {
			hosts = append(hosts, h)
		}
	}
	return shown(hosts)
}

type oracleGroup struct {
	Hosts    []string `json:"hosts"`
	Children []string `json:"children"`
}

// membership are the groups of each host, by walking down from every group.
func membership(groups map[string]oracleGroup) map[string][]string {
	member := map[string][]string{}
	for top := range groups {
		var walk func(name string)
		walk = func(name string) {
			for _, h := range groups[name].Hosts {
				if !slices.Contains(member[h], top) {
					member[h] = append(member[h], top)
				}
			}
			for _, child := range groups[name].Children {
				walk(child)
			}
		}
		walk(top)
	}
	for h, in := range member {
		in = slices.DeleteFunc(in, func(g string) bool { return g == "all" || g == "ungrouped" || g == "_meta" })
		slices.Sort(in)
		member[h] = in
	}
	return member
}

// oracleHost reads the variables of one host as Ansible's ssh plugin does.
func oracleHost(t *testing.T, name string, groups []string, vars map[string]any) (Host, bool) {
	t.Helper()
	last := func(names ...string) string {
		found := ""
		for _, n := range names {
			switch v := vars[n].(type) {
			case nil:
			case map[string]any:
				found = fmt.Sprint(v["__ansible_unsafe"])
			default:
				found = fmt.Sprint(v)
			}
		}
		return found
	}
	how := last("ansible_connection")
	if !slices.Contains([]string{"", "ssh", "smart", "paramiko", "ansible.builtin.ssh"}, how) {
		return Host{}, false
	}
	h := Host{Name: name, Groups: groups}
	h.Target.Alias = name
	if address := last("ansible_host", "ansible_ssh_host"); address != "" {
		h.Target.Alias = address
	}
	h.Target.User = last("ansible_user", "ansible_ssh_user")
	fmt.Sscan(last("ansible_port", "ansible_ssh_port"), &h.Target.Port)
	h.SSH.Identity = last("ansible_private_key_file", "ansible_ssh_private_key_file")
	var settings []string
	for _, n := range []string{"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"} {
		args, err := newTree(nil).parseArgs(last(n)) // what it does is tested elsewhere
		if err != nil {
			t.Fatal(err)
		}
		args.complete(&h)
		settings = append(settings, args.settings...)
	}
	h.SSH.Settings = strings.Join(settings, "\n")
	return h, true
}
