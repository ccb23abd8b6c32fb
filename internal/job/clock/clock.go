// Package clock starts the jobs that are due at times of a clock.
//
// Each node looks after all schedules. Whoever finds one due locks its row, looks again, adds the jobs and moves the row on, in
// one transaction. So a run is started once, whichever nodes come and go, and no node leads the others.
package clock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/cron"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// Config holds what a Clock needs. Logger and Now may be missing.
type Config struct {
	Model  *model.Model
	Store  store.DB
	Queue  *job.Queue
	Logger *slog.Logger     // nil: no log
	Now    func() time.Time // nil: time.Now
}

// A Clock starts the jobs of a model that have a cron expression or an interval. It is safe for concurrent use.
type Clock struct {
	cfg   Config
	timed []*timed
	poke  chan struct{} // has room for one
}

// A timed job is a job with its schedule.
type timed struct {
	job  *model.Job
	id   string // of its row: the name and the schedule
	cron cron.Schedule
}

// New returns the clock of a model, whose database has the table of Tables.
func New(cfg Config) (*Clock, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Clock{cfg: cfg, poke: make(chan struct{}, 1)}
	for _, j := range cfg.Model.Jobs {
		if !j.Timed() {
			continue
		}
		t := &timed{job: j, id: j.Name + " every " + j.Every.String()}
		if j.Cron != "" {
			schedule, err := j.Schedule()
			if err != nil {
				return nil, err // the loader has checked it
			}
			t.cron, t.id = schedule, j.Name+" "+j.Cron+" "+j.Zone
		}
		c.timed = append(c.timed, t)
	}
	return c, nil
}

// next returns the first run after a moment.
func (t *timed) next(after time.Time) (time.Time, bool) {
	if t.job.Every > 0 {
		return after.Add(t.job.Every), true
	}
	return t.cron.Next(after)
}

// due returns the runs to start now, in order: see cron.Schedule.Due. An interval makes up for missed runs with one.
func (t *timed) due(last, now time.Time) (runs []time.Time, cut bool) {
	if t.job.Every == 0 {
		return t.cron.Due(last, now, t.job.Missed)
	}
	n := now.Sub(last) / t.job.Every
	if n < 1 {
		return nil, false
	}
	return []time.Time{last.Add(n * t.job.Every)}, false
}

// passed returns the last run that is not after now, or last if there is none since.
func (t *timed) passed(last, now time.Time) time.Time {
	if t.job.Every > 0 {
		return last.Add(max(0, now.Sub(last)/t.job.Every) * t.job.Every)
	}
	return now
}

const (
	longestSleep = 30 * time.Second // a schedule may change on another node
	shortPause   = time.Second      // after a failure
	callTime     = 10 * time.Second
)

// Run starts jobs until ctx ends. It survives a database that is away.
func (c *Clock) Run(ctx context.Context) error {
	if len(c.timed) == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	failing := false
	for {
		sleep, err := c.tick(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			sleep = shortPause
			if !failing {
				c.cfg.Logger.Warn("the schedules of jobs cannot be looked at: trying again", "error", err)
			}
		case failing:
			c.cfg.Logger.Info("the schedules of jobs can be looked at again")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.poke:
		case <-time.After(sleep):
		}
	}
}

// tick starts what is due, and returns the time until it must look again.
func (c *Clock) tick(ctx context.Context) (sleep time.Duration, err error) {
	rows, err := c.rows(ctx)
	if err != nil {
		return 0, err
	}
	sleep = longestSleep
	for _, t := range c.timed {
		r, known := rows[t.id]
		now := c.cfg.Now()
		next, ok := t.next(r.last)
		if !known || (ok && !next.After(now)) {
			if r, err = c.start(ctx, t); err != nil {
				return 0, fmt.Errorf("job %s: %w", t.job.Name, err)
			}
			next, ok = t.next(r.last)
		}
		if ok {
			sleep = min(sleep, max(next.Sub(c.cfg.Now()), time.Millisecond))
		}
	}
	return sleep, nil
}

// start adds the jobs of a schedule that are due, and returns its row.
func (c *Clock) start(ctx context.Context, t *timed) (r row, err error) {
	started, cut := 0, false
	err = c.write(ctx, func(tx store.Tx) error {
		started, cut = 0, false
		now, err := c.cfg.Queue.TimeIn(tx)
		if err != nil {
			return err
		}
		if r, err = lockRow(tx, t, now); err != nil {
			return err
		}
		var runs []time.Time
		if !r.paused {
			runs, cut = t.due(r.last, now)
		}
		for _, due := range runs {
			_, added, err := c.cfg.Queue.Enqueue(tx, c.insertOf(t, due))
			if err != nil {
				return err
			}
			if added {
				started++
			}
		}
		last := t.passed(r.last, now)
		if n := len(runs); n > 0 {
			last = runs[n-1]
		}
		if !last.After(r.last) {
			return nil
		}
		r.last = last
		return saveRow(tx, t, r, now)
	})
	if cut {
		c.cfg.Logger.Warn("a job missed more runs than are made up for", "job", t.job.Name, "started", started)
	}
	return r, err
}

// keptOnce is for how long no second job of a run is added. The row of the schedule keeps a run from being started twice. This
// is for two models at once: their schedules may have runs in common.
const keptOnce = time.Hour

func (c *Clock) insertOf(t *timed, due time.Time) job.Insert {
	at := due.UTC().Format(time.RFC3339)
	j := t.job
	spec := job.Insert{
		Name: j.Name, Queue: j.Queue, Priority: j.Priority, Tries: j.Tries, By: "system:cron", Args: []byte(`{"due":"` + at + `"}`),
		Once: "cron:" + j.Name + ":" + at, OnceFor: keptOnce,
	}
	if j.Once != nil {
		spec.Once, spec.OnceFor = "once:"+j.Name+":", j.Once.Within
	}
	return spec
}

// write runs f in a transaction in which no rule decides. f may run more than once.
func (c *Clock) write(ctx context.Context, f func(tx store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return c.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := system.ReadCommitted(tx); err != nil {
			return err
		}
		return f(tx)
	})
}

// find returns the schedule of a job.
func (c *Clock) find(name string) (*timed, error) {
	i := slices.IndexFunc(c.timed, func(t *timed) bool { return t.job.Name == name })
	if i < 0 {
		return nil, errs.New(errs.NotFound, "there is no job %s with cron or every", errs.Clip(name, 60))
	}
	return c.timed[i], nil
}

func (c *Clock) wake() {
	select {
	case c.poke <- struct{}{}:
	default: // it will look anyway
	}
}

// errNoRow is a bug: lockRow makes the row.
var errNoRow = errors.New("the row of the schedule is gone")
