package clock

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Cron is a job with a schedule, as people see it.
type Cron struct {
	Job       *model.Job
	Paused    bool
	ChangedBy string // who paused or resumed it last; "": nobody has
	ChangedAt time.Time
	Last      time.Time   // the last run that was started or skipped, or when a node first saw the schedule; zero: no node has
	Upcoming  []time.Time // the next runs, none if it is paused
}

// upcoming is how many next runs people see.
const upcoming = 5

// All returns the jobs with schedules, in the order of the model.
func (c *Clock) All(ctx context.Context) ([]Cron, error) {
	rows, err := c.rows(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Cron, 0, len(c.timed))
	for _, t := range c.timed {
		r := rows[t.id]
		one := Cron{Job: t.job, Paused: r.paused, ChangedBy: r.changedBy, ChangedAt: r.changedAt, Last: r.last}
		after := r.last
		if after.IsZero() {
			after = c.cfg.Now()
		}
		for range upcoming {
			next, ok := t.next(after)
			if !ok || r.paused {
				break
			}
			one.Upcoming = append(one.Upcoming, next)
			after = next
		}
		all = append(all, one)
	}
	return all, nil
}

// Pause stops the runs of a job, or lets them go on. Runs that it skips are not made up for. also runs in the same transaction.
func (c *Clock) Pause(ctx context.Context, name string, paused bool, by string, also ...func(tx store.Tx) error) error {
	t, err := c.find(name)
	if err != nil {
		return err
	}
	err = c.write(ctx, func(tx store.Tx) error {
		now, err := c.cfg.Queue.TimeIn(tx)
		if err != nil {
			return err
		}
		if _, err := lockRow(tx, t, now); err != nil { // makes the row
			return err
		}
		tx.MarkChanged(cronsTable)
		_, err = tx.Exec(system.Numbered(tx.Dialect(), pauseRow), []value.Value{value.OfBool(paused), stamp(now), value.OfText(by), value.OfText(name)})
		if err != nil {
			return err
		}
		return runAll(tx, also)
	})
	c.wake()
	return err
}

// RunNow starts a job at once, beside its schedule, and returns the id of the run. It also starts one that is paused. If the job
// is one at a time and runs already, the error has the kind errs.Conflict. also runs in the same transaction.
func (c *Clock) RunNow(ctx context.Context, name, by string, also ...func(tx store.Tx) error) (id string, err error) {
	t, err := c.find(name)
	if err != nil {
		return "", err
	}
	err = c.write(ctx, func(tx store.Tx) error {
		now, err := c.cfg.Queue.TimeIn(tx)
		if err != nil {
			return err
		}
		spec := c.insertOf(t, now)
		spec.By = by
		if t.job.Once == nil {
			spec.Once, spec.OnceFor = "", 0
		}
		added := false
		if id, added, err = c.cfg.Queue.Enqueue(tx, spec); err == nil && !added {
			return errs.New(errs.Conflict, "the job %s is there already: it is one at a time", name)
		}
		if err != nil {
			return err
		}
		return runAll(tx, also)
	})
	return id, err
}

func runAll(tx store.Tx, all []func(tx store.Tx) error) error {
	for _, f := range all {
		if err := f(tx); err != nil {
			return err
		}
	}
	return nil
}
