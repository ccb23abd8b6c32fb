package job

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// A new key is found at once if the known ones leave workers free, and within ringTime if they do not. In between, looks do without
// the statement that reads the keys.
func TestRingFindsNewKeys(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast(QueueConfig{Name: "default", Each: &Each{}}))
		order := &takeOrder{queue: &q.cfg.Queues[0]}
		take := func(most int) map[string]int {
			t.Helper()
			order.most = most
			found, err := q.take(t.Context(), order)
			if err != nil {
				t.Fatal(err)
			}
			counts := map[string]int{}
			for _, j := range found.jobs {
				counts[j.Key]++
			}
			return counts
		}
		add := func(key string, jobs int) {
			for range jobs {
				enqueue(t, q, Insert{Key: key})
			}
		}
		check := func(what string, got, want map[string]int) {
			t.Helper()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		add("a", 20)
		add("c", 20)
		check("the first look", take(2), map[string]int{"a": 1, "c": 1})
		add("b", 5)
		order.ring.read = order.ring.read.Add(time.Hour) // as if no time passed
		check("known keys have enough", take(2), map[string]int{"a": 1, "c": 1})
		order.ring.read = order.ring.read.Add(-time.Hour - ringTime)
		check("after the time of the ring", take(3), map[string]int{"a": 1, "b": 1, "c": 1})
		add("d", 5)
		order.ring.read = order.ring.read.Add(time.Hour)
		check("known keys have too few", take(100), map[string]int{"a": 17, "b": 4, "c": 17, "d": 5})
		check("nothing is left", take(100), map[string]int{})
	})
}

// With thousands of keys each has its turn: a look goes on where the last one ended, though it knows only some of them.
func TestRingOfManyKeys(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		const keys, jobs, most = 300, 2, 20
		q := Open(open(), fast(QueueConfig{Name: "default", Each: &Each{AtOnce: 1}}))
		err := q.db.Write(t.Context(), func(tx store.Tx) error {
			for i := range keys * jobs {
				if _, _, err := q.Enqueue(tx, Insert{Name: "work", Queue: "default", Key: fmt.Sprint("k", i%keys)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		order := &takeOrder{queue: &q.cfg.Queues[0], most: most}
		turns := map[string]int{}
		for look := 1; look <= keys/most; look++ {
			found, err := q.take(t.Context(), order)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range found.jobs {
				turns[j.Key]++
				if err := q.Done(t.Context(), j, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		for key, n := range turns {
			if n != 1 {
				t.Errorf("%s had %d turns before all others had one", key, n)
			}
		}
		if len(turns) != keys {
			t.Errorf("%d keys had a turn, want %d", len(turns), keys)
		}
	})
}

// Jobs of keys are taken ahead of few workers too, so they need few transactions. What is taken ahead counts for the limit of its
// key. On a busy machine nothing is taken ahead for a second after a worker came too late, so several rounds may be needed.
func TestShelfOfKeys(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		const keys, jobs, workers, atOnce, rounds = 20, 600, 2, 3, 10
		db := &counter{DB: open()}
		q := Open(db, fast(QueueConfig{Name: "default", Workers: workers, Each: &Each{AtOnce: atOnce}}))
		q.Handle("work", 0, func(context.Context, *Job) error { return nil })
		start(t, q)
		var writes []int64
		for round := range rounds {
			before := db.writes.Load()
			err := db.DB.Write(t.Context(), func(tx store.Tx) error {
				for i := range jobs {
					if _, _, err := q.Enqueue(tx, Insert{Name: "work", Queue: "default", Key: fmt.Sprint("k", i%keys)}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "all jobs are done", func() bool {
				if most := numbersOf(t, db.DB, `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM ashlar_jobs WHERE state = 'running' GROUP BY key) AS c`)[0]; most > atOnce {
					t.Errorf("a key has %d leases, want at most %d", most, atOnce)
				}
				return counts(t, db)[done] == jobs*(round+1)
			})
			if writes = append(writes, db.writes.Load()-before); writes[round] <= jobs/workers/2 {
				return
			}
		}
		t.Errorf("%d jobs always took more than %d transactions: %v", jobs, jobs/workers/2, writes)
	})
}
