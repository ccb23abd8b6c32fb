package job

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A LeaseOrder says which jobs a worker outside of this process wants.
type LeaseOrder struct {
	Queues []string // with Pull; the first one with a job is taken
	Names  []string // of jobs; at least one
	Most   int      // at least 1
	Wait   time.Duration
}

// Lease leases jobs for a worker outside of this process. It waits for the first one. All jobs come from one queue. The
// worker settles each of them by Done, Fail or Release, and calls Extend before Job.Until.
func (q *Queue) Lease(ctx context.Context, want LeaseOrder) ([]*Job, error) {
	var orders []*takeOrder
	arrived := make(chan struct{}, 1)
	for _, name := range want.Queues {
		c := q.queues[name]
		if c == nil || !c.Pull {
			return nil, errs.New(errs.NotFound, "there is no queue %s whose jobs are leased", name)
		}
		orders = append(orders, &takeOrder{queue: c, most: min(want.Most, mostTaken), node: q.cfg.Node, names: want.Names})
		defer q.arrivals.join(name, arrived)()
	}
	deadline := time.Now().Add(want.Wait)
	for {
		found, err := q.takeAny(context.WithoutCancel(ctx), orders) // a transaction cut short may have been committed
		if len(found.jobs) > 0 && ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), q.releaseAll(context.WithoutCancel(ctx), found.jobs))
		}
		if err != nil || len(found.jobs) > 0 {
			return found.jobs, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, nil
		}
		if found.more {
			continue
		}
		wait := min(left, jittered(q.cfg.poll))
		if found.wait > 0 {
			wait = min(wait, found.wait)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-arrived:
		case <-time.After(wait):
		}
	}
}

// begin takes jobs for a worker that begins them at once.
func (q *Queue) begin(ctx context.Context, order *takeOrder) (haul, error) {
	found, err := q.take(ctx, order)
	q.tallyOf(order.queue.Name).started.Add(int64(len(found.jobs)))
	return found, err
}

// takeAny takes jobs of the first queue that has some and is not paused.
func (q *Queue) takeAny(ctx context.Context, orders []*takeOrder) (last haul, err error) {
	settings, err := q.Settings(ctx)
	if err != nil {
		return haul{}, err
	}
	for _, order := range orders {
		if settings[order.queue.Name].Paused {
			continue
		}
		found, err := q.begin(ctx, order)
		if err != nil || len(found.jobs) > 0 {
			return found, err
		}
		last.more = last.more || found.more
		if found.wait > 0 && (last.wait == 0 || found.wait < last.wait) {
			last.wait = found.wait
		}
	}
	return last, nil
}

// Done ends a job. Like Fail, Release and Extend, it refuses a lease that is over with errs.Conflict.
func (q *Queue) Done(ctx context.Context, j *Job, result []byte) error {
	if len(result) > MaxResult {
		return errs.New(errs.TooLarge, "the result of a job has %d bytes, and at most %d are accepted", len(result), MaxResult)
	}
	done := *j
	done.result = result
	return q.settleOne(ctx, j, q.settlementOf(&done, nil, false), nil)
}

// Fail ends an attempt with an error: see Permanent and RetryError.
func (q *Queue) Fail(ctx context.Context, j *Job, cause error) error {
	return q.settleOne(ctx, j, q.settlementOf(j, cause, false), cause)
}

// Release gives a job back. The attempt does not count.
func (q *Queue) Release(ctx context.Context, j *Job) error {
	return q.settleOne(ctx, j, q.settlementOf(j, context.Canceled, true), nil)
}

// releaseAll gives jobs back that nobody asks for any more.
func (q *Queue) releaseAll(ctx context.Context, jobs []*Job) (err error) {
	for _, j := range jobs {
		err = errors.Join(err, q.Release(ctx, j))
	}
	return err
}

// Extend renews a lease, and returns its new end. An attempt that has taken atMost is over: its lease is not renewed.
func (q *Queue) Extend(ctx context.Context, j *Job, atMost time.Duration) (time.Time, error) {
	now := q.now()
	until := now.Add(q.cfg.lease)
	if last := j.Begun.Add(atMost); atMost > 0 && until.After(last) {
		if until = last; !until.After(now) {
			return time.Time{}, errs.New(errs.Conflict, "the attempt has taken longer than %v, so its lease is not renewed", atMost)
		}
	}
	renewed, _, err := q.renew(ctx, []claim{{j.ID, j.Lease}}, until)
	if err == nil && !renewed[j.ID] {
		err = staleLease(j.ID)
	}
	return until, err
}
