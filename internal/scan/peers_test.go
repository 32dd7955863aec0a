package scan

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/internal/text"
	"twaudit/remote"
)

// talkative answers with addresses, whatever it was asked for.
func talkative(nonce string) string {
	return strings.Replace(minimal(nonce), mark(nonce, "end"), mark(nonce, "section limits")+"net.ipv4.ip_local_port_range 32768 60999\n"+
		mark(nonce, "section top")+"source proc\nrows4 28000\nrows6 0\ninbound 0\noutbound 28000\ninternal 0\nport 443 5 1\n"+
		"peer 203.0.113.77 28000\ndest 203.0.113.77 5432 28000\ndest 2001:db8:77::1 80 4\n"+mark(nonce, "end"), 1)
}

func TestHost_without_peers_no_address_is_in_the_result(t *testing.T) {
	t.Parallel()
	for peers, want := range map[bool]bool{true: true, false: false} {
		a := &Auditor{Limits: audit.DefaultLimits(), Options: probe.Options{Peers: peers}, Remote: answering(func(nonce string) (*remote.Output, error) {
			return &remote.Output{Stdout: []byte(talkative(nonce))}, nil
		})}
		result := a.Host(t.Context(), Job{Name: "web1"}, free)
		saved, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range []string{"203.0.113.77", "2001:db8:77"} {
			if got := strings.Contains(string(saved), address); got != want {
				t.Errorf("peers %v: the result holds %s: %v, want %v", peers, address, got, want)
			}
		}
		if result.Facts.Top == nil || len(result.Facts.Top.LocalPorts) != 1 {
			t.Errorf("peers %v: top %+v, want the local ports", peers, result.Facts.Top)
		}
	}
}

func TestHideInFacts_hostsInALogKeepTheirNumber(t *testing.T) {
	t.Parallel()
	facts := &audit.Facts{Log: &audit.Log{OtherHosts: map[string]int64{"web1": 3, "203.0.113.7": 4, "2001:db8::7": 5}}}
	hideInFacts(facts, hideAll)
	if want := map[string]int64{"web1": 3, unnamed: 9}; !maps.Equal(facts.Log.OtherHosts, want) {
		t.Errorf("got %v, want %v", facts.Log.OtherHosts, want)
	}
	hideInFacts(&audit.Facts{}, hideAll) // nothing was read
}

func hideAll(s string) string { return text.HideAddresses(s, nil) }

// stuff puts an address into every text that v can hold, but for the keys of maps.
func stuff(v reflect.Value, address string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("a " + address)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		stuff(v.Elem(), address)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				stuff(v.Field(i), address)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		stuff(v.Index(0), address)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		key.SetString("key")
		stuff(value, address)
		v.SetMapIndex(key, value)
	}
}

func TestHideInFacts_everyTextIsLookedAt(t *testing.T) {
	t.Parallel()
	var facts audit.Facts
	stuff(reflect.ValueOf(&facts).Elem(), "203.0.113.77")
	before, err := json.Marshal(facts)
	if err != nil || strings.Count(string(before), "203.0.113.77") < 20 {
		t.Fatalf("%s, %v", before, err)
	}
	facts.Host.Kernel = "2.6.32.61" // not an address
	hideInFacts(&facts, hideAll)
	if facts.Host.Kernel != "2.6.32.61" || facts.Log.Sources[0].Path != "a 203.0.113.77" {
		t.Errorf("kernel %s, source %+v", facts.Host.Kernel, facts.Log.Sources[0])
	}
	for _, name := range identitiesIn(&facts) {
		*name = ""
	}
	facts.Config.ByReader = nil // paths and numbers
	after, err := json.Marshal(facts)
	if err != nil || strings.Contains(string(after), "203.0") {
		t.Errorf("%s, %v", after, err)
	}
}

// What hosts and what stands before them say, and what is left of it.
func TestHost_without_peers_quotes_name_no_address(t *testing.T) {
	t.Parallel()
	said := func(stage remote.Stage, message, hint string) func(string) (*remote.Output, error) {
		return func(string) (*remote.Output, error) {
			return nil, &remote.Error{Stage: stage, Message: message, Hint: hint}
		}
	}
	printed := func(stdout string) func(string) (*remote.Output, error) {
		return func(string) (*remote.Output, error) { return &remote.Output{Stdout: []byte(stdout)}, nil }
	}
	for name, test := range map[string]struct {
		reply         func(nonce string) (*remote.Output, error)
		message, hint string // each must be in it; empty: nothing to hold
	}{
		"last login": {printed("Last login: Mon Nov 23 10:00:00 2026 from 10.0.0.5\nmenu: 1) reboot\n"), "2026 from [address] menu", ""},
		"name":       {printed("Last login: Mon Nov 23 10:00:00 2026 from laptop.example.net\n"), "2026 from [address]”", ""},
		"own":        {printed("Welcome to 192.0.2.7 by gate 192.0.2.1, as from 10.0.0.5\n"), "Welcome to 192.0.2.7 by gate 192.0.2.1, as from [address]”", ""},
		"cut":        {printed(strings.Repeat("y", maxSaid-6) + " 10.0.0.55 and more"), "y [address]…", ""},
		"folded":     {printed("x" + strings.Repeat(" ", 4*maxSaid-7) + "10.0.0.55\n"), "“x [address]…”", ""},
		"login":      {said(remote.StageAuth, "connection lost during the login: for root from 10.0.0.5 port 4022", ""), "for root from [address] port 4022", ""},
		"proxy":      {said(remote.StageConnect, "its ProxyCommand ended", "it said: 192.0.2.7 by 2001:db8::5 refused"), "", "it said: 192.0.2.7 by [address] refused"},
		"jump":       {said(remote.StageJump, "host key unknown: ssh-ed25519", "ssh-keyscan -p 22 192.0.2.1 >> hosts"), "", "22 192.0.2.1 >>"},
		"host key":   {said(remote.StageHostKey, "host key unknown: ssh-ed25519", "ssh-keyscan -p 22 10.0.0.5 >> hosts"), "", "22 10.0.0.5 >>"},
		"config":     {said(remote.StageConfig, "its ssh settings cannot be read", "hosts:3: HostName 10.0.0.5."), "", "HostName 10.0.0.5."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &Auditor{Remote: answering(test.reply), Way: func(_ context.Context, target remote.Target) []string {
				return []string{target.Alias, "192.0.2.7", "admin@192.0.2.1:2222"}
			}}
			got := a.Host(t.Context(), Job{Name: "web1", Target: remote.Target{Alias: "web1"}}, free).Failure
			if got == nil || !strings.Contains(got.Message, test.message) || !strings.Contains(got.Hint, test.hint) {
				t.Errorf("got %+v, want %q and %q", got, test.message, test.hint)
			}
			a.Options.Peers = true
			if again := a.Host(t.Context(), Job{Name: "web1"}, free).Failure; strings.Contains(again.Message+again.Hint, text.HiddenAddress) {
				t.Errorf("with peers: %+v", again)
			}
		})
	}
}

// A host whose name in the inventory is its address keeps it without anybody who
// knows the settings; so does a gap that quotes.
func TestHost_without_peers_a_gap_names_no_address(t *testing.T) {
	t.Parallel()
	a := &Auditor{Limits: audit.DefaultLimits(), Remote: answering(func(nonce string) (*remote.Output, error) {
		stdout := strings.Replace(minimal(nonce), "hostname web1\n", "hostname web1\nsudo denied\n", 1)
		return &remote.Output{Stdout: []byte(stdout), Sudo: "sudo did not run the script: it said 192.0.2.7 is not 10.0.0.5"}, nil
	})}
	got := a.Host(t.Context(), Job{Name: "root@192.0.2.7:2222"}, free)
	if at := slices.IndexFunc(got.Gaps, func(g audit.Gap) bool { return g.Section == "sudo" }); at < 0 || !strings.Contains(got.Gaps[at].Reason, "192.0.2.7 is not [address]: the probe") {
		t.Errorf("gaps %+v, failure %+v", got.Gaps, got.Failure)
	}
}

// Wherever an address stands in what a host says, it is not in the result.
func FuzzHost_withoutPeers(f *testing.F) {
	f.Add("Last login: Mon from ", " on pts/0", 0)
	f.Add(strings.Repeat("é", 80), "", 127)
	f.Add(strings.Repeat(" x", 318)+"\n", "sudo: a password is required", -1)
	f.Fuzz(func(t *testing.T, before, after string, status int) {
		if strings.Contains(before+after, "203") {
			return
		}
		words := before + " 203.0.113.77 " + after
		a := &Auditor{Remote: answering(func(string) (*remote.Output, error) {
			return &remote.Output{Stdout: []byte(words), Stderr: []byte(words), ExitStatus: status}, nil
		})}
		got := a.Host(t.Context(), Job{Name: "web1"}, free)
		if got.Failure == nil || strings.Contains(got.Failure.Message+got.Failure.Hint, "203.") || !utf8.ValidString(got.Failure.Message) {
			t.Errorf("%+v", got.Failure)
		}
	})
}
