// Package browser opens the HTML page in a real browser and looks at it as its readers
// do: at each size, in light and dark, by keyboard, on paper, and when a host tries to
// take it over. It is a module of its own, so that only its test needs a browser driver.
// Start with TestMain and open.
package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var (
	shots    = flag.String("shots", "", "keep screenshots in this `folder`")
	pictures = flag.String("pictures", "", "write the pictures of the documentation to this `folder`")
	timings  = flag.Bool("timings", false, "fail when the page is slower than it has to be on a quiet machine")
)

// perPage is how long a test may take with one page.
const perPage = 3 * time.Minute

// lab is what all tests share: the browser, and the folder of pages that the tests of
// package report made.
type lab struct {
	ctx    context.Context
	folder string
}

var shared lab

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		fmt.Println("browser: chromium is not installed: every test of the page in a browser is skipped")
		if os.Getenv("CI") != "" {
			return 1
		}
		return 0
	}
	folder, err := os.MkdirTemp("", "twaudit-pages-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(folder)
	if err := makePages(folder); err != nil {
		fmt.Println(err)
		return 1
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium), chromedp.Headless, chromedp.NoSandbox,
		chromedp.UserDataDir(filepath.Join(folder, "profile")), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		fmt.Println("start chromium:", err)
		return 1
	}
	shared = lab{ctx, folder}
	return m.Run()
}

// makePages lets package report write the pages, from runs that only its tests know.
func makePages(folder string) error {
	cmd := exec.Command("go", "test", "./report", "-count=1", "-run", "^TestPages$", "-args", "-pages", folder)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make pages: %w\n%s", err, out)
	}
	return nil
}

// device is how a page is looked at.
type device struct {
	name          string
	width, height int64
	mobile, dark  bool
	print         bool
	scriptless    bool
}

var (
	desktop     = device{name: "desktop", width: 1360, height: 900}
	desktopDark = device{name: "desktop-dark", width: 1360, height: 900, dark: true}
	phone       = device{name: "phone", width: 390, height: 844, mobile: true}
	phoneDark   = device{name: "phone-dark", width: 390, height: 844, mobile: true, dark: true}
	paper       = device{name: "print", width: 794, height: 1123, print: true}
	paperOfDark = device{name: "print-dark", width: 794, height: 1123, print: true, dark: true}
	scriptless  = device{name: "scriptless", width: 1360, height: 900, scriptless: true}
	everyDevice = []device{desktop, desktopDark, phone, phoneDark, paper, paperOfDark}
)

// tab is one page in the browser, with what it did wrong.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu    sync.Mutex
	wrong []string // dialogs, exceptions, requests, refusals of the policy
}

// open shows a page and waits until its script is done. When the test ends, it fails
// for whatever the page did that no page of ours may.
func open(t *testing.T, d device, name, fragment string) *tab {
	t.Helper()
	return openFile(t, d, filepath.Join(shared.folder, name+".html"), fragment)
}

func openFile(t *testing.T, d device, path, fragment string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(shared.ctx)
	ctx, stop := context.WithTimeout(ctx, perPage)
	p := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		p.blameless()
		stop()
		cancel()
	})
	p.must(chromedp.Listen(ctx, p.note))
	scheme := "light"
	if d.dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if d.print {
		media.Media = "print"
	}
	var options []chromedp.EmulateViewportOption
	if d.mobile {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2))
	}
	p.must(chromedp.Do(ctx, chromedp.EmulateViewport(d.width, d.height, options...)))
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media)
	p.must(err)
	_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: d.scriptless})
	p.must(err)
	_, err = chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `window.refused = []; document.addEventListener("securitypolicyviolation", (e) => refused.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample));`})
	p.must(err)
	p.must(chromedp.Do(ctx, chromedp.Navigate("file://"+path+fragment)))
	return p
}

// note keeps what must not happen. It runs between the messages of the browser.
func (p *tab) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *page.EventJavascriptDialogOpening:
		p.wrong = append(p.wrong, "a dialog: "+e.Message)
	case *runtime.EventExceptionThrown:
		p.wrong = append(p.wrong, "an exception: "+e.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		if scheme, _, _ := strings.Cut(e.Request.URL, ":"); !slices.Contains([]string{"file", "data", "blob"}, scheme) {
			p.wrong = append(p.wrong, "a request: "+e.Request.URL)
		}
	}
}

func (p *tab) blameless() {
	p.t.Helper()
	refused, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](`window.refused || []`))
	if err != nil {
		p.t.Errorf("ask for what the policy refused: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, wrong := range append(p.wrong, refused...) {
		p.t.Errorf("the page did what it may not: %s", wrong)
	}
}

func (p *tab) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// ready waits for the script of a page that has hosts.
func (p *tab) ready() *tab {
	p.t.Helper()
	p.until(`document.documentElement.dataset.ready === "yes"`)
	return p
}

// until waits for a condition of the page.
func (p *tab) until(condition string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Steps(poll(condition))); err != nil {
		state, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`location.hash + " | " + document.activeElement.outerHTML.slice(0, 200) + " | " + document.getElementById("broken")?.textContent`))
		p.t.Fatalf("%s does not come true: %v (%s)", condition, err, state)
	}
}

func poll(condition string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(40*time.Second), chromedp.WithPollingInterval(20*time.Millisecond)))
		return err
	})
}

// ask is the value of an expression.
func ask[T any](p *tab, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// do runs a statement.
func (p *tab) do(statement string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Evaluate[chromedp.Void](statement, chromedp.EvalAwaitPromise)); err != nil {
		p.t.Fatalf("%s: %v", statement, err)
	}
}

// press types keys where the focus is.
func (p *tab) press(keys string) {
	p.t.Helper()
	p.must(chromedp.Do(p.ctx, chromedp.KeyEvent(keys)))
}

// shot saves what the window shows; full is the whole page, however long.
func (p *tab) shot(name string, full bool) {
	p.t.Helper()
	if *shots != "" {
		p.save(filepath.Join(*shots, name+".png"), full)
	}
}

// save writes a picture to a file.
func (p *tab) save(path string, full bool) {
	p.t.Helper()
	png, err := chromedp.Call(p.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &full, Clip: p.clip(full)})
	p.must(err)
	p.must(os.MkdirAll(filepath.Dir(path), 0o755))
	p.must(os.WriteFile(path, png.Data, 0o644))
}

// clip is the page down to where a picture stops being one.
func (p *tab) clip(full bool) *page.Viewport {
	if !full {
		return nil
	}
	size := ask[[]float64](p, `[document.documentElement.clientWidth, Math.min(document.documentElement.scrollHeight, 5200)]`)
	return &page.Viewport{Width: size[0], Height: size[1], Scale: 1}
}
