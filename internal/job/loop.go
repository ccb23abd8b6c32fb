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

// free returns how many workers are free, and whether they are a small part of all.
func (l *loop) free() (n int, few bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused {
		return 0, false
	}
	n = max(0, l.workers-l.busy)
	return n, n < l.workers/4
}

func (l *loop) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy++
}

func (l *loop) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	poke(l.freed)
}

// gatherPause is how long a loop waits for more free workers, so that a transaction takes several jobs.
const gatherPause = 2 * time.Millisecond

// run takes jobs until ctx ends.
func (l *loop) run(ctx context.Context) error {
	arrived, leave := l.arrivals.visit(l.queue.Name)
	defer leave()
	order := &takeOrder{queue: l.queue, node: l.cfg.Node}
	for {
		free, few := l.free()
		if few && free > 0 {
			sleep(ctx, gatherPause)
			free, _ = l.free()
		}
		if free == 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-l.freed:
			}
			continue
		}
		order.most = min(free, mostTaken)
		found, err := l.take(context.WithoutCancel(ctx), order) // a transaction cut short may have been committed
		if err != nil {
			return err
		}
		l.startAll(ctx, found.jobs)
		if found.more && ctx.Err() == nil {
			continue
		}
		wait := jittered(l.cfg.poll)
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

// startAll starts attempts, or gives the jobs back if the node has begun to stop.
func (l *loop) startAll(ctx context.Context, jobs []*Job) {
	for _, j := range jobs {
		if ctx.Err() != nil {
			l.tallyOf(j.Queue).note(waiting)
			l.settler.put(&attempt{job: j}, l.settlementOf(j, errStopping, true))
			continue
		}
		l.begin()
		l.start(l, j)
	}
}
