// Package queue decides who gets one of a few places next, and whether it is worth waiting for one.
package queue

import (
	"sync/atomic"
	"time"
)

// Line is those who wait for a place. Who would wait longer than he may is better refused at once: he learns it while he
// can still go elsewhere, and those before him are served in time. The zero value is ready.
type Line struct {
	waiting atomic.Int64
	held    atomic.Int64 // nanoseconds that a place was held lately, in the mean
}

// Enter says whether a place is to be expected within the patience, and if so counts the caller among those who wait,
// until Leave. The first in the line may always wait: nobody knows when the place is given back.
func (l *Line) Enter(places int, patience time.Duration) bool {
	n := l.waiting.Add(1)
	if n > 1 && n*l.held.Load()/int64(places) > int64(patience) {
		l.waiting.Add(-1)
		return false
	}
	return true
}

// Leave ends the wait that Enter began.
func (l *Line) Leave() { l.waiting.Add(-1) }

// Empty says whether nobody waits.
func (l *Line) Empty() bool { return l.waiting.Load() == 0 }

// Held notes for how long a place was held. The last eight count most. Two notes at once may become one.
func (l *Line) Held(d time.Duration) {
	mean := l.held.Load()
	l.held.Store(mean + (int64(d)-mean)/8)
}
