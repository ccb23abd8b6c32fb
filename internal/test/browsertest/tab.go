package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// patience is how long one step in a tab may take.
const patience = 40 * time.Second

// A Tab is a page of the browser, with cookies of its own.
type Tab struct {
	testing.TB
	Base string // address of the server

	ctx   context.Context
	shots int

	mu       sync.Mutex
	requests []string
	troubles []string
}

// Open opens a tab for the pages of a server. It skips the test if there is no Chromium. It skips the test under the race
// detector too: a page asks for one thing after the other, and a browser takes long.
//
// When the test ends, it fails if a page had trouble: an error in the console, an exception, a dialog, a breach of its
// content security policy. It also fails if a page asked another host. The folder of the test's artifacts gets a picture
// of the last page of a test that failed.
func Open(t testing.TB, base string, width, height int64) *Tab {
	t.Helper()
	if effort.Raced {
		t.Skip("a browser runs without the race detector")
	}
	if testing.Short() {
		t.Skip("SKIPPED: a browser is not for -short")
	}
	ctx, cancel := shared.tab(t)
	b := &Tab{TB: t, Base: base, ctx: ctx}
	t.Cleanup(func() {
		b.end()
		b.failed()
		cancel()
	})
	// chromedp ends the tab with the context of the first Run, so that one has no bound.
	if err := chromedp.Run(ctx); err != nil {
		t.Fatal(err)
	}
	b.Run(network.Enable(), log.Enable(), runtime.Enable(), page.Enable())
	chromedp.ListenTarget(ctx, b.note)
	b.Size(width, height)
	return b
}

// Size sets the size of the window. Below 600 pixels it is a telephone.
func (b *Tab) Size(width, height int64) {
	b.Helper()
	b.Run(emulation.SetDeviceMetricsOverride(width, height, 1, width < 600))
}

// note records the hidden activity of a page. An answer with status 422 is how servers refuse a form.
func (b *Tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *log.EventEntryAdded:
		if !strings.Contains(e.Entry.Text, "status of 422") && !strings.HasPrefix(e.Entry.Text, "Autofocus processing was blocked") {
			b.troubles = append(b.troubles, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.troubles = append(b.troubles, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			b.troubles = append(b.troubles, "console.error "+string(e.Args[0].Value))
		}
	case *page.EventJavascriptDialogOpening:
		b.troubles = append(b.troubles, "dialog "+e.Message)
	}
}

// Run does actions, which must succeed within a bound.
func (b *Tab) Run(actions ...chromedp.Action) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.Fatalf("%v; the page says\n%.1500s", err, b.text())
	}
}

// Text returns what a person reads on the page.
func (b *Tab) Text() string {
	b.Helper()
	return b.Eval(`document.body.innerText`)
}

// text returns the address and the text of a page that may be broken.
func (b *Tab) text() (text string) {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	_ = chromedp.Run(ctx, chromedp.Evaluate(`location.href + "\n" + document.body.innerText`, &text))
	return text
}

// Eval returns the text that a script of the page gives.
func (b *Tab) Eval(script string) (text string) {
	b.Helper()
	b.Run(chromedp.Evaluate(script, &text))
	return text
}

// Await is Eval for a script that gives a promise.
func (b *Tab) Await(script string) (text string) {
	b.Helper()
	wait := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	b.Run(chromedp.Evaluate(script, &text, wait))
	return text
}

// Requests returns the addresses that pages have asked for.
func (b *Tab) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// end fails the test if a page had trouble or asked another host.
func (b *Tab) end() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, trouble := range b.troubles {
		b.Errorf("a page had trouble: %s", trouble)
	}
	for _, address := range b.requests {
		inside := strings.HasPrefix(address, b.Base+"/") || strings.HasPrefix(address, "data:") || strings.HasPrefix(address, "about:")
		if !inside {
			b.Errorf("a request left the host: %.200s", address)
		}
	}
}

// failed keeps a picture of the page if the test has failed.
func (b *Tab) failed() {
	b.Helper()
	if b.Failed() {
		b.shoot(filepath.Join(b.ArtifactDir(), "failed.png"))
	}
}

// keeps returns true if the tests keep pictures of pages for people.
func (b *Tab) keeps() bool { return os.Getenv("ASHLAR_SCREENSHOTS") != "" }

// Keep writes a picture of the page for people, to the folder in ASHLAR_SCREENSHOTS if that is set.
func (b *Tab) Keep(name string) {
	b.Helper()
	if dir := os.Getenv("ASHLAR_SCREENSHOTS"); dir != "" {
		b.shots++
		b.shoot(filepath.Join(dir, fmt.Sprintf("%s-%03d.png", name, b.shots)))
	}
}

func (b *Tab) shoot(path string) {
	b.Helper()
	var shot []byte
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.FullScreenshot(&shot, 100))
	if err == nil {
		err = os.WriteFile(path, shot, 0o644)
	}
	if err != nil {
		b.Logf("no picture of the page: %v", err)
	}
}
