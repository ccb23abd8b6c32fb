package sqlite

import (
	"slices"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// jobs holds the jobs that wait for the writer. Clients take turns, so a flood of one client delays the write of another by
// one group. See docs/decisions/0038-admission.md.
type jobs struct {
	size     int           // jobs that may wait
	patience time.Duration // longest wait that a job is taken in for
	wake     chan struct{} // of one element: a job came, or the line was closed

	mu       sync.Mutex
	accounts admit.Accounts[caller.Client]
	line     admit.Line[caller.Client, *job]
	closed   bool
}

func newJobs(cfg Config) *jobs {
	w := &jobs{size: cfg.Queue, patience: cfg.WriteTimeout, wake: make(chan struct{}, 1)}
	w.line.Accounts, w.line.Holds = &w.accounts, true
	return w
}

// add puts a job in the line. It never waits. If the line is full, a job of the client with most jobs has to leave.
func (w *jobs) add(j *job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return engine.Closed()
	}
	w.accounts.Came(j.origin.Client, j.since)
	wait := w.line.Wait(w.line.Before(j.origin.Client, j.since), 1)
	if wait > w.patience {
		return tooManyWrites(&admit.Refusal{Wait: wait})
	}
	if w.line.Len() >= w.size {
		last := w.line.Crowd(j.origin.Client)
		if last == nil {
			return tooManyWrites(&admit.Refusal{Wait: wait})
		}
		w.line.Remove(last)
		last.Item.refuse(tooManyWrites(&admit.Refusal{Wait: w.line.Wait(w.size, 1)}))
	}
	j.entry = w.line.Add(j.origin.Client, j.origin.Shape, j, j.since)
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

func tooManyWrites(refusal *admit.Refusal) error {
	return &errs.Error{Kind: errs.Unavailable, Message: "too many writes are waiting", RetryAfter: admit.RetryAfter(refusal), Cause: refusal}
}

// next returns the job that has the next turn, or nil. If only costly jobs wait that are held, retry says when to ask again.
func (w *jobs) next(now time.Time) (_ *job, retry time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	j, retry, _ := w.line.Next(now)
	return j, retry
}

// overtake locks using and returns true if a job may run at once, past the line: nobody waits, and it would not be held.
func (w *jobs) overtake(j *job, using *sync.Mutex) bool {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accounts.Came(j.origin.Client, now)
	return !w.closed && !w.line.Ready() && w.accounts.Held(j.origin.Client, j.origin.Shape, now) == 0 && using.TryLock()
}

// isCostly reports whether a job probably takes so long that no other job should wait for it in a group.
func (w *jobs) isCostly(j *job, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.accounts.Costly(j.origin.Client, j.origin.Shape, now)
}

// delays reports whether a job should not join a group: it would be one more of its client, while another client of the group
// wants nothing else and waits for the commit. So a flood of writes does not make the commits of others late.
func (w *jobs) delays(j *job, group []*job) bool {
	second, others := false, false
	for _, member := range group {
		if member.origin.Client == j.origin.Client {
			second = true
		} else {
			others = true
		}
	}
	if !second || !others {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(group, func(member *job) bool {
		return member.origin.Client != j.origin.Client && !w.line.Waits(member.origin.Client)
	})
}

// remove takes a job out of the line, if it is still there.
func (w *jobs) remove(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line.Remove(j.entry)
}

// ran charges the clients of a group for their time in it. The group lasted since began.
func (w *jobs) ran(group []*job, began time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	long := false
	for _, j := range group {
		long = long || j.took >= shortestCharge
	}
	if w.line.Len() == 0 && !long && w.accounts.Empty() {
		return
	}
	now := time.Now()
	w.line.Note(now.Sub(began) / time.Duration(max(1, len(group))))
	for _, j := range group {
		if j.took >= shortestCharge || (j.err == nil && !w.accounts.Empty()) {
			w.accounts.Charge(j.origin.Client, j.origin.Shape, j.took, now)
		}
	}
}

// shortestCharge spares most groups a look at the clock.
const shortestCharge = time.Millisecond

func (w *jobs) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.line.Len()
}

// newcomerWait returns how long a client that comes now would wait.
func (w *jobs) newcomerWait() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.line.NewcomerWait(1)
}

// takeAll empties the line.
func (w *jobs) takeAll() (all []*job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	holds := w.line.Holds
	w.line.Holds = false
	defer func() { w.line.Holds = holds }()
	for j, _, ok := w.line.Next(time.Now()); ok; j, _, ok = w.line.Next(time.Now()) {
		all = append(all, j)
	}
	return all
}

// close lets no more jobs in, and holds none any longer. It reports whether it was the first to do so.
func (w *jobs) close() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.closed, w.line.Holds = true, false
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return true
}

// isClosed reports whether the line is closed and empty.
func (w *jobs) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed && w.line.Len() == 0
}
