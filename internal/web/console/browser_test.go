package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
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

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/test/axe"
)

// watched records the hidden activity of a page.
type watched struct {
	mu       sync.Mutex
	requests []string
	troubles []string
}

func (w *watched) note(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, e.Request.URL)
	case *log.EventEntryAdded:
		w.troubles = append(w.troubles, e.Entry.Text+" "+e.Entry.URL)
	case *runtime.EventExceptionThrown:
		w.troubles = append(w.troubles, e.ExceptionDetails.Error())
	case *page.EventJavascriptDialogOpening:
		w.troubles = append(w.troubles, "dialog "+e.Message)
	}
}

// browser starts a headless Chromium, or skips the test. chromedp chooses the folder of its profile: processes of Chromium
// still write there when the test ends, so t.TempDir could not remove it.
func browser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: a browser is not for -short")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("SKIPPED: the console is not tested in a browser, since there is no Chromium here (on Debian: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1280, 900))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil { // the first one starts the browser, which lives as long as its context
		t.Fatal(err)
	}
	return ctx
}

// The main path in a browser: an owner begins with a link, helps a user, makes a key and a link. No page breaks its content
// security policy, asks another host or has a serious fault of accessibility.
func TestConsoleInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t, source)
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	for i, text := range hostile() {
		w.user(fmt.Sprintf("person%d@example.com", i), text)
	}
	ada, _ := w.user("ada@example.com", "Ada Lovelace")
	if err := w.service.SetRoles(t.Context(), caller.System("test"), ada, []string{"editor"}, account.Client{}); err != nil {
		t.Fatal(err)
	}
	secret, err := w.service.OperatorLink(t.Context(), "owner")
	if err != nil {
		t.Fatal(err)
	}
	seen := &watched{}
	chromedp.ListenTarget(ctx, seen.note)
	b := &tab{t: t, ctx: ctx, base: server.URL}
	b.run(network.Enable(), log.Enable(), runtime.Enable(), page.Enable())

	b.run(chromedp.Navigate(server.URL+LinkPath(secret)), chromedp.WaitVisible(`#secret`))
	if got := b.text(`document.querySelector('#secret').value + location.hash`); got != secret {
		t.Errorf("the link fills in %q", got)
	}
	b.look("begin")
	b.run(
		chromedp.SendKeys(`#name`, "Grace Hopper"), chromedp.SendKeys(`#email`, "grace@example.com"), chromedp.SendKeys(`#password`, passphrase),
		chromedp.Click(`button.main`), chromedp.WaitVisible(`[data-rows]`),
	)
	b.look("users")
	b.press("/")
	b.run(chromedp.KeyEvent("ada@"), chromedp.KeyEvent("\r"), chromedp.WaitVisible(`#q[value="ada@"]`), chromedp.WaitNotPresent(`//a[text()="person1@example.com"]`))
	b.press("j")
	b.run(chromedp.KeyEvent("\r"), chromedp.WaitVisible(`dl`))
	b.look("user")
	b.run(chromedp.Click(`input[value=reader]`), chromedp.Click(`//button[text()="Save the roles"]`), chromedp.WaitVisible(`.done`))
	b.run(chromedp.Click(`//summary[text()="Delete the user"]`))
	b.look("user-changed")
	b.run(chromedp.Click(`//button[text()="Suspend"]`), chromedp.WaitVisible(`//button[text()="Resume"]`))
	b.look("user-suspended")

	b.open("/console/users/invite")
	b.look("invite")
	b.open("/console/services")
	b.run(chromedp.SendKeys(`#name`, "Nightly backup"), chromedp.Click(`input[value=reader]`), chromedp.Click(`//button[text()="Make the account"]`), chromedp.WaitVisible(`#key-name`))
	b.run(chromedp.SendKeys(`#key-name`, "server 1"), chromedp.Click(`input[value=reader][name=scope]`), chromedp.Click(`//button[text()="Make the key"]`), chromedp.WaitVisible(`[data-copy]`))
	b.look("service-key")
	b.open("/console/services")
	b.look("services")
	b.open("/console/operators")
	b.run(chromedp.Click(`//button[text()="Make a link"]`), chromedp.WaitVisible(`[data-copy]`))
	b.look("operators")
	b.open("/console/audit")
	b.run(chromedp.Click(`//button[text()="Verify the chain"]`), chromedp.WaitVisible(`.tag.good`))
	b.look("audit")
	b.open("/console/factor")
	b.run(chromedp.Click(`//button[text()="Set up an authenticator app"]`), chromedp.WaitVisible(`.qr`))
	b.look("factor")
	totp := b.text(`document.querySelector('code.long').textContent`)
	b.run(chromedp.SendKeys(`#code`, w.code(totp)), chromedp.Click(`button.main`), chromedp.WaitVisible(`.codes`))
	b.look("factor-codes")
	b.run(chromedp.Click(`details.menu summary`))
	b.look("menu")
	b.run(chromedp.Click(`//button[text()="Sign out"]`), chromedp.WaitVisible(`#email`))
	b.look("sign-in")
	w.pass(time.Minute)
	b.run(chromedp.SendKeys(`#email`, "grace@example.com"), chromedp.SendKeys(`#password`, passphrase), chromedp.Click(`button.main`), chromedp.WaitVisible(`#code`))
	b.look("sign-in-factor")
	b.run(chromedp.SendKeys(`#code`, w.code(totp)), chromedp.Click(`button.main`), chromedp.WaitVisible(`[data-rows]`))

	b.run(chromedp.Evaluate(`document.querySelector('main').append(document.createElement('button'))`, nil))
	if faults := b.axe(); len(faults) != 1 {
		t.Errorf("axe finds %q, and a button without a name is there", faults)
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for _, trouble := range seen.troubles {
		t.Errorf("a page had trouble: %s", trouble)
	}
	for _, r := range seen.requests {
		if !strings.HasPrefix(r, server.URL) && !strings.HasPrefix(r, "data:") { // the icons of date fields
			t.Errorf("a request left the host: %.200s", r)
		}
	}
}

// A tab is the page of a browser.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
}

func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 40*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var shown string
		_ = chromedp.Run(b.ctx, chromedp.Evaluate(`location.href + "\n" + document.body.innerText`, &shown))
		b.t.Fatalf("%v on %.1500s", err, shown)
	}
}

func (b *tab) open(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.base+path), chromedp.WaitVisible(`h1`))
}

// press presses a key of the console. A KeyEvent of chromedp would type it too.
func (b *tab) press(key string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(`document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '`+key+`', bubbles: true, cancelable: true}))`, nil))
}

func (b *tab) text(code string) (text string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(code, &text))
	return text
}

// look shows the page wide and narrow, light and dark. It runs axe, and keeps pictures for people in the folder of
// ASHLAR_SCREENSHOTS.
func (b *tab) look(name string) {
	b.t.Helper()
	dir := os.Getenv("ASHLAR_SCREENSHOTS")
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			var shot []byte
			var overflow bool
			b.run(
				emulation.SetDeviceMetricsOverride(width, 900, 1, false),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &overflow),
			)
			if overflow {
				b.t.Errorf("%s at %d px is wider than the window", name, width)
			}
			for _, fault := range b.axe() {
				b.t.Errorf("%s at %d px, %s: %s", name, width, scheme, fault)
			}
			if dir == "" {
				continue
			}
			b.run(chromedp.FullScreenshot(&shot, 100))
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("console-%s-%d-%s.png", name, width, scheme)), shot, 0o644); err != nil {
				b.t.Error(err)
			}
		}
	}
	b.run(emulation.ClearDeviceMetricsOverride())
}

// axe returns the violations that axe-core finds on the page.
func (b *tab) axe() []string {
	b.t.Helper()
	b.run(chromedp.Evaluate(axe.Source+";0", nil))
	var text string
	const run = `axe.run({resultTypes: ['violations']}).then(r => JSON.stringify(r.violations.map(v =>
		v.impact + ' ' + v.id + ': ' + v.help + ' ' + v.nodes.map(n => n.html.slice(0, 200) + ' ' + (n.any[0]?.message ?? '')).join(' | '))))`
	b.run(chromedp.Evaluate(run, &text, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	var faults []string
	if err := json.Unmarshal([]byte(text), &faults); err != nil {
		b.t.Fatal(err)
	}
	return faults
}
