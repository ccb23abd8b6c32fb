package record

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Condition is a condition of the model about the rows of a table. Fields that a caller may not read are missing in it, as in
// the filter of a request. It is safe for concurrent use.
type Condition struct{ shape *shape.Shape }

// NewCondition returns a condition. The slots of the node are not extracted. name is for people.
func (d *DB) NewCondition(t *model.Table, name string, node rule.Node) (*Condition, error) {
	s, err := shape.ForCondition(d.rules, t, name, node)
	if err != nil {
		return nil, err
	}
	return &Condition{s}, nil
}

// matching returns the rows after an id for which the condition holds, and which the caller may read. A Null id is before all.
func (r *request) matching(c *Condition, after value.Value, limit int) *page {
	p := &page{req: r, shape: c.shape, query: Query{Limit: limit}, inTx: true}
	if !after.IsNull() {
		p.start = []value.Value{after}
	}
	r.UnbindFilter()
	r.BindFilter(&c.shape.Slots, nil)
	p.ranges = p.findRanges()
	return p
}

// Find returns the ids of at most limit rows after an id, in their order, for which a condition holds and which the caller may
// read. A Null id is before all.
func (d *DB) Find(ctx context.Context, who caller.Caller, c *Condition, after value.Value, limit int) (ids []value.Value, err error) {
	defer errs.Wrap(&err, "record.Find(%s)", c.shape.Name)
	r := d.request(who)
	defer r.end()
	if err := r.allow(c.shape.Table, Read); err != nil {
		return nil, err
	}
	err = r.pass(ctx, gate.Class{}, &gate.Cost{}, func(reader store.Reader) error {
		ids = nil
		p := r.matching(c, after, limit)
		return p.scan(reader, limit, func(cols value.Row) error {
			ids = append(ids, p.appendKeys(nil, cols)...)
			return nil
		})
	})
	return ids, err
}

// Holds locks a row, and reports whether a condition holds for it and the caller may read it.
func (x *Tx) Holds(c *Condition, id value.Value) (holds bool, err error) {
	r, t := x.request, x.request.db.tables[c.shape.Table]
	lock, err := t.revisionStatement(r.Binding)
	if err != nil {
		return false, err
	}
	if err := r.Query(x.tx, lock, []value.Value{id}, func(value.Row) error { return nil }); err != nil {
		return false, err
	}
	p := r.matching(c, id, 1)
	variant, err := p.statement(sqlgen.Range{Equal: []bool{false}}, sqlgen.AsPlanned)
	if err != nil {
		return false, err
	}
	err = r.Query(x.tx, variant.Statement, []value.Value{value.OfInt(1), id}, func(value.Row) error {
		holds = true
		return nil
	})
	return holds, err
}
