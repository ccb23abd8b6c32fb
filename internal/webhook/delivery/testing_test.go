package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

const shop = `
ashlar: 1
name: shop
roles: [integrator]
tables:
  orders:
    key: int
    fields:
      state:  {type: text, max: 20}
      secret_note: {type: text, optional: true, max: 100, read: "false"}
      owner: {ref: users, optional: true}
    access: {read: "'integrator' in auth.roles || owner_id == auth.id"}
  endpoints:
    key: int
    fields:
      url:    {type: text, format: url, max: 2000}
      events: {type: json, optional: true}
      secret: {type: text, secret: true, optional: true}
      state:  {type: enum, values: [active, failing, disabled], default: active}
      owner:  {ref: users, optional: true}
    access: {read: owner_id == auth.id, write: owner_id == auth.id}
webhooks:
  changes: {on: [orders.create, orders.update, orders.delete], send: [state, secret_note], as: {roles: [integrator]}, to: endpoints}
  ordered: {on: orders.update, to: endpoints, order: id}
  mine:    {on: orders.update, send: [state], as: {user: owner_id}, to: endpoints}
`

// ann owns the endpoints.
const ann = "01920000-0000-7000-8000-00000000000a"

// each runs a test on each engine.
func each(t *testing.T, test func(t *testing.T, open func() store.DB)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Readers: 2, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		test(t, func() store.DB { return migrated(t, db) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		test(t, func() store.DB {
			db, err := postgres.Open(t.Context(), url, postgres.Config{Serializable: true, Readers: 2, Writers: 4, Groups: 2, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			return migrated(t, db)
		})
	})
}

func migrated(t testing.TB, db store.DB) store.DB {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	if _, err := migrate.Apply(t.Context(), db, modeltest.Rules(t, shop), migrate.Options{System: []system.Fragment{job.Tables, Tables}}); err != nil {
		t.Fatal(err)
	}
	return db
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// A world is a service on a database.
type world struct {
	*Service
	t     testing.TB
	db    store.DB
	rules *rule.Rules
	ahead atomic.Int64 // of the service alone
}

func newWorld(t testing.TB, db store.DB, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, db: db, rules: modeltest.Rules(t, shop)}
	now := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	queue := job.Open(db, job.Config{
		Queues: []job.QueueConfig{{Name: model.WebhookQueue, Workers: 256, Each: &job.Each{AtOnce: AtOnce}}}, Logger: quiet(), StopTime: time.Second,
	})
	rows := record.New(db, w.rules, record.Config{Now: now})
	cfg := Config{
		Model: w.rules.Model, Store: db, Rows: rows, Queue: queue, Key: webhook.NewPrivateKey(), Logger: quiet(), Now: now,
		Egress:  outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
		timeout: 500 * time.Millisecond, random: func() float64 { return 0 },
	}
	if change != nil {
		change(&cfg)
	}
	w.Service = New(cfg)
	w.row("users", `{"id":"`+ann+`","email":"ann@example.com"}`)
	ctx, cancel := context.WithCancel(context.Background())
	ended := background.Async("a queue", func() error { return queue.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return w
}

// leap lets time go by: it sets the times of everything that waits back. The clock of the database cannot be changed.
func (w *world) leap(far time.Duration) {
	w.t.Helper()
	w.eventually("no attempt is under way", func() bool { // it would note the time as it was
		depths, err := w.cfg.Queue.Depths(w.t.Context())
		return err == nil && !slices.ContainsFunc(depths, func(d job.Depth) bool { return d.State == "running" && d.Jobs > 0 })
	})
	minus := func(columns ...string) (sql string) {
		for i, column := range columns {
			if i > 0 {
				sql += ", "
			}
			sql += column + " = " + column + " - " + fmt.Sprint(far.Microseconds())
			if w.db.Dialect() == sqlgen.Postgres {
				sql += " * interval '1 microsecond'"
			}
		}
		return sql
	}
	err := w.db.Write(w.t.Context(), func(tx store.Tx) error {
		for _, sql := range []string{
			`UPDATE ashlar_endpoints SET ` + minus("since", "not_before", "former_until", "replay_at"),
			`UPDATE ashlar_deliveries SET ` + minus("next_at") + ` WHERE state = 'waiting'`,
			`UPDATE ashlar_jobs SET ` + minus("turn_at", "run_at") + ` WHERE state = 'scheduled'`,
		} {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// order writes a row.
func (w *world) order(id int, members string) {
	w.t.Helper()
	w.row("orders", fmt.Sprintf(`{"id":%d,%s}`, id, members))
}

func (w *world) row(table, body string) {
	w.t.Helper()
	members, err := value.DecodeObject([]byte(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.cfg.Rows.Create(w.t.Context(), caller.System("test"), w.rules.Model.Table(table), members); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) patch(table string, id int, body string) {
	w.t.Helper()
	members, err := value.DecodeObject([]byte(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.cfg.Rows.Update(w.t.Context(), caller.System("test"), w.rules.Model.Table(table), value.OfInt(int64(id)), members, nil); err != nil {
		w.t.Fatal(err)
	}
}

// endpoint registers an endpoint.
func (w *world) endpoint(id int, url, more string) {
	w.t.Helper()
	w.row("endpoints", fmt.Sprintf(`{"id":%d,"url":%q,"owner_id":%q%s}`, id, url, ann, more))
}

// tell adds the job of a message, as a write does.
func (w *world) tell(hook, op string, row int, order string) (id string) {
	w.t.Helper()
	args := map[string]string{"op": op}
	if order != "" {
		args["order"] = order
	}
	text, err := json.Marshal(args)
	if err != nil {
		w.t.Fatal(err)
	}
	err = w.db.Write(w.t.Context(), func(tx store.Tx) (err error) {
		id, _, err = w.cfg.Queue.Enqueue(tx, job.Insert{Name: hook, Queue: model.WebhookQueue, Priority: 5, Table: "orders", Row: fmt.Sprint(row), Args: text})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// list returns the deliveries to an endpoint, the oldest first.
func (w *world) list(hook string, endpoint int) []Delivery {
	w.t.Helper()
	all, _, err := w.List(w.t.Context(), ours(), Query{Webhook: hook, Endpoint: fmt.Sprint(endpoint), Limit: MostListed})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// states returns the states of the deliveries to an endpoint.
func (w *world) states(hook string, endpoint int) string {
	var out []string
	for _, d := range w.list(hook, endpoint) {
		out = append(out, d.State)
	}
	return strings.Join(out, " ")
}

// state returns what the row of an endpoint says.
func (w *world) state(endpoint int) string {
	w.t.Helper()
	row, err := w.cfg.Rows.Get(w.t.Context(), ours(), w.rules.Model.Table("endpoints"), value.OfInt(int64(endpoint)), record.Selection{Fields: "state"}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(row.JSON)
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("it did not happen: %s", what)
		}
	}
}

// A letter is a message that a receiver got.
type letter struct {
	id, body string
	header   http.Header
	at       time.Time
}

// A receiver answers with its status.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	status  int
	header  http.Header
	letters []letter
}

func receive(t testing.TB, status int) *receiver {
	t.Helper()
	r := &receiver{status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.letters = append(r.letters, letter{req.Header.Get(webhook.IDHeader), string(body), req.Header, time.Now()})
		for name, values := range r.header {
			w.Header()[name] = values
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int, header http.Header) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.header = status, header
}

func (r *receiver) got() []letter {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.letters)
}
