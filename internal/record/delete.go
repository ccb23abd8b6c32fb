package record

import (
	"context"
	"errors"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Delete deletes a row, and the rows that reference it as the model says.
func (d *DB) Delete(ctx context.Context, who caller.Caller, t *model.Table, id value.Value, match Match) error {
	r := d.request(who)
	defer r.done()
	return r.delete(ctx, t, id, match)
}

func (r *request) delete(ctx context.Context, t *model.Table, id value.Value, match Match) (err error) {
	defer errs.Wrap(&err, "record.Delete(%s)", t.Name)
	x, err := r.deletion(t, id, match)
	if err != nil {
		return err
	}
	if err := r.db.store.Write(ctx, x.run); !errors.Is(err, errFar) {
		return err
	}
	return x.runFar(ctx)
}

// deletion checks what needs no database.
func (r *request) deletion(t *model.Table, id value.Value, match Match) (*deletion, error) {
	if err := r.allow(t, Delete); err != nil {
		return nil, err
	}
	table := r.db.tables[t]
	return &deletion{request: r, table: table, id: id, match: match, asked: r.asked(table, Delete, r.db.rules.Table(t).Delete, nil)}, nil
}

// deletion is a row about to be deleted.
type deletion struct {
	*request
	table *table
	id    value.Value
	match Match
	asked asked
	far   bool // what it reaches has been looked at
}

// farReach is how many rows a deletion may reach, deleted and cleared, to be done by the references themselves. In SQLite
// each level of a chain costs more than the one before it, and behind 1,000 levels it is an error.
const farReach = 100

// maxReach is how many rows a deletion may reach at all. In SQLite nobody else can write meanwhile: about 10 ms for each
// 1,000 rows with five indexes.
const maxReach = 500_000

// errFar undoes a deletion that reaches more than farReach.
var errFar = errors.New("the deletion reaches many rows")

// run deletes by one statement, whose references do the rest. It may run more than once.
func (x *deletion) run(tx store.Tx) error {
	if _, _, _, err := x.before(tx, x.table, x.id, x.match, x.asked); err != nil {
		return err
	}
	if far, err := x.isFar(tx); err != nil {
		return err
	} else if far {
		return errFar
	}
	stmt, err := x.table.deleteStatement(x.request)
	if err != nil {
		return err
	}
	tx.Touch(x.table.touched...)
	err = x.exec(tx, stmt, []value.Value{x.id})
	if c, ok := errors.AsType[*store.ConstraintError](err); ok && c.Constraint == store.ForeignKey {
		return inUse(err)
	}
	if err != nil {
		return err
	}
	return x.effectsOf(x.table, Delete, x.id, 0).run(tx)
}

func inUse(cause error) error {
	return errs.Wrapf(cause, errs.Conflict, "the row is in use: other rows refer to it")
}

// isFar says whether the deletion is to be done by runFar.
func (x *deletion) isFar(tx store.Tx) (far bool, err error) {
	if x.far || len(x.table.reach.Cascades)+len(x.table.reach.Clears) == 0 {
		return false, nil
	}
	stmt, err := x.table.countStatement(x.request, x.db.farReach)
	if err != nil {
		return false, err
	}
	err = x.query(tx, stmt, []value.Value{x.id}, func(cols value.Row) error {
		far = cols.Int(0) > int64(x.db.farReach)
		return nil
	})
	return far, err
}

// runFar deletes a row with many others. A reader first looks how many they are, and whether a reference is in the way: a
// refusal then costs the writers nothing.
func (x *deletion) runFar(ctx context.Context) error {
	if err := x.lookFirst(ctx); err != nil {
		return err
	}
	x.far = true
	if x.db.store.Sweeps() {
		return x.db.store.Sweep(ctx, x.sweep)
	}
	return x.db.store.Write(ctx, x.run)
}

// lookFirst refuses the deletion where it reaches too many rows or where one restricts it. It is a query of unknown cost.
// Where callers have shares of what the server can do, its count is what the deletion will cost.
func (x *deletion) lookFirst(ctx context.Context) error {
	stmt, err := x.table.lookStatement(x.request)
	if err != nil {
		return err
	}
	return x.pass(ctx, &shape{}, &cost{}, func(q store.Reader) error {
		return x.query(q, stmt, []value.Value{x.id}, x.judge)
	})
}

// judge takes the row of the look.
func (x *deletion) judge(cols value.Row) error {
	switch {
	case holds(cols, 1):
		return inUse(nil)
	case cols.Int(0) > int64(x.db.maxReach):
		return errs.New(errs.Conflict, "more than %d rows would be deleted or changed with this one: delete some of them first", x.db.maxReach)
	}
	return nil
}

// sweep deletes by a statement for each table, in a transaction that follows no references. It may run more than once.
func (x *deletion) sweep(tx store.Tx) error {
	if _, _, _, err := x.before(tx, x.table, x.id, x.match, x.asked); err != nil {
		return err
	}
	s, err := x.generator().Sweep(x.table.reach)
	if err != nil {
		return err
	}
	if err := x.exec(tx, s.Collect, []value.Value{x.id}); err != nil {
		return err
	}
	if s.Blocked != nil { // since the look other writes have been committed
		err := x.query(tx, s.Blocked, nil, func(value.Row) error { return inUse(nil) })
		if err != nil {
			return err
		}
	}
	tx.Touch(x.table.touched...)
	for _, stmt := range s.Remove {
		if err := x.exec(tx, stmt, nil); err != nil {
			return err
		}
	}
	return x.effectsOf(x.table, Delete, x.id, 0).run(tx)
}
