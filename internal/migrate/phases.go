package migrate

import (
	"errors"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// inOneTransaction carries out a plan in one transaction.
func (r *run) inOneTransaction(plan *Plan) error {
	return r.s.Transaction(func() error {
		r.begin(plan)
		for _, step := range plan.Steps {
			if err := r.step(step); err != nil {
				return err
			}
		}
		if plan.Hazards()&(Rewrites|LosesData) != 0 { // otherwise no row is gone and no key has changed
			if err := r.checkReferences(); err != nil {
				return err
			}
		}
		if err := r.switchTo(plan); err != nil {
			return err
		}
		return r.finish(Done, true)
	})
}

// switchTo makes the model the stored one, and renames and moves what goes by the names of tables: counters and
// generations.
func (r *run) switchTo(plan *Plan) error {
	var counters []rename
	touched := map[string]bool{}
	for _, table := range plan.match.New.Tables {
		if was := plan.match.OldTable(table); was != nil && was.Name != table.Name {
			counters = append(counters, rename{"id:" + was.Name, "id:" + table.Name})
		}
	}
	for _, change := range plan.Changes {
		for _, table := range []*model.Table{change.OldTable, change.NewTable} {
			if table != nil {
				touched[table.Name] = true
			}
		}
	}
	for _, rename := range inOrder(counters) {
		if err := r.s.MoveCounter(rename.from, rename.to); err != nil {
			return err
		}
	}
	for name := range touched {
		if err := r.s.MarkChanged(name); err != nil {
			return err
		}
	}
	return r.store()
}

// checkReferences looks for rows that refer to nothing, since SQLite enforces no foreign keys during the change.
func (r *run) checkReferences() error {
	broken, err := hasRow(r.s, "PRAGMA foreign_key_check")
	if err != nil || !broken {
		return err
	}
	var faults model.Faults
	for _, table := range r.to.Tables {
		for _, field := range table.Fields {
			if field.Ref == nil {
				continue
			}
			found, err := search(r.s, table, orphans(field, field.Ref))
			if err != nil {
				return err
			}
			if found.count > 0 {
				faults = append(faults, r.to.Fault(field.Pos, "%s.%s: %v in the way; %s", table.Name, field.Name, found, noSuchRows(field)))
			}
		}
	}
	if faults == nil {
		return errs.New(errs.Conflict, "rows of tables that are not the model's would refer to nothing: see PRAGMA foreign_key_check")
	}
	return faults.Sort()
}

// inPhases carries out a plan while servers work.
func (r *run) inPhases(plan *Plan) error {
	r.begin(plan)
	for _, step := range slices.Backward(plan.Steps) {
		for _, part := range slices.Backward(step.parts) {
			if part.undo != "" {
				r.entry.remaining.Undo = append(r.entry.remaining.Undo, part.undo)
			}
		}
	}
	err := r.s.Transaction(func() error { return r.entry.insert(r.s, r.o.now()) })
	if err != nil {
		return err
	}
	if err := r.untilSwitch(plan); err != nil {
		return errors.Join(err, r.takeBack())
	}
	return r.finishAfter()
}

// untilSwitch carries out what comes before the switch, and the switch.
func (r *run) untilSwitch(plan *Plan) error {
	for _, step := range plan.Steps {
		if step.Phase == Before {
			if err := r.stepBefore(step); err != nil {
				return err
			}
		}
	}
	ran, undo := len(r.entry.Steps), r.entry.remaining
	return r.s.Transaction(func() error {
		r.entry.Steps, r.entry.State, r.entry.remaining = r.entry.Steps[:ran], Preparing, undo
		for _, step := range plan.Steps {
			if step.Phase == Switch {
				if err := r.step(step); err != nil {
					return err
				}
			}
		}
		if err := r.switchTo(plan); err != nil {
			return err
		}
		r.entry.remaining = remaining{After: deferredOf(plan)}
		return r.finish(Finishing, false)
	})
}

func deferredOf(plan *Plan) (all []deferred) {
	for _, step := range plan.Steps {
		if step.Phase != After {
			continue
		}
		for _, part := range step.parts {
			later := deferred{SQL: part.sql, OutsideTx: part.outsideTx}
			if part.loop != nil {
				later.Loop, later.Table = true, part.loop.table()
			}
			all = append(all, later)
		}
	}
	return all
}

// stepBefore runs a step of the phase Before. Statements that take locks commit together, all others one by one.
func (r *run) stepBefore(step Step) error {
	r.progress(step.Title, "")
	if step.parts[0].outsideTx || step.parts[0].loop != nil {
		for _, part := range step.parts {
			if err := r.exec(part); err != nil {
				return r.explain(step, err)
			}
		}
		return nil
	}
	ran := len(r.entry.Steps)
	return r.explain(step, r.s.Transaction(func() error {
		r.entry.Steps = r.entry.Steps[:ran]
		for _, part := range step.parts {
			if err := r.exec(part); err != nil {
				return err
			}
		}
		return nil
	}))
}
