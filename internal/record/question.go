package record

import (
	"errors"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
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
	given   []*model.Field // that the client sets
}

// write runs the statement that writes the row, asks about the row as it is then stored, and returns it as the caller
// sees it.
func (q question) write(tx store.Tx, revision int64, change *sqlgen.Statement, changeInputs []value.Value, was, values row) (w Written, err error) {
	err = q.writeThen(tx, revision, change, changeInputs, was, values, func(cols value.Row) error {
		w, err = q.answer(values[0], cols)
		return err
	})
	switch {
	case err != nil:
		return Written{}, q.constraint(tx, was, values, err)
	case w.ID.IsNull(): // nothing answered
		return Written{}, q.notAllowed(tx, was, values)
	}
	return w, nil
}

// answer is the row as the caller sees it, from the columns of After.
func (q question) answer(id value.Value, cols value.Row) (Written, error) {
	if err := q.judge(cols, 1); err != nil {
		return Written{}, err
	}
	w := Written{ID: id, Plain: true}
	first := 1 + len(q.asked.rules) + len(q.db.rules.Table(q.table.Table).Checks)
	w.Revision = cols.Int(first + len(q.table.plain.Fields))
	if holds(cols, 0) {
		w.JSON = q.table.plain.AppendRow(nil, offset{cols, first})
	}
	return w, nil
}

// writeThen gives the answers to row: those of the statement that writes, or of one after it. There is none where the
// rules did not let the row be written.
func (q question) writeThen(tx store.Tx, revision int64, change *sqlgen.Statement, changeInputs []value.Value, was, values row, row func(value.Row) error) error {
	if change.Answers {
		return q.request.query(tx, change, changeInputs, row)
	}
	stmt, err := q.table.afterStatement(q.request, q.asked, q.created)
	if err != nil {
		return err
	}
	return store.Then(tx, q.statement(change, changeInputs), q.statement(stmt, afterInputs(values[0], revision, was)), row)
}

// afterInputs are the inputs of a statement that asks about a row that was written.
func afterInputs(id value.Value, revision int64, was row) []value.Value {
	return append([]value.Value{id, value.OfInt(revision)}, was...)
}

// statement is a statement of the request with what is bound to it.
func (r *request) statement(s *sqlgen.Statement, inputs []value.Value) store.Statement {
	return store.Statement{SQL: s.SQL, Args: s.Bind(make([]value.Value, 0, len(s.Args)), r.values, inputs)}
}

// judge refuses the row where a rule (403) or a check (422) does. Their outcomes begin with column first.
func (q question) judge(cols value.Row, first int) error {
	if !holds(cols, first) {
		return q.denied()
	}
	var refused []*model.Field
	for i, f := range q.asked.fields {
		if !holds(cols, first+1+i) {
			refused = append(refused, f)
		}
	}
	if len(refused) > 0 {
		return q.deniedFields(refused)
	}
	var faults []errs.Fault
	for i, c := range q.db.rules.Table(q.table.Table).Checks {
		if !holds(cols, first+len(q.asked.rules)+i) {
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
		return q.refused(tx, was, values, nowhere, referenceConflict(q.table, nowhere))
	}
	conflict := errs.Wrapf(err, errs.Conflict, "the row conflicts with another")
	for _, name := range c.Columns {
		detail := taken(c.Columns)
		if f := q.table.Field(name); f != nil && f.Caseless {
			detail += " (upper and lower case count as the same)"
		}
		conflict.Faults = append(conflict.Faults, errs.Fault{Pointer: pointer(name), Code: c.Constraint.String(), Detail: detail})
	}
	return q.refused(tx, was, values, nil, conflict)
}

// notAllowed is the answer where the statement that writes found that the rules do not hold.
func (q question) notAllowed(tx store.Tx, was, values row) error {
	nowhere, err := q.nowhere(tx, values)
	if err != nil {
		return err
	}
	if len(nowhere) > 0 {
		return q.refused(tx, was, values, nowhere, referenceConflict(q.table, nowhere))
	}
	return q.refused(tx, was, values, nil, q.denied())
}

// nowhere are the references of a row that lead nowhere.
func (q question) nowhere(tx store.Tx, values row) ([]*model.Field, error) {
	var fields []*model.Field
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

// taken says that another row has the values of a unique key.
func taken(columns []string) string {
	last := len(columns) - 1
	if last < 1 {
		return "another row has this value"
	}
	return "another row has the same " + strings.Join(columns[:last], ", ") + " and " + columns[last]
}

// refused is conflict, unless a rule or a check refuses the row anyway. The rules take references that lead nowhere in
// the caller's eyes as missing, and checks that step through them are not asked. So a hidden row and none make no
// difference.
func (q question) refused(tx store.Tx, was, values row, nowhere []*model.Field, conflict *errs.Error) error {
	stmt, err := q.table.candidateStatement(q.request, q.asked, q.created, nowhere)
	if err != nil {
		return err
	}
	n := len(values)
	inputs := make([]value.Value, 1+3*n)
	inputs[0] = values[0]
	copy(inputs[1:], was)
	copy(inputs[1+n:], values)
	copy(inputs[1+2*n:], values)
	for _, f := range nowhere {
		if slices.Contains(q.given, f) {
			inputs[1+n+q.table.index[f]] = value.Value{}
		}
	}
	err = q.request.query(tx, stmt, inputs, func(cols value.Row) error { return q.judge(cols, 0) })
	if err != nil {
		return err
	}
	return conflict
}

// offset is a row from one of its columns on.
type offset struct {
	value.Row
	first int
}

func (o offset) Null(col int) bool                 { return o.Row.Null(o.first + col) }
func (o offset) Int(col int) int64                 { return o.Row.Int(o.first + col) }
func (o offset) Float(col int) float64             { return o.Row.Float(o.first + col) }
func (o offset) Bytes(col int) []byte              { return o.Row.Bytes(o.first + col) }
func (o offset) Fits(col int, f *model.Field) bool { return o.Row.Fits(o.first+col, f) }
func (o offset) Decimal(col int, scale int) int64  { return o.Row.Decimal(o.first+col, scale) }
