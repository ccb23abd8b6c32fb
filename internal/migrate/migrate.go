// Package migrate brings the tables of a database to what the model says: it plans, judges, applies, records and takes back
// changes.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/ddl"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Options say how a plan is made and carried out. The zero value does what is safe.
type Options struct {
	Allow    []string                                           // what may be lost: posts, posts.body
	Hazards  Hazards                                            // what the steps may do without being asked about: BlocksWrites, Rewrites, Breaks
	By       string                                             // who does it, for the history
	Now      func() time.Time                                   // nil: time.Now
	Progress Progress                                           // nil: nobody looks
	Copy     func(ctx context.Context) (name string, err error) // makes a copy of an embedded database before it is rewritten; nil: no copy is made

	System        []system.Fragment // the system tables of packages above this one
	ServerRunning bool              // another server has the database open and knows nothing of the change: an older layout stays

	step func(sql string) error // for tests: called before each statement
}

// Progress is told how far a plan is.
type Progress interface {
	Step(name string, total int64) // a step begins; total is its rows, 0 where they are not counted
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

// Make compares the database with the model and plans how it comes to it. It changes nothing.
func NewPlan(ctx context.Context, db store.DB, rules *rule.Rules, o Options) (p *Plan, err error) {
	defer errs.Wrap(&err, "migrate.Make(%s)", rules.Model.Name)
	err = db.Alter(ctx, func(s store.Session) (err error) { // whose statements may take their time
		p, err = plan(s, rules, o)
		return err
	})
	return p, err
}

// models are the models of one database: that of the app's tables and that of the system tables.
type models struct{ app, own *model.Model }

func (m models) whole() *model.Model { return system.Whole(m.own, m.app) }

// plan compares with the stored models. A database without one is new.
func plan(q querier, rules *rule.Rules, o Options) (*Plan, error) {
	old, err := storedModels(q)
	if err != nil {
		return nil, err
	}
	own := o.systemModel()
	if old.app == nil {
		return &Plan{isNew: true, own: own}, nil
	}
	p, err := between(q, old, models{rules.Model, system.KeepUnknown(own, old.own)}, rules, o.now())
	if err != nil {
		return nil, err
	}
	layout, err := system.Layout(q)
	if layout < store.Layout {
		p.Layout = layout
	}
	return p, err
}

// between plans the way from the models of a database to others. rules are those of the latter app, nil for a model that is
// stored.
func between(q querier, old, m models, rules *rule.Rules, now time.Time) (*Plan, error) {
	p := newPlanner(system.Dialect(q), old.whole(), m.whole(), backfillBy(rules, now))
	p.plan.own = m.own
	p.steps()
	p.plan.backfills = p.allBackfills()
	if err := p.contradictions(q); err != nil {
		return nil, err
	}
	p.plan.faults.Sort()
	if rules == nil || len(p.plan.faults) > 0 {
		return p.plan, nil
	}
	return p.plan, p.notes(q, rules)
}

func newPlanner(d ddl.Dialect, old, m *model.Model, given func(*model.Field) value.Value) *planner {
	match := diff.NewMatch(old, m)
	return &planner{Match: match, dialect: d, plan: &Plan{match: match, Changes: match.Changes()}, backfill: given}
}

// steps makes the steps of the plan.
func (p *planner) steps() {
	if p.dialect == ddl.Postgres {
		planPostgres(p)
	} else {
		planSQLite(p)
	}
	p.sorted()
}

// givenAll are the values that rows get for fields which are added, as literals, by table and column.
func (p *planner) allBackfills() map[string]string {
	all := map[string]string{}
	for _, c := range p.plan.Changes {
		if c.Kind == diff.FieldAdded && c.OldTable != nil {
			if v := p.backfillFor(c.NewField); !v.IsNull() {
				all[c.NewTable.Name+"."+c.NewField.Name] = ddl.Literal(p.dialect, c.NewField, v)
			}
		}
	}
	return all
}

// givenBy is what rows get for a field that they have no value for: its default, where that is the same for all rows.
func backfillBy(rules *rule.Rules, now time.Time) func(*model.Field) value.Value {
	return func(f *model.Field) value.Value {
		if rules == nil {
			return value.Value{}
		}
		if rules.Field(f) == nil { // of a system table, which needs an optional field
			return value.Value{}
		}
		switch n := rules.Field(f).Default.(type) {
		case *rule.Const:
			return n.Value
		case *rule.Now:
			return value.OfTimestamp(now.UnixMicro())
		}
		return value.Value{}
	}
}

// Check returns how the model's tables differ from those of the database, and whether the database is new. It changes
// nothing, and looks at no rows.
func Differences(ctx context.Context, db store.DB, m *model.Model) (changes []diff.Change, isNew bool, err error) {
	defer errs.Wrap(&err, "migrate.Check(%s)", m.Name)
	err = db.Read(ctx, func(r store.Reader) error {
		old, err := storedApp(r)
		if err == nil && old != nil {
			changes = diff.Between(old, m)
		}
		isNew = old == nil && err == nil
		return err
	})
	return changes, isNew, err
}

// stored reads the model of the database, nil where it is new. One that a move is filling is refused.
func storedApp(q querier) (old *model.Model, err error) {
	if err := system.CheckNotMoving(q); err != nil {
		return nil, err
	}
	text, found, err := system.Get(q, system.ModelKey)
	if err != nil || !found {
		return nil, err
	}
	old, err = snapshot.Decode([]byte(text))
	if errors.Is(err, snapshot.ErrDamaged) {
		err = fmt.Errorf("%w; restore the database from a backup", err)
	}
	return old, err
}

// storedModels reads both models of the database. That of the app is nil if the database is new.
func storedModels(q querier) (old models, err error) {
	if old.app, err = storedApp(q); err != nil || old.app == nil {
		return old, err
	}
	old.own, err = system.StoredModel(q)
	return old, err
}
