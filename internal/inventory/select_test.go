package inventory

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"twaudit/internal/text"
)

const selectable = `web[01-04].example.net groups=web,prod env=prod
web05.example.net groups=web,stage env=stage
db1 address=10.0.0.5 groups=db,prod env=prod
mail:2222
[2001:db8::1]:22
`

// selected are the names that a request for selectable leaves, folded, or its
// error.
func selected(t *testing.T, r Request) (got string, notes []Note) {
	t.Helper()
	r.Sources, r.Stdin = []Source{{Path: "-"}}, strings.NewReader(selectable)
	hosts, notes, err := Load(t.Context(), r)
	if err != nil {
		return "error: " + err.Error(), nil
	}
	return text.Fold(strings.Fields(names(hosts))), notes
}

func TestLoad_patterns(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"web:&prod:!web03*":         "web[01-02,04].example.net",
		"web,&prod,!web03*":         "web[01-02,04].example.net",
		"web:!prod,db":              "web05.example.net",
		"!prod":                     "[2001:db8::1]:22,mail:2222,web05.example.net",
		"&db":                       "db1",
		"@db":                       "db1",
		"@*b":                       "db1,web[01-05].example.net",
		"10.0.0.5":                  "db1",
		"10.0.0.0/29":               "db1",
		"mail":                      "mail:2222",
		"mail:2222":                 "mail:2222",
		"[2001:db8::1]:22":          "[2001:db8::1]:22",
		"2001:db8::1:!web":          "[2001:db8::1]:22",
		"web[01-02].example.net,db": "db1,web[01-02].example.net",
		"web[04-05]*":               "web[04-05].example.net",
		"~web0[1-2]":                "web[01-02].example.net",
		`~web0(1|2)\.,db1`:          "db1,web[01-02].example.net",
		`~web\d{1,2}:!~.*05`:        "web[01-04].example.net",
		"~ail":                      `error: host "~ail": no host or group`,
		"env=prod":                  "db1,web[01-04].example.net",
		"env=*:!env=prod":           "web05.example.net",
		"all:!ungrouped":            "db1,web[01-05].example.net",
		"env=test":                  `error: host "env=test": no host of the inventory has this value of the label "env"`,
		"dc=1":                      `error: host "dc=1": no host of the inventory has a label "dc"`,
		"dc!=fra1":                  `error: host "dc!=fra1": write '!dc=fra1'`,
		"web:db*":                   `error: host "web:db*": no host or group of the inventory has this name: both of them are web,db*`,
		"web:db":                    `error: host "web:db": no host or group of the inventory has this name: both of them are web,db`,
		"web[0]":                    `error: host "web[0]": no host or group of the inventory has this name: [] holds a range of names, and no positions in the group "web"`,
		"web[01-":                   `error: host "web[01-": range "web[01-": '[' is not closed`,
		"~(":                        `error: host "~(": no regular expression`,
		"web:&db":                   `error: host "&db": nobody is left of the 5 hosts before it`,
		"web,":                      `error: host "web,": a part of the pattern is empty`,
		"web:!":                     `error: host "web:!": a part of the pattern is empty`,
		"@nobody":                   `error: host "@nobody": there is neither a group nor a file of this name`,
	} {
		if got, _ := selected(t, Request{Names: []string{pattern}}); !strings.HasPrefix(got, want) || !strings.HasPrefix(want, "error") && got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
}

func TestLoad_selectionSteps(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request    Request
		want, note string
	}{
		"several patterns":   {Request{Names: []string{"web", "!web05*"}}, "web[01-04].example.net", ""},
		"limits are added":   {Request{Limit: []string{"web:&stage", "db"}}, "db1,web05.example.net", ""},
		"name and limit":     {Request{Names: []string{"db"}, Limit: []string{"web"}}, `error: --limit "web": none of the 1 host selected so far matches`, ""},
		"exclude":            {Request{Exclude: []string{"web:&prod", "mail"}}, "[2001:db8::1]:22,db1,web05.example.net", ""},
		"exclude nobody":     {Request{Limit: []string{"db"}, Exclude: []string{"wbe"}}, "db1", `--exclude "wbe": no host or group of the inventory has this name: it leaves nobody out`},
		"exclude everybody":  {Request{Exclude: []string{"all"}}, `error: no hosts left after --exclude "all": it matches the 8 hosts that were`, ""},
		"not there to leave": {Request{Names: []string{"db:!web9"}}, "db1", `"!web9" in a pattern: no host`},
		"half a range":       {Request{Names: []string{"web[04-09].example.net"}}, "web[04-05].example.net", `has no web[06-09].example.net`},
		"only":               {Request{Only: &Subset{[]string{"db1", "gone1", "gone2"}, "the failed hosts of x"}}, "db1", "2 of the failed hosts of x: not in the inventory: gone[1-2]"},
		"only others":        {Request{Only: &Subset{[]string{"gone1"}, "the failed hosts of x"}}, "error: no hosts: none of the failed hosts of x is in the inventory: gone1", ""},
		"only and limit":     {Request{Only: &Subset{[]string{"db1"}, "x"}, Limit: []string{"web"}}, `error: --limit "web": none`, ""},
	} {
		got, notes := selected(t, test.request)
		if !strings.HasPrefix(got, test.want) || !strings.HasPrefix(test.want, "error") && got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		if (test.note == "") != (len(notes) == 0) || test.note != "" && !strings.Contains(string(notes[0]), test.note) {
			t.Errorf("%s: notes %q, want %q", name, notes, test.note)
		}
	}
}

// Not parallel: a file without a slash is one of the working directory.
func TestLoad_patternsOfAFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, content := range map[string]string{
		"some": "\ufeff# last time\r\nweb01.example.net\r\nweb[03-04].example.net groups=x\ngone[1-2]\n!web04*\n",
		"none": "gone\n", "empty": "# nobody\n", "db": "mail\n", "nested": "@./some\n", "odd": "db1\nweb[\n", "binary": "\x00",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]string{
		"@some":           "web[01,03].example.net",
		"@./db":           "mail:2222",
		"all:!@./some":    "[2001:db8::1]:22,db1,mail:2222,web[02,04-05].example.net",
		"@" + dir + "/db": "mail:2222",
		"@db":             `error: host "@db": a group and a file have this name: write @./db for the file, db for the group`,
		"@none":           `error: host "@none": the inventory has nothing that the file names`,
		"@empty":          `error: host "@empty": empty names no host`,
		"@./nested":       `error: host "@./nested": "@./some": a file of patterns cannot name another one`,
		"@odd":            `error: host "@odd": "web[": range "web[": '[' is not closed`,
		"@binary":         `error: host "@binary": binary:1: binary data`,
		"@./absent":       `error: host "@./absent": no such file or directory`,
	} {
		got, notes := selected(t, Request{Names: []string{pattern}})
		if !strings.HasPrefix(got, want) || !strings.HasPrefix(want, "error") && got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
		if pattern == "@some" && !slices.Equal(notes, []Note{"some: not in the inventory: gone[1-2]"}) {
			t.Errorf("notes %q", notes)
		}
	}
}

func TestLoad_patternsNeedAnInventory(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"web*", "web?", "@web", "~web", "!web", "web:!db", "env=prod"} {
		if _, _, err := Load(t.Context(), Request{Names: []string{word}}); err == nil || !strings.Contains(err.Error(), "there is none") {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// A selection is a set: what keeps and what leaves out are its two halves.
func TestLoad_limitAndExcludeAreHalves(t *testing.T) {
	t.Parallel()
	term := rapid.SampledFrom([]string{"web", "db", "prod", "@stage", "~web0[1-3]", "web0[2-4].example.net", "env=prod", "mail", "*1*", "ungrouped"})
	rapid.Check(t, func(r *rapid.T) {
		pattern := term.Draw(r, "first") + rapid.SampledFrom([]string{"", ",", ":!", ":&"}).Draw(r, "operator")
		if c := pattern[len(pattern)-1]; c == ',' || c == '!' || c == '&' {
			pattern += term.Draw(r, "second")
		}
		kept, _ := selected(t, Request{Limit: []string{pattern}})
		left, _ := selected(t, Request{Exclude: []string{pattern}})
		if strings.HasPrefix(kept, "error") || strings.HasPrefix(left, "error") {
			return // nobody is in one of the halves
		}
		all, err := text.Expand(kept+","+left, 100)
		if err != nil || len(all) != 8 || text.Fold(all) != "[2001:db8::1]:22,db1,mail:2222,web[01-05].example.net" {
			r.Fatalf("%s: %s and %s: %v", pattern, kept, left, err)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"web:&prod:!web03*", "~web(0|1){1,3}", "web[1-3],@db", "!env=*", "::!", "[[~,", "@a/b", "10.0.0.0/29"} {
		f.Add(seed)
	}
	hosts, _, err := parseText(selectable)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if strings.Contains(pattern, "@") || strings.Contains(pattern, "[") && len(pattern) > 30 {
			return // it would read files, or write out a long range
		}
		kept, _, err := choose(hosts, Request{Limit: []string{pattern}})
		if err != nil {
			if msg := err.Error(); len(msg) > 2000 || text.Clean(msg) != msg {
				t.Errorf("message %q", msg)
			}
			return
		}
		if len(kept) == 0 || len(kept) > len(hosts) {
			t.Errorf("%q leaves %d hosts", pattern, len(kept))
		}
	})
}
