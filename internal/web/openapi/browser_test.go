package openapi_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
)

// TestMain ends the browser after all tests.
func TestMain(m *testing.M) { browsertest.Main(m) }

// The page shows the operations, and a person can try them with a token: without a request to any other host, and
// without a breach of its content security policy.
func TestDocsPage(t *testing.T) {
	w := newWalk(t, folders(t)["careers"], "editor")
	b := browsertest.Open(t, w.base, 1300, 1600)
	var tags, answer, created string
	b.Run(
		chromedp.Navigate(w.base+"/docs"),
		chromedp.WaitVisible(`#operations-tag-occupations`),
		chromedp.Text(`#docs`, &tags),
	)
	b.Keep("docs")
	b.Run( // a list, with the inputs of the console.
		chromedp.Click(`#operations-tag-occupations`),
		chromedp.Click(`#operations-occupations-listOccupations .opblock-summary-control`),
		chromedp.Click(`#operations-occupations-listOccupations .try-out__btn`),
		chromedp.Click(`#operations-occupations-listOccupations .execute`),
		chromedp.WaitVisible(`#operations-occupations-listOccupations .live-responses-table .response-col_status`),
		chromedp.Text(`#operations-occupations-listOccupations .live-responses-table`, &answer),
	)
	b.Keep("docs")
	b.Run( // a token, and a row that needs one
		chromedp.Click(`.auth-wrapper .authorize`),
		chromedp.Click(`.modal-ux input`),
		input.InsertText(w.token), // the page takes seconds for single keys
		chromedp.Click(`.modal-ux .authorize`),
		chromedp.Click(`.modal-ux .btn-done`),
		chromedp.Click(`#operations-tag-profiles`),
		chromedp.Click(`#operations-profiles-createProfile .opblock-summary-control`),
		chromedp.Click(`#operations-profiles-createProfile .try-out__btn`),
		chromedp.Click(`#operations-profiles-createProfile textarea.body-param__text`),
		chromedp.KeyEvent("a", chromedp.KeyModifiers(input.ModifierCtrl)),
		input.InsertText(`{"headline":"Tried in a browser"}`),
		chromedp.Click(`#operations-profiles-createProfile .execute`),
		chromedp.WaitVisible(`#operations-profiles-createProfile .live-responses-table .response-col_status`),
		chromedp.Text(`#operations-profiles-createProfile .live-responses-table`, &created),
	)
	b.Keep("docs")
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
	if seen := b.Requests(); len(seen) < 7 {
		t.Errorf("only %d requests were seen: %q", len(seen), seen)
	}
}
