package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"twaudit/internal/text"
	"twaudit/remote"
	"twaudit/remote/sshconfig"
)

// lines that are one host, and what they say.
var lines = map[string]Host{
	"web1":                 {Name: "web1", Target: remote.Target{Alias: "web1"}},
	"  web1\t\r":           {Name: "web1", Target: remote.Target{Alias: "web1"}},
	"root@web1:2222":       {Name: "root@web1:2222", Target: remote.Target{Alias: "web1", User: "root", Port: 2222}},
	"web1:65535":           {Name: "web1:65535", Target: remote.Target{Alias: "web1", Port: 65535}},
	"me@corp@web1":         {Name: "me@corp@web1", Target: remote.Target{Alias: "web1", User: "me@corp"}},
	`CORP\me@web1`:         {Name: `CORP\me@web1`, Target: remote.Target{Alias: "web1", User: `CORP\me`}},
	"192.0.2.1:22":         {Name: "192.0.2.1:22", Target: remote.Target{Alias: "192.0.2.1", Port: 22}},
	"2001:db8::1":          {Name: "2001:db8::1", Target: remote.Target{Alias: "2001:db8::1"}},
	"fe80::1%eth0":         {Name: "fe80::1%eth0", Target: remote.Target{Alias: "fe80::1%eth0"}},
	"[2001:db8::1]":        {Name: "[2001:db8::1]", Target: remote.Target{Alias: "2001:db8::1"}},
	"a@[2001:db8::1]:2222": {Name: "a@[2001:db8::1]:2222", Target: remote.Target{Alias: "2001:db8::1", User: "a", Port: 2222}},
	"web1 # a comment":     {Name: "web1", Target: remote.Target{Alias: "web1"}},
	"web1 #groups=x":       {Name: "web1", Target: remote.Target{Alias: "web1"}},
	"bücher.example":       {Name: "bücher.example", Target: remote.Target{Alias: "bücher.example"}},
	"web_1.Example-2":      {Name: "web_1.Example-2", Target: remote.Target{Alias: "web_1.Example-2"}},
	"web1 dc=fra1 groups=web,db owner=a=b groups=web note=": {
		Name: "web1", Target: remote.Target{Alias: "web1"}, Groups: []string{"db", "web"},
		Labels: map[string]string{"dc": "fra1", "owner": "a=b", "note": ""},
	},
	"web1 address=10.0.0.5 user=root port=2222": {Name: "web1", Target: remote.Target{Alias: "10.0.0.5", User: "root", Port: 2222}},
	"root@web1 user=root address=2001:db8::1":   {Name: "root@web1", Target: remote.Target{Alias: "2001:db8::1", User: "root"}},
	`web1 note="a \"b\" \\ c" x=1`:              {Name: "web1", Target: remote.Target{Alias: "web1"}, Labels: map[string]string{"note": `a "b" \ c`, "x": "1"}},
	"web1 x=\u202eevil":                         {Name: "web1", Target: remote.Target{Alias: "web1"}, Labels: map[string]string{"x": "\ufffdevil"}},
}

// faults are lines that are no host, and what the message must say.
var faults = map[string]string{
	"web1 web2":                `second word "web2" is no label: write key=value`,
	"web1 =x":                  `label "=x": the name before =`,
	"web1 a,b=x":               `label "a,b=x": the name before =`,
	"web1 dc=1 dc=2":           "dc has a value already",
	"web1 groups=":             "a group is made of",
	"web1 groups=a,,b":         "a group is made of",
	"-oProxyCommand=x":         "a host name cannot begin with '-'",
	"root@-x":                  "a host name cannot begin with '-'",
	"-l@web1":                  "a user name cannot begin with '-'",
	"@web1":                    "the user name before '@' is missing",
	`a\@web1`:                  `a user name cannot end with '\'`,
	"a;b@web1":                 "';' is not allowed in a user name",
	"root@":                    "the host name is missing",
	":22":                      "the host name is missing",
	"10.0.0.999":               "no IPv4 address",
	"root@10.0.01.2:22":        "no IPv4 address",
	"web1 address=10.0.0.256":  "no IPv4 address",
	"web1;reboot":              "';' is not allowed in a host name",
	"$(reboot)":                "'$' is not allowed in a host name",
	"`reboot`":                 "'`' is not allowed in a host name",
	"web1;x,web2":              "';' is not allowed in a host name",
	"web1\x1b[31m":             "range \"web1\ufffd[31m\": '[' is not closed",
	"web1\u200b":               "control and invisible characters",
	"web1\u00a0web2":           "blanks, control",
	"web1\vdc=1":               "blanks, control",
	"web1#comment":             "put a blank before a comment",
	"web1:":                    `port "" is no number from 1 to 65535`,
	"web1:0":                   `port "0" is no number`,
	"web1:65536":               `port "65536" is no number`,
	"web1:+22":                 `port "+22" is no number`,
	"web1:ssh":                 `port "ssh" is no number`,
	"ssh://web1":               "write it as [user@]host[:port]",
	"web1:22:23":               "no IPv6 address; with a port write [2001:db8::1]:2222",
	"[web1]:22":                "is no range",
	"[webservers]":             `"[webservers]" is no range: write numbers or single letters`,
	"[2001:db8::1":             "'[' is not closed",
	"[192.0.2.1]":              "is no range",
	"[2001:db8::1]2222":        "after ] only :PORT may follow",
	"[2001:db8::1]:":           `port "" is no number`,
	"web1\x00":                 "binary data",
	"\xff\xfew\x00e\x00b\x00":  "binary data",
	"caf\xe9":                  "binary data",
	"x <":                      `second word "<"`,
	"web[1-2] address=1.2.3.4": "address=1.2.3.4 is for one host, and these are 2",
	"web1 address=a:22":        "the port goes into port=",
	"web1 address=-x":          "cannot begin with '-'",
	"web1 user=-x":             "cannot begin with '-'",
	"web1 port=0":              `port "0" is no number`,
	"web1 port=22 port=22":     "port has a value already",
	"root@web1 user=ops":       "user=ops and the user before '@' differ",
	"web1:22 port=23":          "port=23 and the port in the name differ",
	"web1 Port=22":             "write port= in small letters",
	"web1 hostname=x":          "write address=",
	"web1 password=x":          "use --ask-pass",
	"web1 jump=gate":           "use -J",
	"web1 ansible_host=x":      "--inventory-kind ansible",
	`web1 a="b`:                "the quote is not closed",
	`web1 a="b"c`:              "the quote is not closed, or something follows it",
	"web*":                     "a pattern selects among the hosts of an inventory",
	"web[3-1]":                 "runs backwards",
	"web[1-2]:0":               `in "web[1-2]:0": host "web1:0": port "0"`,
	"10.0.0.1/28":              "write 10.0.0.0/28 for the network, or 10.0.0.1 for the host",
	"10.0.0.0/33":              "write ADDRESS/BITS",
	"10.0.0.0/8":               "more than 4,096 addresses in all: check the prefix, and add --yes-really",
	"10.0.0.9-10.0.0.1":        "runs backwards",
	"10.0.0.1-::1":             "one family",
	"10.0.0.1-9":               "write 10.0.0.1-10.0.0.9",
}

// parseText reads a plain list.
func parseText(s string) ([]Host, []Note, error) {
	return parseList(&reader{}, input{data: []byte(s), file: "hosts"})
}

func TestParse_line(t *testing.T) {
	t.Parallel()
	for line, want := range lines {
		want.At = Position{"hosts", 2}
		got, _, err := parseText("# first\n" + line)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if diff := cmp.Diff([]Host{want}, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", line, diff)
		}
	}
}

func TestParse_lineAtFault(t *testing.T) {
	t.Parallel()
	for line, want := range faults {
		got, _, err := parseText("web0\n\n" + line + "\n")
		if err == nil {
			t.Errorf("%q: no error, but %+v", line, got)
			continue
		}
		if !strings.HasPrefix(err.Error(), "hosts:3: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %q, want hosts:3: … %q", line, err, want)
		}
	}
}

func TestParse_windowsFile(t *testing.T) {
	t.Parallel()
	got, _, err := Load(t.Context(), Request{Sources: []Source{{Path: "-"}}, Stdin: strings.NewReader("\ufeffweb1\r\n\r\n# x\r\nweb2 dc=1\r\n")})
	if err != nil {
		t.Fatal(err)
	}
	want := []Host{
		{Name: "web1", Target: remote.Target{Alias: "web1"}, At: Position{"standard input", 1}},
		{Name: "web2", Target: remote.Target{Alias: "web2"}, Labels: map[string]string{"dc": "1"}, At: Position{"standard input", 4}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParse_bounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ input, want string }{
		"empty":         {"", "empty inventory: hosts names no host"},
		"only comments": {"# web1\n\n", "empty inventory"},
		"long line":     {"web1\n" + strings.Repeat("x", maxLine+1), "hosts:2: a line of more than 64.0 KiB"},
	} {
		if _, _, err := parseText(test.input); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	endless := &repeated{line: []byte("# a comment that goes on\n")}
	if _, _, err := Load(t.Context(), Request{Sources: []Source{{Path: "-"}}, Stdin: endless}); err == nil || !strings.Contains(err.Error(), "more than 64.0 MiB") {
		t.Errorf("endless input: %v", err)
	}
	if endless.given > MaxBytes+maxLine {
		t.Errorf("%d bytes were read", endless.given)
	}
}

// repeated is a stream without end.
type repeated struct {
	line  []byte
	given int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], r.line)
	}
	r.given += n
	return n, nil
}

func TestParse_messageIsBounded(t *testing.T) {
	t.Parallel()
	_, _, err := parseText(strings.Repeat("a", 20_000) + ";")
	if err == nil || len(err.Error()) > 300 {
		t.Errorf("message of %d bytes", len(fmt.Sprint(err)))
	}
}

// Not parallel: what it counts is the whole process's.
func TestParse_fiftyThousandHosts(t *testing.T) {
	var list strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&list, "audit@web%05d.example.net:2222 groups=web,rack%d dc=fra1\n", i, i%100)
	}
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	hosts, notes, err := Load(t.Context(), Request{Sources: []Source{{Path: path}}})
	runtime.ReadMemStats(&after)
	if err != nil || len(notes) != 0 || len(hosts) != 50_000 || hosts[49_999].Name != "audit@web49999.example.net:2222" {
		t.Fatalf("%d hosts, notes %q, %v", len(hosts), notes, err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 100<<20 {
		t.Errorf("allocated %s", text.Bytes(int64(got)))
	}
}

func TestExample_showsEverySyntax(t *testing.T) {
	t.Parallel()
	hosts, notes, err := Load(t.Context(), Request{Sources: []Source{{Path: "../../inventory.example"}}})
	if err != nil || len(notes) != 0 {
		t.Fatalf("%q, %v", notes, err)
	}
	var users, ports, v6, groups, labels int
	for _, h := range hosts {
		users += count(h.Target.User != "")
		ports += count(h.Target.Port != 0)
		v6 += count(strings.Contains(h.Target.Alias, ":"))
		groups += count(h.Groups != nil)
		labels += count(h.Labels != nil)
	}
	if got, want := []int{len(hosts), users, ports, v6, groups, labels}, []int{42, 4, 6, 6, 4, 4}; !cmp.Equal(got, want) {
		t.Errorf("hosts, users, ports, IPv6, groups, labels: %v, want %v", got, want)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func FuzzParse(f *testing.F) {
	for line := range lines {
		f.Add([]byte("# first\r\n" + line + "\n\nweb2\n"))
	}
	for line := range faults {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		hosts, _, err := parseList(&reader{most: 1000}, input{data: data, file: "hosts"})
		if err != nil {
			if msg := err.Error(); len(msg) > 1000 || text.Clean(msg) != msg {
				t.Fatalf("message %q", msg)
			}
			return
		}
		if len(hosts) == 0 || len(hosts) > maxAddresses+1000*(strings.Count(string(data), "\n")+1) {
			t.Fatalf("%d hosts in %q", len(hosts), data)
		}
		for _, h := range hosts {
			checkHostOracle(t, h)
		}
	})
}

// checkHostOracle holds a host against OpenSSH's rules, and against the reading
// of its own name.
func checkHostOracle(t *testing.T, h Host) {
	t.Helper()
	if err := sshconfig.CheckHost(h.Target.Alias); err != nil {
		t.Fatalf("%q: %v", h.Name, err)
	}
	if err := sshconfig.CheckUser(h.Target.User); h.Target.User != "" && err != nil {
		t.Fatalf("%q: %v", h.Name, err)
	}
	if !utf8.ValidString(h.Name) || text.Clean(h.Name) != h.Name || h.Target.Port < 0 || h.Target.Port > 65535 {
		t.Fatalf("unsafe: %+v", h)
	}
	line, ok := h.Line()
	again, _, err := parseText(line)
	if h.At = (Position{"hosts", 1}); !ok || err != nil || !cmp.Equal(again, []Host{h}) {
		t.Fatalf("%q is %+v, written as %q, and reads as %+v, %v", h.Name, h, line, again, err)
	}
	for k, v := range h.Labels {
		if !isKey(k) || text.Clean(v) != v {
			t.Fatalf("unsafe label %q=%q", k, v)
		}
	}
}
