package migrate

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/ddl"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// Result is what Apply did.
type Result struct {
	Created bool     // the database was new
	Applied []string // the changes of an older database, in a few words each
	Notes   []Note   // see Plan
	Copy    string   // of the database as it was; "" for none
	Damaged []string // the entries of the history that cannot be read, which nothing that was done needs
	Layout  int      // of the database before, if it was an older one; the database has store.Layout now
	Resumed string   // what an interrupted change had left behind, and what was done about it; "" for nothing
}

// HazardError is a plan that does what was not allowed. Nothing was done.
type HazardError struct {
	Plan    *Plan
	Hazards Hazards  // that Options.Hazards does not have
	Drops   []string // that Options.Allow does not name
}

func (e *HazardError) Error() string {
	if len(e.Drops) > 0 {
		return "the change loses data: allow it by name: --allow drop:" + strings.Join(e.Drops, " --allow drop:")
	}
	return "the change is not safe beside servers at work: " + e.Hazards.String()
}

// Apply brings a database to the model: what was interrupted before is taken back or finished first, then the plan is
// made and carried out. It does all or nothing. What rows contradict, and changes that there is no way for, are returned
// as model.Faults, which point into the model; hazards that the options do not allow as *HazardError. The database is
// then as it was.
func Apply(ctx context.Context, db store.DB, rules *rule.Rules, o Options) (result Result, err error) {
	defer errs.Wrap(&err, "migrate.Apply(%s)", rules.Model.Name)
	done, damaged, err := upToDate(ctx, db, rules.Model, o)
	if err != nil || done {
		return Result{Damaged: damaged}, err
	}
	err = db.Alter(ctx, func(s store.Session) error {
		r := &run{ctx: ctx, s: s, o: o, to: rules.Model, own: o.systemModel(), dialect: system.Dialect(s)}
		defer func() { result = r.result }()
		if err := r.upgradeLayout(); err != nil {
			return err
		}
		if err := r.resume(); err != nil {
			return err
		}
		if r.result.Layout != 0 {
			if done, _, err := isUpToDate(s, rules.Model, o); err != nil || done {
				return err
			}
		}
		p, err := plan(s, rules, o)
		if err != nil {
			return err
		}
		if p.isNew {
			r.result.Created = true
			return r.create()
		}
		return r.apply(p)
	})
	return result, err
}

// upToDate reports whether there is nothing to do. Servers ask it at each start, and most have nothing to do.
func upToDate(ctx context.Context, db store.DB, m *model.Model, o Options) (done bool, damaged []string, err error) {
	err = db.Read(ctx, func(r store.Reader) (err error) {
		done, damaged, err = isUpToDate(r, m, o)
		return err
	})
	return done, damaged, err
}

func isUpToDate(q querier, m *model.Model, o Options) (done bool, damaged []string, err error) {
	layout, err := system.Layout(q)
	if err != nil || layout < store.Layout {
		return false, nil, err
	}
	text, found, err := system.Get(q, system.ModelKey)
	if err != nil || !found || text != string(snapshot.Encode(m)) {
		return false, nil, err
	}
	if err := system.CheckNotMoving(q); err != nil {
		return false, nil, err
	}
	own, err := system.StoredModel(q)
	if err != nil || !bytes.Equal(snapshot.Encode(own), snapshot.Encode(system.KeepUnknown(o.systemModel(), own))) {
		return false, nil, err
	}
	all, err := entries(q)
	return err == nil && !slices.ContainsFunc(all, func(e entryRow) bool { return e.isOpen() }), damagedEntries(all), err
}

// permitted returns an error where a plan does what was not allowed.
func (r *run) checkPermitted(p *Plan) error {
	if len(p.faults) > 0 {
		return p.faults
	}
	for _, name := range r.o.Allow {
		if len(p.Steps) > 0 && !slices.Contains(p.Drops(), name) {
			return errs.New(errs.Invalid, "the change does not drop %s: what it drops is named by --plan", name)
		}
	}
	e := &HazardError{Plan: p, Hazards: p.Hazards() &^ (r.o.Hazards | BlocksWrites | LosesData)}
	for _, drop := range p.Drops() {
		if !slices.Contains(r.o.Allow, drop) {
			e.Drops, e.Hazards = append(e.Drops, drop), e.Hazards|LosesData
		}
	}
	if e.Hazards != 0 {
		return e
	}
	return nil
}

func (r *run) apply(p *Plan) error {
	if err := r.checkPermitted(p); err != nil {
		return err
	}
	if r.o.Copy != nil && p.Hazards()&(Rewrites|LosesData) != 0 {
		r.progress("copying the database", "")
		var err error
		if r.result.Copy, err = r.o.Copy(r.ctx); err != nil {
			return fmt.Errorf("before a change that rewrites or loses data, a copy is made: %w", err)
		}
	}
	r.own, r.result.Applied, r.result.Notes = p.own, describeAll(p.Changes), p.Notes
	defer r.endProgress()
	if r.dialect == ddl.SQLite {
		return r.inOneTransaction(p)
	}
	return r.inPhases(p)
}

func describeAll(changes []diff.Change) []string {
	all := make([]string, len(changes))
	for i, c := range changes {
		all[i] = c.String()
	}
	return all
}
