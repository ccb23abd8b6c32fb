package pages_test

import (
	"context"
	"encoding/json"
	"errors"
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
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/web/mailbox"
)

// openReal starts a site whose mails go into the mailbox, at the address of a loopback listener.
func openReal(t *testing.T) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	folder, base := t.TempDir(), "http://"+server.Listener.Addr().String()
	s, handler := newSite(t, nil, func(s *site, rows *record.DB) account.Outbox { return realOutbox(t, s, rows, folder, base) },
		mailbox.New(mail.OpenMailbox(folder), "Notes").Routes()...)
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	s.Server = server
	return s
}

// realOutbox returns an outbox that writes mails into a folder.
func realOutbox(t *testing.T, s *site, rows *record.DB, folder, base string) account.Outbox {
	t.Helper()
	from, err := mail.ParseFrom("Notes <no-reply@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	templates, err := mail.NewTemplates(mail.TemplateConfig{App: "Notes", Public: base, From: from})
	if err != nil {
		t.Fatal(err)
	}
	box := mail.New(rows, mail.Config{
		Compose:   func(ctx context.Context, l mail.Letter) (mail.Message, bool, error) { return s.service.Compose(ctx, l) },
		Templates: templates, Sender: mail.Files(folder),
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return box
}

// chromium starts a headless Chromium, or skips the test. chromedp chooses the folder of its profile: processes of Chromium
// still write there when the test ends.
func chromium(t *testing.T) context.Context {
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
		t.Skip("SKIPPED: the account pages are not tested in a browser, since there is no Chromium here (on Debian: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1280, 1000))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// A screen is a window of a browser that a test drives.
type screen struct {
	*testing.T
	ctx  context.Context
	site *site
	axe  string // source of axe-core; "" to check nothing
	name string // for screenshots
	shot int

	mu       sync.Mutex
	requests []string
	troubles []string
}

func newScreen(t *testing.T, ctx context.Context, s *site, axe, name string, width int64) *screen {
	t.Helper()
	w := &screen{T: t, ctx: ctx, site: s, axe: axe, name: name}
	chromedp.ListenTarget(ctx, w.note)
	w.run(network.Enable(), log.Enable(), runtime.Enable(), emulation.SetDeviceMetricsOverride(width, 900, 1, width < 600))
	return w
}

func (w *screen) note(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, e.Request.URL)
	case *log.EventEntryAdded:
		if !strings.Contains(e.Entry.Text, "status of 422") && !strings.HasPrefix(e.Entry.Text, "Autofocus processing was blocked") {
			w.troubles = append(w.troubles, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		w.troubles = append(w.troubles, e.ExceptionDetails.Error())
	}
}

func (w *screen) run(actions ...chromedp.Action) {
	w.Helper()
	if err := chromedp.Run(w.ctx, actions...); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.Fatalf("%v; trouble: %q; the page says\n%s", err, w.troubles, w.text())
	}
}

func (w *screen) text() (text string) {
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
	defer cancel()
	_ = chromedp.Run(ctx, chromedp.Text("body", &text, chromedp.ByQuery))
	return text
}

// to opens a path, and looks at the page.
func (w *screen) to(path string) {
	w.Helper()
	w.run(chromedp.Navigate(w.site.URL + path))
	w.look()
}

// fill types values into fields by their ids.
func (w *screen) fill(pairs ...string) {
	w.Helper()
	for i := 0; i < len(pairs); i += 2 {
		w.run(chromedp.Evaluate(`document.getElementById("`+pairs[i]+`").value = ""`, nil), chromedp.SendKeys("#"+pairs[i], pairs[i+1], chromedp.ByQuery))
	}
}

// press clicks something that leads to another page, waits for it, and looks at it.
func (w *screen) press(selector, wantPath string) {
	w.Helper()
	w.run(chromedp.Evaluate(`window.former = true`, nil), chromedp.Click(selector, chromedp.ByQuery), waitForPage())
	w.at(wantPath)
	w.look()
}

// waitForPage waits until another document is complete. An evaluation fails while the browser changes documents.
func waitForPage() chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) (err error) {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			ready := false
			err = chromedp.Evaluate(`!window.former && document.readyState === 'complete'`, &ready).Do(ctx)
			if err == nil && ready {
				return nil
			}
		}
		return errors.Join(errors.New("no other page came"), err)
	})
}

func (w *screen) at(path string) {
	w.Helper()
	var got string
	w.run(chromedp.Evaluate(`location.pathname`, &got))
	if got != path {
		w.Fatalf("the browser is at %s, want %s; the page says\n%s", got, path, w.text())
	}
}

func (w *screen) says(text string) {
	w.Helper()
	if got := w.text(); !strings.Contains(got, text) {
		w.Errorf("the page does not say %q but\n%s", text, got)
	}
}

// look checks the page for accessibility and for its width, in light and in dark, and keeps screenshots.
func (w *screen) look() {
	w.Helper()
	var path string
	var width, room int64
	w.run(chromedp.Evaluate(`location.pathname + (document.querySelector('#summary') ? '/faults' : '') + location.search.replace(/[^a-z]/g, '-')`, &path),
		chromedp.Evaluate(`document.documentElement.scrollWidth`, &width), chromedp.Evaluate(`window.innerWidth`, &room))
	if width > room {
		w.Errorf("%s is %d px wide in a window of %d px", path, width, room)
	}
	for _, scheme := range []string{"light", "dark"} {
		w.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
		w.check(path + " in " + scheme)
		w.shoot(strings.Trim(strings.ReplaceAll(strings.ReplaceAll(path, "/mailbox/2", "/mailbox/mail-2"), "/", "_"), "_"), scheme)
	}
}

// check runs axe-core, with the rules of WCAG 2.2 AA and best practices.
func (w *screen) check(name string) {
	w.Helper()
	if w.axe == "" {
		return
	}
	var answer string
	const run = `axe.run({resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations.map((v) => ({id: v.id, impact: v.impact, nodes: v.nodes.map((n) => n.html)}))))`
	w.run(chromedp.Evaluate(w.axe+"\n;0", nil), chromedp.Evaluate(run, &answer, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	var found []struct {
		ID, Impact string
		Nodes      []string
	}
	if err := json.Unmarshal([]byte(answer), &found); err != nil {
		w.Fatal(err)
	}
	for _, each := range found {
		w.Errorf("%s: %s (%s) at %.300q", name, each.ID, each.Impact, each.Nodes)
	}
}

// shoot writes a screenshot for people to the folder in ASHLAR_SCREENSHOTS.
func (w *screen) shoot(page, scheme string) {
	w.Helper()
	dir := os.Getenv("ASHLAR_SCREENSHOTS")
	if dir == "" {
		return
	}
	var shot []byte
	w.run(chromedp.FullScreenshot(&shot, 100))
	w.shot++
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d-%s-%s-%s.png", w.shot, page[:min(len(page), 40)], w.name, scheme)), shot, 0o644); err != nil {
		w.Error(err)
	}
}

// axeSource returns axe-core, which npm fetches. It returns "" if that fails, and says so.
func axeSource(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/axe")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Logf("NOT TESTED FOR ACCESSIBILITY: npm cannot fetch axe-core: %v\n%s", err, text)
		return ""
	}
	source, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// mailed opens the newest mail in the mailbox and returns its link.
func (w *screen) mailed(subject string) (link string) {
	w.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var first string
		w.run(chromedp.Navigate(w.site.URL+"/mailbox"), chromedp.Evaluate(`document.querySelector('.mails a')?.textContent || ''`, &first))
		if strings.Contains(first, subject) {
			break
		}
		if time.Now().After(end) {
			w.Fatalf("no mail says %q; the newest says %q", subject, first)
		}
	}
	w.look()
	w.run(chromedp.Evaluate(`window.former = true`, nil), chromedp.Click(".mails a", chromedp.ByQuery), waitForPage())
	w.look()
	w.run(chromedp.Evaluate(`document.querySelector('pre a').href`, &link))
	var frame string
	w.run(chromedp.Evaluate(`document.querySelector('iframe').getAttribute('sandbox')`, &frame))
	if strings.Contains(frame, "allow-scripts") || strings.Contains(frame, "allow-same-origin") {
		w.Errorf("the sandbox of the mail is %q", frame)
	}
	return link
}

// TestPagesInABrowser walks through all flows as a person does, at the width of a phone and of a desk.
func TestPagesInABrowser(t *testing.T) {
	axe := axeSource(t)
	for _, tt := range []struct {
		name  string
		width int64
	}{{"desk", 1280}, {"phone", 390}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newScreen(t, chromium(t), openReal(t), axe, tt.name, tt.width)
			w.signUpByLink()
			codes := w.setUpTOTP()
			w.keysPages()
			w.sessionsPages(codes[1], codes[2])
			w.resetByLink(codes[0])
			w.otherPages()
			w.keyboardAlone()
			w.ended()
		})
	}
}

// signUpByLink signs up, and confirms with the link of the mail.
func (w *screen) signUpByLink() {
	w.to("/account/sign-up")
	w.fill("name", "Ann", "email", "ann", "password", "short")
	w.press("form.main button:not([type])", "/account/sign-up")
	w.says("Please look at these")
	var focus string
	w.run(chromedp.Evaluate(`document.activeElement.id`, &focus))
	if focus != "summary" {
		w.Errorf("the focus is at %q, want the summary", focus)
	}
	w.fill("email", ann, "password", secret)
	w.press("form.main button:not([type])", "/account/verify")
	link := w.mailed("code")
	w.run(chromedp.Navigate("about:blank"), chromedp.Navigate(link))
	var values []string
	w.run(chromedp.Evaluate(`[document.querySelector('#email').value, document.querySelector('#code').value, location.hash, document.activeElement.tagName]`, &values))
	if values[0] != ann || len(values[1]) != 8 || values[2] != "" || values[3] != "BUTTON" {
		w.Errorf("the link fills the form with %q", values)
	}
	w.look()
	w.press("form.main button:not([type])", "/account/")
	w.says(ann)
}

// setUpTOTP turns the authenticator app on.
func (w *screen) setUpTOTP() (codes []string) {
	var key string
	w.to("/account/totp")
	w.press("button.primary", "/account/totp/set-up")
	w.run(chromedp.Text("#secret", &key, chromedp.ByQuery))
	w.fill("code", "000000")
	w.press("form.main button", "/account/totp/set-up")
	w.says("The code is not valid")
	w.fill("code", totpCode(w.T, key, time.Now()))
	w.press("form.main button", "/account/totp")
	w.run(chromedp.Evaluate(`[...document.querySelectorAll('#codes li')].map((li) => li.textContent.trim())`, &codes))
	if len(codes) != 10 {
		w.Fatalf("the page shows the codes %q", codes)
	}
	w.to("/account/totp")
	w.run(chromedp.Click("details summary", chromedp.ByQuery))
	w.look()
	return codes
}

// keysPages makes, replaces and deletes a key.
func (w *screen) keysPages() {
	w.to("/account/keys")
	w.press(".button", "/account/keys/new")
	w.press("form.main button", "/account/keys/new")
	w.fill("name", "Nightly import of everything that the other office has sent")
	w.run(chromedp.Click(".choice input", chromedp.ByQuery))
	w.press("form.main button", "/account/keys")
	w.says("It is not shown again")
	w.run(chromedp.Click(".items details summary", chromedp.ByQuery))
	w.look()
	w.press(`form[action$="rotate"] button`, "/account/keys")
	w.run(chromedp.Click(".items details summary", chromedp.ByQuery))
	w.press(`form[action$="keys/end"] button`, "/account/keys")
	w.says("The key is deleted.")
}

// sessionsPages ends the session of another browser.
func (w *screen) sessionsPages(recovery ...string) {
	for i, code := range recovery {
		there := account.Client{Address: fmt.Sprintf("192.0.2.%d", i), Agent: "Mozilla/5.0 (iPhone) Version/18.0 Safari/604.1", Cookie: true}
		step, err := w.site.service.SignIn(w.ctx, ann, secret, there)
		if err == nil {
			_, err = w.site.service.Confirm(w.ctx, step.Flow, account.Factor{Recovery: code}, there)
		}
		if err != nil {
			w.Fatal(err)
		}
	}
	w.to("/account/")
	w.to("/account/sessions")
	w.says("Safari on iPhone")
	w.press(`li:nth-child(2) button`, "/account/sessions")
	w.says("The session has ended.")
	w.press(`form[action$="end-others"] button`, "/account/sessions")
	w.says("All other sessions have ended.")
}

// resetByLink signs out, resets the password, and signs in with a recovery code.
func (w *screen) resetByLink(recovery string) {
	w.press("header form button", "/account/sign-in")
	w.fill("email", ann, "password", "wrong")
	w.press("form.main button:not([type])", "/account/sign-in")
	w.says("The address or the password is wrong")
	w.to("/account/reset")
	w.fill("email", ann)
	w.press("form.main button", "/account/reset/confirm")
	link := w.mailed("password")
	w.run(chromedp.Navigate("about:blank"), chromedp.Navigate(link))
	w.fill("password", "another good secret")
	w.press("form.main button:not([type])", "/account/sign-in/factor")
	w.says("Your new password is set.")
	w.press(`a[href$="with=recovery"]`, "/account/sign-in/factor")
	w.fill("recovery", "0000-0000-0000")
	w.press("form.main button", "/account/sign-in/factor")
	w.fill("recovery", recovery)
	w.press("form.main button", "/account/")
}

// otherPages looks at the pages that no flow before has shown.
func (w *screen) otherPages() {
	for _, path := range []string{"/account/password", "/account/delete", "/account/sign-out", "/account/code", "/account/keys", "/account/verify", "/account/reset/confirm"} {
		w.to(path)
	}
	w.to("/account/sign-out")
	w.press("form.main button", "/account/sign-in")
	for _, path := range []string{"/account/sign-up?invited", "/account/sign-in", "/account/reset", "/account/code"} {
		w.to(path)
	}
}

// keyboardAlone signs in without a pointer. The first stop of the keyboard is the link to the content.
func (w *screen) keyboardAlone() {
	w.to("/account/sign-in")
	var stops [4]string
	stop := func(i int) chromedp.Action {
		return chromedp.Evaluate(`document.activeElement.textContent || document.activeElement.id`, &stops[i])
	}
	w.run(chromedp.Evaluate(`window.former = true`, nil),
		chromedp.KeyEvent(kb.Tab), stop(0), chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab), stop(1), chromedp.KeyEvent(ann),
		chromedp.KeyEvent(kb.Tab), stop(2), chromedp.KeyEvent("another good secret"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), stop(3),
		chromedp.KeyEvent(kb.Enter), waitForPage())
	if want := [4]string{"Skip to the content", "email", "password", "Sign in"}; stops != want {
		w.Errorf("the keyboard stops at %q, want %q", stops, want)
	}
	w.at("/account/sign-in/factor")
}

// ended checks that the pages asked nobody else, and had no trouble such as a breach of their policy.
func (w *screen) ended() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, trouble := range w.troubles {
		w.Errorf("a page had trouble: %s", trouble)
	}
	for _, address := range w.requests {
		if !strings.HasPrefix(address, w.site.URL) && address != "about:blank" && address != "about:srcdoc" {
			w.Errorf("a request left the host: %.200s", address)
		}
	}
}
