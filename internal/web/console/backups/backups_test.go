package backups_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/backup/schedule"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/console"
	"github.com/ashlar-dev/ashlar/internal/web/console/backups"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
)

// TestMain ends the browser after all tests.
func TestMain(m *testing.M) { browsertest.Main(m) }

const (
	source     = "ashlar: 1\nname: notes\ntables: {notes: {fields: {title: {type: text}}}}\n"
	passphrase = "a stone set upon another stone"
)

// fake is a schedule with some attempts.
type fake struct {
	db      store.DB
	status  schedule.Status
	list    []schedule.Attempt
	away    error // of the target
	busy    error
	started []string
}

func (f *fake) Status() *schedule.Status { return &f.status }

func (f *fake) Attempts(context.Context) ([]schedule.Attempt, error) { return f.list, nil }

func (f *fake) Backups(context.Context) ([]schedule.Backup, error) {
	return []schedule.Backup{{ID: "20261128T083000Z-7f3a9c21", Taken: time.Now().Add(-90 * time.Minute), Bytes: 3 << 20}}, f.away
}

func (f *fake) RunNow(ctx context.Context, kind string, also ...func(tx store.Tx) error) error {
	if f.busy != nil {
		return f.busy
	}
	f.started = append(f.started, kind)
	return f.db.Write(ctx, func(tx store.Tx) error { return also[0](tx) })
}

func points() []objective.PointStatus {
	return []objective.PointStatus{{Objective: objective.Objective{Name: "backup", Below: 25 * time.Hour}, Newest: time.Now().Add(-26 * time.Hour), Age: 26 * time.Hour, Missed: true}}
}

type world struct {
	*accounttest.Node
	fake    *fake
	handler http.Handler
}

const hostile = `<script>alert(1)</script>`

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Node: accounttest.New(t, accounttest.SQLite(), source, accounttest.Config{Start: time.Now()})}
	now := time.Now()
	w.fake = &fake{db: w.Store, list: []schedule.Attempt{
		{ID: "4", Kind: "backup", State: "running", Node: "node-a", Begun: now, Ended: now},
		{ID: "3", Kind: "drill", State: "failed", Node: hostile, Begun: now.Add(-time.Hour), Ended: now, Backup: hostile, Error: hostile},
		{ID: "2", Kind: "drill", State: "done", Node: "node-a", Begun: now.Add(-2 * time.Hour), Ended: now, Backup: "20261128T083000Z-7f3a9c21", Bytes: 3 << 20, Found: "12 tables"},
		{ID: "1", Kind: "backup", State: "lost", Node: "node-b", Begun: now.Add(-3 * time.Hour), Ended: now},
	}}
	w.fake.status.Kinds = []schedule.KindStatus{
		{Kind: "backup", LastOK: now.Add(-time.Hour), Next: now.Add(time.Hour), RunningOn: "node-a"},
		{Kind: "drill", LastOK: now.Add(-8 * 24 * time.Hour), Next: now, Failures: 3, Overdue: true},
	}
	sections := backups.Sections(backups.Config{Schedule: w.fake, Plan: "every 1d to $BACKUP_URL", Note: w.note, Points: points, Styles: operation.Styles()})
	pages := console.New(console.Config{
		App: w.Model.Name, Accounts: w.Service, Audit: w.Audit, Keys: w.TokenKeys, Now: w.Clock.Now,
		Sections: append(sections, operation.Sections(operation.Config{})...), // the other package serves its style
	})
	receiver, err := web.NewReceiver(web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w.handler = receiver.Handler(web.NewMux(pages.Routes()...))
	return w
}

func (w *world) note(tx store.Tx, e audit.Event) error {
	rows := w.Rows.In(tx, caller.System("console"))
	defer rows.Done()
	return w.Audit.Append(rows, e)
}

// visitor is a browser without scripts.
type visitor struct {
	t       *testing.T
	w       *world
	cookies map[string]string
}

func (w *world) operator(t *testing.T, role string) *visitor {
	t.Helper()
	v := &visitor{t: t, w: w, cookies: map[string]string{}}
	secret, err := w.Service.OperatorLink(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	v.send("POST", "/console/begin", url.Values{"secret": {secret}, "name": {"Op"}, "email": {role + "@example.com"}, "password": {passphrase}}, http.StatusSeeOther)
	return v
}

func (v *visitor) send(method, path string, form url.Values, status int) string {
	v.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.RemoteAddr, r.Host = "127.0.0.1:5000", "127.0.0.1:8080"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	v.w.handler.ServeHTTP(rec, r)
	for _, cookie := range rec.Result().Cookies() {
		v.cookies[cookie.Name] = cookie.Value
	}
	if rec.Code != status {
		v.t.Errorf("%s %s = %d, want %d: %.1500s", method, path, rec.Code, status, rec.Body)
	}
	return rec.Body.String()
}

func TestThePageShowsBackups(t *testing.T) {
	w := newWorld(t)
	v := w.operator(t, "viewer")
	page := v.send("GET", "/console/backups", nil, 200)
	for _, text := range []string{"every 1d to $BACKUP_URL", "overdue", "3 failed in a row", "runs on", "20261128T083000Z-7f3a9c21", "1.5 h", "3 MiB", "12 tables", "lost", "missed", "at most 1d1h old, and is 1d2h old now"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not show %q", text)
		}
	}
	if strings.Contains(page, hostile) || strings.Contains(page, "Back up now") {
		t.Error("the page shows markup of others, or buttons to a viewer")
	}
	w.fake.away = errors.New("no route to the host")
	w.fake.status.Problem = "read-only file system"
	page = v.send("GET", "/console/backups", nil, 200)
	for _, text := range []string{"read-only file system", "does not answer"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not show %q", text)
		}
	}
	v.send("POST", "/console/backups", url.Values{"do": {"backup"}}, 403)
	if len(w.fake.started) > 0 {
		t.Error("a viewer starts a backup")
	}
}

func TestAnOperatorStartsBackupsAndDrills(t *testing.T) {
	w := newWorld(t)
	v := w.operator(t, "operator")
	v.send("POST", "/console/backups", url.Values{"do": {"backup"}}, http.StatusSeeOther)
	v.send("POST", "/console/backups", url.Values{"do": {"drill"}}, http.StatusSeeOther)
	v.send("POST", "/console/backups", url.Values{"do": {"restore"}}, 400)
	for _, action := range []string{"backup.started", "drill.started"} {
		page, err := w.Audit.List(t.Context(), audit.Filter{Action: action}, "", 10)
		if err != nil || len(page.Entries) != 1 {
			t.Errorf("%s has %d entries in the audit log, %v", action, len(page.Entries), err)
		}
	}
	if len(w.fake.started) != 2 {
		t.Errorf("started: %v", w.fake.started)
	}
}

func TestBackupsInABrowser(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	secret, err := w.Service.OperatorLink(t.Context(), "operator")
	if err != nil {
		t.Fatal(err)
	}
	b := browsertest.Open(t, server.URL, 1280, 900)
	b.Run(
		chromedp.Navigate(b.Base+console.LinkPath(secret)), chromedp.WaitVisible(`#secret`),
		chromedp.SendKeys(`#name`, "Grace"), chromedp.SendKeys(`#email`, "grace@example.com"), chromedp.SendKeys(`#password`, passphrase),
		chromedp.Click(`button.main`), chromedp.WaitVisible(`nav`, chromedp.ByQuery),
		chromedp.Navigate(b.Base+"/console/backups"), chromedp.WaitVisible(`button[value=drill]`),
	)
	b.Look("backups", 390, 1280)
	b.Run(chromedp.Click(`button[value=drill]`), chromedp.WaitVisible(`//*[contains(., "A drill begins")]`))
	if len(w.fake.started) != 1 {
		t.Errorf("started: %v", w.fake.started)
	}
}
