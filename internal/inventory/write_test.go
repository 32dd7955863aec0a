package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"twaudit/internal/text"
	"twaudit/remote"
)

func TestLine_readsAsTheSameHost(t *testing.T) {
	t.Parallel()
	name := rapid.StringMatching(`((root|ops)@)?(web[0-9]|2001:db8::[1-9]|10\.0\.0\.[1-9])`)
	rapid.Check(t, func(t *rapid.T) {
		h := Host{Name: name.Draw(t, "name"), At: Position{"hosts", 1}}
		h.Target, _ = parseTarget(h.Name)
		h.Target.Alias = rapid.SampledFrom([]string{h.Target.Alias, "10.9.9.9", "2001:db8::9"}).Draw(t, "address")
		h.Target.Port = rapid.IntRange(0, 65535).Draw(t, "port")
		if h.Target.User == "" {
			h.Target.User = rapid.SampledFrom([]string{"", "me", `CORP\me`}).Draw(t, "user")
		}
		for _, v := range rapid.SliceOfN(rapid.StringMatching(`[a-z "\\=#',]{0,6}`), 0, 3).Draw(t, "labels") {
			if h.Labels == nil {
				h.Labels = map[string]string{}
			}
			h.Labels[fmt.Sprint("k", len(h.Labels))] = v
		}
		line, ok := h.Line()
		got, _, err := parseText(line)
		if diff := cmp.Diff([]Host{h}, got); !ok || err != nil || diff != "" {
			t.Fatalf("%s: %v %v (-want +got)\n%s", line, ok, err, diff)
		}
	})
}

func TestLine_refusesWhatNoListHolds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"web[1-2]", "a,b", "web 1", "web*", "10.0.0.0/31", ""} {
		if line, ok := (Host{Name: name, Target: remote.Target{Alias: "x"}}).Line(); ok {
			t.Errorf("%q is written as %q", name, line)
		}
	}
}

func TestGroups_areATree(t *testing.T) {
	t.Parallel()
	hosts, _, err := parseText(selectable + "web06 groups=web,stage,blue\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range Groups(hosts) {
		got = append(got, strings.Repeat("-", g.Depth)+g.Name+" "+text.Fold(g.Hosts))
	}
	want := []string{
		"prod db1,web[01-04].example.net", "-db db1",
		"web web06,web[01-05].example.net", "-stage web05.example.net,web06", "--blue web06",
		"ungrouped [2001:db8::1]:22,mail:2222",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
