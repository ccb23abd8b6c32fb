package record

import (
	"errors"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/input"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A rowCheck reads what a statement says of the new row of a write: the outcomes of its rules and checks. If the write
// changed nothing, it explains why. A rule answers first, then the checks, then a reference or another constraint.
type rowCheck struct {
	req      *request
	table    *table
	decision decision       // on the new row
	created  bool           // there is no old row
	given    []*model.Field // fields that the client sets
}

// rowFromResult returns the new row as the caller may see it, from the columns that afterSpec asks for.
func (c *rowCheck) rowFromResult(id value.Value, cols value.Row) (Row, error) {
	if err := c.checkOutcomes(cols, 1); err != nil {
		return Row{}, err
	}
	first := 1 + len(c.decision.rules) + len(c.req.db.rules.Table(c.table.Table).Checks)
	w := Row{ID: id, Plain: true, Revision: cols.Int(first + len(c.table.plain.Fields))}
	if holds(cols, 0) && c.req.mayAnswer(c.table.Table) {
		w.JSON = c.table.plain.AppendRow(c.req.takeBuffer(c.table), offset{cols, first})
		c.req.noteRow(c.table, w.JSON)
	}
	return w, nil
}

// knownRow returns a new row that the database keeps as it is. The rules let the caller read it.
func (c *rowCheck) knownRow(values []value.Value, revision int64) Row {
	w := Row{ID: values[0], Plain: true, Revision: revision}
	if c.req.mayAnswer(c.table.Table) {
		w.JSON = c.table.plain.AppendValues(c.req.takeBuffer(c.table), values, c.table.plainIndex)
		c.req.noteRow(c.table, w.JSON)
	}
	return w
}

// checkOutcomes refuses a row if the outcome of a rule or of a check does. The outcomes begin with column first.
func (c *rowCheck) checkOutcomes(cols value.Row, first int) error {
	if !holds(cols, first) {
		return c.req.denied()
	}
	var refused []*model.Field
	for i, f := range c.decision.fields {
		if !holds(cols, first+1+i) {
			refused = append(refused, f)
		}
	}
	if len(refused) > 0 {
		return c.req.deniedFields(refused)
	}
	var faults []errs.Fault
	for i, check := range c.req.db.rules.Table(c.table.Table).Checks {
		if !holds(cols, first+len(c.decision.rules)+i) {
			faults = append(faults, errs.Fault{Code: "check", Detail: check.Message})
		}
	}
	if len(faults) > 0 {
		e := errs.New(errs.Invalid, "the row does not pass %s", input.Count(len(faults), "check"))
		e.Faults = faults
		return e
	}
	return nil
}

// explain returns why a write changed nothing. refusal is the error of the write: a *store.ConstraintError, or nil if the
// rules in its statement did not hold. explain returns other errors unchanged.
func (c *rowCheck) explain(tx store.Tx, old *input.Stored, values []value.Value, refusal error) error {
	if refusal != nil && !isConstraint(refusal) {
		return refusal
	}
	hidden, err := c.req.hiddenReferences(tx, c.table, c.given, values, old)
	switch {
	case err != nil:
		return err
	case len(hidden) > 0:
		return c.refuse(tx, old, values, hidden, referenceConflict(hidden))
	case refusal != nil:
		return c.explainConstraint(tx, old, values, refusal)
	}
	dangling, err := c.req.danglingReferences(tx, c.table, values)
	switch {
	case err != nil:
		return err
	case len(dangling) > 0:
		return c.refuse(tx, old, values, dangling, referenceConflict(dangling))
	}
	return c.refuse(tx, old, values, nil, c.req.denied())
}

func isConstraint(err error) bool {
	_, ok := errors.AsType[*store.ConstraintError](err)
	return ok
}

func (c *rowCheck) explainConstraint(tx store.Tx, old *input.Stored, values []value.Value, err error) error {
	constraint, ok := errors.AsType[*store.ConstraintError](err)
	if !ok || constraint.Constraint == store.Other {
		return err
	}
	if constraint.Constraint == store.ForeignKey {
		dangling, err := c.req.danglingReferences(tx, c.table, values)
		if err != nil {
			return err
		}
		return c.refuse(tx, old, values, dangling, referenceConflict(dangling))
	}
	conflict := errs.Wrapf(err, errs.Conflict, "the row conflicts with another")
	for _, name := range constraint.Columns {
		detail := alsoUnique(constraint.Columns)
		if f := c.table.Field(name); f != nil && f.Caseless {
			detail += " (upper and lower case count as the same)"
		}
		conflict.Faults = append(conflict.Faults, errs.Fault{Pointer: input.Pointer(name), Code: constraint.Constraint.String(), Detail: detail})
	}
	return c.refuse(tx, old, values, nil, conflict)
}

// alsoUnique says that another row has the values of a unique key.
func alsoUnique(columns []string) string {
	last := len(columns) - 1
	if last < 1 {
		return "another row has this value"
	}
	return "another row has the same " + strings.Join(columns[:last], ", ") + " and " + columns[last]
}

// refuse returns a conflict, unless a rule or a check refuses the row anyway. Rules see dangling references as missing, and
// checks that follow one are skipped, so a hidden row and a missing row answer alike.
func (c *rowCheck) refuse(tx store.Tx, old *input.Stored, values []value.Value, dangling []*model.Field, conflict *errs.Error) error {
	stmt, err := c.table.candidateStatement(c.req.Binding, c.decision, c.created, dangling)
	if err != nil {
		return err
	}
	n := len(values)
	inputs := make([]value.Value, 1+3*n)
	inputs[0] = values[0]
	if old != nil {
		copy(inputs[1:], old.Values)
	}
	copy(inputs[1+n:], values)   // the row for the rules
	copy(inputs[1+2*n:], values) // the row for the checks
	for _, f := range dangling {
		if slices.Contains(c.given, f) {
			inputs[1+n+c.table.index[f]] = value.Value{}
		}
	}
	err = c.req.Query(tx, stmt, inputs, func(cols value.Row) error { return c.checkOutcomes(cols, 0) })
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
