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

// rowCheck checks the new row of a write: by its rules, its checks and its references.
type rowCheck struct {
	*request
	table   *table
	asked   asked
	created bool
	given   []*model.Field // that the client sets
}

// rowFromResult returns the row as the caller sees it, from the columns of After.
func (c rowCheck) rowFromResult(id value.Value, cols value.Row) (Row, error) {
	if err := c.checkOutcomes(cols, 1); err != nil {
		return Row{}, err
	}
	w := Row{ID: id, Plain: true}
	first := 1 + len(c.asked.rules) + len(c.db.rules.Table(c.table.Table).Checks)
	w.Revision = cols.Int(first + len(c.table.plain.Fields))
	if holds(cols, 0) {
		w.JSON = c.table.plain.AppendRow(nil, offset{cols, first})
	}
	return w, nil
}

// afterInputs are the inputs of a statement that asks about a row that was written.
func afterInputs(id value.Value, revision int64, was row) []value.Value {
	return append([]value.Value{id, value.OfInt(revision)}, was...)
}

// statement is a statement of the request with what is bound to it.
func (r *request) statement(s *sqlgen.Statement, inputs []value.Value) store.Statement {
	return store.Statement{SQL: s.SQL, Args: s.Bind(make([]value.Value, 0, len(s.Args)), r.values, inputs)}
}

// checkOutcomes refuses the row if a rule (403) or a check (422) does. Their outcomes begin with column first.
func (c rowCheck) checkOutcomes(cols value.Row, first int) error {
	if !holds(cols, first) {
		return c.denied()
	}
	var refused []*model.Field
	for i, f := range c.asked.fields {
		if !holds(cols, first+1+i) {
			refused = append(refused, f)
		}
	}
	if len(refused) > 0 {
		return c.deniedFields(refused)
	}
	var faults []errs.Fault
	for i, check := range c.db.rules.Table(c.table.Table).Checks {
		if !holds(cols, first+len(c.asked.rules)+i) {
			faults = append(faults, errs.Fault{Code: "check", Detail: check.Message})
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
func (c rowCheck) constraint(tx store.Tx, was, values row, err error) error {
	refusal, ok := errors.AsType[*store.ConstraintError](err)
	if !ok || refusal.Constraint == store.Other {
		return err
	}
	if refusal.Constraint == store.ForeignKey {
		dangling, err := c.danglingReferences(tx, values)
		if err != nil {
			return err
		}
		return c.refused(tx, was, values, dangling, referenceConflict(c.table, dangling))
	}
	conflict := errs.Wrapf(err, errs.Conflict, "the row conflicts with another")
	for _, name := range refusal.Columns {
		detail := alsoUnique(refusal.Columns)
		if f := c.table.Field(name); f != nil && f.Caseless {
			detail += " (upper and lower case count as the same)"
		}
		conflict.Faults = append(conflict.Faults, errs.Fault{Pointer: pointer(name), Code: refusal.Constraint.String(), Detail: detail})
	}
	return c.refused(tx, was, values, nil, conflict)
}

// notAllowed is the answer where the statement that writes found that the rules do not hold.
func (c rowCheck) notAllowed(tx store.Tx, was, values row) error {
	dangling, err := c.danglingReferences(tx, values)
	if err != nil {
		return err
	}
	if len(dangling) > 0 {
		return c.refused(tx, was, values, dangling, referenceConflict(c.table, dangling))
	}
	return c.refused(tx, was, values, nil, c.denied())
}

// danglingReferences returns the references of a row whose target does not exist.
func (c rowCheck) danglingReferences(tx store.Tx, values row) ([]*model.Field, error) {
	var fields []*model.Field
	for i, f := range c.table.Fields {
		if f.Ref == nil || values[i].IsNull() {
			continue
		}
		found, err := c.exists(tx, c.db.tables[f.Ref], values[i], true)
		if err != nil {
			return nil, err
		}
		if !found {
			fields = append(fields, f)
		}
	}
	return fields, nil
}

// alsoUnique says that another row has the values of a unique key.
func alsoUnique(columns []string) string {
	last := len(columns) - 1
	if last < 1 {
		return "another row has this value"
	}
	return "another row has the same " + strings.Join(columns[:last], ", ") + " and " + columns[last]
}

// refused is conflict, unless a rule or a check refuses the row anyway. The rules take references that lead dangling in
// the caller's eyes as missing, and checks that step through them are not asked. So a hidden row and none make no
// difference.
func (c rowCheck) refused(tx store.Tx, was, values row, dangling []*model.Field, conflict *errs.Error) error {
	stmt, err := c.table.candidateStatement(c.request, c.asked, c.created, dangling)
	if err != nil {
		return err
	}
	n := len(values)
	inputs := make([]value.Value, 1+3*n)
	inputs[0] = values[0]
	copy(inputs[1:], was)
	copy(inputs[1+n:], values)
	copy(inputs[1+2*n:], values)
	for _, f := range dangling {
		if slices.Contains(c.given, f) {
			inputs[1+n+c.table.index[f]] = value.Value{}
		}
	}
	err = c.query(tx, stmt, inputs, func(cols value.Row) error { return c.checkOutcomes(cols, 0) })
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
