package job

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// No window has more starts than the rate allows, however they are asked for, and a queue that always has jobs uses the rate.
func TestRate(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, r := range []Rate{{1, time.Second}, {2, time.Second}, {9, time.Minute}, {10, time.Second}, {100, time.Second}, {1000, time.Hour}} {
		for _, busy := range []bool{true, false} {
			var starts []time.Time
			now, next := time.UnixMicro(1e15), time.Time{}
			for now.Sub(time.UnixMicro(1e15)) < 20*r.Window {
				if n := r.starts(now, next, 1+random.IntN(r.Count)); n > 0 {
					next = r.after(now, next, n)
					starts = append(starts, slices.Repeat([]time.Time{now}, n)...)
				}
				wait := r.wait(now, next)
				if !busy {
					wait = time.Duration(random.Int64N(int64(r.Window)))
				}
				now = now.Add(max(wait, r.Window/10000))
			}
			if most := mostWithin(starts, r.Window); most > r.Count {
				t.Errorf("%+v: %d starts in one window", r, most)
			}
			if least := 19 * r.Count * 97 / 100; busy && len(starts) < least {
				t.Errorf("%+v: %d starts in 20 windows, want at least %d", r, len(starts), least)
			}
		}
	}
}

// mostWithin returns the largest number of times in a window, whose end does not belong to it.
func mostWithin(all []time.Time, window time.Duration) (most int) {
	first := 0
	for i := range all {
		for !all[i].Before(all[first].Add(window)) {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func TestDeal(t *testing.T) {
	for _, tt := range []struct {
		keys string
		room map[string]int
		most int
		want turns
	}{
		{"abc", map[string]int{"a": 9, "b": 9, "c": 9}, 9, turns{[]string{"a", "b", "c"}, []int{3, 3, 3}}},
		{"abc", map[string]int{"a": 9, "b": 9, "c": 9}, 7, turns{[]string{"a", "b", "c"}, []int{3, 2, 2}}},
		{"abc", map[string]int{"a": 1, "b": 9, "c": 2}, 9, turns{[]string{"a", "b", "c"}, []int{1, 3, 2}}},
		{"abc", map[string]int{"b": 9}, 8, turns{[]string{"b"}, []int{8}}},
		{"abc", map[string]int{"a": 9, "b": 9, "c": 9}, 2, turns{[]string{"a", "b"}, []int{1, 1}}},
		{"", nil, 9, turns{}},
	} {
		if diff := cmp.Diff(tt.want, deal(strings.Split(tt.keys, ""), tt.room, tt.most), cmp.AllowUnexported(turns{})); diff != "" {
			t.Errorf("deal(%s, %v, %d) (-want +got):\n%s", tt.keys, tt.room, tt.most, diff)
		}
	}
}

// A key with many jobs does not keep the others from their turn, and no key has more leases than it may.
func TestKeysTakeTurns(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		queues := []*Queue{Open(open(), fast(QueueConfig{Name: "default", Each: &Each{AtOnce: 1}})), Open(open(), fast(QueueConfig{Name: "default", Each: &Each{AtOnce: 1}}))}
		err := queues[0].db.Write(t.Context(), func(tx store.Tx) error {
			for i := range 300 {
				key := "big"
				if i >= 200 {
					key = fmt.Sprintf("small %02d", i%50)
				}
				if _, _, err := queues[0].Enqueue(tx, Insert{Name: "work", Queue: "default", Key: key}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		orders := []*takeOrder{{queue: &queues[0].cfg.Queues[0], most: 4}, {queue: &queues[1].cfg.Queues[0], most: 4}}
		turns := map[string][]int{}
		last := 0
		for round := 0; last < 100; round++ {
			if round > 200 {
				t.Fatalf("after 200 looks only %d jobs of small keys have run", last)
			}
			q, order := queues[round%2], orders[round%2]
			found, err := q.take(t.Context(), order)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, j := range found.jobs {
				if seen[j.Key] {
					t.Fatalf("two jobs of %s at once", j.Key)
				}
				seen[j.Key] = true
				if j.Key != "big" {
					last++
				}
				turns[j.Key] = append(turns[j.Key], round)
				if err := q.Done(t.Context(), j, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := len(turns["big"]); n == 0 || n > 10 {
			t.Errorf("the key with 200 jobs had %d turns while 50 keys had 2 each", n)
		}
	})
}

// Two nodes that look at the same time do not both find the room of a key.
func TestNodesShareTheRoomOfAKey(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		c := QueueConfig{Name: "default", Each: &Each{AtOnce: 2}}
		nodes := []*Queue{Open(open(), fast(c)), Open(open(), fast(c))}
		for range 20 {
			enqueue(t, nodes[0], Insert{Key: "k"})
		}
		taken := make(chan int)
		for _, q := range nodes {
			go func() { taken <- len(takeMost(t, q, 10)) }()
		}
		if n := <-taken + <-taken; n != 2 {
			t.Errorf("the nodes took %d jobs at once, want 2", n)
		}
		if all := takeMost(t, nodes[0], 10); len(all) != 0 {
			t.Errorf("%d more were taken", len(all))
		}
		time.Sleep(nodes[0].cfg.lease) // a lease that has ended leaves its room
		if all := takeMost(t, nodes[0], 10); len(all) != 2 {
			t.Errorf("%d jobs were taken once the leases had ended, want 2", len(all))
		}
	})
}

// All nodes together keep the rate.
func TestNodesShareARate(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		c := QueueConfig{Name: "default", Rate: &Rate{Count: 20, Window: 500 * time.Millisecond}}
		starts := make(chan time.Time, 100)
		var first *Queue
		for range 2 {
			q := Open(open(), fast(c))
			q.Handle("work", 0, func(_ context.Context, j *Job) error { starts <- j.Until; return nil })
			if first == nil {
				first = q
				for range 50 {
					enqueue(t, q, Insert{})
				}
			}
			start(t, q)
		}
		var all []time.Time
		for range 50 {
			all = append(all, <-starts)
		}
		slices.SortFunc(all, time.Time.Compare)
		if took := all[49].Sub(all[0]); took < time.Second {
			t.Errorf("50 jobs began within %v, want at least a second", took)
		}
		// Until is the start by the clock of the node. That one is some milliseconds off.
		if most := mostWithin(all, 450*time.Millisecond); most > 20 {
			t.Errorf("%d jobs began within a window", most)
		}
	})
}

// Jobs of a queue that had a limit before are done.
func TestLimitThatIsGone(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		db := open()
		before := Open(db, fast(QueueConfig{Name: "default", Each: &Each{AtOnce: 1}}))
		for i := range 40 {
			enqueue(t, before, Insert{Key: fmt.Sprint("k", i)})
		}
		q := Open(db, fast())
		q.Handle("work", 0, func(context.Context, *Job) error { return nil })
		start(t, q)
		eventually(t, "all jobs are done", func() bool { return counts(t, db)[done] == 40 })
	})
}

// Without a bound keys take turns all the same: a key with many jobs does not keep the others waiting.
func TestTurnsWithoutABound(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		c := QueueConfig{Name: "default", Each: &Each{}}
		q := Open(open(), fast(c))
		for i := range 60 {
			enqueue(t, q, Insert{Key: "big", Args: fmt.Appendf(nil, "%d", i)})
		}
		for _, key := range []string{"small a", "small b"} {
			enqueue(t, q, Insert{Key: key})
		}
		found, err := q.take(t.Context(), &takeOrder{queue: &q.cfg.Queues[0], most: 6})
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{}
		for _, j := range found.jobs {
			counts[j.Key]++
		}
		if diff := cmp.Diff(map[string]int{"big": 2, "small a": 1, "small b": 1}, counts); diff != "" {
			t.Errorf("taken by key (-want +got):\n%s", diff)
		}
	})
}

// No key starts more jobs in a window than its rate allows, on two nodes together, and none waits for another one.
func TestRateOfAKey(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		ahead := &clock{}
		c := QueueConfig{Name: "default", Each: &Each{Rate: &Rate{Count: 3, Window: time.Hour}}}
		cfg := fast(c)
		cfg.Now = ahead.now
		queues := []*Queue{Open(open(), cfg), Open(open(), cfg)}
		if queues[0].db.Dialect() != queues[1].db.Dialect() {
			t.Fatal("two engines")
		}
		for range 10 {
			for _, key := range []string{"a", "b"} {
				enqueue(t, queues[0], Insert{Key: key})
			}
		}
		counts := map[string]int{}
		var wait time.Duration
		orders := []*takeOrder{{queue: &queues[0].cfg.Queues[0], most: 5}, {queue: &queues[1].cfg.Queues[0], most: 5}}
		for round := range 20 {
			found, err := queues[round%2].take(t.Context(), orders[round%2])
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range found.jobs {
				counts[j.Key]++
			}
			wait = found.wait
		}
		if counts["a"] == 0 || counts["a"] > 3 || counts["a"] != counts["b"] {
			t.Errorf("started by key: %v, want at most 3 of each", counts)
		}
		if wait <= 0 || wait > time.Hour {
			t.Errorf("the queue waits %v for its keys", wait)
		}
	})
}
