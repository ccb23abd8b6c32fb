package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// errEnded is what the guards of the suite refuse with.
var errEnded = errors.New("it has ended")

// guardOf returns the step that requires the note with this id, whose body row accepts. stamp tells apart what rows accept.
func guardOf(id, stamp int64, row func(value.Row) error) store.Step {
	guard := step(row, `SELECT body FROM notes WHERE id = $1`, value.OfInt(id))
	guard.Refused = errEnded
	guard.Check = store.GuardCheck{Table: "notes", ID: fmt.Sprint(id), Stamp: stamp}
	return guard
}

// unnamed is a guard without a Check, which engines run each time.
func unnamed(guard store.Step) store.Step {
	guard.Check = store.GuardCheck{}
	return guard
}

// guardCases are guards over the note 1.
var guardCases = []struct {
	name    string
	guard   store.Step
	refuses bool
}{
	{"accepts", guardOf(1, 1, func(value.Row) error { return nil }), false},
	{"accepts any row", guardOf(1, 0, nil), false},
	{"refuses the row", guardOf(1, 2, func(value.Row) error { return errs.New(errs.Forbidden, "no") }), true},
	{"finds no row", guardOf(-1, 1, func(value.Row) error { return nil }), true},
	{"accepts, without a name", unnamed(guardOf(1, 1, func(value.Row) error { return nil })), false},
	{"refuses the row, without a name", unnamed(guardOf(1, 2, func(value.Row) error { return errs.New(errs.Forbidden, "no") })), true},
	{"finds no row, without a name", unnamed(guardOf(-1, 0, nil)), true},
}

// guardedReads: a guard decides about all statements of a read, however they end it.
func guardedReads(t *testing.T, f *fixture) {
	f.write(func(tx store.Tx) error { return errors.Join(addNote(tx, 1, "a"), addNote(tx, 2, "b")) })
	count := func(r store.Reader, given *int) error {
		return r.Query(`SELECT id FROM notes WHERE id > $1 ORDER BY id`, []value.Value{value.OfInt(0)}, func(value.Row) error { *given++; return nil })
	}
	for _, tt := range guardCases {
		for _, read := range []struct {
			name string
			rows int
			run  func(r store.Reader, given *int) error
		}{
			{"no statement", 0, func(store.Reader, *int) error { return nil }},
			{"one statement", 2, count},
			{"a final statement", 2, func(r store.Reader, given *int) error { r.FinalStatement(); return count(r, given) }},
			{"a final statement in an order", 2, func(r store.Reader, given *int) error { return inOrder(r, given) }},
			{"a final statement without rows", 0, func(r store.Reader, given *int) error {
				r.FinalStatement()
				return countRows(r, `SELECT id, body FROM notes WHERE id > $1 + 1000`, given)
			}},
			{"a final statement with rows of nulls", 2, func(r store.Reader, given *int) error {
				r.FinalStatement()
				return countRows(r, `SELECT nullif(id, id), nullif(id, id) FROM notes WHERE id > $1 -- a comment`, given)
			}},
			{"a final statement after another", 4, func(r store.Reader, given *int) error {
				first := count(r, given)
				r.FinalStatement()
				return errors.Join(first, count(r, given))
			}},
			{"a generation", 0, func(r store.Reader, _ *int) error { _, err := r.Generation("notes"); return err }},
			{"errors that are forgotten", 2, func(r store.Reader, given *int) error { _ = count(r, given); return nil }},
		} {
			for range 2 { // an engine may behave differently with prepared statements
				given := 0
				err := f.db.Read(t.Context(), func(r store.Reader) error {
					r.Guard(tt.guard)
					return read.run(r, &given)
				})
				if tt.refuses && (!errors.Is(err, errEnded) || given > 0) {
					t.Errorf("%s, guard %s: %v after %d rows, want its refusal after none", read.name, tt.name, err, given)
				}
				if !tt.refuses && (err != nil || given != read.rows) {
					t.Errorf("%s, guard %s: %v after %d rows, want %d", read.name, tt.name, err, given, read.rows)
				}
			}
		}
	}
	defect := guardOf(1, 3, nil)
	defect.SQL = `SELECT nothing FROM notes WHERE id = $1`
	err := f.db.Read(t.Context(), func(r store.Reader) error {
		r.Guard(defect)
		return count(r, new(int))
	})
	wantKind(t, "a guard with a defect", err, errs.Internal)
	f.wantNotes(2)
}

// countRows counts the rows of a statement with one parameter, a number.
func countRows(r store.Reader, sql string, given *int) error {
	return r.Query(sql, []value.Value{value.OfInt(0)}, func(value.Row) error { *given++; return nil })
}

// inOrder reads the notes 2 and 1 as the only statement. Each row must have its two columns, in their place.
func inOrder(r store.Reader, given *int) error {
	r.FinalStatement()
	return r.Query(`SELECT body, id FROM notes WHERE id > $1 ORDER BY id DESC LIMIT 10`, []value.Value{value.OfInt(0)}, func(row value.Row) error {
		want := int64(2 - *given)
		*given++
		if id, body := row.Int(1), string(row.Bytes(0)); id != want || body != string(rune('a'+want-1)) {
			return fmt.Errorf("the row %d is %d, %q", *given, id, body)
		}
		return nil
	})
}

// guardedWrites: a guard that refuses undoes the transaction, whatever its function says.
func guardedWrites(t *testing.T, f *fixture) {
	f.write(func(tx store.Tx) error { return addNote(tx, 1, "a") })
	id, notes := int64(10), int64(1)
	for _, tt := range guardCases {
		for _, write := range []struct {
			name string
			run  func(tx store.Tx) error
			adds int64
		}{
			{"no statement", func(store.Tx) error { return nil }, 0},
			{"an insertion", func(tx store.Tx) error { return addNote(tx, id, fmt.Sprint(id)) }, 1},
			{"a change and a query", func(tx store.Tx) error {
				return tx.ExecThenQuery(store.Statement{SQL: insertNote, Args: note(id, fmt.Sprint(id))}, store.Statement{SQL: countNotes}, func(value.Row) error { return nil })
			}, 1},
			{"errors that are forgotten", func(tx store.Tx) error { _ = addNote(tx, id, fmt.Sprint(id)); return nil }, 1},
			{"a refusal and another try", func(tx store.Tx) error {
				_ = addNote(tx, id, "a")
				return addNote(tx, id, fmt.Sprint(id))
			}, 1},
			{"two guards", func(tx store.Tx) error { tx.Guard(guardOf(1, 0, nil)); return addNote(tx, id, fmt.Sprint(id)) }, 1},
			{"a deletion", func(tx store.Tx) error {
				_, err := tx.Exec(`DELETE FROM notes WHERE id = $1`, []value.Value{value.OfInt(-1)})
				return err
			}, 0},
		} {
			id++
			err := f.db.Write(t.Context(), func(tx store.Tx) error {
				tx.MarkChanged("notes")
				tx.Guard(tt.guard)
				return write.run(tx)
			})
			if tt.refuses != errors.Is(err, errEnded) || (!tt.refuses && err != nil) {
				t.Errorf("%s, guard %s: %v", write.name, tt.name, err)
			}
			if !tt.refuses {
				notes += write.adds
			}
			f.wantNotes(notes)
		}
	}
}

// guardedScripts: a script whose guard refuses leaves nothing, and no function runs for it. Its neighbours commit.
func guardedScripts(t *testing.T, f *fixture) {
	f.write(func(tx store.Tx) error { return addNote(tx, 1, "a") })
	f.write(func(tx store.Tx) error { _, err := tx.Revision(); return err }) // an engine may run no script before
	const clients, each = 8, 40
	var wg sync.WaitGroup
	var mu sync.Mutex
	notes := int64(1)
	for client := range int64(clients) {
		wg.Go(func() {
			for i := range int64(each) {
				id := 100 + client*each + i
				tt := guardCases[i%int64(len(guardCases))]
				script := adding(id, fmt.Sprint(id), func(value.Row) error { return nil })
				script.Steps = append([]store.Step{tt.guard}, script.Steps...)
				script.LockOrder, script.NoGroup = fmt.Sprint(id), i%3 == 0
				functions, err := scripted(t.Context(), f.db, script)
				switch {
				case tt.refuses && functions > 0 && err == nil:
					t.Errorf("a script with a guard that %s was committed by a function", tt.name)
				case tt.refuses && functions == 0 && !errors.Is(err, errEnded):
					t.Errorf("a script with a guard that %s = %v", tt.name, err)
				case !tt.refuses && err != nil:
					t.Errorf("a script with a guard that %s = %v", tt.name, err)
				case !tt.refuses:
					mu.Lock()
					notes++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	f.wantNotes(notes)
}

// guardedNow: what another handle or this one has committed before a read or a write began, its guard sees. Other reads
// go on at the same time, and may leave a snapshot behind.
func guardedNow(t *testing.T, f *fixture) {
	endings := effort.Cases(400, 10_000)
	other := f.open(t)
	defer func() { _ = other.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_ = f.db.Read(ctx, func(r store.Reader) error { _, err := count(r, countNotes); return err })
			}
		})
	}
	accepted := func(db store.DB, id int64, writes bool) bool {
		guard := guardOf(id, 0, nil)
		if !writes {
			return db.Read(context.Background(), func(r store.Reader) error { r.Guard(guard); _, err := count(r, countNotes); return err }) == nil
		}
		done, err := db.Script(context.Background(), func(int64) (*store.Script, error) {
			return &store.Script{Steps: []store.Step{guard, step(nil, `UPDATE notes SET body = body WHERE id = $1`, value.OfInt(-1))}}, nil
		})
		return done && err == nil
	}
	for id := range int64(endings) {
		ender, server := f.db, other
		if rand.IntN(2) == 0 {
			ender, server = other, f.db
		}
		if err := ender.Write(ctx, func(tx store.Tx) error { return addNote(tx, id, fmt.Sprint(id)) }); err != nil {
			t.Fatal(err)
		}
		if !accepted(server, id, false) {
			t.Fatalf("the guard of %d refuses before its end", id)
		}
		err := ender.Write(ctx, func(tx store.Tx) error {
			_, err := tx.Exec(`DELETE FROM notes WHERE id = $1`, []value.Value{value.OfInt(id)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, db := range []store.DB{server, ender} {
			if writes := rand.IntN(4) == 0; accepted(db, id, writes) {
				t.Fatalf("the guard of %d accepts after its end, writes: %t", id, writes)
			}
		}
	}
	cancel()
	wg.Wait()
}
