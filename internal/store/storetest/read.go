package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func snapshot(t *testing.T, f *fixture) {
	f.write(func(tx store.Tx) error { tx.MarkChanged("notes"); return addNote(tx, 1, "a") })
	before := f.generation("notes")
	f.read(func(reader store.Reader) error {
		f.write(func(tx store.Tx) error { tx.MarkChanged("notes"); return addNote(tx, 2, "b") }) // before its first statement
		first, err := count(reader, countNotes)
		if err != nil {
			return err
		}
		f.write(func(tx store.Tx) error { tx.MarkChanged("notes"); return addNote(tx, 3, "c") })
		second, err := count(reader, countNotes)
		if err != nil {
			return err
		}
		if first != second {
			t.Errorf("two statements of one read saw %d and %d rows", first, second)
		}
		generation, err := reader.Generation("notes")
		if first == 1 && generation != before {
			t.Errorf("generation %d with the rows of generation %d", generation, before)
		}
		return err
	})
	f.wantNotes(3)
}

func rowError(t *testing.T, f *fixture) {
	f.write(func(tx store.Tx) error { return errors.Join(addNote(tx, 1, "a"), addNote(tx, 2, "b")) })
	rows := 0
	err := f.db.Read(t.Context(), func(r store.Reader) error {
		return r.Query(`SELECT id FROM notes`, nil, func(value.Row) error { rows++; return errRefused })
	})
	if err != errRefused || rows != 1 { //nolint:errorlint // the same error value
		t.Errorf("Read() = %v after %d rows, want the row's own error after 1", err, rows)
	}
	f.wantNotes(2)
}

func nested(t *testing.T, f *fixture) {
	f.write(func(tx store.Tx) error { return errors.Join(addNote(tx, 1, "a"), addNote(tx, 2, "b")) })
	const list = `SELECT id, body FROM notes ORDER BY id`
	got := ""
	f.read(func(reader store.Reader) error {
		return reader.Query(list, nil, func(outer value.Row) error {
			got += fmt.Sprint(outer.Int(0), ":")
			err := reader.Query(list, nil, func(inner value.Row) error {
				got += string(inner.Bytes(1))
				return nil
			})
			got += string(outer.Bytes(1)) + " "
			return err
		})
	})
	if want := "1:aba 2:abb "; got != want {
		t.Errorf("a query inside itself read %q, want %q", got, want)
	}
}

func readerWrites(t *testing.T, f *fixture) {
	err := f.db.Read(t.Context(), func(r store.Reader) error {
		return r.Query(insertNote, note(1, "a"), func(value.Row) error { return nil })
	})
	wantKind(t, "a write in a read", err, errs.Internal)
	f.wantNotes(0)
}

// endless takes hours and gives one row at its end.
const endless = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000)
SELECT count(*) FROM n WHERE i > $1`

func cancelledRead(t *testing.T, f *fixture) {
	for range 3 { // the connection is sound afterwards
		ctx, cancel := context.WithCancel(t.Context())
		var cancelled time.Time
		time.AfterFunc(50*time.Millisecond, func() { cancelled = time.Now(); cancel() })
		err := f.db.Read(ctx, func(r store.Reader) error {
			_, err := count(r, endless, value.OfInt(0))
			return err
		})
		// A server forgets a cancellation that comes before the statement, and the driver gives up seconds later.
		if took := time.Since(cancelled); !errors.Is(err, context.Canceled) || took > 5*time.Second {
			t.Errorf("Read(cancelled) = %v, %v after it was cancelled", err, took)
		}
		f.wantNotes(0)
	}
}

// timed is a context that ends at a time, but does not close Done.
type timed struct {
	context.Context
	at time.Time
}

var errTimed = errors.New("its time is over")

func (c timed) Err() error {
	if time.Now().After(c.at) {
		return errTimed
	}
	return c.Context.Err()
}

// cutRead: the engine itself asks Err of the context, and ends the read with that error.
func cutRead(t *testing.T, f *fixture) {
	for range 3 {
		began := time.Now()
		err := f.db.Read(timed{t.Context(), began.Add(50 * time.Millisecond)}, func(r store.Reader) error {
			_, err := count(r, endless, value.OfInt(0))
			return err
		})
		if took := time.Since(began); !errors.Is(err, errTimed) || took > 5*time.Second {
			t.Errorf("Read(context whose time is over) = %v after %v", err, took)
		}
		f.wantNotes(0)
	}
}

func endedRead(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	err := f.db.Read(ctx, func(store.Reader) error { ran = true; return nil })
	if ran || !errors.Is(err, context.Canceled) {
		t.Errorf("Read(ended context) = %v, ran: %t; want context.Canceled, not run", err, ran)
	}
}

// manyReaders: while writes go on, readers see whole transactions, of two rows each.
func manyReaders(t *testing.T, f *fixture) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for round := range 10 {
				id := int64(2 * (16*round + i))
				f.write(func(tx store.Tx) error {
					return errors.Join(addNote(tx, id, fmt.Sprint(id)), addNote(tx, id+1, fmt.Sprint(id+1)))
				})
				f.read(func(reader store.Reader) error {
					n, err := count(reader, countNotes)
					if n%2 != 0 {
						t.Errorf("%d rows seen: half of a transaction", n)
					}
					return err
				})
			}
		})
	}
	wg.Wait()
	f.wantNotes(320)
}

func readPanic(t *testing.T, f *fixture) {
	f.write(func(tx store.Tx) error { return addNote(tx, 1, "a") })
	for range 16 { // more than there are connections
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic of a read did not reach its caller")
				}
			}()
			_ = f.db.Read(t.Context(), func(r store.Reader) error {
				return r.Query(`SELECT id FROM notes`, nil, func(value.Row) error { panic("a defect") })
			})
		}()
	}
	f.wantNotes(1)
}
