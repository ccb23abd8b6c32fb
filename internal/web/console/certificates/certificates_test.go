package certificates_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/console"
	"github.com/ashlar-dev/ashlar/internal/web/console/certificates"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
	"github.com/ashlar-dev/ashlar/internal/web/tlscert"
)

// TestMain ends the browser after all tests.
func TestMain(m *testing.M) { browsertest.Main(m) }

const (
	source     = "ashlar: 1\nname: notes\ntables: {notes: {fields: {title: {type: text}}}}\n"
	passphrase = "a stone set upon another stone"
	hostile    = `<script>alert(1)</script>`
)

// serve serves a console with certificates.
func serve(t *testing.T, now time.Time) (*httptest.Server, *accounttest.Node) {
	t.Helper()
	node := accounttest.New(t, accounttest.SQLite(), source, accounttest.Config{Start: now})
	day := 24 * time.Hour
	list := []tlscert.Status{
		{Names: []string{"notes.example.com", "www.notes.example.com"}, Issuer: "An Authority", NotBefore: now.Add(-day), NotAfter: now.Add(80*day + time.Minute), Source: "https://acme.example.com/directory", Next: now.Add(50 * day)},
		{Names: []string{"soon.example.com"}, Issuer: hostile, NotBefore: now.Add(-day), NotAfter: now.Add(3 * day), Source: "/etc/tls/cert.pem"},
		{Names: []string{"old.example.com"}, Issuer: "An Authority", NotBefore: now.Add(-day), NotAfter: now.Add(-time.Hour), Source: "/etc/tls/old.pem"},
		{Names: []string{"later.example.com"}, Issuer: "An Authority", NotBefore: now.Add(day), NotAfter: now.Add(90 * day), Source: "/etc/tls/later.pem"},
		{Names: []string{"new.example.com"}, Source: "https://acme.example.com/directory", Error: "the name has no address: " + hostile, Failed: now, Next: now.Add(time.Hour)},
	}
	sections := certificates.Sections(certificates.Config{Status: func() []tlscert.Status { return list }, Styles: operation.Styles(), Now: func() time.Time { return now }})
	pages := console.New(console.Config{
		App: node.Model.Name, Accounts: node.Service, Audit: node.Audit, Keys: node.TokenKeys, Now: node.Clock.Now,
		Sections: append(sections, operation.Sections(operation.Config{})...), // the other package serves its style
	})
	receiver, err := web.NewReceiver(web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(receiver.Handler(web.NewMux(pages.Routes()...)))
	t.Cleanup(server.Close)
	return server, node
}

func TestNoPageWithoutTLS(t *testing.T) {
	if got := certificates.Sections(certificates.Config{}); got != nil {
		t.Errorf("the sections are %v", got)
	}
}

func TestNobodySeesCertificatesUnasked(t *testing.T) {
	server, _ := serve(t, time.Now())
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(server.URL + "/console/certificates")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		t.Errorf("the page answers %d to nobody", answer.StatusCode)
	}
}

func TestCertificatesInABrowser(t *testing.T) {
	server, node := serve(t, time.Now())
	secret, err := node.Service.OperatorLink(t.Context(), "viewer")
	if err != nil {
		t.Fatal(err)
	}
	b := browsertest.Open(t, server.URL, 1280, 900)
	var states, text string
	b.Run(
		chromedp.Navigate(b.Base+console.LinkPath(secret)), chromedp.WaitVisible(`#secret`),
		chromedp.SendKeys(`#name`, "Grace"), chromedp.SendKeys(`#email`, "grace@example.com"), chromedp.SendKeys(`#password`, passphrase),
		chromedp.Click(`button.main`), chromedp.WaitVisible(`nav`, chromedp.ByQuery),
		chromedp.Navigate(b.Base+"/console/certificates"), chromedp.WaitVisible(`table`, chromedp.ByQuery),
		chromedp.Evaluate(`[...document.querySelectorAll('tbody .tag')].map(tag => tag.className + ': ' + tag.textContent).join(', ')`, &states),
		chromedp.Evaluate(`document.querySelector('tbody').textContent`, &text),
	)
	if want := "tag good: valid, tag bad: expires soon, tag bad: expired, tag bad: not valid yet, tag bad: none yet"; states != want {
		t.Errorf("the states are %q, want %q", states, want)
	}
	for _, want := range []string{"www.notes.example.com", "80 days left", "An Authority", "/etc/tls/cert.pem", "the name has no address: " + hostile, "none is planned"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q: %s", want, text)
		}
	}
	b.Look("certificates", 390, 1280)
}
