package mail

import (
	"sync"
	"sync/atomic"
	"time"
)

// tally counts the letters of this process.
type tally struct {
	sent, failed, repeated, due atomic.Int64

	mu      sync.Mutex
	started map[string]time.Time // of the attempts under way, by id of the letter
}

// begin counts an attempt until the function that it returns is called.
func (t *tally) begin(id string) (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.started == nil {
		t.started = map[string]time.Time{}
	}
	t.started[id] = time.Now()
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.started, id)
	}
}

// longest returns the time of the attempt that has been under way for longest.
func (t *tally) longest() (longest time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, begun := range t.started {
		longest = max(longest, time.Since(begun))
	}
	return longest
}

// Stats are counts of the letters that this process has sent, and of letters that wait.
type Stats struct {
	Sent     int64
	Failed   int64         // for good
	Repeated int64         // attempts that will be repeated
	Due      int64         // letters that were due at the last look, a page at most; letters that wait for a repetition are not
	Longest  time.Duration // of the attempt that has been under way for longest
}

// Stats returns the counts.
func (o *Outbox) Stats() Stats {
	t := &o.tally
	return Stats{Sent: t.sent.Load(), Failed: t.failed.Load(), Repeated: t.repeated.Load(), Due: t.due.Load(), Longest: t.longest()}
}
