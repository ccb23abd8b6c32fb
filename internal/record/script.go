package record

import (
	"errors"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// script is the creation as statements that are known beforehand, or nil where one depends on what another says.
func (c *creation) script(revision int64) (*store.Script, error) {
	t := c.table
	if c.in.values[0].IsNull() && t.Key != model.UUID {
		return nil, nil
	}
	s := &store.Script{Apart: t.unique}
	if !c.in.values[0].IsNull() { // another may be about to create the same
		s.Order = t.place(c.in.values[0])
	}
	values := append(make(row, 0, len(c.in.values)+1), c.in.values...)
	if err := c.assignID(nil, values); err != nil {
		return nil, err
	}
	insert, err := t.insertStatement(c.request, c.asked)
	if err != nil {
		return nil, err
	}
	ask := question{request: c.request, table: t, asked: c.asked, created: true, given: c.in.given}
	if err := ask.lookFirst(s, values); err != nil {
		return nil, err
	}
	return s, ask.addTo(s, revision, insert, append(values, value.OfInt(revision)), values, &c.row)
}

// script is the change as statements that are known beforehand, or nil where one depends on what another says: on
// what a patch is merged into, or on what a rule compares with what was.
func (u *change) script(revision int64) (*store.Script, error) {
	update, fields, err := u.oneStatement()
	if err != nil || update == nil {
		return nil, err
	}
	s := &store.Script{Apart: u.table.setsUnique(u.in.given), Order: u.table.place(u.id)}
	if err := u.matchFirst(s); err != nil {
		return nil, err
	}
	ask := question{request: u.request, table: u.table, asked: u.to, given: u.in.given}
	if err := ask.lookFirst(s, u.in.values); err != nil {
		return nil, err
	}
	values := append(make(row, 0, len(u.in.values)), u.in.values...)
	values[0] = u.id
	return s, ask.addTo(s, revision, update, u.inputs(revision, fields, values), values, &u.row)
}

// matchFirst adds the question for the revision as it was, where the change depends on it.
func (u *change) matchFirst(s *store.Script) error {
	if u.match == nil {
		return nil
	}
	stmt, err := u.table.lockedStatement(u.request)
	if err != nil {
		return err
	}
	s.Steps = append(s.Steps, store.Step{Statement: u.statement(stmt, []value.Value{u.id}), Row: func(cols value.Row) error {
		if !u.match(cols.Int(0)) {
			return errNotAsScript
		}
		return nil
	}})
	return nil
}

// errNotAsScript refuses a script: its function will say why.
var errNotAsScript = errors.New("the row is not as it was said to be")

// place is that of a row in the order in which scripts lock rows.
func (t *table) place(id value.Value) string {
	return t.Name + " " + string(value.AppendValue(nil, id))
}

// lookFirst adds the questions of hiddenReferences: a row that is not found refuses the script.
func (q question) lookFirst(s *store.Script, values row) error {
	for _, f := range q.toLook(q.table, q.given, values, nil, nil) {
		t := q.db.tables[f.Ref]
		stmt, err := t.existsStatement(q.request)
		if err != nil {
			return err
		}
		id := values[q.table.index[f]]
		s.Steps = append(s.Steps, store.Step{Statement: q.statement(stmt, []value.Value{id}), Row: func(value.Row) error { return nil }})
	}
	return nil
}

// addTo adds the statement that writes, and the one that asks where it does not answer by itself. The row goes to w.
func (q question) addTo(s *store.Script, revision int64, change *sqlgen.Statement, inputs, values row, w *Written) error {
	s.Tables = []string{q.table.Name}
	step := store.Step{Statement: q.statement(change, inputs)}
	if !change.Answers {
		stmt, err := q.table.afterStatement(q.request, q.asked, q.created)
		if err != nil {
			return err
		}
		s.Steps = append(s.Steps, step)
		step = store.Step{Statement: q.statement(stmt, afterInputs(values[0], revision, nil))}
	}
	step.Row = func(cols value.Row) (err error) {
		*w, err = q.answer(values[0], cols)
		return err
	}
	s.Steps = append(s.Steps, step)
	return nil
}
