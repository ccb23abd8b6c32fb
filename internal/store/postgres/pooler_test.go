package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The suite, through pgbouncer in transaction mode.
func TestStorePooled(t *testing.T) {
	type addresses struct{ pooled, direct string }
	of := map[string]addresses{}
	storetest.Run(t, 8, func(t *testing.T) store.DB {
		t.Helper()
		if _, there := of[t.Name()]; !there {
			pooled, direct := pgtest.Pooled(t)
			of[t.Name()] = addresses{pooled, direct}
		}
		return open(t, of[t.Name()].pooled, Config{Direct: of[t.Name()].direct, Writers: 8, Serializable: true})
	})
}

func openPooled(t *testing.T, cfg Config) *DB {
	t.Helper()
	pooled, direct := pgtest.Pooled(t)
	cfg.Direct = direct
	db := open(t, pooled, cfg)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// A pooler is told from the database itself, and one database from another.
func TestOpenRefusesPooler(t *testing.T) {
	pooled, _ := pgtest.Pooled(t)
	_, err := Open(context.Background(), pooled, Config{})
	if err == nil || !strings.Contains(err.Error(), "--database-direct") {
		t.Errorf("Open of a pooler = %v, want it to ask for the direct address", err)
	}
	_, err = Open(context.Background(), pooled, Config{Direct: pgtest.URL(t)})
	if !errors.Is(err, errApart) {
		t.Errorf("Open with the direct address of another database = %v, want %v", err, errApart)
	}
}

// Behind a pooler each transaction has the settings that a session without one has, whatever the server's own settings.
func TestPooledSettings(t *testing.T) {
	db := openPooled(t, Config{Serializable: true})
	const sql = `SELECT current_setting('transaction_isolation') || ' ' || current_setting('transaction_read_only') || ' ' || current_setting('TimeZone')
|| ' ' || current_setting('DateStyle') || ' ' || current_setting('statement_timeout') || ' ' || current_setting('idle_in_transaction_session_timeout') || ' ' || current_setting('jit')`
	for range 30 {
		for _, tt := range []struct {
			name, want string
			run        func(row func(value.Row) error) error
		}{
			{"a read of one statement", "repeatable read on UTC ISO, DMY 5s 10s off", func(row func(value.Row) error) error {
				return db.Read(t.Context(), func(r store.Reader) error { r.FinalStatement(); return r.Query(sql, nil, row) })
			}},
			{"the second statement of a read", "repeatable read on UTC ISO, DMY 5s 10s off", func(row func(value.Row) error) error {
				return db.Read(t.Context(), func(r store.Reader) error { number(t, r, "SELECT 1"); return r.Query(sql, nil, row) })
			}},
			{"a write", "serializable off UTC ISO, DMY 10s 15s off", func(row func(value.Row) error) error {
				return db.Write(t.Context(), func(tx store.Tx) error { return tx.Query(sql, nil, row) })
			}},
		} {
			var got string
			err := tt.run(func(row value.Row) error { got = string(row.Bytes(0)); return nil })
			if err != nil || got != tt.want {
				t.Fatalf("%s: settings %q (%v), want %q", tt.name, got, err, tt.want)
			}
		}
	}
}

// Nothing stays on the connections that the pooler shares: neither settings nor statements nor locks.
func TestPooledLeavesNothing(t *testing.T) {
	db := openPooled(t, Config{})
	mustWrite(t, db, "CREATE TABLE notes (id bigint PRIMARY KEY)")
	for i := range 40 {
		err := db.Write(t.Context(), func(tx store.Tx) error {
			tx.MarkChanged("notes")
			_, err := tx.Exec("INSERT INTO notes (id) VALUES ($1)", []value.Value{value.OfInt(int64(i))})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := readNumber(t, db, "SELECT count(*) FROM pg_prepared_statements"); n != 0 {
		t.Errorf("%d prepared statements are left", n)
	}
	if n := readNumber(t, db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"); n != 0 {
		t.Errorf("%d advisory locks are left", n)
	}
	if n := readNumber(t, db, `SELECT count(*) FROM ashlar_generations WHERE "table" = 'notes'`); n != 1 {
		t.Errorf("one writer after another counted in %d rows, want 1", n)
	}
}

// Writers that write at the same time do not wait for each other's commit, if each has a row to count in.
func TestPooledStripesAreApart(t *testing.T) {
	db := openPooled(t, Config{})
	together := meet()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			err := db.Write(t.Context(), func(tx store.Tx) error {
				tx.MarkChanged("notes")
				number(t, tx, "SELECT 1")
				together()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := readNumber(t, db, `SELECT count(*) FROM ashlar_generations WHERE "table" = 'notes'`); n != 2 {
		t.Errorf("two writers at once counted in %d rows, want 2", n)
	}
}

// Behind a pooler too the server ends a statement at its deadline, and a statement of a changed table goes on.
func TestPooledStatements(t *testing.T) {
	db := openPooled(t, Config{ReadTimeout: 200 * time.Millisecond, Readers: 1})
	const slow = "SELECT count(*) FROM generate_series(1, 1000000000)"
	err := db.Read(t.Context(), func(r store.Reader) error { return r.Query(slow, nil, func(value.Row) error { return nil }) })
	if !errors.Is(err, store.ErrStatementTimeout) {
		t.Errorf("a slow read = %v, want it cut short by the server", err)
	}
	mustWrite(t, db, "CREATE TABLE notes (id bigint PRIMARY KEY, n int)", "INSERT INTO notes (id, n) VALUES (1, 7)")
	for _, to := range []string{"int", "bigint", "smallint"} {
		mustWrite(t, db, "ALTER TABLE notes ALTER COLUMN n TYPE "+to)
		if n := readNumber(t, db, "SELECT n FROM notes WHERE id = $1", value.OfInt(1)); n != 7 {
			t.Errorf("after the column became %s a read gave %d", to, n)
		}
	}
}

// After a client has gone, the server ends its read, also behind a pooler, which must not be asked to.
func TestPooledCancel(t *testing.T) {
	pooled, direct := pgtest.Pooled(t)
	db := open(t, pooled, Config{Direct: direct, ReadTimeout: time.Minute})
	defer db.Close()
	observer := open(t, direct, Config{})
	defer observer.Close()
	var wg sync.WaitGroup
	for i := range 4 { // together, and again and again: a request to cancel makes pgbouncer end only now and then
		wg.Go(func() {
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				sql := fmt.Sprintf("SELECT count(*) FROM generate_series(%d, 10000000000)", i)
				err := db.Read(ctx, func(r store.Reader) error { return r.Query(sql, nil, func(value.Row) error { return nil }) })
				cancel()
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a read whose client has gone = %v", err)
				}
			}
		})
	}
	wg.Wait()
	const running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%10000000000)' AND pid <> pg_backend_pid()"
	for range 100 {
		if readNumber(t, observer, running) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("5 s later %d of the statements still run on the server", readNumber(t, observer, running))
}
