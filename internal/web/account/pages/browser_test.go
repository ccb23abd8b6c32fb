package pages_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/mail/outbox"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/web/mailbox"
)

// openReal starts a site at localhost, where browsers allow passkeys. Its mails go into the mailbox. The provider corp stands
// under /corp, so that no page leaves the host.
func openReal(t *testing.T) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	folder, base := t.TempDir(), "http://localhost:"+port
	corp := oidctest.New(t)
	corp.Issuer = base + "/corp"
	var jobs *job.Queue
	cfg := withCorp(t, corp, base)
	cfg.Fragments = append(cfg.Fragments, job.Tables)
	cfg.Mails = func(db store.DB, compose outbox.Composer) account.Outbox {
		jobs = job.Open(db, job.Config{Queues: []job.QueueConfig{outbox.QueueConfig()}})
		return outbox.New(outbox.Config{Jobs: jobs, Compose: compose, Mailer: newMailer(t, folder, base)})
	}
	s, handler := newSite(t, cfg, mailbox.New(mail.OpenMailbox(folder), "Notes").Routes()...)
	run(t, jobs)
	both := http.NewServeMux()
	both.Handle("/corp/", corp.Handler())
	both.Handle("/", handler)
	server.Config.Handler = both
	server.Start()
	t.Cleanup(server.Close)
	server.URL = base
	s.Server, s.corp = server, corp
	return s
}

// newMailer returns what writes mails into a folder.
func newMailer(t *testing.T, folder, base string) *mail.Mailer {
	t.Helper()
	from, err := mail.ParseFrom("Notes <no-reply@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	templates, err := mail.NewTemplates(mail.TemplateConfig{App: "Notes", Public: base, From: from})
	if err != nil {
		t.Fatal(err)
	}
	return mail.NewMailer(templates, mail.Files(folder))
}

// run does jobs until the end of the test.
func run(t *testing.T, jobs *job.Queue) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- jobs.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A screen is a window of a browser that a test drives.
type screen struct {
	*browsertest.Tab
	t     *testing.T
	site  *site
	width int64 // of the window in which the walk goes
	seen  map[string]bool
	skip  []string // beginnings of the names of pages that another walk looks at
}

// to opens a path, and looks at the page.
func (w *screen) to(path string) {
	w.Helper()
	w.Run(chromedp.Navigate(w.site.URL + path))
	w.look()
}

// fill types values into fields by their ids.
func (w *screen) fill(pairs ...string) {
	w.Helper()
	for i := 0; i < len(pairs); i += 2 {
		w.Run(chromedp.Evaluate(`document.getElementById("`+pairs[i]+`").value = ""`, nil), chromedp.SendKeys("#"+pairs[i], pairs[i+1], chromedp.ByQuery))
	}
}

// press clicks something that leads to another page, waits for it, and looks at it.
func (w *screen) press(selector, wantPath string) {
	w.Helper()
	w.Run(chromedp.Evaluate(`window.former = true`, nil), chromedp.Click(selector, chromedp.ByQuery), waitForPage())
	w.at(wantPath)
	w.look()
}

// waitForPage waits until another document is complete.
func waitForPage() chromedp.Action { return waitFor(`!window.former`) }

// waitFor waits for a condition in a document that is complete. An evaluation fails while the browser changes documents.
func waitFor(condition string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) (err error) {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			ready := false
			err = chromedp.Evaluate(`document.readyState === 'complete' && `+condition, &ready).Do(ctx)
			if err == nil && ready {
				return nil
			}
		}
		return errors.Join(errors.New("no such page came: "+condition), err)
	})
}

func (w *screen) at(path string) {
	w.Helper()
	var got string
	w.Run(chromedp.Evaluate(`location.pathname`, &got))
	if got != path {
		w.Fatalf("the browser is at %s, want %s; the page says\n%s", got, path, w.Text())
	}
}

func (w *screen) says(text string) {
	w.Helper()
	if got := w.Text(); !strings.Contains(got, text) {
		w.Errorf("the page does not say %q but\n%s", text, got)
	}
}

// look looks at the page wide and narrow, unless it has looked at one with the same path and as many elements. It ends with
// the width of the walk.
func (w *screen) look() {
	w.Helper()
	name := w.Eval(`location.pathname.slice(1).replaceAll('/', '_') + (document.querySelector('#summary') ? '-faults' : '')`)
	state := name + w.Eval(`' ' + document.querySelectorAll('*').length + ' ' + document.querySelectorAll('[open]').length`)
	if w.seen[state] || slices.ContainsFunc(w.skip, func(each string) bool { return strings.HasPrefix(name, each) }) {
		return
	}
	w.seen[state] = true
	w.Look(name, desk+phone-w.width, w.width)
}

// Widths of windows.
const desk, phone = 1280, 390

// mailed opens the mail with a subject in the mailbox and returns its link. A notice may come later than that mail.
func (w *screen) mailed(subject string) (link string) {
	w.Helper()
	mark := `[...document.querySelectorAll('.mails a')].filter(a => a.textContent.includes('` + subject + `')).map(a => a.id = 'wanted').length > 0`
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		there := false
		w.Run(chromedp.Navigate(w.site.URL+"/mailbox"), chromedp.Evaluate(mark, &there))
		if there {
			break
		}
		if time.Now().After(end) {
			w.Fatalf("no mail says %q; the mailbox says\n%s", subject, w.Text())
		}
	}
	w.look()
	w.Run(chromedp.Evaluate(`window.former = true`, nil), chromedp.Click("#wanted", chromedp.ByQuery), waitForPage())
	w.look()
	w.Run(chromedp.Evaluate(`document.querySelector('pre a').href`, &link))
	var frame string
	w.Run(chromedp.Evaluate(`document.querySelector('iframe').getAttribute('sandbox')`, &frame))
	if strings.Contains(frame, "allow-scripts") || strings.Contains(frame, "allow-same-origin") {
		w.Errorf("the sandbox of the mail is %q", frame)
	}
	return link
}

// TestPagesInABrowser walks through all flows as a person does. The window of the walk is a telephone's, where more can be in
// the way, and each page is looked at on a desk too. At night it walks on the desk too.
func TestPagesInABrowser(t *testing.T) {
	widths := map[string]int64{"phone": phone}
	if effort.Nightly() {
		widths["desk"] = desk
	}
	for name, width := range widths {
		t.Run(name, func(t *testing.T) {
			s := openReal(t)
			w := &screen{browsertest.Open(t, s.URL, width, 900), t, s, width, map[string]bool{}, nil}
			w.signUpByLink()
			codes := w.setUpTOTP()
			w.keysPages()
			w.sessionsPages(codes[1], codes[2])
			w.resetByLink(codes[0])
			w.otherPages()
			w.keyboardAlone()
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
	w.Run(chromedp.Evaluate(`document.activeElement.id`, &focus))
	if focus != "summary" {
		w.Errorf("the focus is at %q, want the summary", focus)
	}
	w.fill("email", ann, "password", secret)
	w.press("form.main button:not([type])", "/account/verify")
	link := w.mailed("code")
	w.Run(chromedp.Navigate("about:blank"), chromedp.Navigate(link))
	var values []string
	w.Run(chromedp.Evaluate(`[document.querySelector('#email').value, document.querySelector('#code').value, location.hash, document.activeElement.tagName]`, &values))
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
	w.Run(chromedp.Text("#secret", &key, chromedp.ByQuery))
	w.fill("code", "000000")
	w.press("form.main button", "/account/totp/set-up")
	w.says("The code is not valid")
	w.fill("code", accounttest.TOTP(w.t, key, w.site.Clock.Now()))
	w.press("form.main button", "/account/totp")
	w.Run(chromedp.Evaluate(`[...document.querySelectorAll('#codes li')].map((li) => li.textContent.trim())`, &codes))
	if len(codes) != 10 {
		w.Fatalf("the page shows the codes %q", codes)
	}
	w.to("/account/totp")
	w.Run(chromedp.Click("details summary", chromedp.ByQuery))
	w.look()
	return codes
}

// keysPages makes, replaces and deletes a key.
func (w *screen) keysPages() {
	w.to("/account/keys")
	w.press(".button", "/account/keys/new")
	w.press("form.main button", "/account/keys/new")
	w.fill("name", "Nightly import of everything that the other office has sent")
	w.Run(chromedp.Click(".choice input", chromedp.ByQuery))
	w.press("form.main button", "/account/keys")
	w.says("It is not shown again")
	w.Run(chromedp.Click(".items details summary", chromedp.ByQuery))
	w.look()
	w.press(`form[action$="rotate"] button`, "/account/keys")
	w.Run(chromedp.Click(".items details summary", chromedp.ByQuery))
	w.press(`form[action$="keys/end"] button`, "/account/keys")
	w.says("The key is deleted.")
}

// sessionsPages ends the session of another browser.
func (w *screen) sessionsPages(recovery ...string) {
	for i, code := range recovery {
		there := account.Client{Address: fmt.Sprintf("192.0.2.%d", i), Agent: "Mozilla/5.0 (iPhone) Version/18.0 Safari/604.1", Cookie: true}
		step, err := w.site.Service.SignIn(w.t.Context(), ann, secret, there)
		if err == nil {
			_, err = w.site.Service.Confirm(w.t.Context(), step.Flow, account.Factor{Recovery: code}, there)
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
	w.Run(chromedp.Navigate("about:blank"), chromedp.Navigate(link))
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
	w.Run(chromedp.Evaluate(`window.former = true`, nil),
		chromedp.KeyEvent(kb.Tab), stop(0), chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab), stop(1), chromedp.KeyEvent(ann),
		chromedp.KeyEvent(kb.Tab), stop(2), chromedp.KeyEvent("another good secret"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), stop(3),
		chromedp.KeyEvent(kb.Enter), waitForPage())
	if want := [4]string{"Skip to the content", "email", "password", "Sign in"}; stops != want {
		w.Errorf("the keyboard stops at %q, want %q", stops, want)
	}
	w.at("/account/sign-in/factor")
}
