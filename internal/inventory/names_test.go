package inventory

import (
	"slices"
	"strings"
	"testing"

	"twaudit/internal/text"
)

func TestNames_standForManyHosts(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"web[01-03].example.net":          "web[01-03].example.net",
		"root@web[1-2]:2222":              "root@web[1-2]:2222",
		"web1,root@db[a-b]":               "root@db[a-b],web1",
		"10.0.0.0/28":                     "10.0.0.[1-14]",
		"10.0.0.0/30":                     "10.0.0.[1-2]",
		"10.0.0.0/31":                     "10.0.0.[0-1]",
		"10.0.0.7/32":                     "10.0.0.7",
		"ops@10.0.0.4/30":                 "ops@10.0.0.[5-6]",
		"10.0.0.254-10.0.1.1":             "10.0.0.[254-255],10.0.1.[0-1]",
		"255.255.255.254-255.255.255.255": "255.255.255.[254-255]",
		"2001:db8::/126":                  "2001:db8::1,2001:db8::2,2001:db8::3",
		"2001:db8::/127":                  "2001:db8::,2001:db8::1",
		"2001:db8::9-2001:db8::a":         "2001:db8::9,2001:db8::a",
		"web-01":                          "web-01",
		"10.0.0.1-backup":                 "10.0.0.1-backup",
	} {
		hosts, err := (&reader{}).names(word)
		var names []string
		for _, h := range hosts {
			names = append(names, h.name)
		}
		all, _ := text.Expand(want, 100)
		slices.Sort(all)
		if slices.Sort(names); err != nil || !slices.Equal(names, all) {
			t.Errorf("%s is %s, %v, want %s", word, text.Fold(names), err, want)
		}
	}
}

func TestLoad_addressesAreBoundedTogether(t *testing.T) {
	t.Parallel()
	request := Request{Names: []string{"10.0.0.0/21", "10.1.0.0/21", "10.2.0.0-10.2.0.9"}}
	if _, _, err := Load(t.Context(), request); err == nil || !strings.Contains(err.Error(), `"10.2.0.0-10.2.0.9": more than 4,096`) {
		t.Errorf("error %v", err)
	}
	request.ManyAddresses = true
	if hosts, _, err := Load(t.Context(), request); err != nil || len(hosts) != 2*2046+10 {
		t.Errorf("%d hosts, %v", len(hosts), err)
	}
	request.Names = []string{"10.0.0.0/8"}
	if _, _, err := Load(t.Context(), request); err == nil || !strings.Contains(err.Error(), "more than one run can hold") {
		t.Errorf("with all of them: %v", err)
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"web1": true, "2001:db8::1": true, "web1.example.net": true,
		"web1:22": false, "root@web1": false, "web[1-2]": false, "a,b": false, "web*": false, "10.0.0.0/32": false, "-x": false, "": false, "[::1]": false,
	} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
