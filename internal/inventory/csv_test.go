package inventory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"twaudit/internal/text"
	"twaudit/remote"
)

// load reads standard input as the kind it looks like.
func load(t *testing.T, content string) ([]Host, []Note, error) {
	t.Helper()
	return Load(t.Context(), Request{Sources: []Source{{Path: "-"}}, Stdin: strings.NewReader(content)})
}

func TestParseCSV(t *testing.T) {
	t.Parallel()
	at := func(line int) Position { return Position{"standard input", line} }
	for name, test := range map[string]struct {
		content string
		want    []Host
	}{
		"every column": {"# export\nName,IP,User,Port,Groups,OS Version,Owner\nweb1,10.0.0.1,root,2222,\"web, prod\",Debian 12,\"shop \"\"team\"\"\"\nweb2,,,,,,\n", []Host{
			{Name: "web1", Groups: []string{"prod", "web"}, Labels: map[string]string{"os_version": "Debian 12", "owner": `shop "team"`},
				Target: remote.Target{Alias: "10.0.0.1", User: "root", Port: 2222}, At: at(3)},
			{Name: "web2", Target: remote.Target{Alias: "web2"}, At: at(4)},
		}},
		"semicolons of a spreadsheet": {"\ufeffhost;address;dc\r\nweb1;2001:db8::1;fra1\r\n;;\r\n", []Host{
			{Name: "web1", Labels: map[string]string{"dc": "fra1"}, Target: remote.Target{Alias: "2001:db8::1"}, At: at(2)},
		}},
		"tabs": {"rack\thostname\n7\troot@web1:2222\n", []Host{
			{Name: "root@web1:2222", Labels: map[string]string{"rack": "7"}, Target: remote.Target{Alias: "web1", User: "root", Port: 2222}, At: at(2)},
		}},
		"ranges, and a value of two lines": {"fqdn,note\n\"web[1-2].x\",\"a\nb\"\ndb1,\n", []Host{
			{Name: "web1.x", Labels: map[string]string{"note": "a\ufffdb"}, Target: remote.Target{Alias: "web1.x"}, At: at(2)},
			{Name: "web2.x", Labels: map[string]string{"note": "a\ufffdb"}, Target: remote.Target{Alias: "web2.x"}, At: at(2)},
			{Name: "db1", Target: remote.Target{Alias: "db1"}, At: at(4)},
		}},
	} {
		got, notes, err := load(t, test.content)
		if err != nil || len(notes) > 0 {
			t.Errorf("%s: %q, %v", name, notes, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// tables are at fault, and what the message must say.
var tables = map[string]string{
	"host,dc\nweb1\n":                     "standard input:2: the row has not the 2 cells of the header",
	"host,dc\nweb1,a,b\n":                 "standard input:2: the row has not the 2 cells",
	"host,dc\n,fra1\n":                    "standard input:2: the row names no host",
	"host,dc\n":                           "has no row with a host",
	"host,dc\nweb1,\"a\n":                 "standard input:2: column 9",
	"host,port\nweb1,22\nweb2,ssh\n":      `standard input:3: host "web2": "port=ssh": port "ssh" is no number`,
	"host,user\nweb1,-x\n":                "cannot begin with '-'",
	"host,address\nweb1,a b\n":            "blanks, control",
	"host,groups\nweb1,a%b\n":             "a group is made of",
	"host,dc\n-oX,a\n":                    "cannot begin with '-'",
	"host,name\nweb1,a\n":                 `standard input:1: the columns "host" and "name" both say the host`,
	"host,dc,DC\nweb1,a,b\n":              `the columns "dc" and "DC" both say the dc`,
	"host,\nweb1,\n":                      "column 2 has no title",
	"host,password\nweb1,x\n":             `the column "password" is not read from a table`,
	"host,dc\nweb1,\x00\n":                "binary data",
	"host,dc\nweb1,\xff\n":                "binary data",
	"host,address\nweb[1-2],10.0.0.1\n":   "is for one host, and these are 2",
	"host,dc\nroot@web1,a\nroot@web1:0,b": `standard input:3: host "root@web1:0": port "0"`,
}

func TestParseCSV_atFault(t *testing.T) {
	t.Parallel()
	for content, want := range tables {
		if got, _, err := load(t, content); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, error %v, want %q", content, got, err, want)
		}
	}
}

// A table without a column of hosts is no list of its cells, and a list is no
// such table.
func TestTable_is_no_list(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"box,ip,env\nweb1,10.0.0.1,prod\nweb2,10.0.0.2,dev\n": "inventory standard input: looks like CSV, but no title is host, name, hostname, fqdn or server; rename one, or give --inventory-kind list",
		"Box No;ip\nweb1;10.0.0.1\n":                          "looks like CSV with ';'",
		"server,ip\nweb1,10.0.0.1\n":                          "",
		"web1,web2\n":                                         "",
		"web1,web2\ndb1\n":                                    "",
		"web[1,2],db1\nweb3,db2\n":                            "",
		"10.0.0.1,10.0.0.2\n10.0.0.3,10.0.0.4\n":              "",
		"web1,web2 dc=a\nweb3,web4 dc=a\n":                    "",
	} {
		_, _, err := load(t, content)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: error %v, want %q", content, err, want)
		}
	}
	const pairs = "web1,web2\ndb1,db2\n"
	hosts, _, err := Load(t.Context(), Request{Sources: []Source{{Path: "-", Kind: KindList}}, Stdin: strings.NewReader(pairs)})
	if err != nil || len(hosts) != 4 {
		t.Errorf("as a list: %d hosts, %v", len(hosts), err)
	}
}

func TestKinds_areToldApart(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]Kind{
		"web1\nweb2 dc=1\n":            KindList,
		"host\nweb1\n":                 KindList,
		"web1,db1\n":                   KindList,
		"web[1,2] name=x\n":            KindList,
		"# c\n\nname,address\nx,y\n":   KindCSV,
		"address;host\nx;y\n":          KindCSV,
		"\"host\",\"dc\"\n":            KindCSV,
		"Host web1\n  User x\n":        KindSSHConfig,
		"# c\nInclude conf.d/*\n":      KindSSHConfig,
		"host web=1\n":                 KindList,
		"[web]\nweb1\n":                KindINI,
		"web1 ansible_host=10.0.0.1\n": KindINI,
		"all:\n  hosts:\n    web1:\n":  KindYAML,
		"plugin: x\n":                  KindCommand,
		"{\"_meta\": {}}\n":            KindJSON,
		"[2001:db8::1]:22\nweb1\n":     KindList,
		"2001:db8::1\n":                KindList,
	} {
		for _, f := range formats {
			if f.looks([]byte(content)) {
				if f.kind != want {
					t.Errorf("%q is taken for %s, want %s", content, f.kind, want)
				}
				break
			}
		}
	}
}

func FuzzCSV(f *testing.F) {
	for content := range tables {
		f.Add([]byte(content))
	}
	f.Add([]byte("Name;IP;User;Port;Groups;a b\n\"web[1-3]\";;root;22;\"x,y\";\"q\"\"r\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		hosts, _, err := parseCSV(&reader{most: 1000}, input{data: data, file: "hosts"})
		if err != nil {
			if msg := err.Error(); len(msg) > 1000 || text.Clean(msg) != msg {
				t.Fatalf("message %q", msg)
			}
			return
		}
		for _, h := range hosts {
			checkHostOracle(t, h)
		}
	})
}
