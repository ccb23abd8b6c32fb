package alert

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // of the examples of Standard Webhooks

var began = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

func page(key string, firing bool) Alert {
	return Alert{
		Key: key, Severity: "page", Summary: key + ": 60 of 3600 requests failed", Firing: firing, Since: began, At: began.Add(time.Minute),
		Labels: map[string]string{"objective": "api"}, Details: []Detail{{"bad", "60"}, {"budget_left", "93.1 %"}},
	}
}

// rowsOf returns the rows of a database with the table of alerts.
func rowsOf(t *testing.T, db store.DB) *record.DB {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	rules := modeltest.Rules(t, "ashlar: 1\nname: app\n")
	if _, err := migrate.Apply(t.Context(), db, rules, migrate.Options{System: []system.Fragment{Tables}}); err != nil {
		t.Fatal(err)
	}
	return record.New(db, rules, record.Config{System: system.Model(rules.Model, migrate.Tables, Tables)})
}

func sqliteRows(t *testing.T) *record.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return rowsOf(t, db)
}

// each runs a test on each engine, with the rows of two nodes.
func each(t *testing.T, test func(t *testing.T, a, b *record.DB)) {
	t.Run("SQLite", func(t *testing.T) {
		rows := sqliteRows(t)
		test(t, rows, rows)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		url := pgtest.URL(t)
		open := func() *record.DB {
			db, err := postgres.Open(t.Context(), url, postgres.Config{Serializable: true, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			return rowsOf(t, db)
		}
		test(t, open(), open())
	})
}

func TestOneNodeTellsAboutAnAlert(t *testing.T) {
	each(t, func(t *testing.T, rowsA, rowsB *record.DB) {
		now := began
		clock := func() time.Time { return now }
		a, b := newClaims(Config{Rows: rowsA, Node: "a", Now: clock}), newClaims(Config{Rows: rowsB, Node: "b", Now: clock})
		begin := func(c *claims, want bool) {
			t.Helper()
			if got, err := c.begin(t.Context(), page("api", true)); err != nil || got != want {
				t.Errorf("begin on %s = %v, %v, want %v", c.node, got, err, want)
			}
		}
		end := func(c *claims, want bool) {
			t.Helper()
			if got, err := c.end(t.Context(), page("api", false)); err != nil || got != want {
				t.Errorf("end on %s = %v, %v, want %v", c.node, got, err, want)
			}
		}
		beat := func(c *claims, fires bool, want ...string) {
			t.Helper()
			firing := map[string]Alert{}
			var keys, got []string
			if fires {
				firing["api"], keys = page("api", true), []string{"api"}
			}
			ended, err := c.beat(t.Context(), keys, firing)
			for _, a := range ended {
				got = append(got, a.Key)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("beat on %s = %v, %v, want %v", c.node, got, err, want)
			}
		}
		begin(a, true)
		begin(b, false)
		end(a, false)
		end(b, true)
		begin(b, true) // it fires anew
		begin(a, false)
		now = now.Add(freshFor)
		beat(a, true) // b is gone, and a still tells
		end(a, true)
		begin(b, true)
		now = now.Add(freshFor)
		beat(a, false, "api") // b is gone, and nobody else tells
		beat(a, false)
		begin(a, true)
		begin(a, false) // another start of the same node
	})
}

func TestTwoNodesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, rowsA, rowsB *record.DB) {
		a, b := newClaims(Config{Rows: rowsA, Node: "a", Now: time.Now}), newClaims(Config{Rows: rowsB, Node: "b", Now: time.Now})
		for range 10 {
			var first, last atomic.Int32
			var nodes sync.WaitGroup
			for _, c := range []*claims{a, b} {
				nodes.Go(func() {
					if mine, err := c.begin(t.Context(), page("api", true)); err != nil {
						t.Error(err)
					} else if mine {
						first.Add(1)
					}
				})
			}
			nodes.Wait()
			for _, c := range []*claims{a, b} {
				nodes.Go(func() {
					if mine, err := c.end(t.Context(), page("api", false)); err != nil {
						t.Error(err)
					} else if mine {
						last.Add(1)
					}
				})
			}
			nodes.Wait()
			if first.Load() != 1 || last.Load() != 1 {
				t.Fatalf("%d nodes tell that it fires, %d that it is over", first.Load(), last.Load())
			}
		}
	})
}

// A hook is a server that keeps the requests it gets.
type hook struct {
	*httptest.Server
	status atomic.Int32
	mu     sync.Mutex
	got    []*http.Request
	bodies []string
	came   chan struct{}
}

func newHook(t *testing.T) *hook {
	h := &hook{came: make(chan struct{}, 100)}
	h.status.Store(204)
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.got, h.bodies = append(h.got, r), append(h.bodies, string(body))
		h.mu.Unlock()
		w.WriteHeader(int(h.status.Load()))
		h.came <- struct{}{}
	}))
	t.Cleanup(h.Close)
	return h
}

func run(t *testing.T, s *Sender) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestWebhookSaysWhatHappens(t *testing.T) {
	hook := newHook(t)
	target := model.AlertTarget{Webhook: settingOf(hook.URL + "/hook?token=geheim"), Secret: settingOf(secret)}
	s := NewSender([]model.AlertTarget{target}, Config{App: "careers", Node: "n1", Rows: sqliteRows(t), Now: func() time.Time { return began }})
	run(t, s)
	s.Send(page("api/available/page", true))
	<-hook.came
	s.Send(page("api/available/page", false))
	<-hook.came
	want := `{"type":"alert.firing","timestamp":"2026-03-01T02:01:00Z","data":{"alert":"api/available/page","app":"careers","node":"n1","severity":"page",` +
		`"summary":"api/available/page: 60 of 3600 requests failed","since":"2026-03-01T02:00:00Z","labels":{"objective":"api"},"details":{"bad":"60","budget_left":"93.1 %"}}}`
	if diff := cmp.Diff(want, hook.bodies[0]); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(hook.bodies[1], `{"type":"alert.over"`) {
		t.Errorf("the second body is %s", hook.bodies[1])
	}
	key, err := webhook.ParseVerifyingKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier := webhook.Verifier{Keys: []webhook.VerifyingKey{key}, Now: func() time.Time { return began }}
	for i, r := range hook.got {
		if err := verifier.Verify(r.Header, []byte(hook.bodies[i])); err != nil || r.Header.Get("webhook-timestamp") != "1772330400" || !strings.HasPrefix(r.Header.Get("webhook-id"), "msg_") {
			t.Errorf("headers = %v: %v", r.Header, err)
		}
	}
	if hook.got[0].Header.Get("webhook-id") == hook.got[1].Header.Get("webhook-id") {
		t.Error("two messages have one id")
	}
}

func settingOf(text string) model.Setting { return model.Setting{Value: telemetry.Secret(text)} }

func TestADeadTargetHoldsUpNobody(t *testing.T) {
	hook := newHook(t)
	hangs := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(hangs) })
	targets := []model.AlertTarget{
		{Webhook: settingOf(hanging.URL)},
		{Webhook: settingOf("http://127.0.0.1:1/nobody")},
		{Mail: "ops@example.com"},
		{Webhook: settingOf(hook.URL)},
	}
	mail := func(context.Context, string, Alert) error { panic("of the mail") }
	s := NewSender(targets, Config{App: "a", Node: "n1", Rows: sqliteRows(t), Mail: mail})
	run(t, s)
	for range 5 {
		s.Send(page("api", true))
		<-hook.came
		s.Send(page("api", false))
		<-hook.came
	}
}

// Without a database nobody can ask the other nodes, and the alert goes out.
func TestAnAlertNeedsNoDatabase(t *testing.T) {
	hook := newHook(t)
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(t, db)
	_ = db.Close()
	s := NewSender([]model.AlertTarget{{Webhook: settingOf(hook.URL)}}, Config{App: "a", Node: "n1", Rows: rows})
	run(t, s)
	s.Send(page("api", true))
	<-hook.came
}

// An Alertmanager may stand behind a proxy that asks for a password. The URL has it, and the request must not.
func TestPasswordOfAnAddress(t *testing.T) {
	hook := newHook(t)
	address := strings.Replace(hook.URL, "http://", "http://ops:geheim@", 1)
	if err := post(t.Context(), newClient(Config{Egress: outbound.New(outbound.Config{})}, address), address, []byte("{}"), http.Header{}); err != nil {
		t.Fatal(err)
	}
	if user, password, _ := hook.got[0].BasicAuth(); user != "ops" || password != "geheim" {
		t.Errorf("user %q, password %q", user, password)
	}
}

func TestPostJudgesAnswers(t *testing.T) {
	cfg := Config{Egress: outbound.New(outbound.Config{})}
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		final   bool
		want    string // of the error; "": none
	}{
		{"taken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }, false, ""},
		{"refused", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, true, "answers 401"},
		{"too often", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, false, "answers 429"},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, false, "answers 502"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, true, "redirects are not followed"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for block := make([]byte, 1<<16); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, false, ""},
		{"huge header", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, false, "header"},
		{"aborted", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, "EOF"},
	} {
		server := httptest.NewServer(tt.handler)
		err := post(t.Context(), newClient(cfg, server.URL), server.URL+"/?token=geheim", []byte("{}"), http.Header{})
		server.Close()
		_, final := errors.AsType[*permanentError](err)
		if (err == nil) != (tt.want == "") || final != tt.final || (err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "geheim"))) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := post(ctx, newClient(cfg, "http://127.0.0.1:1"), "http://127.0.0.1:1/geheim", nil, http.Header{}); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("an ended context: %v", err)
	}
}

func TestTargetTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := &strings.Builder{}
		var failures atomic.Int32
		var mu sync.Mutex
		var got []string
		var attempts int
		target := &target{name: "test", timeout: time.Second, log: slog.New(slog.NewTextHandler(lines, nil)), now: time.Now, wake: make(chan struct{}, 1)}
		target.deliver = func(ctx context.Context, a Alert) error {
			mu.Lock()
			defer mu.Unlock()
			attempts++
			switch {
			case a.Key == "refused":
				return &permanentError{errors.New("no")}
			case a.Key == "hangs":
				<-ctx.Done()
				return ctx.Err()
			case failures.Add(-1) >= 0:
				return errors.New("away")
			}
			got = append(got, a.Key+map[bool]string{true: " fires", false: " is over"}[a.Firing])
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- target.Run(ctx) }()
		send := func(key string, firing bool) { target.push(Alert{Key: key, Firing: firing, At: time.Now()}) }
		step := func(wait time.Duration, wantAttempts int, want ...string) {
			t.Helper()
			time.Sleep(wait)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(got, want) || (wantAttempts > 0 && attempts != wantAttempts) {
				t.Errorf("after %d attempts: %q, want %q after %d", attempts, got, want, wantAttempts)
			}
			got, attempts = nil, 0
		}
		failures.Store(3)
		send("a", true)
		send("a", false)
		step(20*time.Second, 5, "a fires", "a is over")
		send("refused", true)
		send("b", true)
		step(time.Second, 2, "b fires")
		failures.Store(1000)
		send("c", true)
		synctest.Wait() // it is on its way
		for range 3 {
			send("c", true) // one more waits, and that is enough
		}
		send("d", true)
		time.Sleep(time.Hour)
		failures.Store(0)
		step(2*time.Minute, 0, "c fires", "c fires", "d fires")
		failures.Store(1 << 30)
		send("e", true) // for a day nobody is there
		time.Sleep(25 * time.Hour)
		failures.Store(0)
		send("f", true)
		step(2*time.Minute, 0, "f fires")
		failures.Store(1 << 30)
		for i := range 3 * maxWaiting {
			send("g"+string(rune('a'+i%26))+string(rune('a'+i/26)), true)
		}
		target.mu.Lock()
		if n := len(target.queue); n != maxWaiting {
			t.Errorf("%d alerts wait", n)
		}
		target.mu.Unlock()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
		if n := strings.Count(lines.String(), "an alert is lost"); n < 100 {
			t.Errorf("%d lines about lost alerts", n)
		}
	})
}
