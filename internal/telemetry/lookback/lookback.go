// Package lookback remembers what counters said in the last hour, so that a page can tell what happened since.
package lookback

import (
	"context"
	"sync"
	"time"
)

// A Ring keeps what counters said at the begin of each minute of the last hour. It is a background.Service and safe for
// concurrent use.
type Ring[T any] struct {
	read func() T
	now  func() time.Time

	start Snapshot[T]
	mu    sync.Mutex
	kept  []Snapshot[T] // the oldest first
}

// A Snapshot is what counters said at a time.
type Snapshot[T any] struct {
	At     time.Time
	Counts T
}

// most is how many snapshots a ring keeps: for an hour that begins within a minute, and the minute before it.
const most = 61

// New returns a ring for counters that begin now. read reads them, and returns what nobody changes. The zero value of T stands
// for counters that have counted nothing.
func New[T any](now func() time.Time, read func() T) *Ring[T] {
	return &Ring[T]{read: read, now: now, start: Snapshot[T]{At: now()}}
}

// Now reads the counters.
func (r *Ring[T]) Now() Snapshot[T] { return Snapshot[T]{r.now(), r.read()} }

// Start returns the snapshot with which the ring began.
func (r *Ring[T]) Start() Snapshot[T] { return r.start }

// Before returns the newest snapshot that is as old as a span of time: at most a minute older. If the counters began later, it
// returns their start. Of a span of more than an hour it returns an hour.
func (r *Ring[T]) Before(span time.Duration) Snapshot[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.now().Add(-span)
	found := r.start
	if len(r.kept) == most {
		found = r.kept[0]
	}
	for _, s := range r.kept {
		if s.At.After(at) {
			break
		}
		found = s
	}
	return found
}

// Run reads the counters at the begin of each minute, until ctx ends.
func (r *Ring[T]) Run(ctx context.Context) error {
	timer := time.NewTimer(r.untilMinute())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			r.note()
			timer.Reset(r.untilMinute())
		}
	}
}

// untilMinute returns how long it is until the next minute begins.
func (r *Ring[T]) untilMinute() time.Duration {
	now := r.now()
	return now.Truncate(time.Minute).Add(time.Minute).Sub(now)
}

// note adds a snapshot. If the clock was set back, snapshots of a later time go.
func (r *Ring[T]) note() {
	next := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.kept) > 0 && !r.kept[len(r.kept)-1].At.Before(next.At) {
		r.kept = r.kept[:len(r.kept)-1]
	}
	if len(r.kept) == most {
		r.kept = append(r.kept[:0:0], r.kept[1:]...)
	}
	r.kept = append(r.kept, next)
}
