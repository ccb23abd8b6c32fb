package password

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A queue admits callers to a few places. The gate lets clients take turns. The queue bounds who may wait at the gate.
type queue struct {
	gate        *admit.Gate[caller.Client]
	places      int
	most, share int // callers in the queue or in a place: of all clients, and of one
	patience    time.Duration

	mu      sync.Mutex
	inside  int // callers of all clients
	waiting map[caller.Client]int
	taken   time.Duration // recent mean time in a place
}

// enter waits for a place and returns the function that gives it back.
func (q *queue) enter(ctx context.Context, client caller.Client) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := q.join(client); err != nil {
		return nil, err
	}
	if err := q.gate.Enter(ctx, 0, client, q.patience); err != nil {
		wait := q.part(client, 0)
		if errors.Is(err, admit.ErrHopeless) {
			return nil, busy(wait)
		}
		return nil, err
	}
	start := time.Now()
	return func() {
		taken := max(1, time.Since(start))
		q.gate.Leave(0, client, taken)
		q.part(client, taken)
	}, nil
}

// join counts a caller, unless there are too many.
func (q *queue) join(client caller.Client) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.inside >= q.most+q.places || q.waiting[client] >= q.share+q.places {
		return busy(q.expected())
	}
	q.inside++
	q.waiting[client]++
	return nil
}

// part forgets a caller who had a place for the given time, or for 0. It returns how long a new caller would wait.
func (q *queue) part(client caller.Client, taken time.Duration) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inside--
	if q.waiting[client]--; q.waiting[client] == 0 {
		delete(q.waiting, client)
	}
	if taken > 0 {
		q.taken += (taken - q.taken) / 8
	}
	return q.expected()
}

func (q *queue) expected() time.Duration {
	return time.Duration(q.inside) * q.taken / time.Duration(q.places)
}

func busy(wait time.Duration) error {
	err := errs.New(errs.Unavailable, "too many people are signing in; try again later")
	err.RetryAfter = wait.Truncate(time.Second) + time.Second
	return err
}
