// Package admit holds the means of admission: a gate of slots, an estimator of waits and a budget of memory. Each says
// whether a request may proceed, must wait or is refused.
package admit

import (
	"sync/atomic"
	"time"
)

// An Estimator estimates how long a caller would wait for one of a few slots, so that a caller who would time out is
// refused at once. That caller can still try another server, and the callers before it are served in time. The zero value
// is ready.
type Estimator struct {
	waiting atomic.Int64
	held    atomic.Int64 // mean time that a slot was held lately, in nanoseconds
}

// Enter reports whether a caller may expect one of the slots within its patience. If so, the caller counts as waiting
// until Leave. The first caller may always wait: nobody knows when a slot comes free.
func (e *Estimator) Enter(slots int, patience time.Duration) bool {
	n := e.waiting.Add(1)
	if n > 1 && n*e.held.Load()/int64(slots) > int64(patience) {
		e.waiting.Add(-1)
		return false
	}
	return true
}

// Leave ends the wait that Enter began.
func (e *Estimator) Leave() { e.waiting.Add(-1) }

// Empty reports whether nobody waits.
func (e *Estimator) Empty() bool { return e.waiting.Load() == 0 }

// Held notes for how long a slot was held. The last eight notes count most. Two concurrent notes may count as one.
func (e *Estimator) Held(wait time.Duration) {
	mean := e.held.Load()
	e.held.Store(mean + (int64(wait)-mean)/8)
}
