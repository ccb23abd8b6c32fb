package gate

import (
	"sync/atomic"
	"time"
)

// The levels of reads. The gate has as many slots as the engine has connections for reads.
const (
	Own    = iota // a single row or an unfiltered list, fast lately
	Short         // a client's own filter, sort or expansion, fast lately
	medium        // a query of unknown cost, or one that took up to slow
	long          // a query that took longer
)

const (
	fast = 50 * time.Millisecond  // limit of work at the levels Own and Short
	slow = 500 * time.Millisecond // a query below it starts at level medium
)

// A Cost says how long a query took lately. It falls at once and rises by an eighth, so a query stays fast when the whole
// server is slow for a moment. The zero value belongs to a query that never ran.
type Cost struct{ nanoseconds atomic.Int64 }

func (c *Cost) known() time.Duration { return time.Duration(c.nanoseconds.Load()) }

// IsFast reports whether the query was fast when it ran lately.
func (c *Cost) IsFast() bool {
	took := c.known()
	return took > 0 && took < fast
}

func (c *Cost) note(took time.Duration) {
	before := c.known()
	switch {
	case before == 0:
		c.nanoseconds.Store(int64(took))
	case took > before:
		// Nothing depends on a cost below half of fast, so most requests need not write.
		if rise := (took - before) / 8; before+rise > fast/2 {
			c.nanoseconds.Store(int64(before + rise))
		}
	case before > fast/2:
		c.nanoseconds.Store(int64(took))
	}
}

// A Class says what to expect of the queries of one shape.
type Class struct {
	Best        int  // level of a fast query: Own or Short
	AssumedFast bool // a query that never ran counts as fast
}

// start returns the level where a query starts, and how long it may work there.
func (c *Cost) start(class Class) (level int, limit time.Duration) {
	switch took := c.known(); {
	case took < fast && (took > 0 || class.AssumedFast):
		return class.Best, fast
	case fast <= took && took <= slow:
		return medium, 2 * took
	default: // A client may have sent the same filter with other arguments: each query is tried as if it were fast.
		return medium, fast
	}
}

// restart returns the level where a query starts again after the gate cut it off at the limit.
func (c *Cost) restart(limit time.Duration) (level int, next time.Duration) {
	if took := max(2*limit, c.known()); took <= slow/2 {
		return medium, 2 * took
	}
	return long, 0
}
