package inventory

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The examples of docs/inventory.md are read as what stands above them.
func TestDocs_examplesAreRead(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/inventory.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)<!-- kind: (\\S+), hosts: (\\S+) -->\n```\n(.*?)```\n").FindAllStringSubmatch(string(page), -1)
	if len(examples) < 2 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, e := range examples {
		for _, kind := range []Kind{KindAuto, Kind(e[1])} {
			hosts, notes, err := Load(t.Context(), Request{Sources: []Source{{Path: "-", Kind: kind}}, OneConfig: true, Stdin: strings.NewReader(e[3])})
			if got := strings.ReplaceAll(names(hosts), " ", ","); err != nil || got != e[2] || len(notes) > 0 {
				t.Errorf("%s as %q: %s, %q, %v, want %s", e[1], kind, got, notes, err, e[2])
			}
		}
	}
	for _, kind := range Kinds() {
		if !strings.Contains(string(page), kind) {
			t.Errorf("kind %s is not in docs/inventory.md", kind)
		}
	}
}
