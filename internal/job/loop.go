package job

import (
	"context"
	"sync"
	"time"
)

// mostTaken bounds the jobs of one transaction.
const mostTaken = 500

// A loop takes jobs of one queue for the workers of this node.
type loop struct {
	*runner
	queue *QueueConfig
	freed chan struct{} // receives when a worker is free, or there are more workers

	mu      sync.Mutex
	busy    int
	workers int
	paused  bool
	shelf   shelf
}

func newLoop(r *runner, c *QueueConfig) *loop {
	return &loop{runner: r, queue: c, freed: make(chan struct{}, 1), workers: c.Workers}
}

// adjust sets how many workers the queue has.
func (l *loop) adjust(workers int, paused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if workers == 0 {
		workers = l.queue.Workers
	}
	l.workers, l.paused = workers, paused
	poke(l.freed)
}

// room returns how many jobs the loop may take. few says that only a small part of the workers is free, and more may soon be.
func (l *loop) room() (n int, few bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused {
		return 0, false
	}
	free, most := max(0, l.workers-l.busy), 0
	if !l.queue.rated() {
		most = l.shelf.most(l.workers, l.now())
	}
	enough := l.workers / 4
	if l.queue.Each != nil {
		enough *= 3 // each look reads keys and leases, and takes the first jobs of many keys, so large ones cost less
	}
	switch kept := len(l.shelf.jobs); {
	case most == 0 || kept > most:
		return max(0, free-kept), free < enough
	case kept > most/2:
		return 0, false
	default:
		return free + most - kept, false
	}
}

// next returns the next job for a free worker, or nil.
func (l *loop) next() *Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.busy < l.workers && !l.paused && l.running.Err() == nil {
		j := l.shelf.take()
		if j == nil {
			return nil
		}
		if j.Until.After(l.now()) {
			l.busy++
			l.tallyOf(j.Queue).started.Add(1)
			return j
		}
		l.tallyOf(j.Queue).lost.Add(1)
	}
	return nil
}

// end frees a worker whose attempt took so long.
func (l *loop) end(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	l.shelf.note(took)
	if len(l.shelf.jobs) < mostHeld/2 {
		poke(l.freed)
	}
}

// gatherPause is how long a loop waits for more free workers, so that a transaction takes several jobs.
const gatherPause = 2 * time.Millisecond

// run takes jobs until ctx ends.
func (l *loop) run(ctx context.Context) error {
	arrived, leave := l.arrivals.visit(l.queue.Name)
	defer leave()
	order := &takeOrder{queue: l.queue, node: l.cfg.Node}
	for {
		l.startAll()
		n, few := l.room()
		if few && n > 0 {
			sleep(ctx, gatherPause)
			n, _ = l.room()
		}
		if n == 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-l.freed:
			case <-time.After(l.patience()):
			}
			continue
		}
		order.most = min(n, mostTaken)
		found, err := l.take(context.WithoutCancel(ctx), order) // a transaction cut short may have been committed
		if err != nil {
			return err
		}
		l.keep(found.jobs)
		l.startAll()
		if found.more && ctx.Err() == nil {
			continue
		}
		wait := min(jittered(l.cfg.poll), l.patience())
		if found.wait > 0 {
			wait = min(wait, found.wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-arrived:
		case <-time.After(wait):
		}
	}
}

// startAll starts attempts for free workers, and gives back what has waited for one too long.
func (l *loop) startAll() {
	for j := l.next(); j != nil; j = l.next() {
		l.start(l, j)
	}
	l.mu.Lock()
	late := l.shelf.late(l.now())
	if l.paused {
		late = append(late, l.shelf.clear()...)
	}
	l.mu.Unlock()
	l.giveBack(late)
}

// keep puts jobs where free workers find them.
func (l *loop) keep(jobs []*Job) {
	l.mu.Lock()
	last := l.shelf.put(jobs, max(0, l.workers-l.busy), l.now())
	l.mu.Unlock()
	l.giveBack(last)
}

// patience returns how long the jobs on the shelf may wait for a worker.
func (l *loop) patience() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shelf.patience(l.now())
}

// close gives back all jobs that wait for a worker. The node has begun to stop.
func (l *loop) close() {
	l.mu.Lock()
	rest := l.shelf.clear()
	l.mu.Unlock()
	l.giveBack(rest)
}

// giveBack ends leases of jobs that no worker has begun: they were no attempts.
func (l *loop) giveBack(jobs []*Job) {
	for _, j := range jobs {
		l.settler.put(&attempt{job: j}, l.settlementOf(j, errStopping, true))
	}
}
