package migrate

import (
	"errors"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// inOneTransaction carries out a plan in one transaction.
func (r *run) inOneTransaction(p *Plan) error {
	return r.s.Transaction(func() error {
		r.begin(p)
		for _, s := range p.Steps {
			if err := r.step(s); err != nil {
				return err
			}
		}
		if p.Hazards()&(Rewrites|LosesData) != 0 { // otherwise no row is gone and no key has changed
			if err := r.checkReferences(); err != nil {
				return err
			}
		}
		if err := r.switchTo(p); err != nil {
			return err
		}
		return r.finish(Done, true)
	})
}

// switchTo makes the model the stored one, and renames and moves what goes by the names of tables: counters and
// generations.
func (r *run) switchTo(p *Plan) error {
	var counters []rename
	touched := map[string]bool{}
	for _, t := range p.match.New.Tables {
		if was := p.match.OldTable(t); was != nil && was.Name != t.Name {
			counters = append(counters, rename{"id:" + was.Name, "id:" + t.Name})
		}
	}
	for _, c := range p.Changes {
		for _, t := range []*model.Table{c.OldTable, c.NewTable} {
			if t != nil {
				touched[t.Name] = true
			}
		}
	}
	for _, c := range inOrder(counters) {
		if err := r.s.MoveCounter(c.from, c.to); err != nil {
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
	for _, t := range r.to.Tables {
		for _, f := range t.Fields {
			if f.Ref == nil {
				continue
			}
			found, err := search(r.s, t, orphans(f, f.Ref))
			if err != nil {
				return err
			}
			if found.rows > 0 {
				faults = append(faults, r.to.Fault(f.Pos, "%s.%s: %v in the way; %s", t.Name, f.Name, found, noSuchRows(f)))
			}
		}
	}
	if faults == nil {
		return errs.New(errs.Conflict, "rows of tables that are not the model's would refer to nothing: see PRAGMA foreign_key_check")
	}
	return faults.Sort()
}

// inPhases carries out a plan while servers work.
func (r *run) inPhases(p *Plan) error {
	r.begin(p)
	for _, s := range slices.Backward(p.Steps) {
		for _, a := range slices.Backward(s.parts) {
			if a.undo != "" {
				r.entry.remaining.Undo = append(r.entry.remaining.Undo, a.undo)
			}
		}
	}
	err := r.s.Transaction(func() error { return r.entry.insert(r.s, r.o.now()) })
	if err != nil {
		return err
	}
	if err := r.untilSwitch(p); err != nil {
		return errors.Join(err, r.takeBack())
	}
	return r.finishAfter()
}

// untilSwitch carries out what comes before the switch, and the switch.
func (r *run) untilSwitch(p *Plan) error {
	for _, s := range p.Steps {
		if s.Phase == Before {
			if err := r.stepBefore(s); err != nil {
				return err
			}
		}
	}
	ran, undo := len(r.entry.Steps), r.entry.remaining
	return r.s.Transaction(func() error {
		r.entry.Steps, r.entry.State, r.entry.remaining = r.entry.Steps[:ran], Preparing, undo
		for _, s := range p.Steps {
			if s.Phase == Switch {
				if err := r.step(s); err != nil {
					return err
				}
			}
		}
		if err := r.switchTo(p); err != nil {
			return err
		}
		r.entry.remaining = remaining{After: deferredOf(p)}
		return r.finish(Finishing, false)
	})
}

func deferredOf(p *Plan) (all []deferred) {
	for _, s := range p.Steps {
		if s.Phase != After {
			continue
		}
		for _, a := range s.parts {
			l := deferred{SQL: a.sql, OutsideTx: a.outsideTx}
			if a.loop != nil {
				l.Loop, l.Table = true, a.loop.table()
			}
			all = append(all, l)
		}
	}
	return all
}

// stepBefore runs a step of the phase Before. Statements that take locks commit together, all others one by one.
func (r *run) stepBefore(s Step) error {
	r.progress(s.Title, "")
	if s.parts[0].outsideTx || s.parts[0].loop != nil {
		for _, a := range s.parts {
			if err := r.exec(a); err != nil {
				return r.explain(s, err)
			}
		}
		return nil
	}
	ran := len(r.entry.Steps)
	return r.explain(s, r.s.Transaction(func() error {
		r.entry.Steps = r.entry.Steps[:ran]
		for _, a := range s.parts {
			if err := r.exec(a); err != nil {
				return err
			}
		}
		return nil
	}))
}
