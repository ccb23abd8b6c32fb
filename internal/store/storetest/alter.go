package storetest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// alter runs f in an Alter that must succeed.
func (f *fixture) alter(fn func(store.Session) error) {
	f.t.Helper()
	if err := f.db.Alter(context.Background(), fn); err != nil {
		f.t.Fatalf("Alter() = %v", err)
	}
}

// execAll runs statements without parameters.
func execAll(session store.Session, statements ...string) error {
	for _, sql := range statements {
		if _, err := session.Exec(sql, nil); err != nil {
			return err
		}
	}
	return nil
}

func tablesChange(t *testing.T, f *fixture) {
	f.exec(insertNote, note(1, "a")...)
	f.wantNotes(1) // statements prepared before still work
	f.alter(func(session store.Session) error {
		if err := execAll(session, `ALTER TABLE notes ADD COLUMN more bigint`); err != nil { // committed by itself
			return err
		}
		err := session.Transaction(func() error {
			if err := execAll(session, `UPDATE notes SET more = 1`, `CREATE TABLE tags (id bigint PRIMARY KEY)`); err != nil {
				return err
			}
			return errRefused
		})
		if !errors.Is(err, errRefused) {
			t.Errorf("Transaction() = %v, want the error of its function", err)
		}
		if err := session.Transaction(func() error { return session.Transaction(func() error { return nil }) }); err == nil {
			t.Error("a transaction inside a transaction is allowed")
		}
		return session.Transaction(func() error { return execAll(session, `ALTER TABLE notes RENAME COLUMN more TO rank`) })
	})
	f.wantNotes(1)
	f.read(func(reader store.Reader) error {
		n, err := count(reader, `SELECT count(*) FROM notes WHERE rank IS NULL`)
		if n != 1 {
			t.Errorf("%d notes without a rank, want 1: what was undone is there", n)
		}
		return err
	})
	if err := f.db.Read(context.Background(), func(r store.Reader) error {
		_, err := count(r, `SELECT count(*) FROM tags`)
		return err
	}); err == nil {
		t.Error("a table that was undone is there")
	}
}

func alterPanics(t *testing.T, f *fixture) {
	err := f.db.Alter(t.Context(), func(session store.Session) error {
		return session.Transaction(func() error {
			if err := execAll(session, `DROP TABLE notes`); err != nil {
				return err
			}
			panic("in the middle")
		})
	})
	if err == nil {
		t.Error("Alter() = nil after a panic")
	}
	f.wantNotes(0)
	f.alter(func(store.Session) error { return nil }) // the lock is free
}

func alterTakesTurns(t *testing.T, f *fixture) {
	var inside, most atomic.Int32
	ends := make(chan error, 4)
	for range cap(ends) {
		go func() {
			ends <- f.db.Alter(context.Background(), func(session store.Session) error {
				return session.Transaction(func() error {
					most.Store(max(most.Load(), inside.Add(1)))
					time.Sleep(20 * time.Millisecond)
					inside.Add(-1)
					return nil
				})
			})
		}()
	}
	for range cap(ends) {
		if err := soon(t, "Alter", ends); err != nil {
			t.Errorf("Alter() = %v", err)
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d at once, want 1", most.Load())
	}
}

func alterMovesNames(t *testing.T, f *fixture) {
	var before int64
	f.write(func(tx store.Tx) (err error) {
		for range 3 {
			if _, err = tx.NextID("id:notes"); err != nil {
				return err
			}
		}
		tx.MarkChanged("notes")
		return nil
	})
	f.read(func(r store.Reader) (err error) {
		before, err = r.Generation("notes")
		return err
	})
	f.alter(func(s store.Session) error {
		return s.Transaction(func() error {
			return errors.Join(s.MarkChanged("notes", "never_seen"), s.MoveCounter("id:notes", "id:pages"), s.MoveCounter("id:nothing", "id:else"))
		})
	})
	f.read(func(reader store.Reader) error {
		after, err := reader.Generation("notes")
		if after == before {
			t.Error("the generation of a table that changed did not move")
		}
		return err
	})
	f.reopen()
	f.write(func(tx store.Tx) error {
		pages, err := tx.NextID("id:pages")
		notes, err2 := tx.NextID("id:notes")
		if pages < 4 || pages > 5 || notes != 1 {
			t.Errorf("Next = %d for the counter's new name and %d for the old, want 4 and 1", pages, notes)
		}
		return errors.Join(err, err2)
	})
}

func alterEnds(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	err := f.db.Alter(ctx, func(session store.Session) error {
		return session.Transaction(func() error {
			if err := execAll(session, `DROP TABLE notes`); err != nil {
				return err
			}
			cancel()
			return session.Query(endless, nil, func(value.Row) error { return nil })
		})
	})
	if err == nil {
		t.Error("Alter() = nil, want the end of its context")
	}
	f.wantNotes(0)
}
