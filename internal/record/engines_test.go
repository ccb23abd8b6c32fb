package record

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// onBoth runs a test on each engine, on rows of a model with a watched store.
func onBoth(t *testing.T, source string, test func(t *testing.T, d *DB, spy *watched)) {
	t.Helper()
	modeltest.Each(t, source, func(t *testing.T, db store.DB, rules *rule.Rules) {
		spy := &watched{DB: db}
		test(t, New(spy, rules, Config{}), spy)
	})
}

// onEngines runs a test on the rows of a model in each engine. PostgreSQL runs it a second time without scripts.
func onEngines(t *testing.T, source string, test func(t *testing.T, d *DB)) {
	t.Helper()
	postgresql := modeltest.Postgres(postgres.Config{Readers: 2, Serializable: true})
	for _, tt := range []struct {
		name    string
		engine  modeltest.Engine
		scripts bool
	}{
		{"SQLite", modeltest.SQLite(sqlite.Config{Readers: 2}), true},
		{"PostgreSQL", postgresql, true},
		{"PostgreSQL without scripts", postgresql, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, rules := tt.engine.Open(t, source)
			if !tt.scripts {
				db = withoutScripts{db}
			}
			d := New(db, rules, Config{})
			d.refusals.ignored = true
			test(t, d)
		})
	}
}

// withReaders runs a test on each engine with a number of connections for reads.
func withReaders(t *testing.T, source string, readers int, test func(t *testing.T, d *DB)) {
	t.Helper()
	for _, engine := range []modeltest.Engine{
		modeltest.SQLite(sqlite.Config{Readers: readers}),
		modeltest.Postgres(postgres.Config{Readers: readers, Writers: 2}),
	} {
		t.Run(engine.Name, func(t *testing.T) {
			db, rules := engine.Open(t, source)
			test(t, New(db, rules, Config{}))
		})
	}
}

// withoutScripts is an engine that runs each write as a function.
type withoutScripts struct{ store.DB }

// Script runs no script.
func (withoutScripts) Script(context.Context, func(int64) (*store.Script, error)) (bool, error) {
	return false, nil
}

// watched is a store that counts transactions, and lets a test act before each. It runs no scripts.
type watched struct {
	store.DB
	reads, writes atomic.Int64
	statements    atomic.Int64 // of transactions
	beforeWrite   func()       // nil where the test does nothing; its own writes do not come here
	inside        atomic.Bool

	failAt   int64 // the number of a statement that fails; 0 for none
	cancelAt int64 // the number of one before which cancel is called
	cancel   context.CancelFunc
}

func (w *watched) Read(ctx context.Context, read func(store.Reader) error) error {
	w.reads.Add(1)
	return w.DB.Read(ctx, read)
}

func (w *watched) Write(ctx context.Context, write func(store.Tx) error) error {
	w.act()
	w.writes.Add(1)
	return w.DB.Write(ctx, func(tx store.Tx) error { return write(&watchedTx{tx, w}) })
}

// Script runs no script.
func (*watched) Script(context.Context, func(int64) (*store.Script, error)) (bool, error) {
	return false, nil
}

// Sweep counts as a write.
func (w *watched) Sweep(ctx context.Context, write func(store.Tx) error) error {
	w.act()
	w.writes.Add(1)
	return w.DB.Sweep(ctx, func(tx store.Tx) error { return write(&watchedTx{tx, w}) })
}

type watchedTx struct {
	store.Tx
	w *watched
}

func (t *watchedTx) Query(sql string, args []value.Value, row func(value.Row) error) error {
	if err := t.w.statement(); err != nil {
		return err
	}
	return t.Tx.Query(sql, args, row)
}

func (t *watchedTx) Exec(sql string, args []value.Value) (int64, error) {
	if err := t.w.statement(); err != nil {
		return 0, err
	}
	return t.Tx.Exec(sql, args)
}

func (t *watchedTx) ExecDeferred(sql string, args []value.Value) (int64, error) {
	if err := t.w.statement(); err != nil {
		return 0, err
	}
	return t.Tx.ExecDeferred(sql, args)
}

func (t *watchedTx) ExecThenQuery(change, read store.Statement, row func(value.Row) error) error {
	return store.ExecThenQuery(t, change, read, row)
}

// statement counts a statement before it runs.
func (w *watched) statement() error {
	n := w.statements.Add(1)
	if n == w.cancelAt {
		w.cancel()
	}
	if n == w.failAt {
		return errInjected
	}
	return nil
}

// exec runs statements beside the door, in one transaction.
func (w *watched) exec(t *testing.T, statements ...string) {
	t.Helper()
	err := w.DB.Write(t.Context(), func(tx store.Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// number returns the number that a query selects.
func (w *watched) number(t *testing.T, sql string) (n int64) {
	t.Helper()
	err := w.DB.Read(t.Context(), func(reader store.Reader) error {
		return reader.Query(sql, nil, func(row value.Row) error { n = row.Int(0); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *watched) act() {
	if w.beforeWrite != nil && w.inside.CompareAndSwap(false, true) {
		defer w.inside.Store(false)
		w.beforeWrite()
	}
}

// forget starts the counts anew.
func (w *watched) forget() { w.reads.Store(0); w.writes.Store(0); w.statements.Store(0) }
