package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A gate is a database that can be away.
type gate struct {
	store.DB
	away atomic.Bool
}

var errAway = errs.New(errs.Unavailable, "the database is away")

func (g *gate) Write(ctx context.Context, f func(store.Tx) error) error {
	if g.away.Load() {
		return errAway
	}
	return g.DB.Write(ctx, f)
}

func (g *gate) Read(ctx context.Context, f func(store.Reader) error) error {
	if g.away.Load() {
		return errAway
	}
	return g.DB.Read(ctx, f)
}

// A textError has no text if it is nil: Error panics.
type textError struct{ text string }

func (e *textError) Error() string { return e.text }

func TestRunWorks(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		var mu sync.Mutex
		runs := map[string]int{}
		count := func(j *Job) int {
			mu.Lock()
			defer mu.Unlock()
			runs[j.ID]++
			return runs[j.ID]
		}
		var queues []*Queue
		for range 2 {
			q := Open(open(), fast())
			q.Handle("work", 0, func(_ context.Context, j *Job) error {
				count(j)
				j.SetResult([]byte(`"ok"`))
				return nil
			})
			q.Handle("again", 0, func(_ context.Context, j *Job) error {
				if count(j) < 3 {
					return &RetryError{errors.New("not yet"), 10 * time.Millisecond}
				}
				return nil
			})
			q.Handle("permanent", 0, func(_ context.Context, j *Job) error { count(j); return Permanent(errors.New("never")) })
			q.Handle("panic", 0, func(_ context.Context, j *Job) error { count(j); panic("ouch") })
			q.Handle("exit", 0, func(_ context.Context, j *Job) error { count(j); exit(); return nil })
			q.Handle("nil pointer", 0, func(_ context.Context, j *Job) error { count(j); return (*textError)(nil) })
			q.Handle("bad result", 0, func(_ context.Context, j *Job) error { count(j); j.SetResult([]byte(`{`)); return nil })
			q.Handle("slow", 20*time.Millisecond, func(ctx context.Context, j *Job) error { count(j); <-ctx.Done(); return ctx.Err() })
			start(t, q)
			queues = append(queues, q)
		}
		db := queues[0].db
		want := map[string]row{
			enqueue(t, queues[0], Insert{}):                                                        {state: done, attempt: 1, result: `"ok"`},
			enqueue(t, queues[0], Insert{Name: "again"}):                                           {state: done, attempt: 3, errors: "not yet"},
			enqueue(t, queues[0], Insert{Name: "permanent"}):                                       {state: dead, attempt: 1, errors: "never"},
			enqueue(t, queues[0], Insert{Name: "panic", Tries: 1}):                                 {state: dead, attempt: 1, errors: "panic: ouch"},
			enqueue(t, queues[0], Insert{Name: "exit", Tries: 1}):                                  {state: dead, attempt: 1, errors: "ended its goroutine"},
			enqueue(t, queues[0], Insert{Name: "nil pointer", Tries: 1}):                           {state: dead, attempt: 1, errors: "panic: runtime error: invalid memory address"},
			enqueue(t, queues[0], Insert{Name: "bad result"}):                                      {state: dead, attempt: 1, errors: "no JSON"},
			enqueue(t, queues[0], Insert{Name: "slow", Tries: 1}):                                  {state: dead, attempt: 1, errors: "longer than 20ms"},
			enqueue(t, queues[0], Insert{Name: "unknown", Tries: 1}):                               {state: scheduled, errors: "does not know the job"},
			enqueue(t, queues[0], Insert{RunAt: queues[0].now().Add(250 * time.Millisecond)}):      {state: done, attempt: 1, result: `"ok"`},
			enqueue(t, queues[0], Insert{RunAt: queues[0].now().Add(time.Hour), Name: "tomorrow"}): {state: scheduled},
		}
		for id, w := range want {
			var got row
			eventually(t, fmt.Sprintf("%+v", w), func() bool {
				got = rowOf(t, db, id)
				return got.state == w.state && got.attempt == w.attempt
			})
			if !strings.Contains(got.errors, w.errors) || got.result != w.result {
				t.Errorf("the row is %+v, want %+v", got, w)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for id, n := range runs {
			if n != want[id].attempt {
				t.Errorf("%+v ran %d times", want[id], n)
			}
		}
	})
}

// A job that takes longer than its lease keeps it, and runs once.
func TestLeasesAreRenewed(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		var runs atomic.Int64
		for range 2 {
			q := Open(open(), fast())
			q.Handle("work", 0, func(ctx context.Context, _ *Job) error {
				runs.Add(1)
				sleep(ctx, 3*q.cfg.lease)
				return ctx.Err()
			})
			start(t, q)
			if runs.Load() == 0 {
				enqueue(t, q, Insert{})
			}
			defer func() {
				eventually(t, "the long job is done", func() bool { return counts(t, q.db)[done] == 1 })
				if runs.Load() != 1 {
					t.Errorf("the job ran %d times", runs.Load())
				}
			}()
			eventually(t, "the job begins", func() bool { return runs.Load() > 0 })
		}
	})
}

// A node that stops gives its jobs back, and the attempt does not count. What ends in time is done.
func TestStopGivesBack(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		cfg := fast(QueueConfig{Name: "default", Workers: 2})
		cfg.StopTime = 100 * time.Millisecond
		q := Open(open(), cfg)
		begun := make(chan string, 4)
		stopping := make(chan struct{})
		q.Handle("endless", 0, func(ctx context.Context, _ *Job) error { begun <- "endless"; <-ctx.Done(); return ctx.Err() })
		q.Handle("short", 0, func(context.Context, *Job) error { begun <- "short"; <-stopping; return nil })
		endless, short := enqueue(t, q, Insert{Name: "endless", Tries: 1}), enqueue(t, q, Insert{Name: "short", Tries: 1})
		stop := start(t, q)
		<-begun
		<-begun
		time.AfterFunc(20*time.Millisecond, func() { close(stopping) })
		stop()
		if r := rowOf(t, q.db, endless); r.state != waiting || r.attempt != 0 {
			t.Errorf("the row that was given back is %+v", r)
		}
		if r := rowOf(t, q.db, short); r.state != done {
			t.Errorf("the row of the short job is %+v", r)
		}
		if s := q.Stats(); s.GivenBack != 1 || s.Done != 1 || s.Started != 2 {
			t.Errorf("the counts are %+v", s)
		}
	})
}

// The job of a node that cannot reach the database runs on another node once the lease is over. The first node ends the context
// of its worker, and cannot settle.
func TestNodeThatIsCutOff(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		cut := &gate{DB: open()}
		a, b := Open(cut, fast()), Open(open(), fast())
		begun, ended := make(chan bool, 1), make(chan error, 1)
		a.Handle("work", 0, func(ctx context.Context, _ *Job) error {
			cut.away.Store(true)
			begun <- true
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return nil
		})
		var attempts atomic.Int64
		b.Handle("work", 0, func(_ context.Context, j *Job) error { attempts.Store(int64(j.Attempt)); return nil })
		id := enqueue(t, b, Insert{})
		start(t, a)
		<-begun
		start(t, b)
		eventually(t, "the other node does the job", func() bool { return rowOf(t, b.db, id).state == done })
		if attempts.Load() != 2 {
			t.Errorf("the other node made attempt %d, want 2", attempts.Load())
		}
		if cause := <-ended; !errors.Is(cause, errLease) {
			t.Errorf("the context of the first worker ended with %v", cause)
		}
		cut.away.Store(false)
		eventually(t, "the first node works again", func() bool {
			enqueue(t, b, Insert{})
			return a.Stats().Started > 1
		})
		if r := rowOf(t, b.db, id); r.state != done || r.attempt != 2 {
			t.Errorf("the row is %+v", r)
		}
	})
}

// A database that is away for long ends neither Run nor the attempt that was settled in the meantime.
func TestDatabaseThatIsAway(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		cut := &gate{DB: open()}
		cfg := fast()
		cfg.lease, cfg.renew = 5*time.Second, time.Second
		q := Open(cut, cfg)
		release := make(chan bool)
		begun := make(chan bool, 1)
		var runs atomic.Int64
		q.Handle("work", 0, func(context.Context, *Job) error { runs.Add(1); begun <- true; <-release; return nil })
		id := enqueue(t, q, Insert{})
		start(t, q)
		<-begun
		cut.away.Store(true)
		release <- true
		time.Sleep(300 * time.Millisecond)
		cut.away.Store(false)
		eventually(t, "the job is settled", func() bool { return rowOf(t, q.db, id).state == done })
		close(release)
		next := enqueue(t, q, Insert{})
		eventually(t, "the next job is done", func() bool { return rowOf(t, q.db, next).state == done })
		if runs.Load() != 2 {
			t.Errorf("two jobs ran %d times", runs.Load())
		}
	})
}

// Settings of people reach all nodes.
func TestSettings(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast(QueueConfig{Name: "default", Workers: 1}))
		var now, most atomic.Int64
		release := make(chan bool)
		q.Handle("work", 0, func(context.Context, *Job) error {
			most.Store(max(most.Load(), now.Add(1)))
			<-release
			now.Add(-1)
			return nil
		})
		other := Open(open(), fast())
		if err := other.Set(t.Context(), "default", Settings{Paused: true}, "user:1"); err != nil {
			t.Fatal(err)
		}
		start(t, q)
		time.Sleep(50 * time.Millisecond)
		for range 3 {
			enqueue(t, q, Insert{})
		}
		time.Sleep(300 * time.Millisecond)
		if n := now.Load(); n > 1 { // the first look may come before the settings are known
			t.Errorf("%d jobs run in a paused queue", n)
		}
		if err := other.Set(t.Context(), "default", Settings{Workers: 3}, "user:1"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "three workers are busy", func() bool { return now.Load() == 3 })
		close(release)
		eventually(t, "all jobs are done", func() bool { return counts(t, q.db)[done] == 3 })
		if err := other.Set(t.Context(), "none", Settings{}, ""); errs.KindOf(err) != errs.NotFound {
			t.Errorf("settings of a queue that does not exist: %v", err)
		}
		if all, err := other.Settings(t.Context()); err != nil || all["default"].Paused || all["default"].Workers != 3 || all["default"].By != "user:1" || time.Since(all["default"].At) > time.Minute {
			t.Errorf("the settings are %v, %v", all, err)
		}
	})
}

// A node hears of jobs that another process adds long before it would look for them.
func TestNodesHearOfJobs(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		cfg := fast()
		cfg.poll = time.Hour
		a, b := Open(open(), cfg), Open(open(), cfg)
		a.cfg.Queues = nil
		ran := make(chan string, 1)
		b.Handle("work", 0, func(_ context.Context, j *Job) error { ran <- j.ID; return nil })
		start(t, a)
		start(t, b)
		eventually(t, "node b is ready", func() bool { // it has looked before it listens
			enqueue(t, b, Insert{})
			select {
			case <-ran:
				return true
			case <-time.After(100 * time.Millisecond):
				return false
			}
		})
		eventually(t, "everything is done", func() bool {
			for len(ran) > 0 {
				<-ran
			}
			return counts(t, b.db)[waiting] == 0
		})
		for range 5 {
			id := enqueue(t, a, Insert{})
			if b.db == a.db { // the same process on SQLite, where b hears of what is written through it
				b.expect(Insert{Queue: "default"})
			}
			for got := ""; got != id; {
				select {
				case got = <-ran:
				case <-time.After(20 * time.Second):
					t.Fatal("node b did not hear of the job")
				}
			}
		}
	})
}

func TestPullWorker(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast(QueueConfig{Name: "pulled", Pull: true}))
		start(t, q)
		want := LeaseOrder{Queues: []string{"pulled"}, Most: 3, Names: []string{"work"}, Wait: 20 * time.Millisecond}
		if all, err := q.Lease(t.Context(), want); err != nil || len(all) != 0 {
			t.Errorf("an empty queue has %v, %v", all, err)
		}
		time.AfterFunc(50*time.Millisecond, func() { enqueue(t, q, Insert{Queue: "pulled"}) })
		want.Wait = 20 * time.Second
		all, err := q.Lease(t.Context(), want)
		if err != nil || len(all) != 1 {
			t.Fatalf("leased %v, %v", all, err)
		}
		if err := q.Done(t.Context(), all[0], []byte(`{}`)); err != nil {
			t.Error(err)
		}
		if s := q.Stats(); s.Started != 1 || s.Done != 1 {
			t.Errorf("the counts are %+v: the node itself has made an attempt, or the worker's is not counted", s)
		}
	})
}

// A job that waits at once costs the node no look at the scheduled jobs. A scheduled one becomes waiting in time, long before the
// poll.
func TestArrivalsConcernTheirQueue(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		cfg := fast(QueueConfig{Name: "pulled", Pull: true})
		cfg.poll = time.Hour
		db := &counter{DB: open()}
		q := Open(db, cfg)
		start(t, q)
		eventually(t, "the node has looked at its times", func() bool { return db.writes.Load() >= 5 }) // two times, and three sweeps
		time.Sleep(50 * time.Millisecond)
		adder := Open(db.DB, cfg)
		before := db.writes.Load()
		for range 10 {
			enqueue(t, adder, Insert{Queue: "pulled"})
			q.expect(Insert{Queue: "pulled"})
			time.Sleep(2 * keepPause)
		}
		if n := db.writes.Load() - before; n > 10 { // PostgreSQL tells other nodes
			t.Errorf("10 waiting jobs caused %d transactions", n)
		}
		id := enqueue(t, q, Insert{Queue: "pulled", RunAt: q.now().Add(30 * time.Millisecond)})
		eventually(t, "the scheduled job waits", func() bool { return rowOf(t, db, id).state == waiting })
	})
}
