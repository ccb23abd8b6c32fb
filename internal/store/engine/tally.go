package engine

import (
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// Waits counts callers that waited for something. The zero value is ready.
type Waits struct{ count, nanoseconds, refused atomic.Int64 }

// Ended counts a caller that began to wait at a time, and waits no longer.
func (w *Waits) Ended(since time.Time) {
	w.count.Add(1)
	w.nanoseconds.Add(int64(time.Since(since)))
}

// Refuse counts a caller that was refused.
func (w *Waits) Refuse() { w.refused.Add(1) }

// AddTo fills in the counts of a pool.
func (w *Waits) AddTo(pool *store.Pool) {
	pool.Waits, pool.Waited, pool.Refused = w.count.Load(), time.Duration(w.nanoseconds.Load()), w.refused.Load()
}

// Commits counts the work of a writer. The zero value is ready.
type Commits struct{ writes, nanoseconds, commits, failed, refused atomic.Int64 }

// Began counts a write that begins after a wait.
func (c *Commits) Began(waited time.Duration) {
	c.writes.Add(1)
	if waited > 0 {
		c.nanoseconds.Add(int64(waited))
	}
}

// Ended counts a transaction that was committed or rolled back.
func (c *Commits) Ended(committed bool) {
	if committed {
		c.commits.Add(1)
	} else {
		c.failed.Add(1)
	}
}

// Refuse counts a write that found no room in the queue.
func (c *Commits) Refuse() { c.refused.Add(1) }

// Writer returns the counts.
func (c *Commits) Writer(waiting int) store.Writer {
	return store.Writer{
		Waiting: waiting, Writes: c.writes.Load(), Waited: time.Duration(c.nanoseconds.Load()),
		Commits: c.commits.Load(), Failed: c.failed.Load(), Refused: c.refused.Load(),
	}
}
