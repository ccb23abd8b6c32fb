package job

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Lease leases jobs of a queue for a worker outside of this process. It waits for the first one. The worker settles each job by
// Done, Fail or Release, and calls Extend before Job.Until.
func (q *Queue) Lease(ctx context.Context, queue string, most int, wait time.Duration) ([]*Job, error) {
	c := q.queues[queue]
	if c == nil {
		return nil, errs.New(errs.NotFound, "there is no queue %s", queue)
	}
	order := &takeOrder{queue: c, most: most, node: q.cfg.Node}
	arrived, leave := q.arrivals.visit(queue)
	defer leave()
	deadline := time.Now().Add(wait)
	for {
		found, err := q.take(ctx, order)
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
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-arrived:
		case <-time.After(min(left, q.cfg.poll)):
		}
	}
}

// Done ends a job. Like Fail, Release and Extend, it refuses a lease that is over with errs.Conflict.
func (q *Queue) Done(ctx context.Context, j *Job, result []byte) error {
	if len(result) > MaxResult {
		return errs.New(errs.TooLarge, "the result of a job has %d bytes, and at most %d are accepted", len(result), MaxResult)
	}
	done := *j
	done.result = result
	return q.settleOne(ctx, q.settlementOf(&done, nil, false))
}

// Fail ends an attempt with an error: see Permanent and RetryError.
func (q *Queue) Fail(ctx context.Context, j *Job, cause error) error {
	return q.settleOne(ctx, q.settlementOf(j, cause, false))
}

// Release gives a job back. The attempt does not count.
func (q *Queue) Release(ctx context.Context, j *Job) error {
	return q.settleOne(ctx, q.settlementOf(j, context.Canceled, true))
}

// Extend renews a lease, and returns its new end.
func (q *Queue) Extend(ctx context.Context, j *Job) (time.Time, error) {
	until := q.now().Add(q.cfg.lease)
	renewed, _, err := q.renew(ctx, []claim{{j.ID, j.Lease}}, until)
	if err == nil && !renewed[j.ID] {
		err = staleLease(j.ID)
	}
	return until, err
}
