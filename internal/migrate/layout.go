package migrate

import (
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// upgradeLayout brings the database to the current layout, in one transaction for each step. If a step is interrupted,
// the engine undoes it, and the next start runs it again.
func (r *run) upgradeLayout() error {
	steps, err := system.Steps(r.s, r.o.now())
	if err != nil || len(steps) == 0 {
		return err
	}
	if r.o.ServerRunning {
		return errs.New(errs.Conflict, "the database has the layout of an earlier release of Ashlar, and a server has it open: stop that server first")
	}
	r.result.Layout = steps[0].To - 1
	for range steps {
		if err := r.s.Transaction(r.runLayoutStep); err != nil {
			return err
		}
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
	return nil
}
