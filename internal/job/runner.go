package job

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A handler does the jobs of a name.
type handler struct {
	work   func(ctx context.Context, j *Job) error
	atMost time.Duration
}

// defaultAtMost is how long an attempt may take.
const defaultAtMost = time.Minute

// Handle makes this node do the jobs of a name. An attempt may take so long; 0 means a minute. Its context ends then, or when
// another node may have the job. Handle is called before Run.
func (q *Queue) Handle(name string, atMost time.Duration, work func(ctx context.Context, j *Job) error) {
	if atMost == 0 {
		atMost = defaultAtMost
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.handlers[name] = &handler{work: work, atMost: atMost}
}

func (q *Queue) handler(name string) *handler {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.handlers[name]
}

var (
	errStopping = errors.New("the node stops")
	errLease    = errors.New("the lease of the job is over")
)

// A runner is one Run of a queue.
type runner struct {
	*Queue
	running context.Context // ends when Run is told to stop
	working context.Context // of all attempts; ends some time later
	loops   []*loop
	settler *settler

	attempts sync.WaitGroup
	mu       sync.Mutex
	held     map[string]*attempt // by id of the job
}

// Run does the jobs of all queues that are not for pull workers, until ctx ends. Attempts under way may then go on for
// Config.StopTime. What has not ended is given back, and its attempt does not count. Run survives a database that is away.
func (q *Queue) Run(ctx context.Context) error {
	working, stopWorking := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopWorking(errStopping)
	r := &runner{Queue: q, running: ctx, working: working, held: map[string]*attempt{}}
	settling, stopSettling := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSettling()
	r.settler = newSettler(r, stopSettling)
	settled := r.steadily(settling, "job settlements", r.settler.run)
	renewing, stopRenewing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRenewing()
	renewed := r.steadily(renewing, "job leases", r.renewAll)
	expired := r.steadily(renewing, "the ends of job leases", r.expireAll)
	var all []<-chan error
	start := func(what string, loop func(context.Context) error) { all = append(all, r.steadily(ctx, what, loop)) }
	for i := range q.cfg.Queues {
		if c := &q.cfg.Queues[i]; !c.Pull {
			l := newLoop(r, c)
			r.loops = append(r.loops, l)
		}
	}
	for _, l := range r.loops {
		start("jobs of "+l.queue.Name, l.run)
	}
	start("job times", r.keepAll)
	start("job arrivals", q.watch)
	if listener, ok := q.db.(store.Listener); ok {
		start("job messages", func(ctx context.Context) error {
			return listener.Listen(ctx, jobsTable, q.arrivals.wakeAll, q.hear)
		})
	}
	for _, ended := range all {
		<-ended
	}
	for _, l := range r.loops {
		l.close()
	}
	r.finish(stopWorking)
	stopRenewing()
	<-renewed
	<-expired
	r.settler.close(q.cfg.StopTime)
	<-settled
	return ctx.Err()
}

// finish waits for the attempts under way, and cuts them short when their time is over. A worker that does not end even then
// keeps its lease, so that nobody else works on the same job until the lease ends.
func (r *runner) finish(stopWorking context.CancelCauseFunc) {
	ended := background.Async("the last jobs", func() error { r.attempts.Wait(); return nil })
	select {
	case <-ended:
		return
	case <-time.After(r.cfg.StopTime):
	}
	stopWorking(errStopping)
	select {
	case <-ended:
	case <-time.After(r.cfg.StopTime):
	}
}

const (
	firstFailure  = 50 * time.Millisecond // pause after the first failure of a loop
	longFailure   = 3 * time.Second
	quietFailures = time.Minute // between two lines of the log about one loop
)

// steadily runs a loop until ctx ends, and starts it again after a failure. A database that is away for long is logged once a
// minute.
func (r *runner) steadily(ctx context.Context, what string, loop func(context.Context) error) <-chan error {
	return background.Async(what, func() error {
		pause, logged := firstFailure, time.Time{}
		for ctx.Err() == nil {
			began := time.Now()
			err := background.Guard(what, func() error { return loop(ctx) })
			if ctx.Err() != nil {
				break
			}
			if time.Since(began) > quietFailures {
				pause = firstFailure
			}
			if time.Since(logged) > quietFailures {
				logged = time.Now()
				r.cfg.Logger.Warn("the work on jobs was interrupted and goes on", "what", what, "error", err)
			}
			sleep(ctx, jittered(pause))
			pause = min(2*pause, longFailure)
		}
		return nil
	})
}

// sleep waits for a time, or until ctx ends.
func sleep(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}

// jittered returns a random duration between three quarters of wait and five quarters.
func jittered(wait time.Duration) time.Duration { return wait*3/4 + rand.N(wait/2+1) }

// goTell starts announce if the server passes messages. The channel closes when it has ended.
func (q *Queue) goTell(ctx context.Context, told chan map[string]bool) <-chan error {
	if q.db.Dialect() == sqlgen.SQLite {
		ended := make(chan error)
		close(ended)
		return ended
	}
	return background.Async("job announcements", func() error { return q.announce(ctx, told) })
}

const (
	sweepPause = time.Minute
	clockPause = 30 * time.Second
)

// keepAll does what becomes due in the table: each second, and when the next scheduled job is due.
func (r *runner) keepAll(ctx context.Context) error {
	arrived, leave := r.arrivals.visit(ofScheduled)
	defer leave()
	var swept, asked time.Time
	for {
		if time.Since(asked) > clockPause {
			if err := r.syncClock(ctx); err != nil {
				return err
			}
			asked = time.Now()
		}
		if err := r.refresh(ctx); err != nil {
			return err
		}
		wait, err := r.turn(ctx)
		if err != nil {
			return err
		}
		if time.Since(swept) > sweepPause {
			if _, err := r.sweep(ctx); err != nil {
				return err
			}
			swept = time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-arrived:
		case <-time.After(wait):
		}
		sleep(ctx, keepPause)
	}
}

// keepPause is the least time between two turns.
const keepPause = 10 * time.Millisecond

// turn promotes and rescues jobs, and returns how long the next turn can wait.
func (r *runner) turn(ctx context.Context) (wait time.Duration, err error) {
	queues, err := r.promote(ctx)
	r.arrivals.wake(queues)
	if err != nil {
		return 0, err
	}
	queues, rescued, err := r.rescue(ctx)
	r.arrivals.wake(queues)
	if rescued > 0 {
		r.cfg.Logger.Warn("jobs were taken from workers that are gone", "jobs", rescued)
	}
	if err != nil {
		return 0, err
	}
	at, ok, err := r.nextDue(ctx)
	if wait = jittered(r.cfg.poll); ok {
		wait = max(0, min(wait, at.Sub(r.now())))
	}
	return wait, err
}

// noHandler is the outcome of a job that this node does not know: a node of another release does.
func noHandler(name string) error {
	return errs.New(errs.Unavailable, "this node does not know the job %s", name)
}
