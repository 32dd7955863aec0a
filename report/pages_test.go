package report

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
)

// pages is where the browser's test, which is a module of its own, wants its pages.
var pages = flag.String("pages", "", "write the pages of the browser's test to this `folder`, with one of 10,000 hosts")

// TestPages writes each page with the CSV and JSON that its buttons have to give,
// and reads the files back.
func TestPages(t *testing.T) {
	t.Parallel()
	folder, long := cmp.Or(*pages, t.TempDir()), 1<<12
	if *pages != "" {
		long = 1 << 20
	}
	runs := map[string]*audit.Run{
		"sample": sampleRun(), "empty": {Schema: audit.Schema, Meta: audit.Meta{ID: "empty", FinishedAt: sampleEnd, Limits: audit.DefaultLimits()}},
		"failed": allFailed(), "site": site(), "hostile": hostilePage(t, long), "history": withHistory(),
	}
	if *pages != "" {
		runs["large"] = fleet(10_000, 7)
	}
	for name, run := range runs {
		for _, format := range []string{"html", "csv"} {
			writePage(t, folder, name+"."+format, render(t, run, format, Options{}))
		}
		writePage(t, folder, name+".json", render(t, withoutHints(run), "json", Options{}))
		checkPage(t, folder, name)
	}
}

func writePage(t *testing.T, folder, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkPage fails when a page holds another run than the files beside it, or markup
// that is not its own.
func checkPage(t *testing.T, folder, name string) {
	t.Helper()
	content := map[string][]byte{}
	for _, format := range []string{"html", "csv", "json"} {
		var err error
		if content[format], err = os.ReadFile(filepath.Join(folder, name+"."+format)); err != nil {
			t.Fatal(err)
		}
	}
	page := content["html"]
	if got := island(t, page, `id="data-csv"`); len(got) != 1 || got[0] != string(content["csv"]) {
		t.Errorf("%s: the page has %d CSV files, or another than the one beside it", name, len(got))
	}
	run, err := Read(bytes.NewReader(content["json"]))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	hosts := strings.Count(strings.Join(island(t, page, `class="data-part"`), ""), "\n")
	if hosts != len(run.Hosts) || name != "empty" && hosts == 0 {
		t.Errorf("%s: %d hosts in the page, %d in JSON", name, hosts, len(run.Hosts))
	}
	if scripts, all := bytes.Count(page, []byte("<script>")), bytes.Count(page, []byte("<script")); scripts != 1 || bytes.Count(page, []byte("</script>")) != all {
		t.Errorf("%s: %d scripts of %d elements", name, scripts, all)
	}
}

// site is a fleet of a size that a picture can show, with a finding about all of it.
func site() *audit.Run {
	run := fleet(640, 11)
	run.Findings = sampleRun().Findings
	return run
}

func allFailed() *audit.Run {
	run := &audit.Run{Schema: audit.Schema, Hosts: failedHosts(), Meta: audit.Meta{ID: "f", FinishedAt: sampleEnd, Partial: true, Limits: audit.DefaultLimits()}}
	audit.SortHosts(run.Hosts)
	run.Summary = audit.Summarize(run.Hosts)
	return run
}

// withHistory has hosts that earlier runs know.
func withHistory() *audit.Run {
	run := sampleRun()
	for i := range run.Hosts {
		if run.Hosts[i].Status == audit.StatusAudited {
			run.Hosts[i].History = &audit.History{
				FirstSeen: before(40 * 24 * time.Hour), LastSeen: before(24 * time.Hour), LastVerdict: audit.VerdictOK, Notes: []string{"the counter has not moved since yesterday"},
				Since:  &audit.Since{At: *before(24 * time.Hour), Seconds: 86400, OverflowDelta: 12},
				Peak:   &audit.Peak{At: *before(9 * 24 * time.Hour), Buckets: 9120, Limit: n(10000), Ratio: f(0.912)},
				Limits: []audit.LimitChange{{From: 5000, To: 10000, Between: *before(21 * 24 * time.Hour), And: *before(20 * 24 * time.Hour)}},
			}
		}
	}
	return run
}

// hostilePage has everything at once that a stranger may put into a string, also
// what the border would have replaced, and texts of long bytes.
func hostilePage(t *testing.T, long int) *audit.Run {
	t.Helper()
	const injected = `</script><script>window.injected=1;alert(1)</script><img src=x onerror="window.injected=1"><svg onload=alert(1)>'"` + "`${alert(1)}`{{.}}]]>--><!--"
	run := hostileRun(t, sampleRun(), injected)
	evils := append(hostileTexts(), injected, "--option", "-oProxyCommand=alert", "a'b\"c $(id) `id`", strings.Repeat("x", long), strings.Repeat("</script>", long/8))
	for i, evil := range evils {
		h := &run.Hosts[i%len(run.Hosts)]
		h.Name = evil
		if h.Facts == nil {
			continue
		}
		raw := tidyText(*h, func(s string) string { return s })
		h.Groups, h.Labels = []string{evil}, map[string]string{evil: evil}
		h.Facts.Host.Hostname, h.Facts.Host.OS = evil, evil
		h.Facts.Config = &audit.Config{Value: n(1), Source: evil + ":7", ChangedAt: before(time.Hour), Files: []audit.ConfigFile{{Path: evil, MTime: before(time.Hour), Entries: []audit.ConfigEntry{{Key: limitKey, Value: evil}}}}}
		h.Findings = append(raw.Findings, audit.Finding{Rule: evil, Severity: audit.SeverityWarning, Title: evil, Evidence: []audit.Evidence{{Text: evil, Source: evil}},
			Advice: []string{evil, "Raise net.ipv4.tcp_max_tw_buckets to 61,656 (at most 15.1 MiB) in " + evil}})
		h.Gaps = []audit.Gap{{Section: evil, Reason: evil, Remedy: evil}}
	}
	run.Meta.ID, run.Notes = injected, []string{injected}
	audit.SortHosts(run.Hosts)
	return run
}

func TestPages_areTheSameTwice(t *testing.T) {
	t.Parallel()
	for i, run := range []*audit.Run{sampleRun(), fleet(70, 3)} {
		if !bytes.Equal(render(t, run, "html", Options{}), render(t, run, "html", Options{})) {
			t.Error(fmt.Sprint("run ", i, " is not the same page twice"))
		}
	}
}
