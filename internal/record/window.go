package record

import (
	"context"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A Window says what the rows of a list depend on, for one caller who watches it.
type Window struct {
	Key    string   // windows with equal keys have equal rows, whoever watches them
	Others []string // other tables that the statements read
	Whole  bool     // a row of the table may decide about another row
	Shape  string   // for people, without values: "list posts filter(n < ?)"
	Timed  bool     // a rule depends on the time, so rows come and go without a write
}

// Window returns what a list depends on. A filter that names the time cannot be watched.
func (d *DB) Window(who caller.Caller, t *model.Table, q Query) (_ Window, err error) {
	defer errs.Wrap(&err, "record.Window(%s)", t.Name)
	r := d.request(who)
	defer r.end()
	if err := r.allow(t, Read); err != nil {
		return Window{}, err
	}
	if t.View != nil {
		return Window{}, errs.New(errs.Malformed, "%s is a view, and only tables can be watched: watch the tables that it reads", t.Name)
	}
	p, err := r.newPage(t, q)
	if err != nil {
		return Window{}, err
	}
	if namesTime(p.shape) {
		return Window{}, errs.New(errs.Malformed, "filter: a filter with now cannot be watched, because rows would come and go without a change: send the time as an argument")
	}
	if p.deps, err = p.dependencies(); err != nil {
		return Window{}, err
	}
	whole, err := p.readsItself()
	if err != nil {
		return Window{}, err
	}
	w := Window{Key: string(p.appendKey(nil)), Whole: whole, Shape: p.shape.Name, Timed: p.deps.UsesNow}
	for _, table := range p.deps.Tables {
		if table != t.Name {
			w.Others = append(w.Others, table)
		}
	}
	return w, nil
}

// Reads returns the tables that decide what a list shows to a caller.
func (d *DB) Reads(who caller.Caller, t *model.Table, q Query) (tables []string, err error) {
	defer errs.Wrap(&err, "record.Reads(%s)", t.Name)
	r := d.request(who)
	defer r.end()
	if err := r.allow(t, Read); err != nil {
		return nil, err
	}
	p, err := r.newPage(t, q)
	if err != nil {
		return nil, err
	}
	deps, err := p.dependencies()
	if err != nil {
		return nil, err
	}
	return deps.Tables, nil
}

// namesTime reports whether the filter of a client names the time.
func namesTime(s *shape.Shape) bool {
	for _, slot := range s.Slots.List {
		if rule.UsesNow(slot.Node) {
			return true
		}
	}
	return s.Filter != nil && rule.UsesNow(s.Filter)
}

// readsItself reports whether the statements of the page read the table of the list in a second place.
func (p *page) readsItself() (bool, error) {
	name := p.shape.Table.Name
	for _, rng := range p.ranges {
		v, err := p.statement(rng, sqlgen.AsPlanned)
		if err != nil {
			return false, err
		}
		uses := 0
		for _, use := range v.Statement.Uses {
			if use.Table.Name == name {
				uses++
			}
		}
		if uses > 1 {
			return true, nil
		}
	}
	x := &expander{req: p.req, statements: p.shape.Statements, children: maxChildren}
	return x.reads(p.shape.Output, name)
}

// reads reports whether a statement of the expansions reads a table.
func (x *expander) reads(out *render.Output, table string) (bool, error) {
	for _, expansion := range out.Expansions {
		if !x.req.mayAllow(expansion.Relation.To, Read) {
			continue
		}
		stmt, err := x.statement(expansion)
		if err != nil || slices.Contains(stmt.Tables, table) {
			return true, err
		}
		if found, err := x.reads(expansion.Output, table); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// ListNow is List past the answers that are kept: it reads the rows as they are.
func (d *DB) ListNow(ctx context.Context, who caller.Caller, t *model.Table, q Query, dst []byte) (body []byte, err error) {
	defer errs.Wrap(&err, "record.ListNow(%s)", t.Name)
	r := d.request(who)
	defer r.end()
	if err := r.allow(t, Read); err != nil {
		return nil, err
	}
	p, err := r.newPage(t, q)
	if err != nil {
		return nil, err
	}
	if err := p.checkBudget(ctx); err != nil {
		return nil, err
	}
	cost, err := p.cost()
	if err != nil {
		return nil, err
	}
	return p.pass(ctx, cost, dst)
}

// Proof returns what the guard of a caller looks for, or false if it needs no guard.
func (d *DB) Proof(who caller.Caller) (check store.GuardCheck, ok bool) {
	if d.guard == nil {
		return check, false
	}
	step, ok := d.guard(who)
	return step.Check, ok
}

// Prove runs the guard of a caller. The error is errs.Unauthenticated if the session has ended.
func (d *DB) Prove(ctx context.Context, who caller.Caller) error {
	r := d.request(who)
	defer r.end()
	if !r.guard.on {
		return nil
	}
	return d.store.Read(withOrigin(ctx, who), r.guarded(func(store.Reader) error { return nil }))
}
