package migrate

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// Result says what Apply or Undo did.
type Result struct {
	Created bool        // the database was new
	Applied []string    // changes of an older database, in a few words each
	Notes   []plan.Note // see plan.Plan.Notes
	Copy    string      // file with the old database; "" for none
	Damaged []string    // entries of the history that cannot be read; the change needed none of them
	Layout  int         // old layout, if the change brought the database to store.Layout; else 0
	Resumed string      // what became of an earlier change that was interrupted; "" for none
}

// HazardError is the error about a plan with hazards or losses that the options do not allow. Nothing was changed.
type HazardError struct {
	Plan    *plan.Plan
	Hazards plan.Hazards // hazards that Options.Hazards lacks
	Drops   []string     // losses that Options.Allow does not name
}

func (e *HazardError) Error() string {
	if len(e.Drops) > 0 {
		return "the change loses data: allow it by name: --allow drop:" + strings.Join(e.Drops, " --allow drop:")
	}
	return "the change is not safe while servers run: " + e.Hazards.String()
}

// Apply brings a database to the model. It first takes back or finishes what was interrupted before. Then it makes the
// plan and carries it out, completely or not at all. It returns model.Faults, which point into the model, if rows
// contradict a change or no way leads to it. It returns a *HazardError if the options do not allow a hazard. After an
// error the tables are as they were.
func Apply(ctx context.Context, db store.DB, rules *rule.Rules, options Options) (result Result, err error) {
	defer errs.Wrap(&err, "migrate.Apply(%s)", rules.Model.Name)
	done, damaged, err := upToDate(ctx, db, rules.Model, options)
	if err != nil || done {
		return Result{Damaged: damaged}, err
	}
	err = db.Alter(ctx, func(session store.Session) error {
		r := &run{ctx: ctx, s: session, o: options, to: rules.Model, own: options.systemModel(rules.Model), engine: engineOf(session.Dialect())}
		defer func() { result = r.result }()
		if err := r.upgradeLayout(rules); err != nil {
			return err
		}
		if err := r.resume(); err != nil {
			return err
		}
		if r.result.Layout != 0 {
			if done, _, err := isUpToDate(session, rules.Model, options); err != nil || done {
				return err
			}
		}
		p, err := planFor(session, rules, options)
		if err != nil {
			return err
		}
		if p.IsNew() {
			r.result.Created = true
			return r.create()
		}
		return r.apply(p)
	})
	return result, err
}

// upToDate reports whether there is nothing to do. Servers ask it at each start, and most have nothing to do.
func upToDate(ctx context.Context, db store.DB, m *model.Model, options Options) (done bool, damaged []string, err error) {
	err = db.Read(ctx, func(r store.Reader) (err error) {
		done, damaged, err = isUpToDate(r, m, options)
		return err
	})
	return done, damaged, err
}

func isUpToDate(reader plan.Querier, m *model.Model, options Options) (done bool, damaged []string, err error) {
	layout, err := system.Layout(reader)
	if err != nil || layout < store.Layout {
		return false, nil, err
	}
	text, found, err := system.Get(reader, system.ModelKey)
	if err != nil || !found || text != string(snapshot.Encode(m)) {
		return false, nil, err
	}
	if err := system.CheckNotMoving(reader); err != nil {
		return false, nil, err
	}
	own, err := system.StoredModel(reader, m)
	if err != nil || !bytes.Equal(snapshot.Encode(own), snapshot.Encode(system.KeepUnknown(options.systemModel(m), own, m))) {
		return false, nil, err
	}
	all, err := entries(reader)
	return err == nil && !slices.ContainsFunc(all, func(e entryRow) bool { return e.isOpen() }), damagedEntries(all), err
}

// checkPermitted returns an error if the plan does what the options do not allow.
func (r *run) checkPermitted(planned *plan.Plan) error {
	if len(planned.Faults()) > 0 {
		return planned.Faults()
	}
	for _, name := range r.o.Allow {
		if len(planned.Steps) > 0 && !slices.Contains(planned.Drops(), name) {
			return errs.New(errs.Invalid, "the change does not drop %s: what it drops is named by --plan", name)
		}
	}
	hazard := &HazardError{Plan: planned, Hazards: planned.Hazards() &^ (r.o.Hazards | plan.BlocksWrites | plan.LosesData)}
	for _, drop := range planned.Drops() {
		if !slices.Contains(r.o.Allow, drop) {
			hazard.Drops, hazard.Hazards = append(hazard.Drops, drop), hazard.Hazards|plan.LosesData
		}
	}
	if hazard.Hazards != 0 {
		return hazard
	}
	return nil
}

// NeedsCopy reports whether an embedded database is copied before a plan is carried out. Other plans only add, and Undo takes
// them back.
func NeedsCopy(planned *plan.Plan) bool {
	return planned.Layout != 0 || planned.Hazards()&(plan.Rewrites|plan.LosesData) != 0
}

func (r *run) apply(planned *plan.Plan) error {
	if err := r.checkPermitted(planned); err != nil {
		return err
	}
	if NeedsCopy(planned) {
		if err := r.copy("before a change that rewrites or loses data"); err != nil {
			return err
		}
	}
	r.own, r.result.Applied, r.result.Notes = planned.System, plan.DescribeAll(planned.Changes), planned.Notes
	defer r.endProgress()
	if r.engine.InOneTransaction() {
		return r.inOneTransaction(planned)
	}
	return r.inPhases(planned)
}
