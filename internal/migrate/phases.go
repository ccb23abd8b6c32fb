package migrate

import (
	"errors"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// inOneTransaction carries out a plan in one transaction.
func (r *run) inOneTransaction(planned *plan.Plan) error {
	return r.s.Transaction(func() error {
		r.begin(planned)
		for _, step := range planned.Steps {
			if err := r.step(step); err != nil {
				return err
			}
		}
		if planned.Hazards()&(plan.Rewrites|plan.LosesData) != 0 { // otherwise no row is gone and no key has changed
			if err := r.engine.CheckReferences(r.s, r.to); err != nil {
				return err
			}
		}
		if err := r.switchTo(planned); err != nil {
			return err
		}
		return r.finish(Done, true)
	})
}

// switchTo makes the model the stored one, and renames and moves what goes by the names of tables: counters and
// generations.
func (r *run) switchTo(planned *plan.Plan) error {
	var counters []plan.Rename
	touched := map[string]bool{}
	for _, table := range planned.Match.New.Tables {
		if was := planned.Match.OldTable(table); was != nil && was.Name != table.Name {
			counters = append(counters, plan.Rename{From: "id:" + was.Name, To: "id:" + table.Name})
		}
	}
	for _, change := range planned.Changes {
		for _, table := range []*model.Table{change.OldTable, change.NewTable} {
			if table != nil {
				touched[table.Name] = true
			}
		}
	}
	for _, rename := range plan.InOrder(counters) {
		if err := r.s.MoveCounter(rename.From, rename.To); err != nil {
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

// inPhases carries out a plan while servers work.
func (r *run) inPhases(planned *plan.Plan) error {
	r.begin(planned)
	for _, step := range slices.Backward(planned.Steps) {
		for _, part := range slices.Backward(step.Parts) {
			if part.Undo != "" {
				r.entry.remaining.Undo = append(r.entry.remaining.Undo, part.Undo)
			}
		}
	}
	err := r.s.Transaction(func() error { return r.entry.insert(r.s, r.o.now()) })
	if err != nil {
		return err
	}
	if err := r.untilSwitch(planned); err != nil {
		return errors.Join(err, r.takeBack())
	}
	return r.finishAfter()
}

// untilSwitch carries out what comes before the switch, and the switch.
func (r *run) untilSwitch(planned *plan.Plan) error {
	for _, step := range planned.Steps {
		if step.Phase == plan.Before {
			if err := r.stepBefore(step); err != nil {
				return err
			}
		}
	}
	ran, undo := len(r.entry.Steps), r.entry.remaining
	return r.s.Transaction(func() error {
		r.entry.Steps, r.entry.State, r.entry.remaining = r.entry.Steps[:ran], Preparing, undo
		for _, step := range planned.Steps {
			if step.Phase == plan.Switch {
				if err := r.step(step); err != nil {
					return err
				}
			}
		}
		if err := r.switchTo(planned); err != nil {
			return err
		}
		r.entry.remaining = remaining{After: deferredOf(planned)}
		return r.finish(Finishing, false)
	})
}

func deferredOf(planned *plan.Plan) (all []deferred) {
	for _, step := range planned.Steps {
		if step.Phase != plan.After {
			continue
		}
		for _, part := range step.Parts {
			later := deferred{SQL: part.SQL, OutsideTx: part.OutsideTx}
			if part.Loop != nil {
				later.Loop, later.Table = true, part.Loop.Table()
			}
			all = append(all, later)
		}
	}
	return all
}

// stepBefore runs a step of the phase Before. Statements that take locks commit together, all others one by one.
func (r *run) stepBefore(step plan.Step) error {
	r.progress(step.Title, "")
	if step.Parts[0].OutsideTx || step.Parts[0].Loop != nil {
		for _, part := range step.Parts {
			if err := r.exec(part); err != nil {
				return r.explain(step, err)
			}
		}
		return nil
	}
	ran := len(r.entry.Steps)
	return r.explain(step, r.s.Transaction(func() error {
		r.entry.Steps = r.entry.Steps[:ran]
		for _, part := range step.Parts {
			if err := r.exec(part); err != nil {
				return err
			}
		}
		return nil
	}))
}
