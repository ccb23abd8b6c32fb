package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// scripted runs a script. Its function does the same.
func scripted(ctx context.Context, db store.DB, script *store.Script) (functions int, err error) {
	err = store.Run(ctx, db, func(int64) (*store.Script, error) { return script, nil }, func(tx store.Tx) error {
		functions++
		tx.MarkChanged(script.Tables...)
		for _, step := range script.Steps {
			if step.Row == nil {
				if _, err := tx.Exec(step.SQL, step.Args); err != nil {
					return err
				}
				continue
			}
			rows := 0
			err := tx.Query(step.SQL, step.Args, func(row value.Row) error { rows++; return step.Row(row) })
			if err != nil {
				return err
			}
			if rows == 0 {
				return errs.New(errs.NotFound, "no row")
			}
		}
		return nil
	})
	return functions, err
}

func step(row func(value.Row) error, sql string, args ...value.Value) store.Step {
	return store.Step{Statement: store.Statement{SQL: sql, Args: args}, Row: row}
}

// adding is a script that adds a note and shows it to row.
func adding(id int64, body string, row func(value.Row) error) *store.Script {
	return &store.Script{Tables: []string{"notes"}, Steps: []store.Step{
		step(nil, insertNote, note(id, body)...),
		step(row, `SELECT id FROM notes WHERE id = $1`, value.OfInt(id)),
	}}
}

func scripts(t *testing.T, f *fixture) {
	accept := func(value.Row) error { return nil }
	run := func(s *store.Script) error { _, err := scripted(t.Context(), f.db, s); return err }
	generation := func() (n int64) {
		f.read(func(r store.Reader) (err error) { n, err = r.Generation("notes"); return err })
		return n
	}
	for id := range int64(3) { // an engine may behave differently with prepared statements
		was := generation()
		var got int64
		script := adding(10*id, fmt.Sprint("body ", id), func(row value.Row) error { got = row.Int(0); return nil })
		if err := run(script); err != nil || got != 10*id {
			t.Errorf("a script = %v, with the row %d, want %d", err, got, 10*id)
		}
		f.wantNotes(id + 1)
		if now := generation(); now == was {
			t.Error("a script did not move the generation")
		} else {
			was = now
		}

		err := run(adding(100, "refused", func(value.Row) error { return errs.New(errs.Forbidden, "no") }))
		wantKind(t, "a script whose row is refused", err, errs.Forbidden)
		err = run(adding(10*id, "id again", accept))
		if e, ok := errors.AsType[*store.ConstraintError](err); !ok || e.Constraint != store.Unique {
			t.Errorf("a script that a constraint refuses = %v", err)
		}
		err = run(&store.Script{Steps: []store.Step{step(nil, insertNote, note(100, "without a row")...), step(accept, `SELECT id FROM notes WHERE id = -1`)}})
		wantKind(t, "a script with a row missing", err, errs.NotFound)
		err = run(&store.Script{Tables: []string{"notes"}, Steps: []store.Step{step(accept, `SELECT id FROM notes WHERE id = -1`)}})
		wantKind(t, "a script that changes nothing and misses a row", err, errs.NotFound)
		err = run(adding(100, "panic", func(value.Row) error { panic("in a row") }))
		wantKind(t, "a script whose row panics", err, errs.Internal)
		err = run(&store.Script{Steps: []store.Step{step(nil, insertNote, note(100, "defect")...), step(accept, `SELECT nothing FROM notes`)}})
		wantKind(t, "a script with a defect", err, errs.Internal)
		f.wantNotes(id + 1)
		if now := generation(); now != was {
			t.Error("scripts that left nothing moved the generation")
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := scripted(ended, f.db, adding(100, "ended", accept)); !errors.Is(err, context.Canceled) || n > 0 {
		t.Errorf("a script with a context that has ended = %v after %d functions", err, n)
	}
	f.wantNotes(3)
	f.exec(`DELETE FROM notes`)
}

// scriptsTogether: many scripts run while functions do, and some are refused in every possible way. The table then holds
// exactly the scripts that were accepted.
func scriptsTogether(t *testing.T, f *fixture) {
	const clients, each = 24, 30
	var functions, accepted atomic.Int64
	var mu sync.Mutex
	revisions := map[int64]bool{}
	answers := map[int64]error{} // by id
	var wg sync.WaitGroup
	for client := range int64(clients) {
		wg.Go(func() {
			for i := range int64(each) {
				id := client*each + i + 1
				accept := func(row value.Row) error {
					if got := row.Int(0); got != id {
						t.Errorf("script %d got the row %d", id, got)
					}
					return nil
				}
				script := adding(id, fmt.Sprint("body ", id), accept)
				script.LockOrder = fmt.Sprint(id)
				switch {
				case id%11 == 0:
					script.Steps[1].Row = func(value.Row) error { return errs.New(errs.Forbidden, "no") }
				case id%13 == 0:
					script.Steps[0].Args = note(id, "the same") // only one of them can have it
					script.NoGroup = id%2 == 0
				case id%17 == 0:
					script.Steps[1].Args = []value.Value{value.OfInt(-1)}
				}
				n, err := scripted(t.Context(), f.db, script)
				functions.Add(int64(n))
				mu.Lock()
				answers[id] = err
				mu.Unlock()
				if err == nil {
					accepted.Add(1)
				}
				f.write(func(tx store.Tx) error {
					n, err := tx.Revision()
					mu.Lock()
					defer mu.Unlock()
					if revisions[n] {
						t.Errorf("revision %d twice", n)
					}
					revisions[n] = true
					return err
				})
			}
		})
	}
	wg.Wait()
	there := map[int64]bool{}
	same := 0
	f.read(func(reader store.Reader) error {
		return reader.Query(`SELECT id, body FROM notes`, nil, func(row value.Row) error {
			there[row.Int(0)] = true
			if string(row.Bytes(1)) == "the same" {
				same++
			}
			return nil
		})
	})
	if same != 1 {
		t.Errorf("%d rows have the same unique value", same)
	}
	for id, err := range answers {
		if there[id] != (err == nil) {
			t.Errorf("script %d = %v, and its row is there: %t", id, err, there[id])
		}
		if refused := id%11 == 0 || (id%13 != 0 && id%17 == 0); refused != (err != nil) && id%13 != 0 {
			t.Errorf("script %d = %v", id, err)
		}
	}
	t.Logf("%d scripts, %d accepted, %d functions", len(answers), accepted.Load(), functions.Load())
}
