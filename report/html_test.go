package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"twaudit/internal/audit"
)

// island is the content of the nodes of a page that hold packed data.
func island(t *testing.T, page []byte, mark string) []string {
	t.Helper()
	var texts []string
	for _, found := range regexp.MustCompile(`<script type="application/gzip" `+mark+`>([^<]*)</script>`).FindAllSubmatch(page, -1) {
		raw, err := base64.RawURLEncoding.DecodeString(string(found[1]))
		if err != nil {
			t.Fatalf("%s: %v", mark, err)
		}
		unzipped, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%s: %v", mark, err)
		}
		text, err := io.ReadAll(unzipped)
		if err != nil {
			t.Fatalf("%s: %v", mark, err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// withoutHints is what a page may hold of a run.
func withoutHints(run *audit.Run) *audit.Run {
	plain := tidy(*run)
	for i := range plain.Hosts {
		if f := plain.Hosts[i].Failure; f != nil {
			f.Hint = ""
		}
	}
	return &plain
}

func TestHTML_holdsTheWholeRunWithoutHints(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]*audit.Run{"sample": sampleRun(), "empty": {Schema: audit.Schema}, "fleet": fleet(130, 1), "untidy": untidyRun()} {
		page := render(t, run, "html", Options{})
		plain := withoutHints(run)
		if diff := cmp.Diff(string(render(t, plain, "jsonl", Options{})), strings.Join(island(t, page, `class="data-part"`), "")); diff != "" {
			t.Errorf("%s: hosts (-JSON lines +page):\n%s", name, diff)
		}
		if diff := cmp.Diff([]string{string(render(t, run, "csv", Options{}))}, island(t, page, `id="data-csv"`)); diff != "" {
			t.Errorf("%s: CSV (-format +page):\n%s", name, diff)
		}
		var index struct{ Name, Word []string }
		if err := json.Unmarshal([]byte(island(t, page, `id="data-index"`)[0]), &index); err != nil || len(index.Name) != len(run.Hosts) || len(index.Word) != len(run.Hosts) {
			t.Errorf("%s: the index has %d names for %d hosts (%v)", name, len(index.Name), len(run.Hosts), err)
		}
		if bytes.Contains(page, []byte("known_hosts")) {
			t.Errorf("%s: the page holds a hint", name)
		}
	}
}

// untidyRun has what JSON has no form for, and lists that are nil.
func untidyRun() *audit.Run {
	run := sampleRun()
	late := time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
	run.Hosts[0].Facts.Host.Clock = &late
	run.Hosts[1].Facts.TimeWait.Ratio = f(nan())
	run.Hosts[2].Groups, run.Hosts[2].Labels = nil, nil
	run.Hosts[3].Findings = []audit.Finding{{Rule: "bare"}}
	return run
}

func nan() float64 { zero := 0.0; return zero / zero }

// A page is passed on by mail and opened anywhere: it must not reach out, and must
// run nothing but its own script.
func TestHTML_isSelfContainedAndGuarded(t *testing.T) {
	t.Parallel()
	page := string(render(t, sampleRun(), "html", Options{}))
	for _, bad := range []string{"http://", "https://", " style=", "@import", "url(", "javascript:", "ZgotmplZ", "innerHTML", "eval("} {
		text := strings.ReplaceAll(page, "http://www.w3.org/2000/svg", "")
		if i := strings.Index(text, bad); i >= 0 {
			t.Errorf("the page holds %q: …%s…", bad, text[max(0, i-60):min(len(text), i+60)])
		}
	}
	found := regexp.MustCompile(`(?s)<style>(.*)</style>.*<script>(.*)</script>`).FindStringSubmatch(page)
	if found == nil {
		t.Fatal("no style or script")
	}
	for _, part := range found[1:] {
		sum := sha256.Sum256([]byte(part))
		if hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(page, hash) {
			t.Errorf("the policy lacks %s", hash)
		}
	}
	if policy := regexp.MustCompile(`content="(default-src[^"]*)"`).FindStringSubmatch(page); policy == nil || !strings.HasPrefix(policy[1], "default-src 'none'; script-src 'sha256-") {
		t.Errorf("the policy is %q", policy)
	}
	if strings.Count(page, "<script>") != 1 || strings.Count(page, "</script>") != strings.Count(page, "<script") {
		t.Error("there is a script that the page does not know")
	}
}

// What a host says appears escaped, and only so.
func TestHTML_escapes(t *testing.T) {
	t.Parallel()
	run := sampleRun()
	const evil = `</script><script>alert(1)</script><img src=x onerror="alert(2)">'"`
	h := &run.Hosts[0]
	h.Name, h.Groups, h.Labels = evil, []string{evil}, map[string]string{evil: evil}
	h.Verdict, h.Findings[0].Rule, h.Findings[0].Title, h.Findings[0].Advice = evil, evil, evil, []string{evil}
	h.Facts.Config.Source, run.Meta.ID, run.Notes, run.Tool.Version = evil, evil, []string{evil}, evil
	page := string(render(t, run, "html", Options{}))
	for _, bad := range []string{"<script>alert", "<img", `alert(2)">`, "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Error("the text itself is missing")
	}
}

// The page without its script, style and data: what a reader without a script has.
func TestHTML_golden(t *testing.T) {
	page := render(t, savedRun(t), "html", Options{})
	for pattern, replacement := range map[string]string{
		`(?s)<style>.*</style>`: "<style>…</style>", `(?s)<script>.*</script>`: "<script>…</script>",
		`(<script type=[^>]*>)[^<]*`: "$1…", `content="default-src[^"]*"`: `content="…"`,
	} {
		page = regexp.MustCompile(pattern).ReplaceAll(page, []byte(replacement))
	}
	golden(t, "page.html", page)
}

func TestHTML_says(t *testing.T) {
	t.Parallel()
	failed := &audit.Run{Schema: audit.Schema, Hosts: failedHosts(), Meta: audit.Meta{Partial: true}}
	fine := &audit.Run{Schema: audit.Schema, Hosts: []audit.HostResult{healthyHost("a", 10), healthyHost("b", 10)}}
	later := &audit.Run{Schema: audit.Schema, Hosts: []audit.HostResult{judged("a", "of a later version", audit.Finding{})}}
	for _, c := range []struct {
		run  *audit.Run
		want []string
		not  string
	}{
		{&audit.Run{Schema: audit.Schema}, []string{"no host was audited", "There are no hosts in this run."}, "Partial run"},
		{failed, []string{"none of 11 hosts could be audited", "Partial run.", "2 hosts were never asked", "no answer within 10s"}, "no overflow"},
		{fine, []string{"no overflow was found on 2 hosts"}, "could not be judged"},
		{later, []string{"no overflow was found on 0 of 1 host; the rest could not be judged", `k-unknown">`}, "Partial run"},
		{sampleRun(), []string{"1 of 33 hosts is destroying sockets now; 12 could not be judged", "the run was interrupted", "2 of 20 hosts have a limit far below"}, ""},
	} {
		page := string(render(t, c.run, "html", Options{}))
		page = page[strings.Index(page, "<body>"):strings.Index(page, `<script type="application/gzip"`)]
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		if c.not != "" && strings.Contains(page, c.not) {
			t.Errorf("the page holds %q beside %q", c.not, c.want[0])
		}
	}
}

// Ten thousand hosts must stay a file that a mail can carry, 15 MB: a tenth of them
// tells, since hosts are packed in parts of one size.
func TestHTML_staysSmall(t *testing.T) {
	t.Parallel()
	small, large := htmlSize(t, 100), htmlSize(t, 1000)
	if perHost := (large - small) / 900; perHost > 1450 {
		t.Errorf("a host costs %d bytes, want 1450 at most", perHost)
	}
}

func htmlSize(t *testing.T, hosts int) int {
	t.Helper()
	return len(render(t, fleet(hosts, 7), "html", Options{}))
}

// A limit is not blamed for what happened in a namespace that has another one.
func TestHTMLLimits_ofTheLoginsOwnNamespace(t *testing.T) {
	t.Parallel()
	fine, inside, own := healthyHost("a", 10), healthyHost("b", 10), healthyHost("c", 10)
	inside.Verdict, own.Verdict = audit.VerdictOverflowing, audit.VerdictOverflowing
	inside.Facts.Namespaces = []audit.Namespace{{Name: "host", Verdict: audit.VerdictOK}, {Name: "web", Verdict: audit.VerdictOverflowing}}
	own.Facts.Namespaces = []audit.Namespace{{Name: "host", Verdict: audit.VerdictOverflowing}, {Name: "web", Verdict: audit.VerdictOverflowing}}
	unjudged := inside
	facts := *inside.Facts
	unjudged.Facts = &facts
	facts.Namespaces = []audit.Namespace{{Name: "host"}, {Name: "web", Verdict: audit.VerdictOverflowing}}
	for i, c := range []struct {
		hosts  []audit.HostResult
		kinds  map[string]string
		others []string
	}{
		{[]audit.HostResult{fine, inside}, map[string]string{"ok": "2"}, []string{"1 overflowing in another namespace"}},
		{[]audit.HostResult{fine, own}, map[string]string{"ok": "1", "overflowing": "1"}, nil},
		{[]audit.HostResult{unjudged, inside}, map[string]string{"ok": "1"}, []string{"2 overflowing in another namespace"}},
	} {
		rows := htmlLimits(c.hosts)
		if len(rows) != 1 || rows[0].Count != 2 || !slices.Equal(rows[0].Others, c.others) {
			t.Fatalf("%d: %+v", i, rows)
		}
		got := map[string]string{}
		for _, k := range rows[0].Kinds {
			got[k.Kind] = k.Count
		}
		if !maps.Equal(got, c.kinds) {
			t.Errorf("%d: %v, want %v", i, got, c.kinds)
		}
	}
	run := &audit.Run{Schema: audit.Schema, Hosts: []audit.HostResult{inside}, Summary: audit.Summarize([]audit.HostResult{inside})}
	if page := string(render(t, run, "html", Options{})); !strings.Contains(page, "<li>1 overflowing in another namespace</li>") {
		t.Error("the page does not say it")
	}
}
