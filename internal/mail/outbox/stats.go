package outbox

import (
	"sync"
	"time"
)

// working knows the attempts under way.
type working struct {
	mu    sync.Mutex
	begun map[string]time.Time // by id of the job
}

// begin counts an attempt until the function that it returns is called.
func (w *working) begin(id string) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun == nil {
		w.begun = map[string]time.Time{}
	}
	w.begun[id] = time.Now()
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.begun, id)
	}
}

// longest returns for how long the oldest attempt has been under way.
func (w *working) longest() (longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range w.begun {
		longest = max(longest, time.Since(at))
	}
	return longest
}

// Stats are counts of the letters of this process.
type Stats struct {
	Sent     int64
	Failed   int64         // for good
	Repeated int64         // attempts that will be repeated
	Longest  time.Duration // of the attempt that has been under way for longest
}

// Stats returns the counts.
func (o *Outbox) Stats() Stats {
	s := o.cfg.Jobs.StatsOf(Queue)
	return Stats{Sent: s.Done, Failed: s.Dead, Repeated: s.Repeated, Longest: o.working.longest()}
}
