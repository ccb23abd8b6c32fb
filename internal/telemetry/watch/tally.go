package watch

import (
	"sync"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// tally counts what records say between two looks.
type tally struct {
	mu      sync.Mutex
	refused map[string]int64 // by name of the limit
	jobs    map[string]work
}

// maxNames bounds the limits of a tally. There are few.
const maxNames = 100

// Take implements telemetry.Sink. It returns at once for almost all requests.
func (t *tally) Take(r *telemetry.Record) {
	switch {
	case r.Work == telemetry.WorkJob && !r.Idle:
		t.addJob(r)
	case r.Limit != "":
		t.addRefusal(r.Limit)
	case r.Status == statusTooMany:
		t.addRefusal("of " + r.Route)
	}
}

// statusTooMany is the status of a request that a limit without a name refused.
const statusTooMany = 429

func (t *tally) addRefusal(limit string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused == nil {
		t.refused = map[string]int64{}
	}
	if _, known := t.refused[limit]; known || len(t.refused) < maxNames {
		t.refused[limit]++
	}
}

func (t *tally) addJob(r *telemetry.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.jobs == nil {
		t.jobs = map[string]work{}
	}
	w := t.jobs[r.Job]
	w.done++
	if r.Failed() {
		w.failed++
		w.last = reason(r.Err)
	}
	t.jobs[r.Job] = w
}

// drain returns the counts, and begins anew.
func (t *tally) drain() (refused map[string]int64, jobs map[string]work) {
	t.mu.Lock()
	defer t.mu.Unlock()
	refused, jobs = t.refused, t.jobs
	t.refused, t.jobs = nil, nil
	return refused, jobs
}
