package record

import (
	"errors"
	"slices"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// question is what is asked of a row as it becomes.
type question struct {
	*request
	table   *table
	asked   asked
	created bool
	given   []*schema.Field // that the client sets
}

// write runs the statement that writes the row, asks about the row as it is then stored, and returns it as the caller
// sees it.
func (q question) write(tx store.Tx, change *sqlgen.Statement, changeInputs []value.Value, was, values row) (w Written, err error) {
	err = q.writeThen(tx, change, changeInputs, was, values, func(cols value.Row) error {
		w, err = q.answer(values[0], cols)
		return err
	})
	if err != nil {
		return Written{}, q.constraint(tx, was, values, err)
	}
	return w, nil
}

// answer is the row as the caller sees it, from the columns of After.
func (q question) answer(id value.Value, cols value.Row) (Written, error) {
	if err := q.judge(cols); err != nil {
		return Written{}, err
	}
	w := Written{ID: id, Plain: true}
	first := 1 + len(q.asked.rules) + len(q.db.rules.Table(q.table.Table).Checks)
	w.Revision = cols.Int(first + len(q.table.plain.fields))
	if holds(cols, 0) {
		w.JSON = q.table.plain.appendRow(nil, offset{cols, first})
	}
	return w, nil
}

// writeThen gives the answers to row: those of the statement that writes, or of one after it.
func (q question) writeThen(tx store.Tx, change *sqlgen.Statement, changeInputs []value.Value, was, values row, row func(value.Row) error) error {
	if change.Answers {
		return q.request.query(tx, change, changeInputs, row)
	}
	stmt, err := q.table.afterStatement(q.request, q.asked, q.created, false)
	if err != nil {
		return err
	}
	return store.Then(tx, q.statement(change, changeInputs), q.statement(stmt, q.afterInputs(stmt, was, values)), row)
}

// afterInputs are the inputs of a statement that asks about the row.
func (q question) afterInputs(stmt *sqlgen.Statement, was, values row) []value.Value {
	if stmt.Inputs <= 1 {
		return values[:1]
	}
	return q.inputs(was, values)
}

// statement is a statement of the request with what is bound to it.
func (r *request) statement(s *sqlgen.Statement, inputs []value.Value) store.Statement {
	return store.Statement{SQL: s.SQL, Args: s.Bind(make([]value.Value, 0, len(s.Args)), r.values, inputs)}
}

// judge refuses the row where a rule (403) or a check (422) does.
func (q question) judge(cols value.Row) error {
	for i := range q.asked.rules {
		if !holds(cols, 1+i) {
			return q.denied()
		}
	}
	var faults []errs.Fault
	for i, c := range q.db.rules.Table(q.table.Table).Checks {
		if !holds(cols, 1+len(q.asked.rules)+i) {
			faults = append(faults, errs.Fault{Code: "check", Detail: c.Message})
		}
	}
	if len(faults) > 0 {
		e := errs.New(errs.Invalid, "the row does not pass %s", count(len(faults), "check"))
		e.Faults = faults
		return e
	}
	return nil
}

func (q question) inputs(was, values row) []value.Value {
	inputs := make([]value.Value, 1+2*len(values))
	inputs[0] = values[0]
	copy(inputs[1:], was)
	copy(inputs[1+len(values):], values)
	return inputs
}

// constraint is the answer where a constraint refused the write. What a rule or a check says goes before it: they are
// asked about the row as it would have become.
func (q question) constraint(tx store.Tx, was, values row, err error) error {
	c, ok := errors.AsType[*store.ConstraintError](err)
	if !ok || c.Constraint == store.Other {
		return err
	}
	if c.Constraint == store.ForeignKey {
		nowhere, err := q.nowhere(tx, values)
		if err != nil {
			return err
		}
		var hidden []*schema.Field
		for _, f := range nowhere {
			if slices.Contains(q.given, f) {
				hidden = append(hidden, f)
			}
		}
		return q.refused(tx, was, values, hidden, referenceConflict(q.table, nowhere))
	}
	conflict := errs.Because(err, errs.Conflict, "the row conflicts with another")
	for _, name := range c.Columns {
		detail := "another row has this value" + together(c.Columns)
		if f := q.table.Field(name); f != nil && f.Caseless {
			detail += " (upper and lower case count as the same)"
		}
		conflict.Faults = append(conflict.Faults, errs.Fault{Pointer: pointer(name), Code: c.Constraint.String(), Detail: detail})
	}
	return q.refused(tx, was, values, nil, conflict)
}

// nowhere are the references of a row that lead nowhere.
func (q question) nowhere(tx store.Tx, values row) ([]*schema.Field, error) {
	var fields []*schema.Field
	for i, f := range q.table.Fields {
		if f.Ref == nil || values[i].IsNull() {
			continue
		}
		found, err := q.exists(tx, q.db.tables[f.Ref], values[i], true)
		if err != nil {
			return nil, err
		}
		if !found {
			fields = append(fields, f)
		}
	}
	return fields, nil
}

func together(columns []string) string {
	if len(columns) < 2 {
		return ""
	}
	return ", with the same values of the other " + strconv.Itoa(len(columns)-1) + " named here"
}

// refused is conflict, unless a rule or a check refuses the row anyway. References that lead nowhere in the caller's
// eyes are taken as missing, so that a hidden row and none make no difference.
func (q question) refused(tx store.Tx, was, values row, hidden []*schema.Field, conflict *errs.Error) error {
	values = slices.Clone(values)
	for _, f := range hidden {
		values[q.table.index[f]] = value.Value{}
	}
	stmt, err := q.table.afterStatement(q.request, q.asked, q.created, true)
	if err != nil {
		return err
	}
	if err := q.request.query(tx, stmt, q.inputs(was, values), q.judge); err != nil {
		return err
	}
	return conflict
}

// offset is a row from one of its columns on.
type offset struct {
	value.Row
	first int
}

func (o offset) Null(col int) bool                  { return o.Row.Null(o.first + col) }
func (o offset) Int(col int) int64                  { return o.Row.Int(o.first + col) }
func (o offset) Float(col int) float64              { return o.Row.Float(o.first + col) }
func (o offset) Bytes(col int) []byte               { return o.Row.Bytes(o.first + col) }
func (o offset) Fits(col int, f *schema.Field) bool { return o.Row.Fits(o.first+col, f) }
func (o offset) Decimal(col int, scale int) int64   { return o.Row.Decimal(o.first+col, scale) }
