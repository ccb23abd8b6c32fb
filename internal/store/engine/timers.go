package engine

import (
	"sync"
	"time"
)

// ShortWait is how long a caller waits for its turn before it looks at its context. Context.Done would start a timer of the
// context, which costs more than most waits last.
const ShortWait = 10 * time.Millisecond

// Timers keeps timers for callers that wait. The zero value is ready.
type Timers struct{ pool sync.Pool } // of *time.Timer

// Start returns a timer that fires after d. It must come back by Stop.
func (t *Timers) Start(d time.Duration) *time.Timer {
	timer, _ := t.pool.Get().(*time.Timer)
	if timer == nil {
		return time.NewTimer(d)
	}
	timer.Reset(d)
	return timer
}

// Stop takes a timer back.
func (t *Timers) Stop(timer *time.Timer) {
	timer.Stop()
	t.pool.Put(timer)
}
