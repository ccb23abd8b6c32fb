// Package migrate brings the tables of a database to what the model says: it plans, judges, applies, records and takes back
// changes.
//
// Package plan holds plans as values. Packages sqlite and postgres make their steps. This package carries the steps out.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Options says how to make a plan and carry it out. The zero value does only what is safe.
type Options struct {
	Allow    []string                                           // losses that are allowed by name: posts, posts.body
	Hazards  plan.Hazards                                       // hazards that are allowed: BlocksWrites, Rewrites, Breaks
	By       string                                             // who makes the change, for the history
	Now      func() time.Time                                   // nil: time.Now
	Progress Progress                                           // may be nil
	Copy     func(ctx context.Context) (name string, err error) // copies an embedded database before a change that NeedsCopy; nil: no copy

	Records telemetry.Sink // takes a record of each step of a plan; nil: nobody

	System        []system.Fragment // system tables of packages above this one
	ServerRunning bool              // another server has the database open and does not know of the change: an older layout is refused

	step func(sql string) error // for tests: called before each statement
}

// Progress learns how far a plan is.
type Progress interface {
	Step(name string, total int64)  // begins a step; total is the number of its rows, or 0 if unknown
	Bytes(name string, total int64) // begins a step that counts bytes
	Add(n int64)
	Done()
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// systemModel returns the system tables that this release needs in the database of an app.
func (o Options) systemModel(app *model.Model) *model.Model {
	return system.Model(app, append([]system.Fragment{Tables}, o.System...)...)
}

// SystemModel returns the system tables of a database that was brought to the model of the app. They include tables that
// only a later release knows.
func SystemModel(ctx context.Context, db store.DB, app *model.Model, options Options) (own *model.Model, err error) {
	defer errs.Wrap(&err, "migrate.SystemModel(%s)", app.Name)
	err = db.Read(ctx, func(reader store.Reader) error {
		stored, err := storedModels(reader)
		if err == nil && stored.app != nil {
			own = system.KeepUnknown(options.systemModel(app), stored.own, app)
		}
		return err
	})
	if own == nil && err == nil {
		err = errors.New("the database has no tables yet")
	}
	return own, err
}

// NewPlan compares the database with the model and plans the way to it. It changes nothing.
func NewPlan(ctx context.Context, db store.DB, rules *rule.Rules, options Options) (made *plan.Plan, err error) {
	defer errs.Wrap(&err, "migrate.NewPlan(%s)", rules.Model.Name)
	err = db.Alter(ctx, func(s store.Session) (err error) { // its statements have no deadline
		made, err = planFor(s, rules, options)
		return err
	})
	return made, err
}

// models holds the models of one database: of the tables of the app, and of the system tables.
type models struct{ app, own *model.Model }

func (m models) whole() *model.Model { return system.Whole(m.own, m.app) }

// planFor compares with the stored models. A database without a stored model is new.
func planFor(reader plan.Querier, rules *rule.Rules, options Options) (*plan.Plan, error) {
	old, err := storedModels(reader)
	if err != nil {
		return nil, err
	}
	own := options.systemModel(rules.Model)
	if old.app == nil {
		return plan.ForNewDatabase(), nil
	}
	planned, err := between(reader, old, models{rules.Model, system.KeepUnknown(own, old.own, rules.Model)}, rules, options.now())
	if err != nil {
		return nil, err
	}
	layout, err := system.Layout(reader)
	if layout < store.Layout {
		planned.Layout = layout
	}
	return planned, err
}

// between plans the way from the models of a database to others. rules are the rules of the new app model, or nil if
// that model comes from the history.
func between(reader plan.Querier, old, m models, rules *rule.Rules, now time.Time) (*plan.Plan, error) {
	planned, err := plan.Between(reader, engineOf(reader.Dialect()), old.whole(), m.whole(), rules, now)
	if err != nil {
		return nil, err
	}
	planned.System = m.own
	return planned, nil
}

// Differences returns how the tables of the model and of the database differ, and whether the database is new.
// It changes nothing and reads no rows.
func Differences(ctx context.Context, db store.DB, m *model.Model) (changes []diff.Change, isNew bool, err error) {
	defer errs.Wrap(&err, "migrate.Differences(%s)", m.Name)
	err = db.Read(ctx, func(reader store.Reader) error {
		old, err := storedApp(reader)
		if err == nil && old != nil {
			changes = diff.Between(old, m)
		}
		isNew = old == nil && err == nil
		return err
	})
	return changes, isNew, err
}

// storedApp reads the model of the app, nil if the database is new. It refuses a database that a move is filling.
func storedApp(reader plan.Querier) (old *model.Model, err error) {
	if err := system.CheckNotMoving(reader); err != nil {
		return nil, err
	}
	text, found, err := system.Get(reader, system.ModelKey)
	if err != nil || !found {
		return nil, err
	}
	old, err = snapshot.Decode([]byte(text))
	if errors.Is(err, snapshot.ErrDamaged) {
		err = fmt.Errorf("%w; restore the database from a backup", err)
	}
	return old, err
}

// storedModels reads both models of the database. The model of the app is nil if the database is new.
func storedModels(reader plan.Querier) (old models, err error) {
	if old.app, err = storedApp(reader); err != nil || old.app == nil {
		return old, err
	}
	old.own, err = system.StoredModel(reader, old.app)
	return old, err
}
