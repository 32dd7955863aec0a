package diagnose

import "testing"

func TestParseKernel(t *testing.T) {
	t.Parallel()
	for release, want := range map[string]kernel{
		"2.6.32-431.el6.x86_64":            {2, 6, 32, true},
		"2.6.18-371.el5xen":                {2, 6, 18, true},
		"2.6.32.36-houyi":                  {2, 6, 32, true},
		"2.6.32-042stab120.18":             {2, 6, 32, true},
		"4.18.0-477.el8.x86_64":            {4, 18, 0, true},
		"5.10.0-23-amd64":                  {5, 10, 0, true},
		"4.19.91-27.al7.x86_64":            {4, 19, 91, true},
		"6.18.44":                          {6, 18, 44, true},
		"6.1-rc3":                          {6, 1, 0, true},
		"5.15.0+":                          {5, 15, 0, true},
		"2.6.40.4-5.fc15":                  {},
		"unknown":                          {},
		"":                                 {},
		"6":                                {},
		"6.":                               {},
		"v6.1":                             {},
		"999999.1.1":                       {},
		"99999999999999999999999999.1.1":   {},
		"6.1.99999999999999999999999999.1": {6, 1, 0, true},
	} {
		if got := parseKernel(release); got != want {
			t.Errorf("%q: %v, want %v", release, got, want)
		}
	}
}

func TestKernel_boundaries(t *testing.T) {
	t.Parallel()
	minus := new(int64(-1))
	for release, want := range map[string]struct {
		mayLog, global bool
		minus          limitKind
	}{
		"2.6.37": {true, true, limitNothing},
		"2.6.38": {false, true, limitNothing},
		"4.10.9": {false, true, limitNothing},
		"4.11.0": {false, false, limitNothing},
		"5.16.9": {false, false, limitNothing},
		"5.17.0": {false, false, limitUnclear},
		"5.18.0": {false, false, limitNone},
		"what":   {false, false, limitUnclear},
	} {
		k := parseKernel(release)
		if k.mayLog() != want.mayLog || k.globalTable() != want.global || k.limitMeans(minus) != want.minus {
			t.Errorf("%s: %v %v %v", release, k.mayLog(), k.globalTable(), k.limitMeans(minus))
		}
	}
}

func FuzzParseKernel(f *testing.F) {
	for _, s := range []string{"2.6.32-431.el6", "6.1-rc3", "unknown", "", "1.99999.99999", "-1.-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, release string) {
		k := parseKernel(release)
		if k.major < 0 || k.minor < 0 || k.patch < 0 || max(k.major, k.minor, k.patch) > 99999 || !k.known && k != (kernel{}) {
			t.Errorf("%q: %v", release, k)
		}
		if k.before(2, 6, 38) && k.atLeast(2, 6, 38) {
			t.Errorf("%q is both before and not", release)
		}
	})
}
