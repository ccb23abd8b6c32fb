package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/pebbletest"
)

// everyPage is an app with all sections of the console.
const everyPage = `-- ashlar.yaml --
ashlar: 1
name: shop
roles: [integrator]
accounts:
  signup: open
  passkeys: {domain: example.com, origins: ["https://pages.example.com"]}
  providers: {corp: {issuer: ISSUER, client_id: ` + oidctest.ClientID + `, client_secret: $CORP_SECRET}}
tables:
  orders:
    watch: true
    fields: {title: {type: text, max: 200}}
    access: {read: true, create: true}
  endpoints:
    fields:
      owner:  {ref: users, default: auth.id}
      url:    {type: text, format: url, max: 2000}
      events: {type: json, optional: true}
      secret: {type: text, secret: true, optional: true}
      state:  {type: enum, values: [active, failing, disabled], default: active}
    access: {read: owner_id == auth.id, write: owner_id == auth.id}
queues:
  calls: {workers: 2}
jobs:
  tell:  {on: orders.create, queue: calls, post: {url: "https://example.com/hook"}}
  purge: {cron: "30 3 * * *", zone: UTC, table: orders, delete: title == 'old', as: system}
webhooks:
  changes: {on: [orders.create, orders.update], send: [title], as: {roles: [integrator]}, to: endpoints}
backups: {to: $BACKUP_URL, every: 1d}
`

// A shopfront is the app of everyPage, and what its console has pages for.
type shopfront struct {
	*crawler
	server *App
	front  string // the address of the app, with the prefix
}

// openShop starts the app with certificates, and begins as its first owner.
func openShop(t *testing.T) *shopfront {
	t.Helper()
	provider := oidctest.New(t)
	t.Setenv("CORP_SECRET", oidctest.ClientSecret)
	t.Setenv("BACKUP_URL", t.TempDir())
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "app.pem"), filepath.Join(dir, "app.key")
	pool := pebbletest.WritePair(t, cert, key, time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour), "localhost")
	front := "https://localhost" + prefix // operators of this machine need no second factor
	server := opened(t, app(t, strings.Replace(everyPage, "ISSUER", provider.Issuer, 1)), Config{
		URL: front, TLS: TLS{Cert: cert, Key: key}, Names: []string{"localhost"}, Telemetry: AutoTelemetry, Profile: true,
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	server.work.Handle("tell", 0, func(context.Context, *job.Job) error { return errors.New("the card was refused") })
	run := start(t, server)
	client := secureClient(pool, addressOf(run))
	link, err := server.FirstOperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(link, "#")
	answer, err := client.PostForm(front+"/console/begin", url.Values{"secret": {secret}, "name": {"Grace"}, "email": {"grace@example.com"}, "password": {"a stone set upon another stone"}})
	if err != nil || answer.StatusCode != http.StatusSeeOther {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()
	c := &crawler{t: t, origin: strings.TrimSuffix(front, prefix), client: client, cookies: answer.Cookies(), seen: map[string]bool{}}
	return &shopfront{crawler: c, server: server, front: front}
}

// post sends a form of the console, and looks at the answer.
func (s *shopfront) post(path string, form url.Values) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.front+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.send(r)
}

// read returns a page of the console.
func (s *shopfront) read(path string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.front+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, cookie := range s.cookies {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// await waits until a page has a link that matches, and returns the match.
func (s *shopfront) await(path, link string) string {
	s.t.Helper()
	pattern, found := regexp.MustCompile(`"(`+prefix+link+`)"`), []string(nil)
	waitFor(s.t, link+" on "+path, func() bool {
		s.server.flushRecords()
		found = pattern.FindStringSubmatch(s.read(path))
		return found != nil
	})
	return found[1]
}

// fill makes rows, a failed job, a message that cannot be delivered, a person, a stream and an incident.
func (s *shopfront) fill() {
	s.t.Helper()
	send := func(method, path, bearer, body string, want int) {
		s.t.Helper()
		r, err := http.NewRequestWithContext(s.t.Context(), method, s.front+path, strings.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if bearer != "" {
			r.Header.Set("Authorization", "Bearer "+bearer)
		}
		answer, err := s.client.Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		defer answer.Body.Close()
		if text, _ := io.ReadAll(answer.Body); answer.StatusCode != want {
			s.t.Fatalf("%s %s = %s %s", method, path, answer.Status, text)
		}
	}
	w := &worked{server: s.server}
	dead := newInbox(s.t)
	dead.answer(http.StatusInternalServerError)
	send("POST", "/auth/sign-up", "", `{"email": "ada@example.com", "password": "a horse that nobody sees"}`, http.StatusAccepted)
	send("POST", "/api/endpoints", w.token(s.t, annID), `{"url": "`+dead.URL+`"}`, http.StatusCreated)
	send("POST", "/api/orders", "", `{"title": "lamp"}`, http.StatusCreated)
	send("GET", "/api/orders?sort=nothing", "", "", http.StatusBadRequest)
	err := s.server.Store.Write(s.t.Context(), func(tx store.Tx) error {
		_, _, err := s.server.work.Enqueue(tx, job.Insert{Name: "tell", Queue: "calls", Args: []byte(`{"n": 1}`), Tries: 1})
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	until(s.t, "the message arrives", func() bool { return dead.count() > 0 })
	until(s.t, "the job dies", func() bool { return s.server.work.StatsOf("calls").Dead > 0 })
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.front+"/api/orders:watch", http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	stream, err := s.client.Do(r)
	if err != nil || stream.StatusCode != http.StatusOK {
		s.t.Fatal(stream, err)
	}
	s.t.Cleanup(func() { _ = stream.Body.Close() })
	s.post("/console/incidents", url.Values{"title": {"orders are slow"}})
	s.post("/console/services", url.Values{"name": {"worker"}})
	s.post("/console/users/invite", url.Values{"email": {"bob@example.com"}, "name": {"Bob"}})
	s.post("/console/advice", nil)
	s.post("/console/jobs", url.Values{"queue": {"calls"}})
	s.post("/console/queues/calls", url.Values{"do": {"pause"}})
	s.post("/console/crons/purge", url.Values{"do": {"run"}})
}

// Every page of the console has all its addresses below the prefix, in an app with all sections. A page that no route
// of the crawl leads to fails the test, so that a new one is not forgotten.
func TestEveryPageOfTheConsoleIsBelowThePrefix(t *testing.T) {
	s := openShop(t)
	s.fill()
	for _, page := range []struct{ list, link string }{
		{"/console/logs", `/console/logs/[A-Z2-7]{26}`},
		{"/console/traces", `/console/traces/[^"/?]+`},
		{"/console/jobs?state=dead", `/console/jobs/[0-9a-f-]{36}`},
	} {
		s.queue = append(s.queue, s.await(page.list, page.link))
	}
	for _, stripped := range []string{prefix, ""} {
		for _, page := range []string{"/console", "/account/", "/account/sign-in", "/docs", "/console/logs/tail?cursor=0", "/console/audit/export", "/console/home/deploys", "/console/begin", "/console/sign-in", "/console/factor"} {
			s.queue = append(s.queue, stripped+page)
		}
	}
	s.crawl()
	mux, patterns := http.NewServeMux(), map[string]bool{}
	for _, route := range s.server.routes {
		if strings.HasPrefix(route.Pattern, "GET /console") {
			mux.Handle(route.Pattern, http.NotFoundHandler())
			patterns[route.Pattern] = false
		}
	}
	for _, page := range s.got {
		_, pattern := mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: strings.TrimPrefix(page, prefix)}})
		patterns[pattern] = true
	}
	delete(patterns, "GET /console/users/{id}") // nobody of this app has followed the link of a mail
	for pattern, got := range patterns {
		if !got {
			t.Errorf("the crawl did not reach %s", pattern)
		}
	}
	t.Logf("%d addresses, %d routes of the console", len(s.got), len(patterns))
}
