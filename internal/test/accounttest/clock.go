package accounttest

import (
	"sync"
	"time"
)

// A Clock stands still until a test lets time pass.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock(start time.Time) *Clock {
	if start.IsZero() {
		start = time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	}
	return &Clock{at: start.UTC().Truncate(time.Second)}
}

// Now returns the time of the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Pass lets time pass.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
