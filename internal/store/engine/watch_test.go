package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// counter is a Cutter that counts.
type counter struct{ cuts, mends int }

func (c *counter) Cut(context.Context) { c.cuts++ }
func (c *counter) Mend()               { c.mends++ }

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sleep := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		var c counter
		idle := 0
		w := NewWatch(10*time.Millisecond, &c)
		defer w.Close()
		w.WhenIdle(func() { idle++ })

		w.Begin(t.Context(), time.Now().Add(time.Hour))
		sleep(time.Minute)
		if err := w.End(); err != nil || c.cuts != 0 {
			t.Errorf("work within its time was cut short: %v", err)
		}
		sleep(time.Minute)
		if idle != 1 {
			t.Errorf("%d calls when idle, want one", idle)
		}
		w.LookAgain()
		sleep(time.Minute)
		if idle != 2 {
			t.Errorf("%d calls when idle, want another", idle)
		}

		ctx, cancel := context.WithCancel(t.Context())
		w.Begin(ctx, time.Time{})
		cancel()
		sleep(time.Minute)
		if !errors.Is(w.Cause(), context.Canceled) || c.cuts != 1 || c.mends != 0 {
			t.Errorf("after the end of its context: %v, %+v", w.Cause(), c)
		}
		if err := w.End(); !errors.Is(err, context.Canceled) || c.mends != 1 {
			t.Errorf("End() = %v, %+v", err, c)
		}

		w.Begin(t.Context(), time.Now().Add(time.Second))
		sleep(2 * time.Second)
		if err := w.End(); !errors.Is(err, store.ErrStatementTimeout) || c.cuts != 2 || c.mends != 2 {
			t.Errorf("after its deadline: %v, %+v", err, c)
		}
		w.Begin(t.Context(), time.Now().Add(time.Second))
		if err := w.End(); err != nil || c.mends != 2 {
			t.Errorf("the next work: %v, %+v", err, c)
		}
	})
}
