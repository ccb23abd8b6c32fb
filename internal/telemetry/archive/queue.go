package archive

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxItems = 8192    // records that may wait
	maxBytes = 4 << 20 // of them
	maxJobs  = 1024    // traces and events that may wait
	batch    = 500     // records that end the wait for others
)

// An item is a record that waits. Its body lies in the buffer of the queue.
type item struct {
	end     int64 // of the work, in microseconds since 1970
	kept    bool  // failed or slow
	size    int32 // of the body
	failure *failure
}

// A job writes something other than a record.
type job struct {
	size int // bytes that it writes, roughly
	run  func(*transaction) error
	keep bool // it waits if it cannot be written
}

// content is what waits to be written.
type content struct {
	items  []item
	bodies []byte // one after the other
	jobs   []job
	size   int // of the jobs, in bytes
}

func (c *content) len() int { return len(c.items) + len(c.jobs) }

// queue holds what waits to be written. Adding to it copies a few hundred bytes and never blocks.
type queue struct {
	dropped atomic.Int64  // everything that was not written
	wake    chan struct{} // something waits
	full    chan struct{} // a batch waits

	mu      sync.Mutex
	waiting content
	spare   content // empty; its memory is used again
	lost    int64   // dropped for want of room since the last take
}

func (q *queue) init() {
	q.wake, q.full = make(chan struct{}, 1), make(chan struct{}, 1)
}

func (q *queue) add(it item, body []byte) {
	it.size = int32(len(body))
	q.mu.Lock()
	w := &q.waiting
	if len(w.items) >= maxItems || len(w.bodies)+len(body) > maxBytes {
		q.lose()
		q.mu.Unlock()
		return
	}
	w.items = append(w.items, it)
	w.bodies = append(w.bodies, body...)
	waiting := w.len()
	q.mu.Unlock()
	q.signal(waiting)
}

func (q *queue) addJob(j job) {
	q.mu.Lock()
	w := &q.waiting
	if len(w.jobs) >= maxJobs || w.size+j.size > maxBytes {
		q.lose()
		q.mu.Unlock()
		return
	}
	w.jobs = append(w.jobs, j)
	w.size += j.size
	waiting := w.len()
	q.mu.Unlock()
	q.signal(waiting)
}

// lose counts one that is dropped for want of room. The caller holds q.mu.
func (q *queue) lose() {
	q.lost++
	q.dropped.Add(1)
}

// signal wakes the writer for the first that waits, and ends its wait for others when a batch waits.
func (q *queue) signal(waiting int) {
	switch waiting {
	case 1:
		select {
		case q.wake <- struct{}{}:
		default:
		}
	case batch:
		select {
		case q.full <- struct{}{}:
		default:
		}
	}
}

// gather waits until a batch waits, for patience at most.
func (q *queue) gather(ctx context.Context, patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-q.full:
	case <-timer.C:
	}
}

// take returns what waits, and how many were dropped for want of room since the last take. The caller gives it back.
func (q *queue) take() (c content, lost int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select { // a batch that is taken is no reason to hurry
	case <-q.full:
	default:
	}
	c, lost = q.waiting, q.lost
	q.waiting, q.spare, q.lost = q.spare, content{}, 0
	return c, lost
}

// giveBack returns the memory of a content.
func (q *queue) giveBack(c content) {
	clear(c.items)
	clear(c.jobs)
	if cap(c.bodies) > maxBytes/8 { // after a storm its memory is not held
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.spare = content{items: c.items[:0], bodies: c.bodies[:0], jobs: c.jobs[:0]}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting.len()
}
