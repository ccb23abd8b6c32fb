// Package admit holds the means of admission: a gate of slots, an estimator of waits and a budget of memory. Each decides
// for a request: it may proceed, it must wait, or it is refused.
package admit

import (
	"sync/atomic"
	"time"
)

// An Estimator estimates how long a caller would wait for one of a few slots. A caller with too little patience is refused
// at once: it can still try another server, and the earlier callers are served in time. The zero value is ready.
type Estimator struct {
	waiting atomic.Int64
	held    atomic.Int64 // recent mean time of holding a slot, in nanoseconds
}

// Enter returns false if a caller would probably wait for one of the slots longer than its patience. After a true, the
// caller counts as waiting until it calls Leave. If no other caller waits, Enter returns true.
func (e *Estimator) Enter(slots int, patience time.Duration) bool {
	n := e.waiting.Add(1)
	if n > 1 && n*e.held.Load()/int64(slots) > int64(patience) {
		e.waiting.Add(-1)
		return false
	}
	return true
}

// Leave ends the wait of one caller.
func (e *Estimator) Leave() { e.waiting.Add(-1) }

// Waiting returns how many callers wait.
func (e *Estimator) Waiting() int { return int(e.waiting.Load()) }

// Empty returns true if no caller waits.
func (e *Estimator) Empty() bool { return e.waiting.Load() == 0 }

// Held records the time for which one caller held its slot. The last eight records count most. Of two concurrent records,
// one may get lost.
func (e *Estimator) Held(duration time.Duration) {
	mean := e.held.Load()
	e.held.Store(mean + (int64(duration)-mean)/8)
}
