package main

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"twaudit/report"
)

func TestFlags_values(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flag pflag.Value
		in   string
		want string // as String prints it afterwards; empty: refused
		says string // part of the refusal
	}{
		{new(shareFlag), "80%", "80%", ""},
		{new(shareFlag), "0.955", "95.5%", ""},
		{new(shareFlag), "1", "100%", ""},
		{new(shareFlag), "80", "", "80%"},
		{new(shareFlag), "0", "", "share"},
		{new(shareFlag), "NaN", "", "share"},
		{new(shareFlag), "-5%", "", "share"},
		{new(durationFlag), "30d", "30d", ""},
		{new(durationFlag), "90s", "90s", ""},
		{new(durationFlag), "2h", "2h", ""},
		{new(durationFlag), "1500ms", "1.5s", ""},
		{new(durationFlag), "10", "", "unit"},
		{new(durationFlag), "-1s", "", "duration"},
		{new(rateFlag), "20/s", "20/s", ""},
		{new(rateFlag), "0.5", "0.5/s", ""},
		{new(rateFlag), "-1", "", "rate"},
		{new(rateFlag), "NaN", "", "rate"},
		{&countFlag{max: 10}, "10", "10", ""},
		{&countFlag{max: 10}, "11", "", "from 1 to 10"},
		{&countFlag{max: 10}, "0", "", "from 1 to 10"},
		{&choiceFlag{choices: []string{"a", "b", "c"}}, "b", "b", ""},
		{&choiceFlag{choices: []string{"a", "b", "c"}}, "d", "", "choose a, b or c"},
	} {
		err := test.flag.Set(test.in)
		switch {
		case test.want == "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s %q: error %v, want one with %q", test.flag.Type(), test.in, err, test.says)
		case test.want != "" && (err != nil || test.flag.String() != test.want):
			t.Errorf("%s %q: %v, %v; want %q", test.flag.Type(), test.in, test.flag, err, test.want)
		}
	}
}

func TestFlags_flag_beats_variable(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	timeout := durationFlag(time.Second)
	flags.Var(&timeout, "connect-timeout", "")
	limit := shareFlag(0.5)
	flags.Var(&limit, "near", "")
	list := flags.StringArray("ssh-option", nil, "")
	if err := flags.Parse([]string{"--near", "70%"}); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"TWAUDIT_CONNECT_TIMEOUT": "3s", "TWAUDIT_NEAR": "90%", "TWAUDIT_SSH_OPTION": "Ciphers=a,b\nUser=x y\n",
	}
	if err := bindEnvironment(flags, func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	if timeout.String() != "3s" || limit.String() != "70%" || strings.Join(*list, "|") != "Ciphers=a,b|User=x y" {
		t.Errorf("timeout %s, near %s, options %q", &timeout, &limit, *list)
	}
}

// A flag without a variable, or a variable that no flag can have, would be
// found by a user first.
func TestFlags_every_flag_of_scan_has_a_variable(t *testing.T) {
	t.Parallel()
	app := &App{}
	app.defaults()
	app.scanCommand().Flags().VisitAll(func(flag *pflag.Flag) {
		if flag.Annotations[noVariable] != nil {
			return // on purpose
		}
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		flags.AddFlag(flag)
		value := flag.DefValue
		if value == "" || value == "[]" {
			value = "1"
			switch words := flag.Value.(type) { // without a default, and not any word
			case *choiceFlag:
				value = words.choices[0]
			case *sortFlag:
				value = report.SortKeys()[0]
			case *columnsFlag:
				value = report.ColumnNames()[0]
			}
		}
		asked := ""
		err := bindEnvironment(flags, func(name string) string { asked = name; return value })
		if err != nil || !flag.Changed {
			t.Errorf("%s=%s does not set --%s: %v", asked, value, flag.Name, err)
		}
	})
}
