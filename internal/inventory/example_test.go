package inventory

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// examplesOf are the samples in comments of inventory.example: those that stand below
// a line that begins with the name of a kind, and the values of --limit and --exclude.
func examplesOf(t *testing.T) (kinds map[Kind]string, options [][]string) {
	t.Helper()
	file, err := os.ReadFile("../../inventory.example")
	if err != nil {
		t.Fatal(err)
	}
	kinds = map[Kind]string{}
	for _, m := range regexp.MustCompile(`(?m)^# ([a-z_]+), .*\n(?:# .*\n)*#\n((?:#     .*\n)+)`).FindAllStringSubmatch(string(file), -1) {
		kinds[Kind(m[1])] = regexp.MustCompile(`(?m)^#     `).ReplaceAllString(m[2], "")
	}
	for _, m := range regexp.MustCompile(`(?m)^#     twaudit scan -i inventory\.example (.*)$`).FindAllStringSubmatch(string(file), -1) {
		options = append(options, strings.Fields(strings.ReplaceAll(m[1], "'", "")))
	}
	return kinds, options
}

// What is shown in comments works without the comment signs.
func TestExample_commentsHold(t *testing.T) {
	t.Parallel()
	kinds, options := examplesOf(t)
	want := map[Kind]string{
		KindCSV:       "web21.example.net audit 203.0.113.21 2222 [frontend web] map[dc:fra1]",
		KindSSHConfig: "web22  web22 0 [] map[]",
		KindINI:       "web23.example.net audit web23.example.net 2222 [web] map[], web24.example.net audit web24.example.net 2222 [web] map[]",
		KindYAML:      "web25.example.net audit 203.0.113.25 0 [web] map[]",
		KindJSON:      "web26.example.net  web26.example.net 2222 [web] map[]",
	}
	if len(kinds) != len(want) {
		t.Errorf("%d kinds, want %d", len(kinds), len(want))
	}
	for kind, sample := range kinds {
		for _, asked := range []Kind{KindAuto, kind} {
			hosts, notes, err := Load(t.Context(), Request{Sources: []Source{{Path: "-", Kind: asked}}, OneConfig: true, Stdin: strings.NewReader(sample)})
			var got []string
			for _, h := range hosts {
				got = append(got, fmt.Sprint(h.Name, " ", h.Target.User, " ", h.Target.Alias, " ", h.Target.Port, " ", h.Groups, " ", h.Labels))
			}
			if all := strings.Join(got, ", "); err != nil || len(notes) > 0 || all != want[kind] {
				t.Errorf("%s as %q: %s, %q, %v, want %s", kind, asked, all, notes, err, want[kind])
			}
		}
	}
	var selected []string
	for _, words := range options {
		request := Request{Sources: []Source{{Path: "../../inventory.example"}}}
		for i := 0; i+1 < len(words); i += 2 {
			list := map[string]*[]string{"--limit": &request.Limit, "--exclude": &request.Exclude}[words[i]]
			*list = append(*list, words[i+1])
		}
		hosts, _, err := Load(t.Context(), request)
		if err != nil {
			t.Errorf("%q: %v", words, err)
		}
		selected = append(selected, names(hosts))
	}
	if want := []string{"web10.example.net", "web10.example.net"}; !cmp.Equal(selected, want) {
		t.Errorf("selected %q, want %q", selected, want)
	}
}
