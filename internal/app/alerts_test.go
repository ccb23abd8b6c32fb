package app

import (
	"encoding/json"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// post is an SMTP server that keeps the mails it gets.
type post struct{ mails chan string }

func (p *post) Reset()                               {}
func (p *post) Logout() error                        { return nil }
func (p *post) Mail(string, *smtp.MailOptions) error { return nil }
func (p *post) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (p *post) Data(r io.Reader) error {
	text, err := io.ReadAll(quotedprintable.NewReader(r))
	p.mails <- string(text)
	return err
}

func startPost(t *testing.T) (*post, mail.Server) {
	t.Helper()
	p := &post{mails: make(chan string, 10)}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return p, nil }))
	server.Domain = "localhost"
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	address, err := mail.ParseServer("smtp://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return p, address
}

// TestAlertsReachTheirTargets runs the example of docs/operating.md: its settings, and the webhook that it shows.
func TestAlertsReachTheirTargets(t *testing.T) {
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Alerts\n")
	blocks := regexp.MustCompile("(?s)```[a-z]*\n(.*?)```").FindAllStringSubmatch(section, 2)
	if len(blocks) != 2 {
		t.Fatalf("the section has %d examples", len(blocks))
	}
	posted := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posted <- "POST " + r.URL.Path + "\nwebhook-id: " + r.Header.Get("webhook-id") + "\nwebhook-timestamp: " + r.Header.Get("webhook-timestamp") +
			"\nwebhook-signature: " + r.Header.Get("webhook-signature") + "\n\n" + string(body)
	}))
	t.Cleanup(hook.Close)
	t.Setenv("ALERT_URL", hook.URL+"/alerts")
	t.Setenv("ALERT_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	post, server := startPost(t)

	now := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	app := opened(t, app(t, "-- ashlar.yaml --\nashlar: 1\nname: careers\n"+blocks[0][1]), Config{SMTP: server, Telemetry: AutoTelemetry})
	start(t, app)
	app.tellAlert(objective.Alert{
		Objective: objective.Objective{Name: "api", Kind: objective.Available, Target: 99.9}, Severity: objective.Page, Firing: true,
		Since: now, At: now, Window: time.Hour, Burn: 16.9, Bad: 60, Total: 3550, BudgetLeft: 0.931,
	})
	got := <-posted
	form := func(text string) string {
		text = regexp.MustCompile(`"node": ?"[^"]*"|msg_\w+|timestamp: \d+|v1,[\w+/=]+`).ReplaceAllString(text, "…")
		return strings.Join(strings.Fields(text), "")
	}
	if form(got) != form(blocks[1][1]) {
		t.Errorf("the page shows\n%s\nand the server sends\n%s", form(blocks[1][1]), form(got))
	}
	if body := got[strings.Index(got, "{"):]; !json.Valid([]byte(body)) {
		t.Errorf("no JSON: %s", body)
	}
	letter := <-post.mails
	for _, want := range []string{"To: <ops@example.com>", "Subject: [page] careers: api: 60 of 3550 requests failed in 1h", "burn rate: 16.9", "budget left: 93.1 %", "Since: 2026-03-01 02:00 UTC"} {
		if !strings.Contains(strings.ReplaceAll(letter, "\r\n ", " "), want) {
			t.Errorf("the mail does not have %q:\n%s", want, letter)
		}
	}
	for events := 0; events == 0; time.Sleep(5 * time.Millisecond) { // the archive writes soon
		list, err := app.Archive.Events(t.Context(), now.Add(-time.Minute), now.Add(time.Minute), 10)
		if err != nil {
			t.Fatal(err)
		}
		if events = len(list); events > 0 && (list[0].Kind != "alert" || list[0].Details != "api/available/page") {
			t.Errorf("event = %+v", list[0])
		}
	}
}
