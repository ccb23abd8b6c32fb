package migrate

import (
	"fmt"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// upgradeLayout brings the database to the current layout, in one transaction for each step. If a step is interrupted,
// the engine undoes it, and the next start runs it again. rules are the rules of the model that follows, nil for Undo.
func (r *run) upgradeLayout(rules *rule.Rules) error {
	steps, err := system.Steps(r.s, r.o.now())
	if err != nil || len(steps) == 0 {
		return err
	}
	if r.o.ServerRunning {
		return errs.New(errs.Conflict, "the database has the layout of an earlier release of Ashlar, and a server has it open: stop that server first")
	}
	if err := r.checkPermittedLater(rules); err != nil {
		return err
	}
	if err := r.copy("before the system tables get a new layout"); err != nil {
		return err
	}
	r.result.Layout = steps[0].To - 1
	for range steps {
		if err := r.s.Transaction(r.runLayoutStep); err != nil {
			return err
		}
	}
	return nil
}

// checkPermittedLater returns an error if the change of the model that follows the new layout is not permitted. Otherwise a
// refused start would leave a database that the former release refuses too. While the history has an interrupted change,
// that change is not known.
func (r *run) checkPermittedLater(rules *rule.Rules) error {
	if rules == nil {
		return nil
	}
	all, err := entries(r.s)
	if err != nil || slices.ContainsFunc(all, func(e entryRow) bool { return e.isOpen() }) {
		return err
	}
	planned, err := planFor(r.s, rules, r.o)
	if err != nil || planned.IsNew() {
		return err
	}
	refusal := r.checkPermitted(planned)
	if refusal == nil {
		return nil
	}
	if ahead, err := isSafelyAhead(r.s, rules.Model); err != nil || ahead { // a server with this model may run
		return err
	}
	return refusal
}

// copy copies the database, unless it has done so.
func (r *run) copy(why string) (err error) {
	if r.o.Copy == nil || r.result.Copy != "" {
		return nil
	}
	if r.result.Copy, err = r.o.Copy(r.ctx); err != nil {
		r.result.Copy = ""
		return fmt.Errorf("a copy is made %s: %w", why, err)
	}
	return nil
}

// runLayoutStep runs the step from the present layout to the next one.
func (r *run) runLayoutStep() error {
	steps, err := system.Steps(r.s, r.o.now())
	if err != nil || len(steps) == 0 {
		return err
	}
	for _, sql := range steps[0].Statements {
		if r.o.step != nil {
			if err := r.o.step(sql); err != nil {
				return err
			}
		}
		if _, err := r.s.Exec(sql, nil); err != nil {
			return err
		}
	}
	if steps[0].To != store.Layout {
		return nil
	}
	return r.storeRelease()
}

// storeRelease notes who changed the database last, for the error of an earlier release that cannot read it.
func (r *run) storeRelease() error {
	found, err := system.HasTable(r.s, system.MetaTable)
	if err != nil || !found || r.o.By == "" {
		return err
	}
	return system.SetAltering(r.s, system.ReleaseKey, r.o.By, r.o.now())
}
