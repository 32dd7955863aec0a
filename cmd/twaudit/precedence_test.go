package main

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagsOf are those of one command, which has what scan has and --no-exec of hosts.
func flagsOf(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	cmd := &cobra.Command{}
	newScanFlags().declare(cmd)
	cmd.Flags().Bool("no-exec", false, "")
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return cmd.Flags()
}

// TestYield: what a flag means nothing beside is passed over when that came with a
// stronger word, and stays, for its own error, when it did not.
func TestYield(t *testing.T) {
	t.Parallel()
	const file = "remind: 7d\nwait-lock: 5m\nask-sudo-pass: true\nredact-key: k\nretry-failed: true\nssh-config-resolver: openssh\noutput: x\nprofiles: {p: {only-changes: false, remind: 3d}, q: {only-changes: false}, r: {only-changes: true}}\n"
	for _, c := range []struct {
		flag, profile string
		args          []string
		env           map[string]string
		yields        bool
	}{
		{"remind", "", []string{"--only-changes=false"}, nil, true},
		{"remind", "", []string{"--only-changes"}, nil, false},
		{"remind", "", nil, nil, false},
		{"remind", "", []string{"--only-changes=false", "--remind=1d"}, nil, false},
		{"remind", "", nil, map[string]string{"TWAUDIT_ONLY_CHANGES": "no"}, true},
		{"remind", "", []string{"--only-changes=false"}, map[string]string{"TWAUDIT_REMIND": "1d"}, true},
		{"remind", "", nil, map[string]string{"TWAUDIT_ONLY_CHANGES": "no", "TWAUDIT_REMIND": "1d"}, false},
		{"remind", "p", nil, nil, false}, // of the same profile: a mistake
		{"remind", "q", nil, nil, true},
		{"wait-lock", "", []string{"--lock=false"}, nil, true},
		{"ask-sudo-pass", "", []string{"--sudo=false"}, nil, true},
		{"redact-key", "", []string{"--redact=false"}, nil, true},
		{"retry-failed", "", []string{"--no-history"}, nil, true},
		{"retry-failed", "", []string{"--no-history=false"}, nil, false},
		{"remind", "r", []string{"--no-history"}, nil, true},
		{"remind", "r", []string{"--no-history", "--remind=1d"}, nil, false},
		{"ssh-config-resolver", "", []string{"--no-exec"}, nil, true},
		{"output", "", []string{"-fcsv", "-fjson"}, nil, true},
		{"output", "", []string{"-fcsv=c"}, nil, true},
		{"output", "", []string{"-fcsv"}, nil, false},
	} {
		set := flagsOf(t, c.args...)
		s, err := parseSettings("c.yaml", []byte(file), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := bindEnvironment(set, func(name string) string { return c.env[name] }); err != nil {
			t.Fatal(err)
		}
		if err := s.apply(set, c.profile); err != nil {
			t.Fatal(err)
		}
		yield(set)
		if flag := set.Lookup(c.flag); flag.Changed == c.yields || c.yields != (flag.Value.String() == flag.DefValue) {
			t.Errorf("%s beside %v, %v and profile %q: %s, set: %v", c.flag, c.args, c.env, c.profile, flag.Value, flag.Changed)
		}
	}
}

// TestYield_namesFlags: each name of the list is that of a flag, and its default can
// be set again.
func TestYield_namesFlags(t *testing.T) {
	t.Parallel()
	set := flagsOf(t)
	for _, l := range leaning {
		flag := set.Lookup(l.flag)
		if flag == nil || set.Lookup(l.on) == nil {
			t.Errorf("%s leans on %s: there is no such flag", l.flag, l.on)
			continue
		}
		if err := flag.Value.Set(flag.DefValue); err != nil {
			t.Errorf("%s: %v", l.flag, err)
		}
	}
}
