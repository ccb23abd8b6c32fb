package job

import "sync/atomic"

// A tally counts what this process did with the jobs of one queue.
type tally struct{ started, done, dead, repeated, givenBack, lost, rescued atomic.Int64 }

// Stats count the attempts of this process.
type Stats struct {
	Started   int64
	Done      int64
	Dead      int64 // failed for good
	Repeated  int64 // failed, and tried again later
	GivenBack int64 // because the node stopped
	Lost      int64 // leases that were over before the attempt was settled
	Rescued   int64 // jobs taken from workers that were gone
}

// otherQueue counts the jobs of queues that are not in the configuration, so that names in rows make no series of metrics.
const otherQueue = ""

// tallyOf returns the counts of a queue.
func (q *Queue) tallyOf(queue string) *tally {
	if t := q.tallies[queue]; t != nil {
		return t
	}
	return q.tallies[otherQueue]
}

func (t *tally) stats() Stats {
	return Stats{t.started.Load(), t.done.Load(), t.dead.Load(), t.repeated.Load(), t.givenBack.Load(), t.lost.Load(), t.rescued.Load()}
}

// Stats returns the counts of all queues.
func (q *Queue) Stats() (sum Stats) {
	for _, t := range q.tallies {
		s := t.stats()
		sum.Started += s.Started
		sum.Done += s.Done
		sum.Dead += s.Dead
		sum.Repeated += s.Repeated
		sum.GivenBack += s.GivenBack
		sum.Lost += s.Lost
		sum.Rescued += s.Rescued
	}
	return sum
}

// StatsOf returns the counts of a queue.
func (q *Queue) StatsOf(queue string) Stats { return q.tallyOf(queue).stats() }

// note counts how an attempt of a job ended.
func (t *tally) note(state string) {
	switch state {
	case done:
		t.done.Add(1)
	case dead:
		t.dead.Add(1)
	case waiting:
		t.givenBack.Add(1)
	case scheduled:
		t.repeated.Add(1)
	}
}

// A Death is the end of a job whose last attempt has failed.
type Death struct {
	ID, Queue, Name string
	Attempts        int
	Error           string
}

// bury tells about a job that is dead.
func (q *Queue) bury(j *Job, err error) {
	if q.cfg.Dead != nil {
		q.cfg.Dead(Death{ID: j.ID, Queue: j.Queue, Name: j.Name, Attempts: j.Attempt, Error: describe(err)})
	}
}
