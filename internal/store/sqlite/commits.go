package sqlite

import "sync/atomic"

// commits counts the commits of this process, so that a reader can tell whether its snapshot is still the newest state.
type commits struct {
	count atomic.Int64 // odd while the writer commits; it moves on before the jobs are answered
	aside atomic.Int32 // other connections that may commit at any moment
}

// state returns the count, and whether a commit may be under way. Another connection may already see that commit. A reader
// that reused an older snapshot would let a client go back in time.
func (c *commits) state() (count int64, underWay bool) {
	// aside comes first: leave moves the count before it leaves.
	aside := c.aside.Load() > 0
	count = c.count.Load()
	return count, aside || count%2 != 0
}

// enter announces that a connection other than the writer's is about to commit. The caller must call leave after its last
// commit.
func (c *commits) enter() { c.aside.Add(1) }

func (c *commits) leave() {
	c.count.Add(2)
	c.aside.Add(-1)
}
