// Package browsertest drives pages in a headless Chromium for tests.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// A browser is the one Chromium of this test binary.
type browser struct {
	mu   sync.Mutex
	path string
	ctx  context.Context // nil until the first test asks for it
	stop func()
}

// shared is changed only through its methods.
var shared = &browser{path: find()}

// Main runs the tests of a package and ends the browser. Call it in TestMain.
func Main(m *testing.M) {
	code := m.Run()
	shared.end()
	os.Exit(code)
}

// start returns the context of the browser. The first call starts it. chromedp chooses the folder of its profile and removes
// it in the end: processes of Chromium still write there when a test ends, so t.TempDir could not remove it.
func (b *browser) start(t testing.TB) context.Context {
	t.Helper()
	if b.path == "" {
		t.Skip("SKIPPED: the pages are not tested in a browser, since there is no Chromium here (on Debian: apt-get install chromium)")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx != nil {
		return b.ctx
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(b.path), chromedp.NoSandbox)
	ctx, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(ctx)
	if err := chromedp.Run(ctx); err != nil {
		stopAllocator()
		t.Fatalf("start %s: %v", b.path, err)
	}
	b.ctx, b.stop = ctx, func() { stop(); stopAllocator() }
	return ctx
}

// tab returns the context of a new tab, with cookies of its own. The browser opens no tab in a new set of cookies without a
// window, and chromedp asks for none.
func (b *browser) tab(t testing.TB) (tab context.Context, stop func()) {
	t.Helper()
	ctx := b.start(t)
	id, err := newTarget(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return chromedp.NewContext(ctx, chromedp.WithTargetID(id))
}

// newTarget makes a tab with cookies of its own.
func newTarget(browser context.Context) (target.ID, error) {
	own := cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
	cookies, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(own)
	if err != nil {
		return "", err
	}
	return target.CreateTarget("about:blank").WithBrowserContextID(cookies).WithNewWindow(true).Do(own)
}

func (b *browser) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stop != nil {
		b.stop()
	}
}

// find returns the path of Chromium, "" if there is none.
func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
