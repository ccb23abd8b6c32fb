package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var errRefused = errors.New("refused by the test")

func commitVisible(t *testing.T, f *fixture) {
	f.write(func(tx store.Tx) error { return addNote(tx, 1, "a") })
	f.wantNotes(1)
	f.reopen()
	f.wantNotes(1)
}

func failureUndone(t *testing.T, f *fixture) {
	err := f.db.Write(t.Context(), func(tx store.Tx) error {
		return errors.Join(addNote(tx, 1, "a"), errRefused)
	})
	if !errors.Is(err, errRefused) {
		t.Errorf("Write() = %v, want the function's own error", err)
	}
	f.wantNotes(0)
}

func panicUndone(t *testing.T, f *fixture) {
	err := f.db.Write(t.Context(), func(tx store.Tx) error {
		if err := addNote(tx, 1, "a"); err != nil {
			return err
		}
		panic("a defect")
	})
	wantKind(t, "Write(panicking)", err, errs.Internal)
	f.write(func(tx store.Tx) error { return addNote(tx, 2, "b") })
	f.wantNotes(1)
}

// hold occupies every writer with a function, so that other writes wait. release lets them go.
func (f *fixture) hold() (release func()) {
	leave, left := make(chan struct{}), make(chan error, f.writers)
	for range f.writers {
		entered := make(chan struct{})
		var once sync.Once
		f.holds++ // each is work of its own kind: one that took long must not bound the next
		ctx := admit.WithOrigin(context.Background(), admit.Origin{Shape: admit.Shape{Operation: fmt.Sprint("hold ", f.holds)}})
		go func() {
			left <- f.db.Write(ctx, func(store.Tx) error {
				once.Do(func() { close(entered) })
				<-leave
				return nil
			})
		}()
		soon(f.t, "the function that holds a writer", entered)
	}
	return func() {
		close(leave)
		for range f.writers {
			if err := soon(f.t, "the function that held a writer", left); err != nil {
				f.t.Errorf("Write(holding) = %v", err)
			}
		}
	}
}

// together runs n functions that the engine may put in one transaction, and returns their answers.
func (f *fixture) together(n int, fn func(i int, tx store.Tx) error) []error {
	release := f.hold()
	answers := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			answers[i] = f.db.Write(context.Background(), func(tx store.Tx) error { return fn(i, tx) })
		})
	}
	time.Sleep(50 * time.Millisecond) // until most are waiting
	release()
	wg.Wait()
	return answers
}

func neighboursUnaffected(t *testing.T, f *fixture) {
	const n = 48
	answers := f.together(n, func(i int, tx store.Tx) error {
		if err := addNote(tx, int64(i), fmt.Sprint(i)); err != nil {
			return err
		}
		switch i % 4 {
		case 1:
			return errRefused
		case 2:
			panic("a defect")
		case 3:
			return addNote(tx, int64(i), "the same id again")
		}
		return nil
	})
	for i, err := range answers {
		switch _, constraint := errors.AsType[*store.ConstraintError](err); i % 4 {
		case 0:
			if err != nil {
				t.Errorf("function %d = %v", i, err)
			}
		case 1:
			if !errors.Is(err, errRefused) {
				t.Errorf("function %d = %v, want its own error", i, err)
			}
		case 2:
			wantKind(t, fmt.Sprintf("function %d", i), err, errs.Internal)
		case 3:
			if !constraint {
				t.Errorf("function %d = %v, want a constraint", i, err)
			}
		}
	}
	f.wantNotes(n / 4)
}

// refusalWaits: of many functions that insert one key, one is done. The others are refused because of a row that is there
// when they get the answer.
func refusalWaits(t *testing.T, f *fixture) {
	release := f.hold()
	var wg sync.WaitGroup
	results := make(chan error, 16)
	for range cap(results) {
		wg.Go(func() {
			err := f.db.Write(context.Background(), func(tx store.Tx) error { return addNote(tx, 7, "one") })
			f.wantNotes(1)
			results <- err
		})
	}
	time.Sleep(50 * time.Millisecond)
	release()
	wg.Wait()
	done := 0
	for range cap(results) {
		if err := <-results; err == nil {
			done++
		}
	}
	if done != 1 {
		t.Errorf("%d of the functions inserted the same key, want 1", done)
	}
}

// functionResets: however often the engine runs a function, it commits what the function filled in last.
func functionResets(t *testing.T, f *fixture) {
	const n = 32
	seen := make([][]int64, n)
	f.together(n, func(i int, tx store.Tx) error {
		seen[i] = nil
		revision, err := tx.Revision()
		seen[i] = append(seen[i], revision)
		if err != nil {
			return err
		}
		return addNote(tx, revision, fmt.Sprint(i))
	})
	for i, revisions := range seen {
		if len(revisions) != 1 {
			t.Fatalf("function %d filled in %v, want one revision", i, revisions)
		}
		f.read(func(reader store.Reader) error {
			got, err := count(reader, `SELECT count(*) FROM notes WHERE id = $1 AND body = $2`, note(revisions[0], fmt.Sprint(i))...)
			if got != 1 {
				t.Errorf("function %d was told revision %d, which it has not written", i, revisions[0])
			}
			return err
		})
	}
}

func endedContext(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	err := f.db.Write(ctx, func(store.Tx) error { ran = true; return nil })
	if ran || !errors.Is(err, context.Canceled) {
		t.Errorf("Write(ended context) = %v, ran: %t; want context.Canceled, not run", err, ran)
	}
}

func endedWhileWaiting(t *testing.T, f *fixture) {
	release := f.hold()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	ran, result := false, make(chan error, 1)
	go func() {
		result <- f.db.Write(ctx, func(store.Tx) error { ran = true; return nil })
	}()
	<-ctx.Done()
	release()
	if err := soon(t, "Write(context that ended)", result); ran || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Write(context that ended) = %v, ran: %t; want context.DeadlineExceeded, not run", err, ran)
	}
}

func endedWhileRunning(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	err := f.db.Write(ctx, func(tx store.Tx) error {
		cancel()
		time.Sleep(20 * time.Millisecond)
		return addNote(tx, 1, "a")
	})
	if err != nil {
		t.Errorf("Write(context that ends inside) = %v", err)
	}
	f.wantNotes(1)
}

// overload: every function is either done or refused as unavailable. None is forgotten.
func overload(t *testing.T, f *fixture) {
	const n = 3000
	answers := f.together(n, func(i int, tx store.Tx) error { return addNote(tx, int64(i), fmt.Sprint(i)) })
	done := int64(0)
	for i, err := range answers {
		if err == nil {
			done++
			continue
		}
		wantKind(t, fmt.Sprintf("write %d of %d at once", i, n), err, errs.Unavailable)
	}
	if done == 0 || done == n {
		t.Errorf("%d of %d writes were done, want some refused", done, n)
	}
	f.wantNotes(done)
}

func usedAfter(t *testing.T, f *fixture) {
	var kept store.Tx
	f.write(func(tx store.Tx) error { kept = tx; return nil })
	wantKind(t, "Exec after the function", addNote(kept, 1, "a"), errs.Internal)
	f.wantNotes(0)
}

func changesCounted(t *testing.T, f *fixture) {
	for _, tt := range []struct {
		sql  string
		args []value.Value
		want int64
	}{
		{insertNote, note(1, "a"), 1},
		{insertNote, note(2, "b"), 1},
		{`UPDATE notes SET body = body || 'x'`, nil, 2},
		{`UPDATE notes SET body = $1 WHERE id = 99`, []value.Value{value.OfText("c")}, 0},
		{`CREATE TABLE others (id bigint PRIMARY KEY)`, nil, 0},
		{`DELETE FROM notes`, nil, 2},
	} {
		f.write(func(tx store.Tx) error {
			got, err := tx.Exec(tt.sql, tt.args)
			if got != tt.want {
				t.Errorf("Exec(%s) = %d, want %d", tt.sql, got, tt.want)
			}
			return err
		})
	}
}
