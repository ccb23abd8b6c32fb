package password

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// client returns a client of an address.
func client(number int) caller.Client {
	return caller.Caller{}.From(fmt.Sprintf("192.0.2.%d:4000", number)).Client()
}

func queueOf(cfg Config) *queue { return NewHasher(cfg).queue }

// work enters the queue in a goroutine of its own, keeps the place for 40 ms, and calls done.
func work(t *testing.T, q *queue, client caller.Client, done func()) {
	go func() {
		leave, err := q.enter(t.Context(), client)
		if err != nil {
			t.Error(err)
			return
		}
		time.Sleep(40 * time.Millisecond)
		leave()
		q.mu.Lock() // two callers may end together
		defer q.mu.Unlock()
		done()
	}()
	synctest.Wait()
}

func TestClientsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(Config{Places: 1, Patience: time.Hour})
		var order []int
		enter := func(number int) { work(t, q, client(number), func() { order = append(order, number) }) }
		for range 50 {
			enter(1)
		}
		enter(2)
		enter(2)
		enter(3)
		time.Sleep(time.Hour)
		synctest.Wait()
		// Client 1 holds the place, and pays for it: the others come before its next turns.
		if diff := cmp.Diff([]int{1, 2, 3, 1, 2, 1, 1, 1}, order[:8]); diff != "" {
			t.Error(diff)
		}
		if len(order) != 53 || q.inside != 0 || len(q.waiting) != 0 {
			t.Errorf("%d served, %d inside, %d clients", len(order), q.inside, len(q.waiting))
		}
	})
}

func TestOnlyAFewHashAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(Config{Places: 3, Patience: time.Hour})
		var busy, most, served atomic.Int32
		for i := range 60 {
			go func() {
				leave, err := q.enter(t.Context(), client(i%7))
				if err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), busy.Add(1)))
				time.Sleep(40 * time.Millisecond)
				busy.Add(-1)
				leave()
				served.Add(1)
			}()
		}
		start := time.Now()
		synctest.Wait()
		for served.Load() < 60 {
			time.Sleep(time.Millisecond)
		}
		if most.Load() != 3 || time.Since(start) > time.Second {
			t.Errorf("at most %d at a time, %v in all", most.Load(), time.Since(start))
		}
	})
}

// refused returns the RetryAfter of an error, or fails.
func refused(t *testing.T, err error) time.Duration {
	t.Helper()
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok || failure.Kind != errs.Unavailable || failure.RetryAfter < time.Second {
		t.Fatalf("%v, want errs.Unavailable with a time to try again", err)
	}
	return failure.RetryAfter
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(Config{Places: 2, Queue: 300, Share: 100, Patience: time.Hour})
		for number := range 3 {
			for range 101 {
				if number < 2 || q.inside < 302 {
					work(t, q, client(number), func() {})
				}
			}
		}
		_, err := q.enter(t.Context(), client(9))
		if wait := refused(t, err); wait < 5*time.Second || wait > 8*time.Second { // 302 hashes of 40 ms on 2 places
			t.Errorf("try again in %v", wait)
		}
		time.Sleep(time.Minute)
		for range 102 {
			work(t, q, client(1), func() {})
		}
		_, err = q.enter(t.Context(), client(1))
		refused(t, err)
		work(t, q, client(2), func() {}) // another client
		time.Sleep(time.Minute)
		synctest.Wait()
		if q.inside != 0 || len(q.waiting) != 0 {
			t.Errorf("%d inside, %d clients", q.inside, len(q.waiting))
		}
	})
}

func TestNobodyWaitsInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(Config{Places: 1, Patience: time.Second})
		for range 50 { // the gate learns how long a hash takes
			work(t, q, client(1), func() {})
		}
		time.Sleep(time.Minute)
		for range 27 { // a further one would wait for 26 hashes, more than a second
			work(t, q, client(1), func() {})
		}
		_, err := q.enter(t.Context(), client(1))
		refused(t, err)
		served := 0
		for range 10 { // another client has its turn soon
			work(t, q, client(2), func() { served++ })
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if served != 10 || q.inside != 0 {
			t.Errorf("%d served; %d inside", served, q.inside)
		}
	})
}

func TestCancelledCallersLeaveTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(Config{Places: 1, Patience: time.Hour})
		leave, err := q.enter(t.Context(), client(1))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		results := make([]error, 10)
		for i := range results {
			go func() { _, results[i] = q.enter(ctx, client(i)) }()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if slices.ContainsFunc(results, func(err error) bool { return err == nil }) || q.inside != 1 || len(q.waiting) != 1 {
			t.Errorf("%v; %d inside, %d clients", results, q.inside, len(q.waiting))
		}
		leave()
		if leave, err := q.enter(t.Context(), client(3)); err != nil {
			t.Error(err)
		} else {
			leave()
		}
		if _, err := q.enter(ctx, client(3)); !errors.Is(err, context.DeadlineExceeded) || q.inside != 0 {
			t.Errorf("with an ended context: %v; %d inside", err, q.inside)
		}
	})
}
