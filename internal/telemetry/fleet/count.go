package fleet

import (
	"context"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// maxPending bounds the rows that wait for the database: a day of them.
const maxPending = int(24 * time.Hour / step)

// A counter counts what this node does in the present step.
type counter struct {
	step    time.Time // begin of the present step
	before  map[string]float64
	number  int   // of rows made
	pending []row // that are not in the database yet
	failing bool  // the last write failed, and the log says so
}

func (c *counter) begin(now time.Time) { c.step = now.Truncate(step) }

// count makes the row of the present step if it is over.
func (f *Fleet) count(now time.Time) {
	c := &f.counter
	current := now.Truncate(step)
	if current.Equal(c.step) {
		return
	}
	if current.After(c.step) {
		f.makeRow(false)
	}
	c.step = current // a clock that was set back counts where it is now
}

// finish makes the last row of this process.
func (f *Fleet) finish(now time.Time) {
	f.count(now)
	f.makeRow(true)
}

// makeRow makes a row of what this node did since the last one.
func (f *Fleet) makeRow(stopped bool) {
	c, own := &f.counter, f.cfg.Process
	now, gauges := totals(f.cfg.Points())
	made := row{node: own.Node, build: own.Build, revision: own.Revision, started: own.Started, at: c.step}
	made.sum = sum{Counters: increases(c.before, now), Gauges: gauges, Objectives: map[string]tally{}, Stopped: stopped}
	c.before = now
	for i, counts := range f.cfg.Counts() {
		if t := tallyOf(counts); len(t) > 0 {
			made.sum.Objectives[objectiveName(f.cfg.Objectives[i])] = t
		}
	}
	c.number++
	made.id = idAt(stepTier, c.step).Text + "-" + f.process + "." + strconv.Itoa(c.number)
	if len(c.pending) >= maxPending {
		c.pending = c.pending[1:]
	}
	c.pending = append(c.pending, made)
}

// write writes the rows that wait. After a failure the next call tries again.
func (f *Fleet) write(ctx context.Context) {
	c := &f.counter
	if len(c.pending) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err := f.writeRows(ctx, c.pending)
	switch {
	case err == nil:
		if c.failing {
			f.cfg.Logger.Info("the other nodes see the numbers of this one again", "steps", len(c.pending))
		}
		c.pending, c.failing = nil, false
	case !c.failing:
		f.cfg.Logger.Warn("the other nodes do not see the numbers of this one: they wait for the database", "error", err)
		c.failing = true
	}
}

func (f *Fleet) writeRows(ctx context.Context, rows []row) (err error) {
	defer errs.Wrap(&err, "fleet.write")
	return f.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := system.ReadCommitted(tx); err != nil {
			return err
		}
		tx.MarkChanged(tableName)
		now := f.now()
		for i := range rows {
			if err := rows[i].insert(tx, now); err != nil {
				return err
			}
		}
		return nil
	})
}
