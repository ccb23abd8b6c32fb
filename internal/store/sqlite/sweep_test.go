package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var _ store.Sweeper = (*DB)(nil)

const (
	createNodes = `CREATE TABLE nodes (id INTEGER PRIMARY KEY, up INTEGER REFERENCES nodes (id) ON DELETE CASCADE) STRICT`
	createUp    = `CREATE INDEX i_nodes__up ON nodes (up)`

	collectNodes = `INSERT INTO ashlar_doomed (t, id) WITH RECURSIVE d (id) AS (SELECT ?1 UNION SELECT n.id FROM d CROSS JOIN nodes AS n WHERE n.up = d.id) SELECT 0, id FROM d`
	removeNodes  = `DELETE FROM nodes WHERE id IN (SELECT id FROM ashlar_doomed)`
)

// addChain adds a chain of nodes, of which the first is a root.
func addChain(tx store.Tx, first, n int64) error {
	tx.MarkChanged("nodes")
	for id := first; id < first+n; id++ {
		up := value.OfInt(id - 1)
		if id == first {
			up = value.Value{}
		}
		if _, err := tx.Exec(`INSERT INTO nodes (id, up) VALUES (?1, ?2)`, []value.Value{value.OfInt(id), up}); err != nil {
			return err
		}
	}
	return nil
}

// sweepChain deletes the nodes below a node.
func sweepChain(tx store.Tx, first int64) error {
	tx.MarkChanged("nodes")
	if _, err := tx.Exec(collectNodes, []value.Value{value.OfInt(first)}); err != nil {
		return err
	}
	_, err := tx.Exec(removeNodes, nil)
	return err
}

func countNodes(t *testing.T, db *DB) (n int64) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error {
		return r.Query(`SELECT count(*) FROM nodes`, nil, func(row value.Row) error { n = row.Int(0); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func openNodes(t *testing.T, cfg Config) *DB {
	t.Helper()
	db := openRows(t, cfg)
	write(t, db, createNodes, createUp)
	return db
}

// A sweep has a transaction of its own between other ones, follows no references, and leaves them enforced.
func TestSweep(t *testing.T) {
	db := openNodes(t, Config{GroupTime: time.Minute})
	add := func(tx store.Tx) error { return addChain(tx, 1, 2_000) }
	if err := db.Write(t.Context(), add); err != nil {
		t.Fatal(err)
	}
	generation := func() (n int64) {
		if err := db.Read(t.Context(), func(r store.Reader) (err error) { n, err = r.Generation("nodes"); return err }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := generation()
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			if err := db.Write(context.Background(), func(tx store.Tx) error { return insert(tx, int64(i)) }); err != nil {
				t.Errorf("a write beside the sweep: %v", err)
			}
		})
	}
	if err := db.Sweep(t.Context(), func(tx store.Tx) error { return sweepChain(tx, 1) }); err != nil {
		t.Errorf("Sweep() = %v", err)
	}
	group.Wait()
	if n, rows := countNodes(t, db), countRows(t, db); n != 0 || rows != 64 || generation() == before {
		t.Errorf("%d nodes, %d rows, generation %d after %d", n, rows, generation(), before)
	}
	err := db.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(`INSERT INTO nodes (id, up) VALUES (1, 99)`, nil)
		return err
	})
	if refused, ok := errors.AsType[*store.ConstraintError](err); !ok || refused.Constraint != store.ForeignKey {
		t.Errorf("a reference to nothing after the sweep: %v", err)
	}
}

// A sweep that fails, panics, loses its transaction or takes too long leaves nothing. Other writes go on.
func TestSweepFails(t *testing.T) {
	refused := errors.New("refused")
	for _, tt := range []struct {
		name string
		then func(tx store.Tx) error
		want func(error) bool
	}{
		{"an error", func(store.Tx) error { return refused }, func(err error) bool { return errors.Is(err, refused) }},
		{"a panic", func(store.Tx) error { panic("a defect") }, func(err error) bool { return errs.KindOf(err) == errs.Internal }},
		{"a lost transaction", func(tx store.Tx) error {
			_, _ = tx.Exec(`INSERT OR ROLLBACK INTO rows (id, body) VALUES (1, 'again')`, nil)
			return nil
		}, func(err error) bool { return errs.KindOf(err) == errs.Internal }},
		{"too long", func(tx store.Tx) error {
			return tx.Query(endless+`SELECT count(*) FROM n`, nil, func(value.Row) error { return nil })
		}, func(err error) bool { return errs.KindOf(err) == errs.Unavailable }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := openNodes(t, Config{WriteTimeout: 200 * time.Millisecond})
			err := db.Write(t.Context(), func(tx store.Tx) error { return errors.Join(insert(tx, 1), addChain(tx, 1, 50)) })
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				err := db.Sweep(t.Context(), func(tx store.Tx) error { return errors.Join(sweepChain(tx, 1), tt.then(tx)) })
				if !tt.want(err) {
					t.Errorf("Sweep() = %v", err)
				}
			}
			if n := countNodes(t, db); n != 50 {
				t.Errorf("%d nodes are left, want 50", n)
			}
			if err := db.Write(t.Context(), func(tx store.Tx) error { return insert(tx, 2) }); err != nil {
				t.Errorf("a write after it: %v", err)
			}
			if err := db.Sweep(t.Context(), func(tx store.Tx) error { return sweepChain(tx, 1) }); err != nil || countNodes(t, db) != 0 {
				t.Errorf("a sweep after it: %v, %d nodes are left", err, countNodes(t, db))
			}
		})
	}
}

// A writer whose goroutine ends in a sweep must not leave the transaction open: nobody could write any more.
func TestSweepOfAWriterThatEnds(t *testing.T) {
	db := openNodes(t, Config{})
	if err := db.Write(t.Context(), func(tx store.Tx) error { return addChain(tx, 1, 50) }); err != nil {
		t.Fatal(err)
	}
	err := db.Sweep(t.Context(), func(tx store.Tx) error {
		if err := sweepChain(tx, 1); err != nil {
			return err
		}
		runtime.Goexit() // as t.FailNow does
		return nil
	})
	if errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Sweep() = %v", err)
	}
	if err := db.Write(t.Context(), func(tx store.Tx) error { return addChain(tx, 100, 1) }); err != nil {
		t.Errorf("a write after it: %v", err)
	}
	if n := countNodes(t, db); n != 51 {
		t.Errorf("%d nodes, want 51", n)
	}
}

func TestSweepEnds(t *testing.T) {
	db := openNodes(t, Config{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Sweep(ended, func(store.Tx) error { t.Error("it ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Sweep(t.Context(), func(store.Tx) error { return nil }); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("after Close: %v", err)
	}
}

// sweepMark is how many nodes a chain of childSweeps has.
const sweepMark = 500

// childSweeps makes chains and sweeps them until it is killed. It reports each chain that is gone.
func childSweeps(path string) error {
	db, err := Open(context.Background(), path, Config{})
	if err != nil {
		return err
	}
	for {
		var first int64
		err := db.Write(context.Background(), func(tx store.Tx) error {
			err := tx.Query(`SELECT coalesce(max(id), 0) + 1 FROM nodes`, nil, func(row value.Row) error { first = row.Int(0); return nil })
			if err != nil {
				return err
			}
			first = (first/sweepMark + 1) * sweepMark
			return addChain(tx, first, sweepMark)
		})
		if err != nil {
			return err
		}
		fmt.Println("swept")
		if err := db.Sweep(context.Background(), func(tx store.Tx) error { return sweepChain(tx, first) }); err != nil {
			return err
		}
	}
}
