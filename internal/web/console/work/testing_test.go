package work_test

import (
	"context"
	"errors"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/clock"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/console"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
	"github.com/ashlar-dev/ashlar/internal/web/console/work"
)

// TestMain ends the browser after all tests.
func TestMain(m *testing.M) { browsertest.Main(m) }

const source = `
ashlar: 1
name: notes
tables:
  notes:
    fields: {title: {type: text, max: 100}, email: {type: text, format: email, max: 100}}
    access: {read: true, create: true}
queues:
  mail: {workers: 3, rate: 1000/s}
jobs:
  welcome: {on: notes.create, queue: mail, post: {url: "https://example.com/hook"}}
  nightly: {cron: "30 2 * * *", zone: Europe/Berlin, missed: skip, table: notes, delete: created_at < now - duration('2160h'), as: system}
  often:   {every: 1h, table: notes, delete: created_at < now - duration('2160h'), as: system}
webhooks:
  changes: {on: notes.create, to: "https://example.com/hook"}
`

const passphrase = "a stone set upon another stone"

// A world is a console about the jobs of a database.
type world struct {
	*accounttest.Node
	t       *testing.T
	queue   *job.Queue
	history *job.History
	clock   *clock.Clock
	hooks   *hooks
	handler http.Handler
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, e))
		})
	}
}

func newWorld(t *testing.T, e modeltest.Engine) *world {
	t.Helper()
	w := &world{t: t, Node: accounttest.New(t, e, source, accounttest.Config{Start: time.Now(), Fragments: []system.Fragment{job.Tables, clock.Tables}})}
	w.queue = job.Open(w.Store, job.Config{Queues: []job.QueueConfig{{Name: "default"}, {Name: "mail", Workers: 3, Rate: &job.Rate{Count: 1000, Window: time.Second}}}, Node: "node-a", Logger: slog.New(slog.DiscardHandler)})
	w.history = job.NewHistory(w.queue)
	var err error
	if w.clock, err = clock.New(clock.Config{Model: w.Model, Store: w.Store, Queue: w.queue}); err != nil {
		t.Fatal(err)
	}
	w.hooks = &hooks{db: w.Store}
	sections := work.Sections(work.Config{
		Webhooks: w.hooks, Model: w.Model, Queue: w.queue, History: w.history, Clock: w.clock, Note: w.note, Traces: true, Logs: true, Styles: operation.Styles(),
	})
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

// run does jobs until the test ends.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	one := background.Async("the jobs of a test", func() error { return w.queue.Run(ctx) })
	two := background.Async("the depths of a test", func() error { return w.history.Run(ctx) })
	w.t.Cleanup(func() {
		cancel()
		<-one
		<-two
	})
}

func (w *world) add(spec job.Insert) (id string) {
	w.t.Helper()
	if spec.Queue == "" {
		spec.Queue = "mail"
	}
	if spec.Name == "" {
		spec.Name = "welcome"
	}
	err := w.Store.Write(w.t.Context(), func(tx store.Tx) (err error) {
		id, _, err = w.queue.Enqueue(tx, spec)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// count returns how many jobs have a state.
func (w *world) count(state string) int64 {
	w.t.Helper()
	n, exact, err := w.queue.Count(w.t.Context(), job.Filter{State: state})
	if err != nil || !exact {
		w.t.Fatal(n, exact, err)
	}
	return n
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("it did not happen: %s", what)
		}
	}
}

// entries returns the actions of the audit log, the newest first.
func (w *world) entries(action string) (all []audit.Entry) {
	w.t.Helper()
	page, err := w.Audit.List(w.t.Context(), audit.Filter{Action: action}, "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Entries
}

// errPlain is how jobs of tests fail.
var errPlain = errors.New("no route to the host")

// A visitor is a browser without scripts.
type visitor struct {
	w       *world
	cookies map[string]string
}

func (w *world) operator(role string) *visitor {
	w.t.Helper()
	v := &visitor{w: w, cookies: map[string]string{}}
	secret, err := w.Service.OperatorLink(w.t.Context(), role)
	if err != nil {
		w.t.Fatal(err)
	}
	a := v.send("POST", "/console/begin", url.Values{"secret": {secret}, "name": {"Op " + role}, "email": {role + "@example.com"}, "password": {passphrase}})
	if a.Code != http.StatusSeeOther {
		w.t.Fatalf("begin = %d %s", a.Code, a.Body)
	}
	return v
}

func (v *visitor) send(method, path string, form url.Values) *httptest.ResponseRecorder {
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
	return rec
}

// get returns the page at a path. It fails unless the page has the status and shows the texts.
func (v *visitor) get(path string, status int, texts ...string) string {
	v.w.t.Helper()
	return v.check("GET "+path, v.send("GET", path, nil), status, texts...)
}

// post sends pairs of a name and a value.
func (v *visitor) post(path string, status int, form url.Values, texts ...string) string {
	v.w.t.Helper()
	return v.check("POST "+path, v.send("POST", path, form), status, texts...)
}

func (v *visitor) check(what string, a *httptest.ResponseRecorder, status int, texts ...string) string {
	v.w.t.Helper()
	body := a.Body.String()
	_, main, _ := strings.Cut(body, "<main")
	if a.Code != status {
		v.w.t.Errorf("%s = %d, want %d: %.1500s", what, a.Code, status, main)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			v.w.t.Errorf("%s does not show %q:\n%.4000s", what, text, main)
		}
	}
	if a.Code == http.StatusSeeOther {
		return a.Header().Get("Location")
	}
	return body
}

var inputs = regexp.MustCompile(`<input type="(?:hidden|checkbox)" name="([a-z]+)" value="([^"]*)"`)

// formOf returns the hidden fields of the last form of a page that posts to a path.
func formOf(t *testing.T, page, path string) url.Values {
	t.Helper()
	at := strings.LastIndex(page, `<form method="post" action="`+path+`"`)
	if at < 0 {
		t.Fatalf("no form for %s:\n%s", path, page)
	}
	part, _, _ := strings.Cut(page[at:], "</form>")
	form := url.Values{}
	for _, found := range inputs.FindAllStringSubmatch(part, -1) {
		form.Add(found[1], html.UnescapeString(found[2]))
	}
	return form
}
