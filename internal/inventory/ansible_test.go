package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parseINI(data string) ([]Host, []Note, error) { return parseAnsibleINI([]byte(data), "hosts", "") }
func parseYAMLs(data string) ([]Host, []Note, error) {
	return parseAnsibleYAML([]byte(data), "h.yml", "")
}
func parseJSON(data string) ([]Host, []Note, error) { return parseDynamic([]byte(data), "h.json", "") }

// ansibleFaults are inventories that are refused, and what the message must say.
var ansibleFaults = []struct {
	parse      func(string) ([]Host, []Note, error)
	data, want string
}{
	{parseINI, "web1\n[a:b:c]\n", `hosts:2: section "[a:b:c]": write [GROUP]`},
	{parseINI, "[a]\nh1:\n", `hosts:2: host "h1:": after ':' the port is missing`},
	{parseINI, "h1:99999\n", `hosts:1: host "h1:99999": port "99999" is no number from 1 to 65535`},
	{parseINI, "h1 ansible_port=ssh\n", `hosts:1: host "h1": ansible_port "ssh": is no port`},
	{parseINI, "[a]\nh1\n[a:vars]\nansible_port=70000\n", `hosts:4: host "h1": ansible_port "70000"`},
	{parseINI, "h1 ansible_user=-x\n", `hosts:1: host "h1": ansible_user "-x": a user name cannot begin with '-'`},
	{parseINI, "h1 ansible_user='a b'\n", `ansible_user "a b": blanks`},
	{parseINI, "h1 ansible_host=-oProxyCommand=x\n", `ansible_host "-oProxyCommand=x": a host name cannot begin with '-'`},
	{parseINI, "h1 ansible_host=192.0.2.1:22\n", `write the port as ansible_port`},
	{parseINI, "h1 ansible_host=root@192.0.2.1\n", `write a user as ansible_user`},
	{parseINI, "h1 ansible_host=\n", `hosts:1: host "h1": ansible_host "": the host name is missing`},
	{parseINI, "h1;x\n", `hosts:1: host "h1;x": ';' is not allowed`},
	{parseINI, "h\x1b1m\n", `control and invisible characters`},
	{parseINI, "'a b' ansible_host=192.0.2.1\n", `host "a b": blanks`},
	{parseINI, "web[3:1]\n", `hosts:1: range "web[3:1]": "[3:1]" runs backwards`},
	{parseINI, "web[1:9\n", `'[' is not closed`},
	{parseINI, "web[0:99999999]\n", `more than`},
	{parseINI, "caf\xe9\n", `hosts:1: binary data`},
	{parseINI, "h1\x00\n", `hosts:1: binary data`},
	{parseINI, strings.Repeat("x", maxLine+1), `hosts:1: a line of more than 64.0 KiB`},
	{parseINI, "---\nall:\n", `hosts:1: "---" begins a YAML file`},
	{parseINI, "[all]\nh1\n[a:children]\nall\n", `hosts:4: the group all holds every group`},
	{parseINI, "[a:children]\na\n", `hosts:2: the groups a > a hold each other`},
	{parseINI, "[a]\nh1\n[a:vars]\nansible_group_priority=high\n", `hosts:4: group "a": ansible_group_priority "high" is no number`},
	{parseINI, "[a:children]\nb c\n", `hosts:2: "b c": a section of children holds one group a line`},
	{parseINI, "h1 ansible_ssh_common_args='-o'\n", `ansible_ssh_common_args "-o": the value of -o is missing`},
	{parseINI, "h1 ansible_ssh_common_args='-Z x'\n", `ssh has no option -"Z"`},
	{parseINI, "h1 ansible_ssh_common_args='web2'\n", `"web2" is no option of ssh`},
	{parseINI, "h1 ansible_ssh_common_args='-l -x'\n", `-l "-x": a user name cannot begin`},
	{parseINI, "h1 ansible_ssh_common_args=\"-o 'Port 99999'\"\n", `is no port from 1 to 65535`},
	{parseINI, "h1 ansible_ssh_private_key_file='a\"b'\n", `quotes and line ends are not possible`},

	{parseYAMLs, "all:\n  hosts:\n    h1: 5\n", `h.yml:3: the host "h1" holds "5"`},
	{parseYAMLs, "all:\n  hosts: 5\n", `h.yml:2: hosts of the group "all" is "5"`},
	{parseYAMLs, "all:\n  vars: [a]\n", `h.yml:2: vars of the group "all" is a list`},
	{parseYAMLs, "all: h1\n", `h.yml:1: the group "all" holds "h1"`},
	{parseYAMLs, "5:\n  hosts:\n", `h.yml:1: the group "5" is no text`},
	{parseYAMLs, "all:\n  hosts: {h1: , h1: }\n", `h.yml:2: "h1" stands here again, first in line 2`},
	{parseYAMLs, "all:\n  hosts:\n    h1: {ansible_host: [192.0.2.1]}\n", `ansible_host is a list or a mapping`},
	{parseYAMLs, "all:\n  hosts:\n    h1: {ansible_port: 22.5}\n", `ansible_port "22.5": is no port`},
	{parseYAMLs, "all: *x\n", `unknown anchor`},
	{parseYAMLs, "all: {\n", `is no YAML`},
	{parseYAMLs, "a:\n---\nb:\n", `h.yml:2: a second document begins here`},
	{parseYAMLs, "plugin: aws_ec2\n", `h.yml:1: these are the settings of an Ansible plugin`},
	{parseYAMLs, "caf\xe9:\n", `h.yml:1: binary data`},
	{parseYAMLs, "$ANSIBLE_VAULT;1.1;AES256\n66\n", `h.yml:1: the file is encrypted by ansible-vault`},
	{parseYAMLs, "a: &x\n  children:\n    b: *x\n", `h.yml`},
	{parseYAMLs, "a:\n  hosts:\n    <<: [h1]\n", `where a mapping is merged`},

	{parseJSON, `[1]`, `h.json:1: the inventory is no JSON object`},
	{parseJSON, "{\"a\": {\"hosts\": [\"h1\"]},\n \"b\": 5}", `h.json:2: the group "b" holds "5"`},
	{parseJSON, `{"a": {"hosts": "h1"}}`, `hosts of the group "a" are "\"h1\""`},
	{parseJSON, `{"a": {"hosts": [5]}}`, `they must be a list of names`},
	{parseJSON, `{"a": {"vars": []}}`, `vars of the group "a" are`},
	{parseJSON, `{"a": {"children": [1]}}`, `children of the group "a" are`},
	{parseJSON, "{\"a\":\n", `h.json:2: no inventory in JSON: it ends in the middle`},
	{parseJSON, `{"a": []} x`, `text after the end`},
	{parseJSON, `{"": ["h1"]}`, `a group without a name`},
	{parseJSON, `{"a": ["-oX"]}`, `host "-oX": a host name cannot begin with '-'`},
	{parseJSON, `{"_meta": 5}`, `_meta is no JSON object`},
	{parseJSON, "{\"a\": [\"h1\"]} \xff", `binary data`},
}

func TestAnsible_refused(t *testing.T) {
	t.Parallel()
	for _, test := range ansibleFaults {
		hosts, _, err := test.parse(test.data)
		switch {
		case err == nil:
			t.Errorf("%.80q: no error, but %+v", test.data, hosts)
		case !strings.Contains(err.Error(), strings.ReplaceAll(test.want, `\"`, `"`)) || len(err.Error()) > 500:
			t.Errorf("%.80q: error %q, want %s", test.data, err, test.want)
		}
	}
}

func TestAnsible_aliasBombIsBounded(t *testing.T) {
	t.Parallel()
	var bomb strings.Builder
	bomb.WriteString("a0: &a0\n  hosts: {h1: }\n")
	for i := range 30 {
		fmt.Fprintf(&bomb, "a%d: &a%d\n  children:\n", i+1, i+1)
		for j := range 9 {
			fmt.Fprintf(&bomb, "    g%d_%d: *a%d\n", i, j, i)
		}
	}
	if _, _, err := parseYAMLs(bomb.String()); err == nil || !strings.Contains(err.Error(), "aliases stand for more entries") {
		t.Errorf("error %v", err)
	}
}

// templates are hosts with {{ }}: what is sure is put in, the rest is the fault
// of that host alone.
func TestAnsible_templates(t *testing.T) {
	t.Parallel()
	const inventory = `
h1 ansible_host="{{ inventory_hostname }}.{{ domain }}"
h2 ansible_host="{{ inventory_hostname | upper }}"
h3.example.net ansible_user="{{ inventory_hostname_short }}"
h4 ansible_host="{{ nowhere }}"
h5 ansible_port="{{ base }}2"
h6 ansible_host="{% if x %}a{% endif %}"
h7 ansible_host="{{ round }}"
h8 ansible_ssh_common_args='-J {{ gate }}'
h9 ansible_ssh_private_key_file="{{ inventory_dir }}/id"
plain
[all:vars]
domain={{ site }}.example.com
site=fra
base=220
round={{ trip }}
trip={{ round }}
gate=gate.{{ domain }}
unused={{ lookup('env', 'HOME') }}
`
	hosts, notes, err := parseINI(inventory)
	if err != nil || len(notes) != 0 {
		t.Fatalf("%q, %v", notes, err)
	}
	const want = `h1 host=h1.fra.example.com
h2 host=h2 fault=hosts:3: ansible_host "{{ inventory_hostname | upper }}" is a template that only Ansible can evaluate
h3.example.net host=h3.example.net user=h3
h4 host=h4 fault=hosts:5: ansible_host "{{ nowhere }}" needs the variable nowhere, which the inventory does not set
h5 host=h5 port=2202
h6 host=h6 fault=hosts:7: ansible_host "{% if x %}a{% endif %}" is a template that only Ansible can evaluate
h7 host=h7 fault=hosts:16: round "{{ trip }}" leads from variable to variable without end
h8 host=h8 settings=ProxyJump=gate.fra.example.com
h9 host=h9 fault=hosts:10: ansible_ssh_private_key_file "{{ inventory_dir }}/id" needs the variable inventory_dir, which the inventory does not set
plain host=plain
`
	if diff := cmp.Diff(want, shown(hosts)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	hosts, _, err = parseAnsibleINI([]byte("h9 ansible_ssh_private_key_file={{inventory_dir}}/id\n"), "hosts", "/etc/ansible")
	if err != nil || hosts[0].SSH.Identity != "/etc/ansible/id" {
		t.Errorf("beside the inventory: %+v, %v", hosts, err)
	}
}

func TestAnsible_encryptedAddressIsThatHostsFault(t *testing.T) {
	t.Parallel()
	hosts, _, err := parseYAMLs("all:\n  hosts:\n    h1:\n      ansible_user: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        6666\n    h2:\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := shown(hosts), "h1 host=h1 fault=h.yml:4: ansible_user is encrypted\nh2 host=h2\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What a program printed cannot be mended by the operator: one bad host must
// not keep all others from being audited.
func TestAnsible_badValueOfAProgramIsThatHostsFault(t *testing.T) {
	t.Parallel()
	tree := newTree(nil)
	_, err := tree.readJSON([]byte(`{"a": ["h1", "h2"], "_meta": {"hostvars": {"h1": {"ansible_host": ""}}}}`), origin{file: "inv.sh", generated: true})
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := tree.resolve()
	if err != nil {
		t.Fatal(err)
	}
	want := "h1 groups=a host=h1 fault=inv.sh:1: host \"h1\": ansible_host \"\": the host name is missing\nh2 groups=a host=h2\n"
	if got := shown(hosts); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAnsible_notes(t *testing.T) {
	t.Parallel()
	_, notes, err := parseINI(`
here ansible_connection=local
win[1:3] ansible_connection=winrm
ok ansible_password=x ansible_ssh_common_args='-o UserKnownHostsFile=/dev/null'
`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Note{
		"host here has ansible_connection=local and is not audited over SSH: --local audits this machine",
		"3 hosts (win[1-3]) have ansible_connection=winrm: left out, because twaudit speaks SSH only",
		"host ok has a password in the inventory: it is not used; --ask-pass asks for one",
		"host ok has UserKnownHostsFile=/dev/null in the arguments of ssh: host keys are checked all the same",
	}, notes); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseArgs(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                                       "",
		"-o A=b -oC=d":                           "settings=A=b;C=d",
		"-C -q -o 'User x'":                      "user=x",
		"-4qoPort=22":                            "port=22 settings=AddressFamily=inet",
		"-p2200 -p 1 -l a -l b":                  "port=2200 user=a",
		"-J a,b@c:22 -F /x -F/y":                 "config=/y settings=ProxyJump=a,b@c:22",
		`-o ProxyCommand="ssh -W %h:%p \"a b\""`: `settings=ProxyCommand=ssh -W %h:%p "a b"`,
		"-i ~/k -b 127.0.0.1 -c x -m y -S none":  `settings=IdentityFile="~/k";BindAddress=127.0.0.1;Ciphers=x;MACs=y;ControlPath=none`,
		"-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no": "settings=StrictHostKeyChecking=no",
		"-A -tt -D 1080 -L 1:b:2 -v":                                  "",
		"-o 'GlobalKnownHostsFile /etc/k'":                            "settings=GlobalKnownHostsFile /etc/k",
	} {
		args, err := newTree(nil).parseArgs(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		host := Host{Name: "h"}
		args.complete(&host)
		host.SSH.Settings = strings.Join(args.settings, "\n")
		if got := strings.TrimSpace(strings.TrimPrefix(shown([]Host{host}), "h")); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestLooksLike(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"web1\nweb2 dc=fra1\n":              "",
		"[2001:db8::1]:22\nweb1\n":          "",
		"web[01-03]\n":                      "",
		"# x\n\n[web]\nweb1\n":              "ini",
		"web1\n[a:children]\nb\n":           "ini",
		"web1 ansible_host=192.0.2.1\n":     "ini",
		"all:\n  hosts:\n":                  "yaml",
		"---\n# x\nall:\n":                  "yaml",
		"# c\n\"my group\":\n  hosts: {}\n": "yaml",
		"- web1\n":                          "yaml",
		"all: {hosts: {h1: }}\n":            "yaml",
		"plugin: aws_ec2\nregions:\n":       "yaml plugin",
		"---\nregions: [a]\nplugin: x.y\n":  "yaml plugin",
		"  {\n\"a\": []}":                   "json",
		"Host web*\n  User x\n":             "",
		"name,address\nweb1,192.0.2.1\n":    "",
		"web1:22\n":                         "",
	} {
		var got []string
		for _, kind := range []struct {
			name  string
			looks func([]byte) bool
		}{{"ini", looksLikeINI}, {"yaml", looksLikeYAML}, {"json", looksLikeDynamic}, {"plugin", looksLikePlugin}} {
			if kind.looks([]byte(data)) {
				got = append(got, kind.name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q looks like %q, want %q", data, got, want)
		}
	}
}
