package sqlite

import (
	"errors"
	"sync"

	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	// reservedAtOnce is how many revisions a transaction reserves. An UPDATE for each revision would cost half as much as
	// an insert, and would write one more page of the log. A process that ends leaves the rest of its revisions unused.
	reservedAtOnce = 4096

	// fewRevisions is when the writer reserves more. It is more than the jobs that can wait, by default, so that a script
	// always finds one.
	fewRevisions = 2048
)

const reserveRevisions = `UPDATE ashlar_counters SET value = value + ?1 WHERE name = 'revision' RETURNING value`

// span is the numbers from next to last, both included. The zero value has none.
type span struct{ next, last int64 }

func (s *span) take() (int64, bool) {
	if s.next == 0 || s.next > s.last {
		return 0, false
	}
	s.next++
	return s.next - 1, true
}

// left returns how many numbers are left.
func (s *span) left() int64 {
	if s.next == 0 {
		return 0
	}
	return s.last - s.next + 1
}

// spareRevisions are the revisions that committed transactions have reserved and nobody has taken. Another process, or this
// one after a crash, never gives them out. It is safe for concurrent use.
type spareRevisions struct {
	mu  sync.Mutex
	all span
}

func (r *spareRevisions) take() (int64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.take()
}

// putBack takes back a number that was not used. It drops the number if a later one is taken.
func (r *spareRevisions) putBack(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all.next == n+1 {
		r.all.next = n
	}
}

// add adds the numbers of a transaction that is committed. If another process has reserved in between, it drops the smaller
// ones.
func (r *spareRevisions) add(s span) {
	if s.left() == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all.left() > 0 && r.all.last+1 == s.next {
		r.all.last = s.last
		return
	}
	if s.left() > r.all.left() {
		r.all = s
	}
}

func (r *spareRevisions) few() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.left() < fewRevisions
}

// reserve reserves revisions in the transaction under way. They are its own until it is committed.
func (w *writer) reserve() error {
	var last int64
	err := w.conn.query(reserveRevisions, []value.Value{value.OfInt(reservedAtOnce)}, func(row value.Row) error {
		last = row.Int(0)
		return nil
	})
	if err == nil && last == 0 {
		err = internal(errors.New("the counter of revisions is missing"))
	}
	if err != nil {
		return err
	}
	w.reserved = span{last - reservedAtOnce + 1, last}
	return nil
}

// dropReserved drops all revisions that are reserved. A function calls it, on the writer's goroutine.
func (w *writer) dropReserved() {
	w.spare.mu.Lock()
	defer w.spare.mu.Unlock()
	w.reserved, w.spare.all = span{}, span{}
}
