package limit

import (
	"sync"
	"time"
)

// shards is the number of shards. A request locks at most four of them.
const shards = 64

// A shard holds the buckets of some addresses, callers and keys. All buckets of one address stand in one shard.
type shard struct {
	mu     sync.Mutex
	table  table
	atWork map[uint64]int // requests at work, by rule and unit; never 0
	last   int64          // latest time
	shift  int64          // what is added to times, after the clock was set back
	checks uint64
	passed [maxRules]uint64 // requests that a rule let pass, by rule

	_ [64]byte // keeps the locks of two shards apart
}

// maxSkew is how far behind a time may be. A goroutine may have read the clock long before its turn.
const maxSkew = 10 * int64(time.Second) * ticksPerNano

// at returns the time of the shard. It never goes back. When the clock is set back, the time goes on from where it was:
// else no bucket would fill up until the clock is there again.
func (s *shard) at(now int64) int64 {
	now += s.shift
	if now >= s.last {
		s.last = now
	} else if s.last-now > maxSkew {
		s.shift += s.last - now
	}
	return s.last
}

// leave notes that a request of a rule and a unit is done.
func (s *shard) leave(key uint64) {
	if s.atWork[key]--; s.atWork[key] <= 0 {
		delete(s.atWork, key)
	}
}
