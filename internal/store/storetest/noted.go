package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// recorded returns a context with a record.
func recorded(ctx context.Context) (context.Context, *telemetry.Record) {
	r := &telemetry.Record{Start: time.Now()}
	return telemetry.WithRecord(ctx, r), r
}

// wantNoted fails the test unless the record has these statements, each with its rows. An engine may note its own too.
func wantNoted(t *testing.T, what string, r *telemetry.Record, want ...string) {
	t.Helper()
	var got []string
	end := time.Since(r.Start)
	for _, one := range r.Statements.List {
		if one.Start < 0 || one.Took < 0 || one.Start+one.Took > end {
			t.Errorf("%s: a statement began after %v and took %v, of %v", what, one.Start, one.Took, end)
		}
		if strings.Contains(one.SQL, "notes") || one.SQL == engine.Commit {
			got = append(got, fmt.Sprintf("%s: %d", one.SQL, one.Rows))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: statements (-want +got):\n%s", what, diff)
	}
	if r.Statements.Count != len(r.Statements.List) {
		t.Errorf("%s: %d statements, and %d are counted", what, len(r.Statements.List), r.Statements.Count)
	}
}

// noted: every statement reaches the record of the work that it ran for, and no other.
func noted(t *testing.T, f *fixture) {
	const selectOne, selectBody = `SELECT id FROM notes WHERE id = $1`, `SELECT body FROM notes WHERE id = $1`
	accept := func(value.Row) error { return nil }
	inserted, found, counted, guarded := insertNote+": 1", selectOne+": 1", countNotes+": 1", selectBody+": 1"
	if _, err := scripted(t.Context(), f.db, adding(99, "reserves revisions", accept)); err != nil {
		t.Fatal(err)
	}
	for id := range int64(3) { // an engine may behave differently with prepared statements
		ctx, r := recorded(t.Context())
		err := f.db.Write(ctx, func(tx store.Tx) error {
			read := store.Statement{SQL: selectOne, Args: []value.Value{value.OfInt(id)}}
			if err := tx.ExecThenQuery(store.Statement{SQL: insertNote, Args: note(id, fmt.Sprint(id))}, read, accept); err != nil {
				return err
			}
			_, err := count(tx, countNotes)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantNoted(t, "a function", r, inserted, found, counted, engine.Commit+": 0")

		ctx, r = recorded(t.Context())
		if _, err := scripted(ctx, f.db, adding(100+id, fmt.Sprint("script ", id), accept)); err != nil {
			t.Fatal(err)
		}
		wantNoted(t, "a script", r, inserted, found, engine.Commit+": 0")

		ctx, r = recorded(t.Context())
		err = f.db.Read(ctx, func(reader store.Reader) error {
			reader.Guard(unnamed(guardOf(id, 1, accept)))
			if _, err := count(reader, countNotes); err != nil {
				return err
			}
			reader.FinalStatement()
			return reader.Query(`SELECT id FROM notes WHERE id >= 100`, nil, accept)
		})
		if err != nil {
			t.Fatal(err)
		}
		wantNoted(t, "a guarded read", r, guarded, counted, fmt.Sprintf("SELECT id FROM notes WHERE id >= 100: %d", id+1))

		ctx, r = recorded(t.Context())
		err = f.db.Read(ctx, func(reader store.Reader) error {
			reader.Guard(unnamed(guardOf(id, 2, func(value.Row) error { return errEnded })))
			reader.FinalStatement()
			_, err := count(reader, countNotes)
			return err
		})
		if !errors.Is(err, errEnded) {
			t.Fatalf("a refused read = %v", err)
		}
		wantNoted(t, "a refused read", r, guarded)
	}
}

// notedTogether: many callers at once, whose scripts run in groups, each get their own statements.
func notedTogether(t *testing.T, f *fixture) {
	var wg sync.WaitGroup
	for client := range int64(16) {
		wg.Go(func() {
			for i := range int64(10) {
				id := 100*client + i
				script := adding(id, fmt.Sprint(id), func(value.Row) error { return nil })
				script.Steps[0].SQL += fmt.Sprintf(" /* %d */", id)
				ctx, r := recorded(t.Context())
				if _, err := scripted(ctx, f.db, script); err != nil {
					t.Error(err)
					return
				}
				own, others := 0, 0
				for _, one := range r.Statements.List {
					switch {
					case one.SQL == script.Steps[0].SQL: // more than once if another transaction was in the way
						own++
					case strings.HasPrefix(one.SQL, insertNote):
						others++
					}
				}
				if last := r.Statements.List[len(r.Statements.List)-1]; own == 0 || others > 0 || last.SQL != engine.Commit || r.Queue < 0 {
					t.Errorf("a script has %d inserts of its own and %d of others, and ends with %v after a wait of %v", own, others, last, r.Queue)
				}
			}
		})
	}
	wg.Wait()
}

// notedQueue: the time of a write in the queue is in its record. A write that gives up leaves no statements.
func notedQueue(t *testing.T, f *fixture) {
	release := f.hold()
	ctx, r := recorded(t.Context())
	ended, cancel := context.WithCancel(t.Context())
	gone, other := recorded(ended)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.db.Write(ctx, func(tx store.Tx) error { return addNote(tx, 1, "one") }); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		err := f.db.Write(gone, func(tx store.Tx) error { return addNote(tx, 2, "two") })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a write that gave up = %v", err)
		}
		wantNoted(t, "a write that gave up", other)
	})
	f.until("both wait", func(now store.Stats) bool { return now.Writer.Waiting == 2 })
	cancel()
	f.until("one gave up", func(now store.Stats) bool { return now.Writer.Waiting == 1 || len(now.Pools) == 1 })
	release()
	wg.Wait()
	wantNoted(t, "a write that waited", r, insertNote+": 1", engine.Commit+": 0")
	if r.Queue <= 0 || r.Queue > time.Since(r.Start) {
		t.Errorf("a write waited for %v", r.Queue)
	}
}

// plans: an engine tells the plan of a statement, and does not run it.
func plans(t *testing.T, f *fixture) {
	for _, tt := range []struct{ sql, holds string }{
		{`SELECT id FROM notes WHERE body = $1 AND id > $2`, "notes"},
		{countNotes, "notes"},
		{`DELETE FROM notes WHERE id = $1`, "notes"},
		{insertNote, ""},
	} {
		plan, err := f.db.Plan(t.Context(), tt.sql)
		if err != nil || !strings.Contains(plan, tt.holds) || strings.Contains(plan, "EXPLAIN") {
			t.Errorf("Plan(%s) = %q, %v", tt.sql, plan, err)
		}
	}
	if plan, err := f.db.Plan(t.Context(), "SELECT nothing FROM nowhere"); err == nil {
		t.Errorf("the plan of a statement without a table is %q", plan)
	}
	f.exec(insertNote, note(1, "one")...)
	if _, err := f.db.Plan(t.Context(), `DELETE FROM notes`); err != nil {
		t.Error(err)
	}
	f.wantNotes(1)
}
