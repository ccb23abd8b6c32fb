package migrate

import (
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
)

// resume handles a change that was interrupted. It takes the change back if the switch had not happened, and finishes it
// otherwise.
func (r *run) resume() error {
	all, err := entries(r.s)
	if err != nil {
		return err
	}
	r.result.Damaged = damagedEntries(all)
	for _, entry := range all {
		if entry.isOpen() && entry.Damage != "" {
			return fmt.Errorf("a change of the tables may not be finished, and what is left to do of it is not known: %w; restore the database from a backup", entry.errDamaged())
		}
		r.entry = entry
		switch entry.State {
		case Preparing:
			r.result.Resumed = fmt.Sprintf("a change that began at %s was interrupted: what it had prepared was taken back", entry.Started.Format(time.RFC3339))
			if err := r.takeBack(); err != nil {
				return err
			}
		case Finishing:
			r.result.Resumed = fmt.Sprintf("a change that began at %s was interrupted, and is finished now", entry.Started.Format(time.RFC3339))
			if err := r.finishAfter(); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeBack takes back what was prepared.
func (r *run) takeBack() error {
	if r.entry.State != Preparing {
		return nil // the commit may have succeeded: the next start finds out
	}
	for _, sql := range r.entry.remaining.Undo {
		err := r.s.Transaction(func() error {
			_, err := r.s.Exec(sql, nil)
			return err
		})
		if err != nil {
			return fmt.Errorf("what was prepared could not be taken back; the next start tries again: %s: %w", sql, err)
		}
	}
	return r.finish(Undone, false)
}

// finishAfter runs what is left after the switch.
func (r *run) finishAfter() error {
	for len(r.entry.remaining.After) > 0 {
		later := r.entry.remaining.After[0]
		a := plan.Part{SQL: later.SQL, OutsideTx: later.OutsideTx}
		if later.Loop {
			a.Loop = &plan.RepeatStatement{TableName: later.Table, SQL: later.SQL}
		}
		r.progress(later.SQL, later.Table)
		if err := r.runPart(a, r.entry.remaining.After[1:]); err != nil {
			return fmt.Errorf("the model is in force, but rows that were there before do not all follow it; mend them and start again: %w", err)
		}
	}
	return r.s.Transaction(func() error { return r.finish(Done, false) })
}

// runPart runs one remaining part. A repeatable part runs outside a transaction; any other commits together with the
// shortened to-do list, because it cannot run twice.
func (r *run) runPart(a plan.Part, left []deferred) error {
	if a.OutsideTx || a.Loop != nil {
		err := r.exec(a)
		if err == nil {
			r.entry.remaining.After = left
		}
		return err
	}
	ran, all := len(r.entry.Steps), r.entry.remaining.After
	err := r.s.Transaction(func() error {
		r.entry.Steps = r.entry.Steps[:ran]
		if err := r.exec(a); err != nil {
			return err
		}
		r.entry.remaining.After = left
		return r.entry.update(r.s, r.o.now())
	})
	if err != nil {
		r.entry.remaining.After = all
	}
	return err
}
