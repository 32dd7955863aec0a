package browser

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const openDrawer = `document.getElementById("drawer").open`

// TestPage_isReadable looks at the page and a drawer at each size and in each light: no
// text without contrast, nothing wider than the window, and a picture for people.
func TestPage_isReadable(t *testing.T) {
	for _, d := range everyDevice {
		t.Run(d.name, func(t *testing.T) {
			p := open(t, d, "site", "").ready()
			p.fits()
			p.contrast()
			p.shot("overview-"+d.name, true)
			name := ask[string](p, `[...document.querySelectorAll("#table .name")].map((n) => n.textContent).find((n) => n.startsWith("legacy"))`)
			p.do(fmt.Sprintf(`location.hash = "#h=" + encodeURIComponent(%q)`, name))
			p.until(openDrawer + ` && document.getElementById("d-name").textContent === ` + fmt.Sprintf("%q", name))
			p.fits()
			p.contrast()
			p.do(`document.getElementById("drawer").scrollTop = 0`)
			p.shot("drawer-"+d.name, false)
		})
	}
}

// fits fails when the page has to be pushed sideways.
func (p *tab) fits() {
	p.t.Helper()
	if wide := ask[[]int](p, `[document.documentElement.scrollWidth, innerWidth]`); wide[0] > wide[1]+1 {
		p.t.Errorf("the page is %d wide in a window of %d: %s", wide[0], wide[1], ask[string](p,
			`[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.tagName + "." + e.className).slice(0, 12).join(" ")`))
	}
}

// contrast fails for text that is hard to read by WCAG AA: below 4.5, or 3 where it is large.
func (p *tab) contrast() {
	p.t.Helper()
	for _, bad := range ask[[]string](p, measureContrast) {
		p.t.Errorf("contrast: %s", bad)
	}
}

// TestPage_unusualRuns shows what is not the usual case: nothing, nothing but failures.
func TestPage_unusualRuns(t *testing.T) {
	for name, want := range map[string]string{
		"empty": "No host was audited: the run holds none", "failed": "None of 11 hosts could be audited",
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, desktop, name, "")
			if name != "empty" {
				p.ready()
				p.until(`document.querySelector(".banner").textContent.startsWith("Partial run.")`)
			}
			if got := ask[string](p, `document.querySelector("h1").innerText`); !strings.EqualFold(got, want) {
				t.Errorf("the headline is %q, want %q", got, want)
			}
			p.contrast()
			p.shot(name, true)
		})
	}
}

// TestPage_rowsAreThoseOfTheFile compares the rows that the script makes with the ones
// that readers without a script have.
func TestPage_rowsAreThoseOfTheFile(t *testing.T) {
	for _, name := range []string{"sample", "site"} {
		const rows = `[...document.querySelectorAll("#table tbody tr")].map((r) => [...r.cells].map((c) => c.textContent + "|" + c.className).join(" ; "))`
		got := ask[[]string](open(t, desktop, name, "").ready(), rows)
		plain := open(t, scriptless, name, "")
		plain.contrast()
		plain.shot(name+"-without-script", true)
		want := ask[[]string](plain, rows)
		if len(want) == 0 || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: %d rows by the script, %d in the file", name, len(got), len(want))
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("row %d:\nscript: %s\n  file: %s", i+1, got[i], want[i])
				}
			}
		}
	}
}

// TestPage_findsHosts filters, searches, sorts and turns pages, and finds the same in
// the fragment.
func TestPage_findsHosts(t *testing.T) {
	p := open(t, desktop, "sample", "").ready()
	names := func() string {
		return strings.Join(ask[[]string](p, `[...document.querySelectorAll("#table tbody .name")].map((n) => n.textContent)`), " ")
	}
	check := func(what, fragment, want string) {
		t.Helper()
		if got := names(); got != want {
			t.Errorf("%s shows %s, want %s", what, got, want)
		}
		if got := ask[string](p, `location.hash`); got != fragment {
			t.Errorf("%s has the fragment %q, want %q", what, got, fragment)
		}
	}
	p.click(`#chips [data-kind="overflowed"]`)
	check("the chip overflowed", "#v=overflowed", "k8s-node3 lb-eu-1.example.net old-db1")
	p.click(`#chips [data-kind="near-limit"]`)
	p.click(`#table th[data-sort="name"] button`)
	check("two chips by name", "#v=overflowed,near-limit&s=name", "cache2 k8s-node3 lb-eu-1.example.net old-db1")
	p.click(`#table th[data-sort="name"] button`)
	check("two chips by name, turned", "#v=overflowed,near-limit&s=-name", "old-db1 lb-eu-1.example.net k8s-node3 cache2")
	p.do(`document.getElementById("q").focus()`)
	p.press("DB1 centos")
	check("words", "#v=overflowed,near-limit&q=DB1+centos&s=-name", "old-db1")
	p.press(" nothing")
	if got := ask[string](p, `document.querySelector("#table tbody").innerText`); !strings.Contains(got, "No host matches") {
		t.Errorf("an empty table says %q", got)
	}
	p.click("#reset")
	p.click(`a[href="#f=host-key"]`)
	p.until(`document.querySelectorAll("#table tbody tr").length === 1`)
	check("a link to failures", "#f=host-key", "web09")
	p.do(`history.back()`)
	p.until(`document.querySelectorAll("#table tbody tr").length === 33`)
	large := open(t, desktop, "site", "#g=web&s=ratio&p=2").ready()
	if got := ask[string](large, `document.getElementById("pages").innerText`); !strings.Contains(got, "Page 2 of 3") {
		t.Errorf("a fragment with a page shows %q", got)
	}
	if got := ask[string](large, `document.getElementById("g").value + document.querySelector("th[aria-sort]").getAttribute("aria-sort")`); got != "webdescending" {
		t.Errorf("a fragment with group and order shows %q", got)
	}
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.must(chromedp.Do(p.ctx, chromedp.Click(chromedp.CSS(selector))))
}

// TestPage_byKeyboard opens, walks and closes a drawer without a mouse.
func TestPage_byKeyboard(t *testing.T) {
	p := open(t, desktop, "sample", "").ready()
	p.do(`document.querySelector("#table tbody button").focus()`)
	p.press(kb.Enter)
	p.until(openDrawer)
	if got := ask[string](p, `location.hash + " " + document.activeElement.id`); got != "#h=web07 d-name" {
		t.Errorf("an open drawer has %q, want its fragment and the focus on its name", got)
	}
	p.do(`document.querySelector("#drawer [aria-label='Next host']").focus()`)
	p.press(kb.Enter)
	p.until(`document.getElementById("d-name").textContent === "k8s-node3"`)
	for range 12 { // the focus stays inside
		p.press(kb.Tab)
	}
	if !ask[bool](p, `document.activeElement === document.body || document.getElementById("drawer").contains(document.activeElement)`) {
		t.Error("the focus left the open drawer")
	}
	p.press(kb.Escape)
	p.until(`!` + openDrawer)
	if got := ask[string](p, `location.hash + document.activeElement.textContent`); got != "web07" {
		t.Errorf("after Escape: %q, want no fragment and the focus where it was", got)
	}
	p.do(`document.getElementById("map").focus()`)
	p.press(kb.ArrowRight)
	p.press(kb.ArrowRight)
	name := ask[string](p, `document.getElementById(document.getElementById("map").getAttribute("aria-activedescendant")).textContent.split(",")[0]`)
	p.press(kb.Enter)
	p.until(openDrawer + ` && document.getElementById("d-name").textContent === ` + fmt.Sprintf("%q", name))
}

// TestPage_drawerHasEverything opens hosts by a link and looks for what they have.
func TestPage_drawerHasEverything(t *testing.T) {
	for host, want := range map[string][]string{
		"web07": {"412 sockets were destroyed within", "first audited", "TIME_WAIT buckets", "limit-lowered", "twaudit show web07 --scan", "/etc/sysctl.d/99-local.conf:1"},
		"old-web1": {"last overflow in the log, between 7,450 and 7,690 in all", "overflows per", "has, commented out, 5000 (line 40), sets 10000 (line 41)",
			"last audited before this run", "the counter has not moved since yesterday", "7,450 overflows",
			"fullest look: 9,120 of 10,000 buckets (91 %)", "limit seen changed from 5,000 to 10,000", "12 sockets destroyed in the 24h00m since the look before", ", ok"},
		"k8s-node3": {"Network namespaces: 2", "nginx-7f9c4", "2,011 / 2,048"},
		"docker1":   {"Not read", "3 containers belong to other users", "run with --sudo", "could not be read"},
		"web09":     {"Failed at host-key", "the host key changed", "ssh web09"},
		"zz1":       {"The run ended before this host was asked"},
	} {
		p := open(t, desktop, "history", "#h="+host)
		p.ready().until(openDrawer)
		text := ask[string](p, `document.getElementById("drawer").textContent`)
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s lacks %q: %s", host, words, text)
			}
		}
		if strings.Contains(text, "known_hosts") || strings.Contains(text, "undefined") || strings.Contains(text, "NaN") || strings.Contains(text, "null") {
			t.Errorf("%s shows what it should not: %s", host, text)
		}
	}
}

// TestPage_copies has a command that works in a shell, and says that it was copied.
func TestPage_copies(t *testing.T) {
	p := open(t, desktop, "site", "#v=overflowing").ready()
	p.click("#table tbody button")
	p.until(openDrawer)
	commands := ask[[]string](p, `[...document.querySelectorAll("#drawer .cmd code")].map((c) => c.textContent)`)
	if len(commands) < 3 || !strings.HasPrefix(commands[0], "sudo sysctl -w net.ipv4.tcp_max_tw_buckets=") {
		t.Fatalf("commands %q, want one that raises the limit", commands)
	}
	p.do(`navigator.clipboard.writeText = async (text) => { window.copied = text; }`)
	p.click("#drawer .cmd:nth-child(1) button")
	p.until(`document.querySelector("#drawer .cmd:nth-child(1) button").textContent === "Copied"`)
	if got := ask[string](p, `window.copied`); got != commands[0] {
		t.Errorf("copied %q, want %q", got, commands[0])
	}
}

// TestPage_downloads gets the CSV and JSON of the page, which are those of the program.
func TestPage_downloads(t *testing.T) {
	for _, name := range []string{"sample", "site", "hostile"} {
		p := open(t, desktop, name, "").ready()
		for button, suffix := range map[string]string{"#get-csv": ".csv", "#get-json": ".json"} {
			want, err := os.ReadFile(filepath.Join(shared.folder, name+suffix))
			p.must(err)
			if got := p.download(button); got != string(want) {
				at := 0
				for at < min(len(got), len(want)) && got[at] == want[at] {
					at++
				}
				t.Errorf("%s%s: %d bytes, want %d; they part at byte %d: %.80q", name, suffix, len(got), len(want), at, got[at:min(len(got), at+80)])
			}
		}
	}
}

// download clicks a button and reads the file that comes of it.
func (p *tab) download(button string) string {
	p.t.Helper()
	folder := p.t.TempDir()
	events := true
	_, err := chromedp.CallBrowser(p.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: folder, EventsEnabled: &events})
	p.must(err)
	done := make(chan string, 1)
	p.must(chromedp.ListenBrowser(p.ctx, func(event any) {
		if e, is := event.(*browser.EventDownloadProgress); is && e.State == browser.DownloadProgressStateCompleted {
			select {
			case done <- e.GUID:
			default:
			}
		}
	}))
	p.click(button)
	select {
	case id := <-done:
		content, err := os.ReadFile(filepath.Join(folder, id))
		p.must(err)
		return string(content)
	case <-time.After(time.Minute):
		p.t.Fatalf("%s: no download", button)
		return ""
	}
}

// TestPage_tellsAssistiveTechnology demands a role and a name of everything that takes
// the keyboard, with and without an open drawer.
func TestPage_tellsAssistiveTechnology(t *testing.T) {
	p := open(t, desktop, "site", "").ready()
	p.named(60)
	p.do(`location.hash = "#v=overflowing"`)
	p.until(`document.querySelectorAll("#table tbody tr").length === 2`)
	p.click("#table tbody button")
	p.until(openDrawer)
	p.named(6)
	phones := open(t, phone, "site", "").ready()
	phones.named(60)
	if got := ask[[]string](phones, `[...document.querySelectorAll("h1, h2")].map((h) => h.textContent)`); len(got) < 6 {
		t.Errorf("headings %q", got)
	}
}

// named looks at the accessibility tree; least is how many controls must be in it.
func (p *tab) named(least int) {
	p.t.Helper()
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	p.must(err)
	controls := 0
	for _, node := range tree.Nodes {
		if node.Ignored || !isFocusable(node) {
			continue
		}
		role, name := word(node.Role), word(node.Name)
		if role == "RootWebArea" || role == "scrollable" {
			continue
		}
		controls++
		if role == "" || role == "generic" || role == "none" || strings.TrimSpace(name) == "" {
			p.t.Errorf("a control has the role %q and the name %q (node %d)", role, name, node.BackendDOMNodeID)
		}
	}
	if controls < least {
		p.t.Errorf("the tree has %d controls, want %d at least", controls, least)
	}
}

func isFocusable(node *accessibility.Node) bool {
	for _, property := range node.Properties {
		if property.Name == accessibility.PropertyNameFocusable {
			return strings.Contains(string(property.Value.Value), "true")
		}
	}
	return false
}

func word(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var text string
	if err := json.Unmarshal([]byte(v.Value), &text); err != nil {
		return ""
	}
	return text
}

// TestPage_hostileTextStaysText opens a run in which every string is an attack.
func TestPage_hostileTextStaysText(t *testing.T) {
	p := open(t, desktop, "hostile", "").ready()
	p.fits()
	p.shot("hostile", true)
	hosts := ask[int](p, `document.querySelectorAll("#table tbody tr[data-row]").length`)
	for i := range hosts {
		p.do(fmt.Sprintf(`document.querySelectorAll("#table tbody tr[data-row] button")[%d].click()`, i))
		p.until(openDrawer)
		for _, command := range ask[[]string](p, `[...document.querySelectorAll("#drawer .cmd code")].map((c) => c.textContent)`) {
			if hasControl(command) || strings.Contains(command, " --option") || strings.Contains(command, " -oProxyCommand") {
				t.Errorf("row %d offers the command %q", i, command)
			}
		}
		p.do(`document.getElementById("drawer").close()`)
	}
	if ask[bool](p, `"injected" in window || document.querySelector("img, body svg[onload]") !== null`) {
		t.Error("an injected script or node is in the page")
	}
	// What got in nevertheless could do nothing: the policy refuses it.
	if !ask[bool](p, `(() => { try { document.body.insertAdjacentHTML("beforeend", "<b>x</b>"); return false; } catch { return true; } })()`) {
		t.Error("the page makes markup from text")
	}
	p.do(`window.refused = []`)
	quoted := open(t, desktop, "hostile", "#q=a%27b").ready()
	quoted.click("#table tbody button")
	quoted.until(openDrawer)
	if got := ask[[]string](quoted, `[...document.querySelectorAll("#drawer .cmd code")].map((c) => c.textContent)`); !slices.Contains(got, `twaudit show 'a'\''b"c $(id) `+"`id`"+`' --scan`) {
		t.Errorf("the commands of a host with quotes in its name are %q", got)
	}
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0xfffd || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r >= 0x200b && r <= 0x200f
	})
}

// TestPage_largeFleet measures ten thousand hosts. How long a thing takes here says
// little on a machine that does other work: -timings demands what a quiet one reaches.
func TestPage_largeFleet(t *testing.T) {
	if info, err := os.Stat(filepath.Join(shared.folder, "large.html")); err != nil || info.Size() > 15_000_000 {
		t.Errorf("the page of 10,000 hosts: %v, %v; want 15 MB at most", info, err)
	}
	p := open(t, desktop, "large", "").ready()
	slack := 5.0
	if *timings {
		slack = 1
	}
	limit := func(what string, took, most float64) {
		t.Logf("%s: %.0f ms", what, took)
		if took > most*slack {
			t.Errorf("%s took %.0f ms, want %.0f at most, times %.0f on a busy machine", what, took, most, slack)
		}
	}
	limit("first paint", ask[float64](p, `performance.getEntriesByName("first-contentful-paint")[0].startTime`), 2000)
	limit("table usable", ask[float64](p, `performance.getEntriesByName("usable")[0].startTime`), 2000)
	measure := func(statement string) float64 {
		return ask[float64](p, `new Promise((done) => { const began = performance.now(); `+statement+`;
			requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))); })`)
	}
	search := func(words string) string {
		return fmt.Sprintf(`const q = document.getElementById("q"); q.value = %q; q.dispatchEvent(new Event("input"))`, words)
	}
	limit("first search", measure(search("web")), 200)
	limit("search", measure(search("web12 fra")), 200)
	limit("search for nothing", measure(search("")), 200)
	limit("filter", measure(`document.querySelector("#chips [data-kind=overflowed]").click()`), 200)
	limit("filter off", measure(`document.querySelector("#chips [data-kind=overflowed]").click()`), 200)
	for _, column := range []string{"name", "ratio", "last"} {
		limit("sort by "+column, measure(`document.querySelector("th[data-sort=`+column+`] button").click()`), 200)
	}
	limit("open a host", ask[float64](p, `new Promise((done) => { const began = performance.now(); document.querySelector("#table tbody button").click();
		const wait = () => `+openDrawer+` ? done(performance.now() - began) : setTimeout(wait, 1); wait(); })`), 200)
	p.until(openDrawer)
	p.shot("large", false)
}

// TestPage_prints makes paper of the page: some pages, not hundreds, and everything
// that is folded on the screen is open on them.
func TestPage_prints(t *testing.T) {
	p := open(t, desktopDark, "site", "").ready()
	pdf, err := chromedp.Run(p.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPrintBackground()))
	p.must(err)
	if pages := strings.Count(string(pdf), "/Type /Page\n") + strings.Count(string(pdf), "/Type /Page "); pages < 2 || pages > 14 {
		t.Errorf("the page is %d pages of paper", pages)
	}
	if *shots != "" {
		p.must(os.WriteFile(filepath.Join(*shots, "print.pdf"), pdf, 0o644))
	}
}

// TestPictures makes what the documentation shows.
func TestPictures(t *testing.T) {
	folder := cmp.Or(*pictures, t.TempDir())
	p := open(t, device{width: 1280, height: 960}, "site", "").ready()
	p.save(filepath.Join(folder, "page.png"), false)
	p.do(`document.querySelectorAll("#table .name").forEach((n) => { if (n.textContent.startsWith("legacy")) window.wanted ??= n; }); window.wanted.click()`)
	p.until(openDrawer)
	p.save(filepath.Join(folder, "page-host.png"), false)
	p = open(t, device{width: 390, height: 844, mobile: true, dark: true}, "site", "").ready()
	p.save(filepath.Join(folder, "page-phone.png"), false)
	for _, name := range []string{"page.png", "page-host.png", "page-phone.png"} {
		path := filepath.Join(folder, name)
		p.must(shrink(path))
		if info, err := os.Stat(path); err != nil || info.Size() < 10_000 || info.Size() > 300_000 {
			t.Errorf("%s: %v, %v; want a picture that a page of documentation can carry", name, info, err)
		}
	}
}
