package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func TestLifeOfAJob(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		c := &clock{}
		cfg := fast()
		cfg.Now = c.now
		q := Open(open(), cfg)
		id := enqueue(t, q, Insert{Priority: 5, Tries: 2, Args: []byte(`{"n":1}`), Table: "notes", Row: "7", By: "user:1", Trace: "t"})
		j := takeOne(t, q)
		if j.ID != id || j.Attempt != 1 || string(j.Args) != `{"n":1}` || j.Table != "notes" || j.Row != "7" || j.By != "user:1" || j.Trace != "t" {
			t.Errorf("took %+v", j)
		}
		if found, err := q.Leased(t.Context(), j.ID, j.Lease); err != nil || found.Attempt != 1 || !found.Until.Equal(j.Until.Truncate(time.Microsecond)) {
			t.Errorf("Leased returned %+v, %v; want the end %v", found, err, j.Until)
		}
		if all := takeMost(t, q, 1); len(all) != 0 {
			t.Errorf("a job under a lease was taken again: %+v", all)
		}
		if err := q.Fail(t.Context(), j, errors.New("no\nroute\x00")); err != nil {
			t.Fatal(err)
		}
		failed := rowOf(t, q.db, id)
		if failed.state != scheduled || failed.attempt != 1 || !strings.Contains(failed.errors, `"attempt":1,"error":"no route"`) {
			t.Errorf("after a failure the row is %+v", failed)
		}
		if wait := failed.runAt.Sub(q.now()); wait <= 0 || wait > 1100*time.Millisecond {
			t.Errorf("the second attempt is in %v, want within a second and a tenth", wait)
		}
		c.leap(2 * time.Second)
		queues, err := q.promote(t.Context())
		if err != nil || !queues["default"] {
			t.Errorf("promoted %v, %v", queues, err)
		}
		j = takeOne(t, q)
		j.result = []byte(`[2]`)
		if err := q.Done(t.Context(), j, []byte(`[2]`)); err != nil {
			t.Fatal(err)
		}
		if ended := rowOf(t, q.db, id); ended.state != done || ended.attempt != 2 || ended.result != `[2]` {
			t.Errorf("at the end the row is %+v", ended)
		}
		if n, err := q.sweep(t.Context()); n != 0 || err != nil {
			t.Errorf("a fresh row was deleted: %d, %v", n, err)
		}
		c.leap(25 * time.Hour)
		if n, err := q.sweep(t.Context()); n != 1 || err != nil {
			t.Errorf("%d rows were deleted, %v; want 1", n, err)
		}
	})
}

// Every transition compares the attempt and the lease.
func TestStaleLease(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		c := &clock{}
		cfg := fast()
		cfg.Now = c.now
		q := Open(open(), cfg)
		id := enqueue(t, q, Insert{})
		first := takeOne(t, q)
		c.leap(time.Second)
		if _, n, err := q.rescue(t.Context()); n != 1 || err != nil {
			t.Fatalf("rescued %d, %v", n, err)
		}
		second := takeOne(t, q)
		forged := *second
		forged.Attempt = 1
		mixed := *first
		mixed.Attempt = 2
		for name, j := range map[string]*Job{"first": first, "forged attempt": &forged, "mixed": &mixed} {
			for what, err := range map[string]error{
				"done": q.Done(t.Context(), j, nil), "fail": q.Fail(t.Context(), j, errors.New("x")), "release": q.Release(t.Context(), j),
			} {
				if errs.KindOf(err) != errs.Conflict {
					t.Errorf("%s of the %s worker: %v, want a conflict", what, name, err)
				}
			}
		}
		if _, err := q.Extend(t.Context(), first, 0); errs.KindOf(err) != errs.Conflict {
			t.Errorf("extend of the first worker: %v, want a conflict", err)
		}
		if _, err := q.Leased(t.Context(), id, first.Lease); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Leased for the first worker: %v, want a conflict", err)
		}
		if until, err := q.Extend(t.Context(), second, 0); err != nil || until.Before(second.Until) {
			t.Errorf("extend of the second worker: %v, %v", until, err)
		}
		if r := rowOf(t, q.db, id); r.state != running || r.attempt != 2 || !strings.Contains(r.errors, "gone") {
			t.Errorf("the row is %+v", r)
		}
		if err := q.Done(t.Context(), second, nil); err != nil {
			t.Error(err)
		}
		if err := q.Done(t.Context(), second, nil); errs.KindOf(err) != errs.Conflict {
			t.Errorf("done for the second time: %v, want a conflict", err)
		}
	})
}

// A lease that has ended cannot be renewed, because the limits no longer count it.
func TestEndedLeaseIsNotRenewed(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		c := &clock{}
		cfg := fast()
		cfg.Now = c.now
		q := Open(open(), cfg)
		enqueue(t, q, Insert{})
		j := takeOne(t, q)
		c.leap(time.Second)
		if _, err := q.Extend(t.Context(), j, 0); errs.KindOf(err) != errs.Conflict {
			t.Errorf("an ended lease was renewed: %v", err)
		}
	})
}

func TestTriesRunOut(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		c := &clock{}
		cfg := fast()
		cfg.Now = c.now
		q := Open(open(), cfg)
		for name, end := range map[string]func(*Job) error{
			"error":     func(j *Job) error { return q.Fail(t.Context(), j, errors.New("x")) },
			"permanent": func(j *Job) error { return q.Fail(t.Context(), j, fmt.Errorf("so: %w", Permanent(errors.New("x")))) },
			"gone": func(*Job) error {
				c.leap(time.Second)
				_, _, err := q.rescue(t.Context())
				return err
			},
		} {
			tries := 1
			if name == "permanent" {
				tries = 12
			}
			id := enqueue(t, q, Insert{Tries: tries})
			if err := end(takeOne(t, q)); err != nil {
				t.Fatal(err)
			}
			if r := rowOf(t, q.db, id); r.state != dead || r.errors == "" {
				t.Errorf("%s: the row is %+v, want a dead job with its error", name, r)
			}
		}
		c.leap(29 * 24 * time.Hour)
		if n, err := q.sweep(t.Context()); n != 0 || err != nil {
			t.Errorf("%d dead jobs were deleted after 29 days, %v", n, err)
		}
		c.leap(2 * 24 * time.Hour)
		if n, err := q.sweep(t.Context()); n != 3 || err != nil {
			t.Errorf("%d dead jobs were deleted after 31 days, %v; want 3", n, err)
		}
	})
}

func TestReleaseDoesNotCount(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast())
		id := enqueue(t, q, Insert{Tries: 1})
		for range 3 {
			if err := q.Release(t.Context(), takeOne(t, q)); err != nil {
				t.Fatal(err)
			}
		}
		if r := rowOf(t, q.db, id); r.state != waiting || r.attempt != 0 || r.errors != "" {
			t.Errorf("the row is %+v", r)
		}
	})
}

func TestOnce(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		c := &clock{}
		cfg := fast()
		cfg.Now = c.now
		q := Open(open(), cfg)
		add := func(spec Insert, want bool) {
			t.Helper()
			if _, added := tryEnqueue(t, q, spec); added != want {
				t.Errorf("%+v was added: %t", spec, added)
			}
		}
		plain, hour := Insert{Once: "plain"}, Insert{Once: "hour", OnceFor: time.Hour}
		add(plain, true)
		add(plain, false)
		add(Insert{Once: "other"}, true)
		add(Insert{}, true)
		add(Insert{}, true)
		add(hour, true)
		all := takeMost(t, q, 10)
		add(plain, false) // it runs
		for _, j := range all {
			if err := q.Done(t.Context(), j, nil); err != nil {
				t.Fatal(err)
			}
		}
		add(plain, true)
		add(hour, false)
		c.leap(time.Hour)
		add(hour, true)
		add(hour, false)
	})
}

// Of many transactions with the same text for once, one adds the job.
func TestOnceAtTheSameTime(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		queues := []*Queue{Open(open(), fast()), Open(open(), fast())}
		for round := range 5 {
			var group sync.WaitGroup
			for i := range 8 {
				group.Go(func() {
					q := queues[i%2]
					steps, tables, err := q.Steps(Insert{Name: "work", Queue: "default", Once: fmt.Sprint("round", round), OnceFor: time.Hour})
					if err == nil {
						err = store.Run(t.Context(), q.db, func(int64) (*store.Script, error) {
							return &store.Script{Steps: steps, Tables: tables, NoGroup: true}, nil
						}, func(tx store.Tx) error {
							for _, step := range steps {
								if _, err := tx.Exec(step.SQL, step.Args); err != nil {
									return err
								}
							}
							return nil
						})
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if n := counts(t, queues[0].db)[waiting]; n != round+1 {
				t.Fatalf("%d jobs after round %d", n, round)
			}
		}
	})
}

// A job exists if its write was committed, and only then.
func TestStepsBelongToTheirWrite(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast())
		write := func(f func(tx store.Tx) error) error {
			return q.db.Write(t.Context(), func(tx store.Tx) error {
				if _, _, err := q.Enqueue(tx, Insert{Name: "work", Queue: "default"}); err != nil {
					return err
				}
				return f(tx)
			})
		}
		refusal := errors.New("no")
		if err := write(func(store.Tx) error { return refusal }); !errors.Is(err, refusal) {
			t.Fatal(err)
		}
		if all := counts(t, q.db); len(all) != 0 {
			t.Errorf("a write that was undone left %v", all)
		}
		if err := write(func(store.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if all := counts(t, q.db); all[waiting] != 1 {
			t.Errorf("a committed write left %v", all)
		}
	})
}

func TestOrder(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast())
		var want []string
		for _, priority := range []int{0, 5, 9} {
			for range 2 {
				want = append(want, enqueue(t, q, Insert{Priority: priority}))
			}
		}
		enqueue(t, q, Insert{Priority: 9, RunAt: q.now().Add(time.Hour)})
		want = []string{want[4], want[5], want[2], want[3], want[0], want[1]}
		var got []string
		for _, j := range append(takeMost(t, q, 3), takeMost(t, q, 10)...) {
			got = append(got, j.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the order of the jobs (-want +got):\n%s", diff)
		}
	})
}

func TestControl(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast())
		ctx := t.Context()
		ended, waits := enqueue(t, q, Insert{Tries: 1}), ""
		if err := q.Fail(ctx, takeOne(t, q), errors.New("x")); err != nil {
			t.Fatal(err)
		}
		waits = enqueue(t, q, Insert{Once: "o"})
		taken := takeOne(t, q)
		step := func(what string, f func(context.Context, []string) (int64, error), want int64) {
			t.Helper()
			if n, err := f(ctx, []string{ended, waits}); n != want || err != nil {
				t.Errorf("%s changed %d, %v; want %d", what, n, err, want)
			}
		}
		step("delete", q.Delete, 1)
		step("retry", q.Retry, 0) // the other one is running
		step("cancel", q.Cancel, 1)
		step("cancel", q.Cancel, 0)
		if err := q.Done(ctx, taken, nil); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a cancelled job was done: %v", err)
		}
		if _, added := tryEnqueue(t, q, Insert{Once: "o"}); !added {
			t.Error("a cancelled job keeps its text for once")
		}
		step("retry", q.Retry, 1)
		if r := rowOf(t, q.db, waits); r.state != waiting || r.attempt != 0 {
			t.Errorf("a job that is tried again is %+v", r)
		}
		if _, err := q.Cancel(ctx, make([]string, MostAtOnce+1)); errs.KindOf(err) != errs.Invalid {
			t.Errorf("too many ids: %v", err)
		}
		depths, err := q.Depths(ctx)
		if err != nil || len(depths) != 1 || depths[0].Jobs != 2 || depths[0].State != waiting {
			t.Errorf("the depths are %+v, %v", depths, err)
		}
	})
}

func TestBadInput(t *testing.T) {
	q := Open(openSQLite(t, t.TempDir()+"/test.db"), fast())
	for name, tt := range map[string]struct {
		spec Insert
		kind errs.Kind
	}{
		"no name":       {Insert{Queue: "default"}, errs.Invalid},
		"no queue":      {Insert{Name: "work"}, errs.Invalid},
		"high priority": {Insert{Name: "work", Queue: "default", Priority: 10}, errs.Invalid},
		"low priority":  {Insert{Name: "work", Queue: "default", Priority: -1}, errs.Invalid},
		"large":         {Insert{Name: "work", Queue: "default", Args: []byte(`"` + strings.Repeat("x", MaxArgs) + `"`)}, errs.TooLarge},
		"no JSON":       {Insert{Name: "work", Queue: "default", Args: []byte("{")}, errs.Invalid},
		"long key":      {Insert{Name: "work", Queue: "default", Key: strings.Repeat("k", maxKey+1)}, errs.Invalid},
	} {
		if _, _, err := q.Steps(tt.spec); errs.KindOf(err) != tt.kind {
			t.Errorf("%s: %v, want %s", name, err, tt.kind)
		}
	}
	if err := q.Done(t.Context(), &Job{}, make([]byte, MaxResult+1)); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("a large result: %v", err)
	}
	if _, err := q.Lease(t.Context(), LeaseOrder{Queues: []string{"other"}, Most: 1}); errs.KindOf(err) != errs.NotFound {
		t.Errorf("a queue that does not exist: %v", err)
	}
}

func TestPause(t *testing.T) {
	for _, tt := range []struct {
		err      error
		attempt  int
		from, to time.Duration
	}{
		{errors.New("x"), 1, time.Second, 1100 * time.Millisecond},
		{errors.New("x"), 3, 81 * time.Second, 90 * time.Second},
		{errors.New("x"), 12, 20736 * time.Second, 22810 * time.Second},
		{errors.New("x"), 100, 12 * time.Hour, 12 * time.Hour},
		{&RetryError{errors.New("x"), time.Hour}, 1, time.Hour, time.Hour},
		{fmt.Errorf("so: %w", &RetryError{errors.New("x"), 99 * time.Hour}), 1, 12 * time.Hour, 12 * time.Hour},
		{&errs.Error{Kind: errs.Unavailable, RetryAfter: time.Minute}, 1, time.Minute, time.Minute},
	} {
		for range 20 {
			if got := pauseFor(tt.err, tt.attempt); got < tt.from || got > tt.to {
				t.Errorf("after attempt %d with %v the pause is %v, want %v to %v", tt.attempt, tt.err, got, tt.from, tt.to)
			}
		}
	}
}

func TestErrorsAreClipped(t *testing.T) {
	var text string
	for i := range 15 {
		text = withFailure([]byte(text), Failure{Attempt: i, Error: describe(errors.New(strings.Repeat("é\n\xff", 5000)))})
	}
	if strings.Count(text, `"attempt"`) != keptErrors || !strings.Contains(text, `"attempt":14`) || strings.Contains(text, `"attempt":4,`) {
		t.Errorf("the errors are %.300s", text)
	}
	if len(text) > keptErrors*4*maxError {
		t.Errorf("%d bytes of errors", len(text))
	}
}

// The order of the columns is the same for both engines.
func TestColumnsOfSettlements(t *testing.T) {
	s := settlement{"id", "lease", 1, false, "state", 2, time.UnixMicro(3), time.UnixMicro(4), time.UnixMicro(5), "errors", "result"}
	one, many := s.values(time.UnixMicro(6)), columnsOf([]settlement{s}, time.UnixMicro(6))
	for i := range one {
		got := many[i]
		if got.Kind == value.List {
			if want := strings.Trim(string(value.AppendValue(nil, one[i])), `"`); got.List[0] != want {
				t.Errorf("column %d is %s, want %s", i, got.List[0], want)
			}
		}
	}
}
