package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// migrateOnStart brings the tables to the model if that is safe, and unless the configuration forbids it.
func (a *App) migrateOnStart(ctx context.Context, db store.DB) (migrate.Result, error) {
	if a.cfg.KeepTables {
		return a.requireSameTables(ctx, db)
	}
	start := time.Now()
	result, err := migrate.Apply(ctx, db, a.Rules, a.migrateOptions(db))
	if hazard, ok := errors.AsType[*migrate.HazardError](err); ok {
		return migrate.Result{}, a.allowOlderModel(ctx, db, hazard.Plan)
	}
	if err == nil {
		a.logMigration(result, time.Since(start))
		a.removeOldCopies(result.Copy)
	}
	return result, err
}

func (a *App) logMigration(result migrate.Result, took time.Duration) {
	if result.Resumed != "" {
		a.cfg.Logger.Warn("finished or took back an interrupted change of the tables", "what", result.Resumed)
	}
	a.warnOfDamage(result)
	if result.Copy != "" {
		a.cfg.Logger.Info("a copy of the database from before the change is kept", "copy", result.Copy, "to go back", strings.Join(append(GoBack(result.Copy), "start the former release"), "; "))
	}
	if result.Layout != 0 {
		a.cfg.Logger.Info("the system tables have a new layout: earlier releases refuse it", "was", result.Layout, "is", store.Layout)
	}
	for _, change := range result.Applied {
		a.cfg.Logger.Info("changed the database", "change", change)
	}
	for _, note := range result.Notes {
		a.cfg.Logger.Warn("existing rows are outside of a new limit", "rows", note.Text, "at", note.Pos.String())
	}
	if len(result.Applied) > 0 {
		a.cfg.Logger.Info("the tables match the model", "seconds", took.Seconds())
	}
}

func (a *App) warnOfDamage(result migrate.Result) {
	for _, entry := range result.Damaged {
		a.cfg.Logger.Warn("the history of the tables is damaged: only `ashlar migrate --undo` may need it", "what", entry)
	}
}

// allowOlderModel lets a server with an older model start if only safe changes separate it from the database. So a node
// can restart while newer nodes run. Any other plan is refused.
func (a *App) allowOlderModel(ctx context.Context, db store.DB, planned *plan.Plan) error {
	older, err := migrate.IsSafelyAhead(ctx, db, a.Rules.Model)
	if err != nil || !older {
		return errors.Join(err, hazardFaults(a.Rules.Model, planned))
	}
	a.cfg.Logger.Warn("the database has a newer model that this one can run with: leaving the tables as they are")
	return nil
}

// requireSameTables makes the tables of a new database. It refuses a database with other tables than the model's.
func (a *App) requireSameTables(ctx context.Context, db store.DB) (none migrate.Result, err error) {
	plan, err := migrate.NewPlan(ctx, db, a.Rules, a.migrateOptions(db))
	if err != nil {
		return none, err
	}
	if plan.Layout != 0 {
		return none, fmt.Errorf("the database has layout %d of Ashlar's own tables, this release needs layout %d, and --migrate=off forbids to change them: run `ashlar migrate`", plan.Layout, store.Layout)
	}
	if plan.IsNew() || len(plan.Changes) == 0 {
		result, err := migrate.Apply(ctx, db, a.Rules, a.migrateOptions(db))
		a.warnOfDamage(result)
		return result, err
	}
	if older, err := migrate.IsSafelyAhead(ctx, db, a.Rules.Model); err != nil || older {
		return none, err
	}
	var faults model.Faults
	for _, change := range plan.Changes {
		faults = append(faults, a.Rules.Model.Fault(change.Pos, "the database has other tables, and --migrate=off forbids to change them: %v; run `ashlar migrate`", change))
	}
	return none, faults.Sort()
}

// firstMention reports whether a step has a new cause, and adds its causes to told. A step without a cause counts by
// its title.
func firstMention(told map[string]bool, step plan.Step) bool {
	names := []string{step.Title}
	if len(step.Causes) > 0 {
		names = nil
		for _, change := range step.Causes {
			names = append(names, change.String())
		}
	}
	isFirst := false
	for _, name := range names {
		isFirst = isFirst || !told[name]
		told[name] = true
	}
	return isFirst
}

// hazardFaults returns a fault for each change that needs a command, with the command.
func hazardFaults(m *model.Model, planned *plan.Plan) error {
	var faults model.Faults
	told := map[string]bool{}
	for _, step := range planned.Steps {
		h := step.Hazards &^ plan.BlocksWrites
		if h == 0 || !firstMention(told, step) {
			continue
		}
		how := "run `ashlar migrate`"
		if step.Drop != "" {
			how += " with --allow drop:" + step.Drop
		}
		faults = append(faults, m.Fault(step.Pos, "a server does not make this change by itself: %s (%v); %s, or look at it first with --plan", step.Title, h, how))
	}
	return faults.Sort()
}
