package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"twaudit/internal/audit"
)

func TestRead_givesTheSameBytes(t *testing.T) {
	t.Parallel()
	saved, err := os.ReadFile(filepath.Join("testdata", "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got := render(t, savedRun(t), "json", Options{}); !bytes.Equal(got, saved) {
		t.Errorf("the run is another one after Read: %d bytes, want %d", len(got), len(saved))
	}
}

// What Read lets through must stay as it is: a second pass over hostile text
// changes nothing any more.
func TestRead_isStableForHostileText(t *testing.T) {
	t.Parallel()
	one := sampleRun()
	one.Hosts = one.Hosts[len(one.Hosts)-1:]
	for _, evil := range append(hostileTexts(), strings.Repeat("\x1b", 3*maxStringBytes), strings.Repeat("é\x00", maxStringBytes)) {
		first := render(t, hostileRun(t, one, evil), "json", Options{})
		again, err := Read(bytes.NewReader(first))
		if err != nil {
			t.Fatal(err)
		}
		if second := render(t, again, "json", Options{}); !bytes.Equal(first, second) {
			t.Errorf("%.40q: another run after a second Read", evil)
		}
	}
}

func TestRead_acceptsWhatToolsMakeOfARun(t *testing.T) {
	t.Parallel()
	// Keys sorted, fields of a later version, hosts out of order, a BOM-less CRLF file.
	const text = "{\"future\":{\"a\":[1]},\r\n" + `"hosts":[{"name":"b","status":"audited","verdict":"ok","new":1},
		{"name":"a","status":"audited","verdict":"ok"},{"name":"z","status":"audited","verdict":"overflowing"}],
		"notes":null,"schema":1}` + "\n\n"
	run, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range run.Hosts {
		names = append(names, h.Name)
	}
	if got := strings.Join(names, " "); got != "z a b" {
		t.Errorf("hosts %s, want the worst first: z a b", got)
	}
	if run.Notes == nil || run.Hosts[0].Gaps == nil {
		t.Error("lists that the contract has are nil")
	}
}

func TestRead_errorsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "empty or cut off"},
		{"cut", `{"schema":1,"hosts":[{"name":"a"`, "empty or cut off"},
		{"cut after a host", `{"schema":1,"hosts":[{"name":"a"},`, "empty or cut off"},
		{"no JSON", "VERDICT  HOST\n", "byte 1: no JSON: invalid character 'V'"},
		{"another thing", `["schema"]`, "no run saved with --format json"},
		{"no schema", `{"hosts":[]}`, `no "schema"`},
		{"newer schema", `{"schema":2,"hosts":"elsewhere"}`, "schema 2, and this twaudit reads schema 1"},
		{"JSON lines", `{"schema":1}` + "\n" + `{"name":"b"}`, "JSON lines"},
		{"lines of hosts", `{"name":"a"}` + "\n" + `{"name":"b"}`, `no "schema"`},
		{"wrong type", `{"schema":1,"hosts":[{"name":"a"},{"name":7}]}`, "host 2: byte 9: a number where name belongs"},
		{"hosts no list", `{"schema":1,"hosts":{}}`, `"hosts" is no list`},
		{"hosts null", `{"schema":1,"hosts":null}`, `"hosts" is no list`},
		{"schema is text", `{"schema":"1"}`, `"schema" is a string where a number belongs`},
		{"a list for a run", `{"schema":1,"run":[]}`, "a array where an object belongs"},
		{"control characters", "{\"schema\":1,\x1b]0;x", "no JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			run, err := Read(strings.NewReader(c.text))
			if err == nil || !strings.HasPrefix(err.Error(), "read run: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error with %q", run, err, c.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("the error has control characters: %q", err)
			}
		})
	}
}

func FuzzRead(fuzz *testing.F) {
	fuzz.Add([]byte(`{"schema":1,"hosts":[{"name":"a","status":"audited","facts":{"time_wait":{"buckets":1}}}]}`))
	fuzz.Add([]byte(`{"schema":1,"summary":{"verdicts":{"ok":1,"o\u001b":2}},"notes":["\u202e"]}`))
	fuzz.Fuzz(func(t *testing.T, data []byte) {
		run, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		if run.Schema != audit.Schema {
			t.Errorf("schema %d passed", run.Schema)
		}
		first := render(t, run, "json", Options{})
		again, err := Read(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("what Read accepts it must accept again: %v", err)
		}
		if second := render(t, again, "json", Options{}); !bytes.Equal(first, second) {
			t.Errorf("not stable:\n%s\n%s", first, second)
		}
		for _, format := range Formats() {
			inert(t, format, render(t, run, format, Options{Width: 80}))
		}
	})
}
