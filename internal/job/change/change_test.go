package change

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const shop = `
ashlar: 1
name: shop
roles: [cleaner]
tables:
  customers: {key: int, fields: {name: {type: text, max: 50}}, access: {read: true}}
  orders:
    key: int
    fields:
      customer: {ref: customers, on_delete: cascade}
      state: {type: enum, values: [draft, paid, expired], default: draft}
      locked: {type: bool, default: false}
      due_at: {type: timestamp, optional: true}
      note: {type: text, max: 50, optional: true}
    access: {read: true, update: "!locked", delete: "!locked"}
jobs:
  purge:   {every: 1h, table: orders, delete: "state == 'expired' && created_at <= now", as: system}
  cleanup: {every: 1h, table: orders, delete: "state == 'expired'", as: {roles: [cleaner]}}
  expire:  {every: 1h, table: orders, update: {where: "state == 'draft'", set: {state: expired, due_at: now, note: null}}, as: system}
  forget:  {every: 1h, table: customers, delete: "name == 'gone'", as: system}
  single:  {table: orders, at: due_at, update: {where: "state == 'draft'", set: {state: expired}}, as: system}
`

// A bench is the shop on one engine.
type bench struct {
	t     *testing.T
	rules *rule.Rules
	rows  *record.DB
	db    store.DB
	do    map[string]func(context.Context, *job.Job) error
}

func each(t *testing.T, test func(b *bench)) {
	open := func(t *testing.T, db store.DB, err error) {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		rules := modeltest.Rules(t, shop)
		if _, err := migrate.Apply(t.Context(), db, rules, migrate.Options{System: []system.Fragment{job.Tables}}); err != nil {
			t.Fatal(err)
		}
		b := &bench{t: t, rules: rules, db: db, rows: record.New(db, rules, record.Config{})}
		b.do, err = Handlers(Config{Rules: rules, Store: db, Rows: b.rows, Caller: func(_ context.Context, of *model.Job, _ *job.Job) (caller.Caller, error) {
			if of.As.System {
				return caller.System("job " + of.Name), nil
			}
			return caller.Service(caller.Identity{ID: "job " + of.Name, Roles: of.As.Roles}), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		test(b)
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Logger: quiet()})
		open(t, db, err)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		db, err := postgres.Open(t.Context(), pgtest.URL(t), postgres.Config{Logger: quiet()})
		open(t, db, err)
	})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (b *bench) create(table, body string) {
	b.t.Helper()
	members, err := value.DecodeObject([]byte(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.rows.Create(b.t.Context(), caller.System("test"), b.rules.Model.Table(table), members); err != nil {
		b.t.Fatal(err)
	}
}

// orders adds orders from an id on.
func (b *bench) orders(from, count int, more string) {
	b.t.Helper()
	for i := range count {
		b.create("orders", fmt.Sprintf(`{"id": %d, "customer_id": 1, %s}`, from+i, more))
	}
}

func (b *bench) count(table, filter string) int {
	b.t.Helper()
	body, err := b.rows.List(b.t.Context(), caller.System("test"), b.rules.Model.Table(table), record.Query{Limit: 1, Total: true, Filter: filter}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	var page struct{ Total int }
	if err := json.Unmarshal(body, &page); err != nil {
		b.t.Fatal(err)
	}
	return page.Total
}

// A job changes all rows that its condition names, and no others, in more than one batch.
func TestChangesRowsInBatches(t *testing.T) {
	each(t, func(b *bench) {
		b.create("customers", `{"id": 1, "name": "ann"}`)
		b.orders(1, 2*batch+20, `"state": "expired", "locked": true`)
		b.orders(1000, 30, `"state": "paid"`)
		b.orders(2000, batch+5, `"state": "draft", "note": "n"`)
		if err := b.do["purge"](b.t.Context(), &job.Job{}); err != nil {
			b.t.Fatal(err)
		}
		if n := b.count("orders", ""); n != 30+batch+5 {
			b.t.Errorf("after purge there are %d orders", n)
		}
		if err := b.do["expire"](b.t.Context(), &job.Job{}); err != nil {
			b.t.Fatal(err)
		}
		if n := b.count("orders", "state == 'expired' && has(due_at) && !has(note)"); n != batch+5 {
			b.t.Errorf("%d orders are expired, want %d", n, batch+5)
		}
		if n := b.count("orders", "state == 'paid'"); n != 30 {
			b.t.Errorf("%d orders are paid", n)
		}
	})
}

// Rules bind a job with roles. What they allow is done, and the job says what they refused.
func TestRulesBindAJob(t *testing.T) {
	each(t, func(b *bench) {
		b.create("customers", `{"id": 1, "name": "ann"}`)
		b.orders(1, 120, `"state": "expired"`)
		b.orders(500, 3, `"state": "expired", "locked": true`)
		err := b.do["cleanup"](b.t.Context(), &job.Job{})
		if err == nil || !strings.Contains(err.Error(), "120 rows were changed, and 3 refused, the first: row 500") {
			b.t.Errorf("cleanup: %v", err)
		}
		if n := b.count("orders", ""); n != 3 {
			b.t.Errorf("%d orders are left", n)
		}
	})
}

// A deletion that reaches many rows is done on its own.
func TestDeletesWhatReachesMany(t *testing.T) {
	each(t, func(b *bench) {
		b.create("customers", `{"id": 1, "name": "gone"}`)
		b.create("customers", `{"id": 2, "name": "gone"}`)
		b.create("customers", `{"id": 3, "name": "here"}`)
		b.orders(1, 150, `"state": "paid"`)
		if err := b.do["forget"](b.t.Context(), &job.Job{}); err != nil {
			b.t.Fatal(err)
		}
		if customers, orders := b.count("customers", ""), b.count("orders", ""); customers != 1 || orders != 0 {
			b.t.Errorf("%d customers and %d orders are left", customers, orders)
		}
	})
}

// A job about a row changes that row, if the condition holds for it.
func TestChangesItsRowAlone(t *testing.T) {
	each(t, func(b *bench) {
		b.create("customers", `{"id": 1, "name": "ann"}`)
		b.orders(1, 2, `"state": "draft"`)
		b.orders(3, 1, `"state": "paid"`)
		for _, id := range []string{"1", "3", "9"} {
			if err := b.do["single"](b.t.Context(), &job.Job{Table: "orders", Row: id}); err != nil {
				b.t.Fatal(err)
			}
		}
		if n := b.count("orders", "state == 'expired' && id == 1"); n != 1 {
			b.t.Error("the row has not changed")
		}
		if n := b.count("orders", "state == 'expired'"); n != 1 {
			b.t.Errorf("%d rows have changed", n)
		}
	})
}

// An attempt that runs out of time after some work is no failure.
func TestLongWorkGoesOn(t *testing.T) {
	each(t, func(b *bench) {
		b.create("customers", `{"id": 1, "name": "ann"}`)
		b.orders(1, batch+50, `"state": "expired"`)
		ctx, cancel := context.WithTimeout(t.Context(), spare+time.Minute)
		defer cancel()
		short, stop := context.WithDeadline(t.Context(), time.Now().Add(spare-time.Millisecond))
		defer stop()
		if err := b.do["purge"](short, &job.Job{}); err != job.ErrMore {
			b.t.Errorf("purge: %v, want ErrMore", err)
		}
		if err := b.do["purge"](ctx, &job.Job{}); err != nil {
			b.t.Error(err)
		}
		if n := b.count("orders", ""); n != 0 {
			b.t.Errorf("%d orders are left", n)
		}
	})
}
