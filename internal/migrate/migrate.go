// Package migrate brings the tables of a database to what the model says: it plans, judges, applies, records and takes back
// changes.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Options says how to make a plan and carry it out. The zero value does only what is safe.
type Options struct {
	Allow    []string                                           // losses that are allowed by name: posts, posts.body
	Hazards  Hazards                                            // hazards that are allowed: BlocksWrites, Rewrites, Breaks
	By       string                                             // who makes the change, for the history
	Now      func() time.Time                                   // nil: time.Now
	Progress Progress                                           // may be nil
	Copy     func(ctx context.Context) (name string, err error) // copies an embedded database before a change that rewrites or loses data; nil: no copy

	System        []system.Fragment // system tables of packages above this one
	ServerRunning bool              // another server has the database open and does not know of the change: an older layout is refused

	step func(sql string) error // for tests: called before each statement
}

// Progress learns how far a plan is.
type Progress interface {
	Step(name string, total int64) // begins a step; total is the number of its rows, or 0 if unknown
	Add(rows int64)
	Done()
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// systemModel returns the system tables that this release needs.
func (o Options) systemModel() *model.Model {
	return system.Model(append([]system.Fragment{Tables}, o.System...)...)
}

// NewPlan compares the database with the model and plans the way to it. It changes nothing.
func NewPlan(ctx context.Context, db store.DB, rules *rule.Rules, options Options) (made *Plan, err error) {
	defer errs.Wrap(&err, "migrate.NewPlan(%s)", rules.Model.Name)
	err = db.Alter(ctx, func(s store.Session) (err error) { // its statements have no deadline
		made, err = plan(s, rules, options)
		return err
	})
	return made, err
}

// models holds the models of one database: of the tables of the app, and of the system tables.
type models struct{ app, own *model.Model }

func (m models) whole() *model.Model { return system.Whole(m.own, m.app) }

// plan compares with the stored models. A database without a stored model is new.
func plan(reader querier, rules *rule.Rules, options Options) (*Plan, error) {
	old, err := storedModels(reader)
	if err != nil {
		return nil, err
	}
	own := options.systemModel()
	if old.app == nil {
		return &Plan{isNew: true, own: own}, nil
	}
	plan, err := between(reader, old, models{rules.Model, system.KeepUnknown(own, old.own)}, rules, options.now())
	if err != nil {
		return nil, err
	}
	layout, err := system.Layout(reader)
	if layout < store.Layout {
		plan.Layout = layout
	}
	return plan, err
}

// between plans the way from the models of a database to others. rules are the rules of the new app model, or nil if
// that model comes from the history.
func between(reader querier, old, m models, rules *rule.Rules, now time.Time) (*Plan, error) {
	planner := newPlanner(reader.Dialect(), old.whole(), m.whole(), backfillBy(rules, now))
	planner.plan.own = m.own
	planner.steps()
	planner.plan.backfills = planner.allBackfills()
	if err := planner.contradictions(reader); err != nil {
		return nil, err
	}
	planner.plan.faults.Sort()
	if rules == nil || len(planner.plan.faults) > 0 {
		return planner.plan, nil
	}
	return planner.plan, planner.notes(reader, rules)
}

func newPlanner(d sqlgen.Dialect, old, m *model.Model, given func(*model.Field) value.Value) *planner {
	match := diff.NewMatch(old, m)
	return &planner{Match: match, dialect: d, plan: &Plan{match: match, Changes: match.Changes()}, backfill: given}
}

// steps makes the steps of the plan.
func (p *planner) steps() {
	if p.dialect == sqlgen.Postgres {
		planPostgres(p)
	} else {
		planSQLite(p)
	}
	p.sorted()
}

// allBackfills returns the values of added fields in existing rows, as literals, by table and column.
func (p *planner) allBackfills() map[string]string {
	all := map[string]string{}
	for _, change := range p.plan.Changes {
		if change.Kind == diff.FieldAdded && change.OldTable != nil {
			if v := p.backfillFor(change.NewField); !v.IsNull() {
				all[change.NewTable.Name+"."+change.NewField.Name] = p.dialect.Literal(change.NewField, v)
			}
		}
	}
	return all
}

// backfillBy returns a function for the value of a field in rows without one: the default, if it is the same for all
// rows.
func backfillBy(rules *rule.Rules, now time.Time) func(*model.Field) value.Value {
	return func(field *model.Field) value.Value {
		if rules == nil {
			return value.Value{}
		}
		if rules.Field(field) == nil { // of a system table: a field added to one must be optional
			return value.Value{}
		}
		switch n := rules.Field(field).Default.(type) {
		case *rule.Const:
			return n.Value
		case *rule.Now:
			return value.OfTimestamp(now.UnixMicro())
		}
		return value.Value{}
	}
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
func storedApp(reader querier) (old *model.Model, err error) {
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
func storedModels(reader querier) (old models, err error) {
	if old.app, err = storedApp(reader); err != nil || old.app == nil {
		return old, err
	}
	old.own, err = system.StoredModel(reader)
	return old, err
}
