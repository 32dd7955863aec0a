package main

import (
	"fmt"
	"strings"
	"testing"

	"twaudit/internal/audit"
	"twaudit/internal/scan"
)

func TestSudoNote(t *testing.T) {
	t.Parallel()
	host := func(name, section string) audit.HostResult {
		return audit.HostResult{Name: name, Gaps: []audit.Gap{{Section: section}}}
	}
	log, one, two := host("c", "log"), host("b", "sudo"), host("a", "sudo")
	wrong := host("d", "sudo")
	wrong.Gaps[0].Remedy = "the password was rejected: run again with the right one"
	if got := sudoNote([]audit.HostResult{wrong}); !strings.HasSuffix(got, "; the password was rejected: run again with the right one") {
		t.Errorf("%q", got)
	}
	fixed := host("e", "sudo")
	fixed.Gaps[0].Remedy = "put sudo into " + scan.FixedCommand + " on the host"
	const words = "a fixed command answers there: put sudo into it, as twaudit probe --sudoers USER shows"
	if got := sudoNote([]audit.HostResult{fixed}); !strings.HasPrefix(got, "sudo gave no root on e, which was") || !strings.HasSuffix(got, "; "+words) {
		t.Errorf("%q", got)
	}
	if got := sudoNote([]audit.HostResult{fixed, wrong}); !strings.HasSuffix(got, "; the password was rejected: run again with the right one; on e "+words) {
		t.Errorf("%q", got)
	}
	for _, c := range []struct {
		hosts []audit.HostResult
		want  string
	}{
		{nil, ""},
		{[]audit.HostResult{log}, ""},
		{[]audit.HostResult{log, one}, "sudo gave no root on b, which was asked"},
		{[]audit.HostResult{one, two, log}, "sudo gave no root on 2 hosts (a,b), which were asked"},
	} {
		if got := sudoNote(c.hosts); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestFewHosts(t *testing.T) {
	t.Parallel()
	var fleet, words []string
	for i := range 40 {
		fleet = append(fleet, fmt.Sprintf("web%02d", 40-i))
		words = append(words, "db-"+strings.Repeat(string(rune('a'+i%26)), i+1))
	}
	for want, names := range map[string][]string{
		"":               {},
		"db1":            {"db1"},
		"db1,web[01-40]": append(fleet, "db1"),
		"db-a, db-bb, db-ccc, db-dddd, db-eeeee and 35 more": words,
	} {
		if got := fewHosts(names); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
