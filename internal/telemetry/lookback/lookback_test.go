package lookback

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A counter that rises by one each second says by a look back how many seconds have passed.
func TestBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(17 * time.Second) // the ring does not begin with a minute
		began := time.Now()
		r := New(time.Now, func() int { return int(time.Since(began) / time.Second) })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		passed := func(span time.Duration) int {
			before := r.Before(span)
			if want := int(before.At.Sub(began) / time.Second); before.Counts != want {
				t.Errorf("after %v, the counter of %v ago is %d at %v, want %d", time.Since(began), span, before.Counts, before.At, want)
			}
			return r.Now().Counts - before.Counts
		}
		for range 3 * 60 * 6 { // three hours
			time.Sleep(10 * time.Second)
			age := int(time.Since(began) / time.Second)
			for _, span := range []time.Duration{5 * time.Minute, time.Hour} {
				least := min(age, int(span/time.Second))
				if got := passed(span); got < least || got >= least+60 {
					t.Fatalf("after %d s, a look back of %v goes back %d s", age, span, got)
				}
			}
		}
		synctest.Wait()
		r.mu.Lock()
		if len(r.kept) != most {
			t.Errorf("%d snapshots are kept, want %d", len(r.kept), most)
		}
		r.mu.Unlock()
		if got := passed(24 * time.Hour); got < 3600 || got >= 3660 {
			t.Errorf("the longest look back goes back %d s", got)
		}
		if r.Start().At != began || r.Start().Counts != 0 {
			t.Errorf("the start is %+v", r.Start())
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// After the clock was set back, snapshots stay in the order of their times.
func TestClockSetBack(t *testing.T) {
	now := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	count := 0
	r := New(func() time.Time { return now }, func() int { count++; return count })
	for _, step := range []time.Duration{time.Minute, time.Minute, time.Minute, -2 * time.Minute, time.Minute} {
		now = now.Add(step)
		r.note()
		for i := 1; i < len(r.kept); i++ {
			if !r.kept[i-1].At.Before(r.kept[i].At) {
				t.Fatalf("%v", r.kept)
			}
		}
	}
	if got := r.Before(time.Minute); got.Counts != 4 {
		t.Errorf("a minute before is %+v, want the snapshot that was taken after the clock was set back", got)
	}
}
