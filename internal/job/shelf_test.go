package job

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
)

func TestShelf(t *testing.T) {
	now := time.Now()
	var s shelf
	job := func(attempt, tries int) *Job { return &Job{Attempt: attempt, Tries: tries, Begun: now} }
	for _, step := range []struct {
		what    string
		took    time.Duration
		workers int
		want    int
	}{
		{"jobs of no time", 0, 8, mostHeld - 8},
		{"many workers", 0, mostHeld, 0},
		{"short jobs", 4 * time.Millisecond, 8, 8*5 - 8},
		{"long jobs", 20 * time.Millisecond, 8, 0},
		{"longer jobs", time.Minute, 8, 0},
	} {
		s.note(step.took)
		if got := s.most(step.workers, now); got != step.want {
			t.Errorf("after %s the shelf of %d workers holds %d jobs, want %d", step.what, step.workers, got, step.want)
		}
	}
	for range 300 {
		s.note(0)
	}
	if s.most(8, now) == 0 {
		t.Errorf("one long job is never forgotten: %v", s.typical)
	}
	last := job(3, 3)
	if back := s.put([]*Job{job(1, 1), job(1, 3), last, job(2, 3)}, 2, now); len(back) != 1 || back[0] != last || len(s.jobs) != 3 {
		t.Errorf("%d jobs on the shelf, and %v was given back", len(s.jobs), back)
	}
	if s.most(8, now) != 0 || s.most(8, now.Add(shelfRest)) == 0 {
		t.Error("after a job was given back, the shelf does not rest for a while")
	}
	if s.late(now.Add(shelfPatience-1)) != nil || len(s.late(now.Add(shelfPatience))) != 3 || s.take() != nil {
		t.Error("the jobs on the shelf are not given back when they are late")
	}
}

// A counter counts transactions.
type counter struct {
	store.DB
	writes atomic.Int64
}

func (c *counter) Write(ctx context.Context, f func(store.Tx) error) error {
	c.writes.Add(1)
	return c.DB.Write(ctx, f)
}

// Short jobs need few transactions, even with few workers, and no more of them run at once than there are workers. If long jobs
// follow, the ones on the shelf are given back, for other nodes. So are they when the node stops. Their attempts do not count.
func TestShelfOfFewWorkers(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		const jobs, workers, long = 600, 2, 30
		db := &counter{DB: open()}
		q := Open(db, fast(QueueConfig{Name: "default", Workers: workers}))
		var now, most, ended atomic.Int64
		enter := func() {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
		}
		q.Handle("work", 0, func(context.Context, *Job) error {
			enter()
			defer now.Add(-1)
			ended.Add(1)
			return nil
		})
		release := make(chan struct{})
		q.Handle("long", 0, func(ctx context.Context, _ *Job) error {
			enter()
			defer now.Add(-1)
			select {
			case <-ctx.Done():
			case <-release:
			}
			return ctx.Err()
		})
		add := func(name string, n int) {
			err := db.DB.Write(t.Context(), func(tx store.Tx) error {
				for range n {
					if _, _, err := q.Enqueue(tx, Insert{Name: name, Queue: "default"}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		stop := start(t, q)
		added, taken := 0, int64(jobs)
		for round := 0; round < 10 && taken > jobs/workers/2; round++ { // on a busy machine, what is taken ahead is given back at times
			add("work", jobs)
			added += jobs
			began := db.writes.Load()
			eventually(t, "the short jobs are done", func() bool { return counts(t, db)[done] == added })
			taken = db.writes.Load() - began
		}
		if taken > jobs/workers/2 {
			t.Errorf("%d jobs took %d transactions", jobs, taken)
		}
		add("long", long)
		eventually(t, "what no worker begins is given back", func() bool { c := counts(t, db); return c[running] == workers && c[waiting] == long-workers })
		if c := q.Stats(); c.GivenBack != 0 || c.Started != int64(added)+workers { // what nobody began was no attempt
			t.Errorf("the counts are %+v, want %d started", c, added+workers)
		}
		stop()
		if c := counts(t, db); c[waiting] != long || most.Load() > workers {
			t.Errorf("the states are %v, and %d jobs ran at once", c, most.Load())
		}
		close(release)
		q = Open(db, fast(QueueConfig{Name: "default", Workers: workers}))
		q.Handle("long", 0, func(_ context.Context, j *Job) error {
			if j.Attempt != 1 {
				t.Errorf("a job that was given back has its attempt %d", j.Attempt)
			}
			return nil
		})
		start(t, q)
		eventually(t, "the long jobs are done", func() bool { return counts(t, db)[done] == added+long })
	})
}
