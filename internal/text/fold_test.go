package text

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// folded are names and how they are shown; each also expands back.
var folded = []struct{ names, want string }{
	{"", ""},
	{"web1", "web1"},
	{"web1 web1", "web1"},
	{"web01.example.com web02.example.com web03.example.com web07.example.com db1", "db1,web[01-03,07].example.com"},
	{"web8 web9 web10 web11", "web[8-11]"},
	{"web08 web09 web10 web99 web100", "web[08-10,99-100]"},
	{"web1 web01 web2 web02", "web[1,01,2,02]"},
	{"rack1-node1 rack1-node2 rack2-node1 rack2-node2", "rack[1-2]-node[1-2]"},
	{"web1.dc1 web2.dc1 web3.dc1 web1.dc2 web2.dc2", "web[1-2].dc2,web[1-3].dc1"},
	{"10.0.0.9 10.0.0.10 10.0.1.9 10.0.1.10", "10.0.[0-1].[9-10]"},
	{"root@web1:2222 root@web2:2222 root@web2:2223 ops1@web1 ops2@web1", "ops1@web1,ops2@web1,root@web2:2223,root@web[1-2]:2222"},
	{"2001:db8::1 2001:db8::2 [2001:db8::1]:22 [2001:db8::2]:22", "2001:db8::1,2001:db8::2,[2001:db8::1]:22,[2001:db8::2]:22"},
	{"a1234567890123456789 a1234567890123456790", "a1234567890123456789,a1234567890123456790"},
	{"caf\xff1 caf\xff2 \u00fc1 \u00fc2", "caf\xff[1-2],\u00fc[1-2]"},
	{"5 6 7", "[5-7]"},
}

func TestFold(t *testing.T) {
	t.Parallel()
	for _, test := range folded {
		names := strings.Fields(test.names)
		if got := Fold(names); got != test.want {
			t.Errorf("Fold(%s) = %s, want %s", test.names, got, test.want)
		}
		slices.Reverse(names)
		if got := Fold(names); got != test.want {
			t.Errorf("Fold of %s backwards is %s, want %s", test.names, got, test.want)
		}
		if test.want == "" {
			continue
		}
		got, err := Expand(test.want, 100)
		slices.Sort(got)
		slices.Sort(names)
		if diff := cmp.Diff(slices.Compact(names), got); err != nil || diff != "" {
			t.Errorf("Expand(%s): %v (-want +got)\n%s", test.want, err, diff)
		}
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"web[01-03].example.com": "web01.example.com web02.example.com web03.example.com",
		"web[01:50:20]":          "web01 web21 web41",
		"web[1-9/4]":             "web1 web5 web9",
		"db-[a:f:2]":             "db-a db-c db-e",
		"db-[a-c,x,7]":           "db-a db-b db-c db-x db-7",
		"r[1-2]n[08-10]":         "r1n08 r1n09 r1n10 r2n08 r2n09 r2n10",
		"r[1-2],n[1,3]":          "r1 r2 n1 n3",
		"web[99-101]":            "web99 web100 web101",
		"web[099-101]":           "web099 web100 web101",
		"u@[2001:db8::1]:22":     "u@[2001:db8::1]:22",
		"[fe80::1%eth0]:22,web1": "[fe80::1%eth0]:22 web1",
		"[1:10:9]":               "1 10",
		"fe80::[1-2]":            "fe80::1 fe80::2",
		"web*[1-2]?":             "web*1? web*2?",
	} {
		got, err := Expand(pattern, 100)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("Expand(%s) = %s, %v, want %s", pattern, got, err, want)
		}
	}
}

func TestExpand_faults(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"web[5-1]":                   `range "web[5-1]": "[5-1]" runs backwards`,
		"web[f-a]":                   "runs backwards",
		"web[Y-b]":                   "mixes large and small letters",
		"web[01-9]":                  "has two paddings: write 01-09",
		"web[1-09]":                  "has two paddings",
		"web[1-a]":                   "is no range",
		"web[]":                      "is no range",
		"web[1-]":                    "is no range",
		"web[1--3]":                  "is no range",
		"web[-3]":                    "is no range",
		"[webservers]":               `"[webservers]" is no range: write numbers or single letters`,
		"web[1-2":                    "'[' is not closed",
		"web1-2]":                    "']' closes nothing",
		"web[1[2]]":                  "is no range",
		"web[1:9:0]":                 `step "0" is no number above 0`,
		"web[1:9:x]":                 `step "x"`,
		"web[1-9223372036854775807]": "is no range",
		"web[1-999999999999999999]":  `range "web[1-999999999999999999]": more than 100 names`,
		"web[1-60],db[1-60]":         "more than 100 names",
		"w[1-99][1-99][1-99]":        "more than 100 names",
		strings.Repeat("[1]", 9):     "more than 8 brackets",
		"web1,,web2":                 "a name is empty",
		"web1,":                      "a name is empty",
		"":                           "a name is empty",
	} {
		got, err := Expand(pattern, 100)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Expand(%s) = %s, %v, want %q", pattern, got, err, want)
		}
	}
}

func TestHasRange(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"web1": false, "web[1-2]": true, "a,b": true, "[webservers]": true, "[::1]:22": false, "u@[::1]": false, "web]": false, "web[": true,
	} {
		if got := HasRange(s); got != want {
			t.Errorf("HasRange(%s) = %v", s, got)
		}
	}
}

// Folding is for reading; it must lose and invent nothing, and have one form.
func TestFold_roundTrip(t *testing.T) {
	t.Parallel()
	name := rapid.StringMatching(`(root@)?(web|db|10\.)[0-2]?[0-9](\.dc[12])?(-[01]{1,3})?(:22)?`)
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(name, 1, 60).Draw(t, "names")
		list := Fold(names)
		back, err := Expand(list, len(names))
		if err != nil {
			t.Fatalf("Expand(%s): %v", list, err)
		}
		slices.Sort(back)
		if diff := cmp.Diff(slices.Compact(slices.Sorted(slices.Values(names))), back); diff != "" {
			t.Fatalf("%s (-want +got)\n%s", list, diff)
		}
		if again := Fold(back); again != list {
			t.Fatalf("Fold(Expand(%s)) = %s", list, again)
		}
	})
}

func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"web[01-03,07].example.com,db1", "[a:f:2]x[1-2/3]", "[::1]:22,u@[fe80::1%e]:2", "[1-999999999999999999]", "]][[,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		const most = 1000
		names, err := Expand(pattern, most)
		if err != nil {
			if !utf8.ValidString(err.Error()) || len(err.Error()) > 600 {
				t.Errorf("message %q", err)
			}
			return
		}
		if len(names) == 0 || len(names) > most {
			t.Errorf("%d names", len(names))
		}
		if utf8.ValidString(pattern) && !strings.ContainsAny(strings.Join(names, ""), "[]\x00") {
			back, err := Expand(Fold(names), most)
			slices.Sort(back)
			if slices.Sort(names); err != nil || !slices.Equal(slices.Compact(names), back) {
				t.Errorf("Fold of %q is %s, and that %q, %v", names, Fold(names), back, err)
			}
		}
	})
}

func BenchmarkFold(b *testing.B) {
	for _, n := range []int{1000, 10_000, 50_000} {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("web%05d.rack%d.dc%d.example.com", i, i%100, i%3)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				Fold(names)
			}
		})
	}
}
