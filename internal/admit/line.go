package admit

import (
	"container/heap"
	"time"
)

// A Line holds what waits for a turn. The next turn goes to the client whose debt is paid first; among clients without
// debts, to the one that came or had a turn first. What one client wants queues in order. So a client that wants a thousand
// things delays another by a single turn, and a client whose work took long lets the others pass. A Line is not safe for
// concurrent use.
type Line[K comparable, T any] struct {
	Estimator
	Accounts *Accounts[K] // nil: nobody is in debt
	Holds    bool         // costly work waits until its client is out of debt: see Accounts.Held
	Full     func(K) bool // nil, or whether a client must not have a turn now

	queues map[K]*queue[K, T]
	ready  order[K, T]
	held   []*queue[K, T] // their first entry is held
	count  int
	turns  uint64
}

// A queue is what one client waits for.
type queue[K comparable, T any] struct {
	client      K
	first, last *Entry[K, T]
	count       int

	due   time.Time // the queue with the earliest time has the next turn
	turn  uint64    // breaks ties
	index int       // in ready; -1 if held
}

// An Entry is something in a Line.
type Entry[K comparable, T any] struct {
	Item  T
	Shape Shape

	queue         *queue[K, T] // nil after its turn
	before, after *Entry[K, T]
}

// Len returns how much waits.
func (l *Line[K, T]) Len() int { return l.count }

// Waits reports whether a client waits for something.
func (l *Line[K, T]) Waits(client K) bool { return l.queues[client] != nil }

// Ready reports whether something waits that is not held.
func (l *Line[K, T]) Ready() bool { return len(l.ready) > 0 }

// Add puts an item at the end of its client's queue.
func (l *Line[K, T]) Add(client K, shape Shape, item T, now time.Time) *Entry[K, T] {
	q := l.queues[client]
	if q == nil {
		if l.queues == nil {
			l.queues = map[K]*queue[K, T]{}
		}
		q = &queue[K, T]{client: client, due: now}
		l.queues[client] = q
		l.enter(q)
	}
	e := &Entry[K, T]{Item: item, Shape: shape, queue: q, before: q.last}
	if q.last != nil {
		q.last.after = e
	} else {
		q.first = e
	}
	q.last = e
	q.count++
	l.count++
	return e
}

// enter puts a queue among the ready queues, after all that are due at the same time.
func (l *Line[K, T]) enter(q *queue[K, T]) {
	l.turns++
	q.turn = l.turns
	if l.Accounts != nil {
		if paid := l.Accounts.paid(q.client); paid.After(q.due) {
			q.due = paid
		}
	}
	heap.Push(&l.ready, q)
}

// Next removes and returns what has the next turn. If everything that waits is held, ok is false, and retry says when to
// ask again.
func (l *Line[K, T]) Next(now time.Time) (item T, retry time.Duration, ok bool) {
	l.release(now)
	for q := l.top(); q != nil; q = l.top() {
		if l.holds(q, now) > 0 {
			heap.Pop(&l.ready)
			l.held = append(l.held, q)
			continue
		}
		heap.Pop(&l.ready)
		first := q.first
		l.unlink(first)
		if q.count > 0 {
			q.due = later(q.due, now).Add(l.mean)
			l.enter(q)
		}
		return first.Item, 0, true
	}
	return item, l.shortestHold(now), false
}

// Peek returns what Next will return, if the line holds nothing.
func (l *Line[K, T]) Peek() (item T, ok bool) {
	if q := l.top(); q != nil {
		return q.first.Item, true
	}
	return item, false
}

// top returns the queue that has the next turn, or nil. Clients may have been charged since they came.
func (l *Line[K, T]) top() *queue[K, T] {
	for len(l.ready) > 0 {
		q := l.ready[0]
		if l.Accounts == nil {
			return q
		}
		paid := l.Accounts.paid(q.client)
		if !paid.After(q.due) {
			return q
		}
		q.due = paid
		heap.Fix(&l.ready, 0)
	}
	return nil
}

// release makes queues ready that are no longer held.
func (l *Line[K, T]) release(now time.Time) {
	kept := l.held[:0]
	for _, q := range l.held {
		if l.holds(q, now) > 0 {
			kept = append(kept, q)
		} else {
			l.enter(q)
		}
	}
	clear(l.held[len(kept):])
	l.held = kept
}

// maxHold is how long a hold may go unexamined. The other clients may stop coming, which ends it.
const maxHold = 100 * time.Millisecond

func (l *Line[K, T]) shortestHold(now time.Time) time.Duration {
	if len(l.held) == 0 {
		return 0
	}
	shortest := maxHold
	for _, q := range l.held {
		shortest = min(shortest, l.holds(q, now))
	}
	return max(time.Millisecond, shortest)
}

// holds returns for how long the first entry of a queue is held: 0 if it may have its turn.
func (l *Line[K, T]) holds(q *queue[K, T], now time.Time) time.Duration {
	switch {
	case l.Full != nil && l.Full(q.client):
		return maxHold
	case l.Holds:
		return l.Accounts.Held(q.client, q.first.Shape, now)
	}
	return 0
}

// Remove takes an entry out of the line. It returns false if the entry had its turn.
func (l *Line[K, T]) Remove(e *Entry[K, T]) bool {
	if e == nil || e.queue == nil {
		return false
	}
	q := e.queue
	l.unlink(e)
	if q.count > 0 {
		return true
	}
	if q.index >= 0 {
		heap.Remove(&l.ready, q.index)
		return true
	}
	for i, held := range l.held {
		if held == q {
			l.held = append(l.held[:i], l.held[i+1:]...)
			break
		}
	}
	return true
}

// unlink takes an entry out of the queue of its client.
func (l *Line[K, T]) unlink(e *Entry[K, T]) {
	q := e.queue
	if e.before != nil {
		e.before.after = e.after
	} else {
		q.first = e.after
	}
	if e.after != nil {
		e.after.before = e.before
	} else {
		q.last = e.before
	}
	e.queue, e.before, e.after = nil, nil, nil
	q.count--
	l.count--
	if q.count == 0 {
		delete(l.queues, q.client)
	}
}

// Before returns how many turns a new item of the client would have to wait for. Because clients take turns, each other client
// has at most as many turns as this client wants, the new one included. A client in debt waits for all others.
func (l *Line[K, T]) Before(client K, now time.Time) int {
	if l.Accounts != nil && l.Accounts.paid(client).After(now) {
		return l.count
	}
	own := 0
	if q := l.queues[client]; q != nil {
		own = q.count
	}
	others := len(l.queues)
	if own > 0 {
		others--
	}
	return min(l.count, own+others*(own+1))
}

// NewcomerWait returns how long a client that has nothing in the line would wait for one of the slots. Each of the others has
// at most one turn before it.
func (l *Line[K, T]) NewcomerWait(slots int) time.Duration {
	return l.Wait(min(l.count, len(l.queues)), slots)
}

// Crowd returns what has to leave a line that is full, so that a client can wait in it: the last entry of the client that
// wants most. It returns nil if the client itself wants the most.
func (l *Line[K, T]) Crowd(client K) *Entry[K, T] {
	own := 0
	if q := l.queues[client]; q != nil {
		own = q.count
	}
	var largest *queue[K, T]
	for _, q := range l.queues {
		if q.count > own+1 && (largest == nil || q.count > largest.count) {
			largest = q
		}
	}
	if largest == nil {
		return nil
	}
	return largest.last
}

// order is a heap of queues.
type order[K comparable, T any] []*queue[K, T]

func (o order[K, T]) Len() int { return len(o) }

func (o order[K, T]) Less(i, j int) bool {
	if c := o[i].due.Compare(o[j].due); c != 0 {
		return c < 0
	}
	return o[i].turn < o[j].turn
}

func (o order[K, T]) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].index, o[j].index = i, j
}

// Push implements heap.Interface.
func (o *order[K, T]) Push(x any) {
	q := x.(*queue[K, T])
	q.index = len(*o)
	*o = append(*o, q)
}

// Pop implements heap.Interface.
func (o *order[K, T]) Pop() any {
	last := len(*o) - 1
	q := (*o)[last]
	(*o)[last] = nil
	*o = (*o)[:last]
	q.index = -1
	return q
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
