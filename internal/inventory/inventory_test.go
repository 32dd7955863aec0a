package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"twaudit/remote"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func names(hosts []Host) string {
	var all []string
	for _, h := range hosts {
		all = append(all, h.Name)
	}
	return strings.Join(all, " ")
}

func TestLoad_sameHostTwiceIsAuditedOnceAndSaidOnce(t *testing.T) {
	t.Parallel()
	a := write(t, "a", "web1 groups=web dc=fra1\nweb2\nweb1 groups=old dc=fra2 rack=7\nweb1\n[2001:db8::1]\n")
	b := write(t, "b", "web1\nweb1\n2001:db8::1\nroot@web1\n")
	hosts, notes, err := Load(t.Context(), Request{Sources: []Source{{Path: a}, {Path: b}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(hosts), "web1 web2 [2001:db8::1] root@web1"; got != want {
		t.Errorf("hosts %s, want %s", got, want)
	}
	want := Host{
		Name: "web1", Groups: []string{"old", "web"}, Labels: map[string]string{"dc": "fra1", "rack": "7"},
		Target: remote.Target{Alias: "web1"}, At: Position{a, 1},
	}
	if diff := cmp.Diff(want, hosts[0]); diff != "" {
		t.Errorf("merged (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]Note{
		Note("host web1 is named again in " + a + ":3 (its label dc=fra2 does not count), " + a + ":4, first in " + a + ":1: it is audited once"),
		Note("host [2001:db8::1] is named again in " + b + ":3 as 2001:db8::1, first in " + a + ":5: it is audited once"),
		"several hosts have the address web1: root@web1,web1; each is audited",
	}, notes); diff != "" {
		t.Errorf("notes (-want +got)\n%s", diff)
	}
}

func TestMerge_oneNameForTwoTargetsIsAnError(t *testing.T) {
	t.Parallel()
	m := newMerger()
	err := m.add([]Host{
		{Name: "web1", Target: remote.Target{Alias: "web1", Port: 22}, At: Position{"a", 1}},
		{Name: "web1", Target: remote.Target{Alias: "web1", Port: 23}, At: Position{"b", 7}},
	})
	if err == nil || !strings.Contains(err.Error(), "b:7: ") || !strings.Contains(err.Error(), " a:1: ") {
		t.Errorf("error %v, want one that names both lines", err)
	}
}

func TestLoad_unusableSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 100<<20); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		request Request
		want    string
	}{
		"missing":      {Request{Sources: []Source{{Path: filepath.Join(dir, "none")}}}, "/none: no such file or directory"},
		"directory":    {Request{Sources: []Source{{Path: t.TempDir()}}}, "no inventory"},
		"100 MiB":      {Request{Sources: []Source{{Path: big}}}, "100.0 MiB, more than 64.0 MiB: is this a list of hosts?"},
		"endless":      {Request{Sources: []Source{{Path: "/dev/zero"}}}, "/dev/zero: more than 64.0 MiB"},
		"no stdin":     {Request{Sources: []Source{{Path: "-"}}}, "there is no standard input"},
		"empty stdin":  {Request{Sources: []Source{{Path: "-"}}, Stdin: strings.NewReader("\n")}, "empty inventory: standard input"},
		"unknown kind": {Request{Sources: []Source{{Path: "-", Kind: "toml"}}, Stdin: strings.NewReader("web1")}, `unknown inventory kind "toml": it is one of list`},
		"nothing":      {Request{}, "no hosts: name some, or give an inventory with -i FILE"},
		"bad name":     {Request{Names: []string{"web1", "-oX"}}, `host "-oX": a host name cannot begin with '-'`},
		"two words":    {Request{Names: []string{"web1 web2"}}, "blanks"},
		"empty name":   {Request{Names: []string{""}}, `host "": the host name is missing`},
	} {
		hosts, _, err := Load(t.Context(), test.request)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %+v, error %v, want %q", name, hosts, err, test.want)
		}
	}
	_, _, err := Load(t.Context(), Request{Sources: []Source{{Path: filepath.Join(dir, "none")}}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

func TestLoad_selects(t *testing.T) {
	t.Parallel()
	const list = "web1 groups=web\nroot@web2:22 groups=web,old\ndb1 groups=db\n[2001:db8::1]:22\n"
	for name, test := range map[string]struct {
		request Request
		want    string // names, or the error after "error: "
	}{
		"all":             {Request{}, "web1 root@web2:22 db1 [2001:db8::1]:22"},
		"name":            {Request{Names: []string{"db1", "web1"}}, "web1 db1"},
		"bare name":       {Request{Names: []string{"web2"}}, "root@web2:22"},
		"pattern":         {Request{Names: []string{"*web?*"}}, "web1 root@web2:22"},
		"address":         {Request{Names: []string{"[2001:db8::1]:22"}}, "[2001:db8::1]:22"},
		"group":           {Request{Limit: []string{"web"}}, "web1 root@web2:22"},
		"name and limit":  {Request{Names: []string{"web"}, Limit: []string{"old"}}, "root@web2:22"},
		"exclude":         {Request{Exclude: []string{"old", "2001*", "absent"}}, "web1 db1"},
		"exclude all":     {Request{Exclude: []string{"*"}}, "error: no hosts left after --exclude"},
		"unknown name":    {Request{Names: []string{"web1", "web9"}}, `error: host "web9": no host or group of the inventory`},
		"unknown limit":   {Request{Limit: []string{"mail"}}, `error: --limit "mail": no host or group`},
		"limit to nobody": {Request{Names: []string{"db1"}, Limit: []string{"web"}}, `error: --limit "web": none of the 1 host selected so far matches`},
	} {
		test.request.Sources = []Source{{Path: "-"}}
		test.request.Stdin = strings.NewReader(list)
		hosts, _, err := Load(t.Context(), test.request)
		got := names(hosts)
		if err != nil {
			got = "error: " + err.Error()
		}
		if !strings.HasPrefix(got, test.want) || err == nil && got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestLoad_positionalNamesAreHosts(t *testing.T) {
	t.Parallel()
	hosts, notes, err := Load(t.Context(), Request{Names: []string{"web1", "a@web2:23", "web1"}, Exclude: []string{"db*"}})
	if err != nil || names(hosts) != "web1 a@web2:23" {
		t.Fatalf("%s, %v", names(hosts), err)
	}
	if len(notes) != 2 || notes[0] != "host web1 is named 2 times: it is audited once" || !strings.Contains(string(notes[1]), "it leaves nobody out") {
		t.Errorf("notes %q", notes)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, s string
		want       bool
	}{
		{"web1", "web1", true}, {"web1", "web10", false}, {"web?", "web1", true}, {"web?", "web", false},
		{"*", "", true}, {"", "", true}, {"", "x", false}, {"*1*", "web1.x", true}, {"*.net", "a.net.org", false},
		{"a*b*c", "aXbYbZc", true}, {"[ab]", "a", false}, {"web*", "WEB1", false},
	} {
		if got := match(test.pattern, test.s); got != test.want {
			t.Errorf("match(%q, %q) = %v", test.pattern, test.s, got)
		}
	}
}

func TestParseKind_listsWhatIsAllowed(t *testing.T) {
	t.Parallel()
	if k, err := ParseKind("list"); k != KindList || err != nil {
		t.Errorf("list: %q, %v", k, err)
	}
	if _, err := ParseKind("xml"); err == nil || !strings.Contains(err.Error(), "one of list") {
		t.Errorf("xml: %v", err)
	}
}

func TestLoad_severalSources(t *testing.T) {
	t.Parallel()
	first := write(t, "first", "web1 groups=web\nweb2 port=22\ndb1 address=10.0.0.5\n")
	for name, test := range map[string]struct{ second, want, note string }{
		"adds groups, labels and what was open": {"host,address,user,groups,dc\nweb1,10.0.0.1,root,prod,fra1\nweb2,,,,fra2\n",
			"{web1 [prod web] map[dc:fra1] {10.0.0.1 root 0}} {web2 [] map[dc:fra2] {web2  22}} {db1 [] map[] {10.0.0.5  0}}", ""},
		"an address that the first has":   {"db1 user=ops\n", "{web1 [web] map[] {web1  0}} {web2 [] map[] {web2  22}} {db1 [] map[] {10.0.0.5 ops 0}}", ""},
		"another port":                    {"web2 port=23\n", "host \"web2\" has another address, user, port or way to it than in " + first + ":2", ""},
		"another address":                 {"db1 address=10.0.0.6\n", "host \"db1\" has another address", ""},
		"two names of one address":        {"db2 address=10.0.0.5\n", "{web1 [web] map[] {web1  0}} {web2 [] map[] {web2  22}} {db1 [] map[] {10.0.0.5  0}} {db2 [] map[] {10.0.0.5  0}}", "several hosts have the address 10.0.0.5: db[1-2]; each is audited"},
		"one address, with port 22":       {"a address=10.0.9.1\nb address=10.0.9.1 port=22\nc address=10.0.9.1 port=23\n", "", "several hosts have the address 10.0.9.1: a,b; each is audited"},
		"many of the first once more":     {"x1\nx1\nx2\nx2\nx3\nx3\ny\ny\n", "", "4 hosts are named more than once, such as in "},
		"another label than the first's":  {"web1 a=1\nweb1 a=2\n", "", "host web1 is named again in "},
		"another port in the same source": {"x\nx port=22\n", ":2: host \"x\" has another address", ""},
	} {
		hosts, notes, err := Load(t.Context(), Request{Sources: []Source{{Path: first}, {Path: write(t, "second", test.second)}}})
		var all []string
		for _, h := range hosts {
			all = append(all, fmt.Sprint(struct {
				name   string
				groups []string
				labels map[string]string
				target remote.Target
			}{h.Name, h.Groups, h.Labels, h.Target}))
		}
		got := strings.Join(all, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		if (test.note == "") != (len(notes) == 0) || test.note != "" && !strings.Contains(string(notes[0]), test.note) {
			t.Errorf("%s: notes %q, want %q", name, notes, test.note)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1000, 10_000, 50_000} {
		var list strings.Builder
		for i := range n {
			fmt.Fprintf(&list, "audit@web%05d.example.net:2222 groups=web,rack%d dc=fra1 serial=%d\n", i, i%100, i)
		}
		path := filepath.Join(b.TempDir(), "hosts")
		if err := os.WriteFile(path, []byte(list.String()), 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				hosts, _, err := Load(b.Context(), Request{Sources: []Source{{Path: path}}, Limit: []string{"web:!rack1"}})
				if err != nil || len(hosts) == 0 {
					b.Fatal(len(hosts), err)
				}
			}
		})
	}
}
