package job

import (
	"slices"
	"time"
)

// A shelf holds jobs that a loop has leased and no worker has begun. If jobs are short, a few workers would spend most of the
// time waiting for the transactions that lease and settle them. So a loop takes more jobs than workers are free, as many as
// start within shelfTime.
//
// The leases on a shelf are not renewed. They count for the limits of their keys. A queue with a rate has an empty shelf: a start
// counts even if the job is given back.
type shelf struct {
	jobs    []*Job
	typical time.Duration // of an attempt: follows longer ones at once, and shorter ones slowly
	known   bool          // an attempt has ended
	rest    time.Time     // nothing is taken ahead until then
}

const (
	shelfTime     = 20 * time.Millisecond  // in which a job on the shelf should start
	shelfPatience = 100 * time.Millisecond // after that, jobs are given back
	shelfRest     = time.Second            // after jobs were given back

	// mostHeld is how many jobs of a queue a node holds, on the shelf and with workers. If the node dies, all of them have lost an
	// attempt.
	mostHeld = 64

	forgetting = 8 // attempts that move typical to a shorter time
)

// most returns how many jobs the shelf may hold.
func (s *shelf) most(workers int, now time.Time) int {
	if !s.known || now.Before(s.rest) || workers >= mostHeld {
		return 0
	}
	held := mostHeld
	if s.typical > 0 {
		held = int(min(mostHeld, time.Duration(workers)*shelfTime/s.typical))
	}
	return max(0, held-workers)
}

// note learns from an attempt that took so long.
func (s *shelf) note(took time.Duration) {
	if !s.known || took > s.typical {
		s.typical, s.known = took, true
		return
	}
	s.typical -= (s.typical - took) / forgetting
}

// put puts jobs on the shelf, for free workers and ahead of them. It returns the ones that must not wait: the last attempt of a
// job would be lost if the node died before a worker began it.
func (s *shelf) put(jobs []*Job, free int, now time.Time) (back []*Job) {
	for _, j := range jobs {
		if len(s.jobs) >= free && j.Attempt >= j.Tries {
			back = append(back, j)
			s.rest = now.Add(shelfRest)
			continue
		}
		s.jobs = append(s.jobs, j)
	}
	return back
}

// take returns the first job, or nil.
func (s *shelf) take() (j *Job) {
	if len(s.jobs) == 0 {
		return nil
	}
	j = s.jobs[0]
	s.jobs = slices.Delete(s.jobs, 0, 1)
	return j
}

func (s *shelf) clear() (all []*Job) {
	all, s.jobs = s.jobs, nil
	return all
}

// patience returns how long the first job may wait.
func (s *shelf) patience(now time.Time) time.Duration {
	if len(s.jobs) == 0 {
		return time.Minute
	}
	return max(0, s.jobs[0].Begun.Add(shelfPatience).Sub(now))
}

// late returns all jobs if they wait for too long: their workers have longer jobs than expected.
func (s *shelf) late(now time.Time) []*Job {
	if s.patience(now) > 0 {
		return nil
	}
	s.rest = now.Add(shelfRest)
	return s.clear()
}
