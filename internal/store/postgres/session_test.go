package postgres

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// More statements than a connection keeps, in a read and in a transaction, and the first ones again.
func TestManyStatements(t *testing.T) {
	db := openNew(t, Config{Readers: 1, Writers: 1})
	all := func(r store.Reader) error {
		for i := range 3 * maxStatements {
			n := i % (maxStatements + 10)
			if got := number(t, r, fmt.Sprintf("SELECT %d::bigint + $1", n), value.OfInt(1)); got != int64(n+1) {
				t.Fatalf("statement %d gave %d", n, got)
			}
		}
		kept := number(t, r, "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 's%'")
		if kept > maxStatements+1 {
			t.Errorf("the server keeps %d statements of a connection, %d are wanted", kept, maxStatements)
		}
		return nil
	}
	if err := db.Read(t.Context(), all); err != nil {
		t.Error(err)
	}
	if err := db.Write(t.Context(), func(tx store.Tx) error { return all(tx) }); err != nil {
		t.Error(err)
	}
}

// Another node changes a table whose statements are prepared here.
func TestOutdatedStatements(t *testing.T) {
	url := pgtest.URL(t)
	db := open(t, url, Config{Readers: 2, Writers: 2})
	defer db.Close()
	mustWrite(t, db, "CREATE TABLE notes (id bigint PRIMARY KEY, n int)", "INSERT INTO notes (id, n) VALUES (1, 7)")
	const read = "SELECT n FROM notes WHERE id = 1"
	for _, change := range []string{"SELECT 1", "ALTER TABLE notes ALTER COLUMN n TYPE bigint", "ALTER TABLE notes ALTER COLUMN n TYPE smallint"} {
		exec(t, url, change)
		for range 4 { // whatever connection it is
			if n := readNumber(t, db, read); n != 7 {
				t.Errorf("after %s a read gave %d", change, n)
			}
			err := db.Write(t.Context(), func(tx store.Tx) error {
				if n, err := tx.(interface {
					one(string, ...value.Value) (int64, error)
				}).one(read); err != nil || n != 7 {
					return errors.Join(err, fmt.Errorf("a transaction read %d", n))
				}
				return nil
			})
			if err != nil {
				t.Errorf("after %s: %v", change, err)
			}
		}
	}
}

// After the statement that was announced as the last, another one would see another snapshot.
func TestAfterLast(t *testing.T) {
	db := openNew(t, Config{})
	err := db.Read(t.Context(), func(r store.Reader) error {
		r.FinalStatement()
		if n := number(t, r, "SELECT 5"); n != 5 {
			t.Errorf("the last statement gave %d", n)
		}
		return r.Query("SELECT 6", nil, func(value.Row) error { return nil })
	})
	if errs.KindOf(err) != errs.Internal {
		t.Errorf("a statement after the last = %v, want an internal error", err)
	}
	err = db.Read(t.Context(), func(r store.Reader) error {
		r.FinalStatement()
		return r.Query("SELECT 1/$1::int", []value.Value{value.OfInt(0)}, func(value.Row) error { return nil })
	})
	if errs.KindOf(err) != errs.Internal {
		t.Errorf("a last statement that fails = %v", err)
	}
	if n := readNumber(t, db, "SELECT 7"); n != 7 {
		t.Errorf("a read after it gave %d", n)
	}
}

// The server ends a statement at its deadline, and the error says that the statement took too long.
func TestDeadlines(t *testing.T) {
	db := openNew(t, Config{ReadTimeout: 200 * time.Millisecond, WriteTimeout: 200 * time.Millisecond, Readers: 1, Writers: 1})
	const slow = "SELECT count(*) FROM generate_series(1, 1000000000)"
	for name, run := range map[string]func() error{
		"read": func() error {
			return db.Read(t.Context(), func(r store.Reader) error { return r.Query(slow, nil, func(value.Row) error { return nil }) })
		},
		"write": func() error {
			return db.Write(t.Context(), func(tx store.Tx) error { _, err := tx.Exec(slow, nil); return err })
		},
	} {
		start := time.Now()
		err := run()
		if !errors.Is(err, store.ErrStatementTimeout) || errs.KindOf(err) != errs.Unavailable || time.Since(start) > 2*time.Second {
			t.Errorf("a slow %s = %v after %v, want it cut short", name, err, time.Since(start))
		}
	}
	time.Sleep(300 * time.Millisecond)
	if n := readNumber(t, db, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1, 1000000000)' "); n != 0 {
		t.Errorf("%d of the statements still run on the server", n)
	}
}

// Empty text is a value, even as the first that a new connection binds.
func TestEmptyTextFirst(t *testing.T) {
	db := openNew(t, Config{Readers: 1, Writers: 1})
	const sql = "SELECT CASE WHEN $1::text = '' THEN 1 ELSE 0 END"
	if n := readNumber(t, db, sql, value.OfText("")); n != 1 {
		t.Error("a read bound an empty text as NULL")
	}
	err := db.Write(t.Context(), func(tx store.Tx) error {
		if number(t, tx, sql, value.OfText("")) != 1 {
			t.Error("a transaction bound an empty text as NULL")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
