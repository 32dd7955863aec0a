package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"twaudit/internal/audit"
)

// fixedKey makes pseudonyms that golden files can hold.
func fixedKey() []byte { return bytes.Repeat([]byte("k"), RedactKeyBytes) }

func TestRedact_golden(t *testing.T) {
	t.Parallel()
	run := NewRedactor(fixedKey()).Run(savedRun(t))
	golden(t, "redacted.txt", render(t, run, "table", Options{}))
	golden(t, "redacted.csv", render(t, run, "csv", Options{}))
}

// markedTexts are shapes in which a name may stand; %d is a number that tells
// the strings of a run apart.
func markedTexts() []string {
	return []string{"zebra%d", "zebra%d.example.net", "zebra %d zebra", "/home/zebra%d/x", "~zebra%d/.ssh/zebra", "/etc/sysctl.d/90-zebra%d.conf:4", "zebra%d@zebra:22",
		"203.0.113.77:%d", "2001:db8:77::%x", "[2001:db8:77::%x]:22", "203.0.113.77/32 %d", `"zebra%d"`, "ZEBRA_%d", "zebra-%d-zebra", "zebra%dzebra", "a zebra%d; zebra", "SHA256:zebra%dzebrazebrazebra/+x",
		"0z%d:zebra:1:2:3", "2026-11-03-zebra%d", "00:16:3e:77:77:%02x", "züebra%d.zebra", "https://zebra.example/%d", "kernel.zebra%d", "2.6.32-zebra%d.el6"}
}

// leak is a mark that text holds, with what stands around it; empty for none.
func leak(text string) string {
	lower := strings.ToLower(text)
	for _, mark := range []string{"zebra", "203.0.113", "2001:db8", "db8:77", "00:16:3e", "3e:77"} {
		if at := strings.Index(lower, mark); at >= 0 {
			return lower[max(0, at-60):min(len(lower), at+30)]
		}
	}
	return ""
}

// TestRedact_nothingLeaks marks every string of a run that is no word of the
// vocabulary, in every shape, and looks for the marks in every format.
func TestRedact_nothingLeaks(t *testing.T) {
	t.Parallel()
	sample := fewHosts()
	sample.Hosts = append(sample.Hosts, fleet(6, 3).Hosts...)
	for i := range sample.Hosts {
		if f := sample.Hosts[i].Facts; f != nil {
			f.Host.MachineID, f.Host.OS, f.Host.Virtualization = "m", "os", "v"
			f.Top = &audit.Top{Peers: []audit.PeerCount{{Address: "p", Count: 3}}, Destinations: []audit.PeerCount{{Address: "d", Port: 443, Count: 2}}}
			f.OpenVZ = &audit.OpenVZ{Beancounters: []audit.Beancounter{{UID: "u", Resource: "r", FailCnt: 1}}}
			f.Log = &audit.Log{OverflowLines: n(1), OtherHosts: map[string]int64{"o": 1}, Containers: map[string]int64{"c": 2}, Sources: []audit.LogSource{{Path: "p", Error: "e"}}}
			sample.Hosts[i].History = &audit.History{Notes: []string{"n"}}
		}
	}
	for shape, mark := range markedTexts() {
		count := 0
		marked := tidyText(*sample, func(s string) string {
			if count++; isVocabulary(s) {
				return s
			}
			// Elements of other shapes among them: one name must not hide another.
			if count%7 == 0 {
				mark = markedTexts()[(shape+count)%len(markedTexts())]
			}
			return fmt.Sprintf(mark, count%200)
		})
		marked.Tool = sample.Tool
		redactor := NewRedactor(fixedKey())
		run := redactor.Run(&marked)
		checkLeaks(t, mark, run)
		var live bytes.Buffer
		for i := range marked.Hosts {
			h := redactor.Host(&marked.Hosts[i])
			if err := Line(&live, &h); err != nil {
				t.Fatal(err)
			}
		}
		if found := leak(live.String()); found != "" {
			t.Errorf("%s: the live stream holds %q", mark, found)
		}
	}
}

func isVocabulary(s string) bool {
	return slices.Contains(verdictWords(), s) || slices.Contains([]string{"audited", "failed", "skipped", "full", "partial", "critical", "warning", "info", "connect", "auth"}, s)
}

// checkLeaks looks into every format, and into what the page has packed.
func checkLeaks(t *testing.T, what string, run *audit.Run) {
	t.Helper()
	for _, format := range Formats() {
		for _, o := range []Options{{}, {Width: 80, All: true, Wide: true}} {
			if format != "table" && o.Width > 0 {
				continue
			}
			out := render(t, run, format, o)
			if format == "html" {
				out = append(out, strings.Join(island(t, out, `[^>]*`), "\n")...)
			}
			if found := leak(string(out)); found != "" {
				t.Errorf("%s: %s holds %q", what, format, found)
			}
		}
	}
}

func TestRedact_keepsWhatIsJudged(t *testing.T) {
	t.Parallel()
	plain, run := sampleRun(), NewRedactor(fixedKey()).Run(sampleRun())
	if diff := cmp.Diff(plain.Summary, run.Summary); diff != "" {
		t.Errorf("summary (-plain +redacted):\n%s", diff)
	}
	if !run.Meta.Redacted || !run.Meta.FinishedAt.Equal(plain.Meta.FinishedAt) || run.Meta.ID != plain.Meta.ID {
		t.Errorf("meta %+v", run.Meta)
	}
	for i := range run.Hosts {
		h := &run.Hosts[i]
		if h.Failure != nil && h.Failure.Hint != "" {
			t.Errorf("%s has a hint: %s", h.Name, h.Failure.Hint)
		}
		if i > 0 && audit.CompareHosts(&run.Hosts[i-1], h) > 0 {
			t.Errorf("%s is not in the order of its new name", h.Name)
		}
	}
	web := run.Hosts[0]
	if web.Facts.Host.Kernel != "6.1.0-28-amd64" || web.Facts.Host.OS != "Debian GNU/Linux 12 (bookworm)" || web.Facts.TCPStates["TIME_WAIT"] != 3000 ||
		!slices.Equal(web.Flags, plain.Hosts[0].Flags) || web.Findings[0].Title != plain.Hosts[0].Findings[0].Title {
		t.Errorf("more is hidden than has to be: %+v, flags %v, title %q", web.Facts.Host, web.Flags, web.Findings[0].Title)
	}
	if diff := cmp.Diff(sampleRun(), plain); diff != "" {
		t.Errorf("the run itself was changed:\n%s", diff)
	}
}

func TestRedact_sameNamesSamePseudonyms(t *testing.T) {
	t.Parallel()
	one, again, other := NewRedactor(fixedKey()).Run(sampleRun()), NewRedactor(fixedKey()).Run(sampleRun()), NewRedactor([]byte("another")).Run(sampleRun())
	if diff := cmp.Diff(one, again); diff != "" {
		t.Errorf("two runs under one key:\n%s", diff)
	}
	if one.Hosts[0].Name == other.Hosts[0].Name {
		t.Error("another key gives the same pseudonyms")
	}
	r := NewRedactor(fixedKey())
	if r.pseudonym(kindHost, "WEB1") != r.pseudonym(kindHost, "web1") || r.pseudonym(kindHost, "web1") == r.pseudonym(kindGroup, "web1") {
		t.Error("pseudonyms depend on case, or not on what is named")
	}
	// As text knows a host, so does the stream.
	run := sampleRun()
	if got := r.Host(&run.Hosts[0]).Name; got != one.Hosts[0].Name {
		t.Errorf("the stream calls a host %s, the run %s", got, one.Hosts[0].Name)
	}
}

// An inode tells which machine a report is of, and has to stay one name in all places.
func TestRedact_namespaceIDs(t *testing.T) {
	t.Parallel()
	h := audit.HostResult{Name: "web1",
		Facts:    &audit.Facts{Namespaces: []audit.Namespace{{ID: "4026532611"}, {ID: "p4026532611"}}},
		Findings: []audit.Finding{{Title: "namespace web (net:[4026532611]): 7 sockets", Evidence: []audit.Evidence{{Source: "/proc/77/net/netstat in net:[p4026532611]"}}}}}
	r := NewRedactor(fixedKey())
	got := r.Host(&h)
	id := got.Facts.Namespaces[0].ID
	if len(id) != 10 || id == "4026532611" || !isNumber(id) || got.Facts.Namespaces[1].ID != "p"+id {
		t.Errorf("ids %v", got.Facts.Namespaces)
	}
	if title := got.Findings[0].Title; !strings.Contains(title, "(net:["+id+"]): 7 sockets") {
		t.Errorf("title %q", title)
	}
	if source := got.Findings[0].Evidence[0].Source; !strings.HasSuffix(source, "in net:[p"+id+"]") {
		t.Errorf("source %q", source)
	}
	if again := r.Host(&got); again.Facts.Namespaces[0].ID != id || again.Findings[0].Title != got.Findings[0].Title {
		t.Errorf("redacted again: %+v", again)
	}
}

func TestRedact_text(t *testing.T) {
	t.Parallel()
	r := NewRedactor(fixedKey())
	r.Know("web1", "db1.example.net", "10.0.0.9", "log", "my printer", "2001:db8::5")
	host := func(name string) string { return r.pseudonym(kindHost, name) }
	addr := func(a string) string { return r.pseudonym(kindAddress, a) }
	path := func(p string) string { return r.pseudonym(kindPath, p) }
	for s, want := range map[string]string{
		"": "",
		"1,234 sockets were destroyed since boot 41 days ago (725 a day)":  "1,234 sockets were destroyed since boot 41 days ago (725 a day)",
		"web1 and Web1: one machine":                                       host("web1") + " and " + host("web1") + ": one machine",
		"db1 is not db1.example.net.":                                      host("db1") + " is not " + host("db1.example.net") + ".",
		"web12 is unknown":                                                 hidden + " is unknown",
		"the kernel log of my printer":                                     "the kernel " + host("log") + " of " + host("my printer"),
		"connect to 10.0.0.9:22 or 10.0.0.10:22":                           "connect to " + host("10.0.0.9") + ":22 or " + addr("10.0.0.10") + ":22",
		"toward 10.0.0.10:22: all":                                         "toward " + addr("10.0.0.10") + ":22: all",
		"from 192.0.2.0/24 to [2001:db8::7]:443":                           "from " + addr("192.0.2.0") + "/24 to [" + addr("2001:db8::7") + "]:443",
		"2001:db8::5 is a host, ::1 and 127.0.0.1 are local":               host("2001:db8::5") + " is a host, ::1 and 127.0.0.1 are local",
		"from ::0. to 2001:db8::.":                                         "from ::. to " + addr("2001:db8::") + ".",
		"changed at 2026-11-03T02:23:00+08:00, at 02:23:59":                "changed at 2026-11-03T02:23:00+08:00, at 02:23:59",
		"/etc/sysctl.d/90-acme.conf:4 sets it":                             "/etc/sysctl.d/90-" + path("90-acme.conf") + ".conf:4 sets it",
		"/etc/sysctl.d/60-tcp.conf over /etc/sysctl.d/99-sysctl.conf":      "/etc/sysctl.d/60-" + path("60-tcp.conf") + ".conf over /etc/sysctl.d/99-sysctl.conf",
		"/var/log/kern.log.2.gz, /var/log/messages-20260301":               "/var/log/kern.log.2.gz, /var/log/messages-20260301",
		"/home/alice/.ssh/id_rsa":                                          "/home/" + path("alice") + "/.ssh/id_rsa",
		"permission denied for alice (group acme)":                         "permission denied for " + hidden + " (group " + hidden + ")",
		"last words “Welcome to Acme Corp, call Bob”":                      "last words “" + hidden + " to " + hidden + "”",
		"it offers SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE now": "it offers " + r.pseudonym(kindKey, "SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE") + " now",
		"run 20261122T181500Z-4f1d: net.ipv4.tcp_max_tw_buckets=5000":      "run 20261122T181500Z-4f1d: net.ipv4.tcp_max_tw_buckets=5000",
		"mac 00:16:3e:00:00:01 is hidden":                                  "mac " + hidden + " is hidden",
	} {
		if got := r.text(s); got != want {
			t.Errorf("%q\n got %q\nwant %q", s, got, want)
		}
	}
}

// TestRedact_wordsOfTheVocabularyStay: names that are words of ours change the
// text, and nothing that programs read.
func TestRedact_wordsOfTheVocabularyStay(t *testing.T) {
	t.Parallel()
	run := sampleRun()
	run.Hosts[0].Name, run.Hosts[1].Name, run.Hosts[2].Name = "ok", "log", "time_wait"
	run.Hosts[3].Groups = []string{"all", "the"}
	run.Hosts[0].Gaps = []audit.Gap{{Section: "log", Reason: "the log of all hosts"}}
	redactor := NewRedactor(fixedKey())
	got := redactor.Run(run)
	i := slices.IndexFunc(got.Hosts, func(h audit.HostResult) bool { return h.Name == redactor.pseudonym(kindHost, "ok") })
	if i < 0 {
		t.Fatal("the host is not there")
	}
	h := got.Hosts[i]
	if h.Verdict != audit.VerdictOverflowing || h.Gaps[0].Section != "log" || h.Facts.TCPStates["TIME_WAIT"] == 0 {
		t.Errorf("verdict %s, gap %+v, states %v", h.Verdict, h.Gaps[0], h.Facts.TCPStates)
	}
	if want := "the " + redactor.pseudonym(kindHost, "log") + " of all hosts"; h.Gaps[0].Reason != want {
		t.Errorf("reason %q, want %q", h.Gaps[0].Reason, want)
	}
}

func TestRedact_kernels(t *testing.T) {
	t.Parallel()
	r := NewRedactor(fixedKey())
	for release, want := range map[string]string{
		"6.1.0-28-amd64":                  "6.1.0-28-amd64",
		"2.6.32-754.35.1.el6.x86_64":      "2.6.32-754.35.1.el6.x86_64",
		"5.4.0-1045-aws":                  "5.4.0-1045-aws",
		"3.10.0-acme7.el7.x86_64":         "3.10.0-x.el7.x86_64",
		"6.6.1-build-by-alice@acme+":      "6.6.1-x-by-x+",
		"2.6.32-042stab145.3":             "2.6.32-042stab145.3",
		"5.10.134-16.3.al8.x86_64":        "5.10.134-16.3.al8.x86_64",
		"4.19.91-26.al7.x86_64":           "4.19.91-26.al7.x86_64",
		"5.14.0-503.14.1.el9_5.x86_64":    "5.14.0-503.14.1.el9_5.x86_64",
		"203.0.113.7":                     hidden,
		"6.1.119-129.201.amzn2023.x86_64": "6.1.119-129.201.amzn2023.x86_64",
	} {
		if got := r.kernel(release); got != want {
			t.Errorf("%s becomes %s, want %s", release, got, want)
		}
	}
}

// FuzzRedactText: what is left must be what the redactor itself takes for
// harmless, so that redacting it again changes nothing.
func FuzzRedactText(fuzz *testing.F) {
	for _, mark := range append(markedTexts(), hostileTexts()...) {
		fuzz.Add(mark, "zebra")
	}
	fuzz.Add("the log of web1: 12 lines", "web1")
	fuzz.Add("::0.", "0")
	fuzz.Fuzz(func(t *testing.T, s, name string) {
		s, name = cleanSaved(s), cleanSaved(name)
		r := NewRedactor(fixedKey())
		host := audit.HostResult{Name: name, Gaps: []audit.Gap{{Reason: s}}}
		once := r.Host(&host).Gaps[0].Reason
		if !utf8.ValidString(once) || len(once) > 20*len(s)+20 {
			t.Errorf("%q becomes %q", s, once)
		}
		// Another redactor does not know the name, and must not need to.
		if twice := NewRedactor(fixedKey()).text(once); twice != once {
			t.Errorf("%q becomes %q, and then %q", s, once, twice)
		}
	})
}
