package openapi_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
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
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			w.troubles = append(w.troubles, string(e.Args[0].Value))
		}
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
		t.Skip("SKIPPED: the page at /docs is not tested, since there is no Chromium here (on Debian: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1300, 1600))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// The page shows the operations, and a person can try them with a token: without a request to any other host, and
// without a breach of its content security policy.
func TestDocsPage(t *testing.T) {
	ctx := browser(t)
	w := newWalk(t, folders(t)["careers"], "editor")
	seen := &watched{}
	chromedp.ListenTarget(ctx, seen.note)
	var tags, answer, created string
	var shots [3][]byte
	err := chromedp.Run(ctx,
		network.Enable(), log.Enable(), runtime.Enable(),
		chromedp.Navigate(w.base+"/docs"),
		chromedp.WaitVisible(`#operations-tag-occupations`),
		chromedp.Text(`#docs`, &tags),
		chromedp.FullScreenshot(&shots[0], 100),

		// A list, with the inputs of the console.
		chromedp.Click(`#operations-tag-occupations`),
		chromedp.Click(`#operations-occupations-listOccupations .opblock-summary-control`),
		chromedp.Click(`#operations-occupations-listOccupations .try-out__btn`),
		chromedp.Click(`#operations-occupations-listOccupations .execute`),
		chromedp.WaitVisible(`#operations-occupations-listOccupations .live-responses-table .response-col_status`),
		chromedp.Text(`#operations-occupations-listOccupations .live-responses-table`, &answer),
		chromedp.FullScreenshot(&shots[1], 100),

		// A token, and a row that needs one.
		chromedp.Click(`.auth-wrapper .authorize`),
		chromedp.SendKeys(`.modal-ux input`, w.token),
		chromedp.Click(`.modal-ux .authorize`),
		chromedp.Click(`.modal-ux .btn-done`),
		chromedp.Click(`#operations-tag-profiles`),
		chromedp.Click(`#operations-profiles-createProfile .opblock-summary-control`),
		chromedp.Click(`#operations-profiles-createProfile .try-out__btn`),
		chromedp.Click(`#operations-profiles-createProfile textarea.body-param__text`),
		chromedp.KeyEvent("a", chromedp.KeyModifiers(input.ModifierCtrl)),
		chromedp.KeyEvent(`{"headline":"Tried in a browser"}`),
		chromedp.Click(`#operations-profiles-createProfile .execute`),
		chromedp.WaitVisible(`#operations-profiles-createProfile .live-responses-table .response-col_status`),
		chromedp.Text(`#operations-profiles-createProfile .live-responses-table`, &created),
		chromedp.FullScreenshot(&shots[2], 100),
	)
	keepShots(t, shots[:])
	if err != nil {
		t.Errorf("%v; the page had trouble with %q", err, seen.troubles)
	}
	for _, table := range w.model.Tables {
		if !strings.Contains(tags, table.Name) {
			t.Errorf("the page does not show %s", table.Name)
		}
	}
	if !strings.Contains(answer, "200") || !strings.Contains(answer, "backend-software-engineer") {
		t.Errorf("the list that was tried is answered\n%s", answer)
	}
	if !strings.Contains(created, "201") || !strings.Contains(created, "Tried in a browser") {
		t.Errorf("the row that was tried is answered\n%s", created)
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for _, trouble := range seen.troubles {
		t.Errorf("the page had trouble: %s", trouble)
	}
	if len(seen.requests) < 7 {
		t.Errorf("only %d requests were seen: %q", len(seen.requests), seen.requests)
	}
	host := strings.TrimPrefix(w.base, "http://")
	for _, r := range seen.requests {
		if address, err := url.Parse(r); err != nil || (address.Scheme != "data" && address.Host != host) {
			t.Errorf("a request left the host: %.200s", r)
		}
	}
}

// keepShots writes screenshots for people to the folder in ASHLAR_SCREENSHOTS.
func keepShots(t *testing.T, shots [][]byte) {
	t.Helper()
	dir := os.Getenv("ASHLAR_SCREENSHOTS")
	for i, shot := range shots {
		if dir == "" || len(shot) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "docs-"+string(rune('1'+i))+".png"), shot, 0o644); err != nil {
			t.Error(err)
		}
	}
}
