package record

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// onBoth runs a test on each engine, on rows of the model whose store is watched.
func onBoth(t *testing.T, source string, test func(t *testing.T, d *DB, w *watched)) {
	for _, engine := range []struct {
		name string
		open func(t *testing.T) (store.DB, error)
	}{
		{"SQLite", func(t *testing.T) (store.DB, error) {
			return sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Readers: 2})
		}},
		{"PostgreSQL", func(t *testing.T) (store.DB, error) {
			if !pgtest.Available() {
				t.Skip("no PostgreSQL")
			}
			return postgres.Open(context.Background(), pgtest.URL(t), postgres.Config{Readers: 4, Writers: 4, Logger: slog.New(slog.DiscardHandler)})
		}},
	} {
		t.Run(engine.name, func(t *testing.T) {
			db, err := engine.open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			rules, faults := rule.CompileModel(m)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			if _, err := migrate.Apply(context.Background(), db, rules, migrate.Options{}); err != nil {
				t.Fatal(err)
			}
			w := &watched{DB: db}
			test(t, New(w, rules, Config{}), w)
		})
	}
}

// watched is a store that counts transactions, and lets a test act before each. It knows no scripts, so that every
// write is a function.
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

func (w *watched) Read(ctx context.Context, f func(store.Reader) error) error {
	w.reads.Add(1)
	return w.DB.Read(ctx, f)
}

func (w *watched) Write(ctx context.Context, f func(store.Tx) error) error {
	w.act()
	w.writes.Add(1)
	return w.DB.Write(ctx, func(tx store.Tx) error { return f(&watchedTx{tx, w}) })
}

// Script runs no script.
func (*watched) Script(context.Context, func(int64) (*store.Script, error)) (bool, error) {
	return false, nil
}

// Sweep counts as a write.
func (w *watched) Sweep(ctx context.Context, f func(store.Tx) error) error {
	w.act()
	w.writes.Add(1)
	return w.DB.Sweep(ctx, func(tx store.Tx) error { return f(&watchedTx{tx, w}) })
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

func (t *watchedTx) ExecThenQuery(change, read store.Statement, row func(value.Row) error) error {
	return store.ExecThenQuery(t, change, read, row)
}

// statement counts a statement of a transaction that is about to run.
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

// number returns what a query says.
func (w *watched) number(t *testing.T, sql string) (n int64) {
	t.Helper()
	err := w.DB.Read(t.Context(), func(q store.Reader) error {
		return q.Query(sql, nil, func(row value.Row) error { n = row.Int(0); return nil })
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
