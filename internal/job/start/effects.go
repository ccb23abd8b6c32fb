package start

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Effects implements record.Effector.
func (s *Starter) Effects(w *record.Written) (record.Effects, error) {
	c := collector{starter: s, written: w}
	if w.Op == record.Delete {
		return c.deletion()
	}
	for _, e := range s.entries[event{w.Table, w.Op}] {
		if err := c.write(e); err != nil {
			return record.Effects{}, err
		}
	}
	return c.effects, nil
}

// A collector collects the effects of one write.
type collector struct {
	starter *Starter
	written *record.Written
	effects record.Effects
}

// changes notes that the write may change jobs of a queue.
func (c *collector) changes(e *entry) {
	if c.effects.Tables == nil {
		c.effects.Tables = jobTables
	}
	var at time.Time
	if e.start.At != nil {
		at = c.starter.queue.Now()
	}
	c.starter.queue.Expect(e.insert.Queue, at)
}

var jobTables = []string{job.TableName}

// write adds the effects of a create or an update.
func (c *collector) write(e *entry) error {
	w := c.written
	switch {
	case e.isPlain():
		c.plain(e)
		return nil
	case e.start.At != nil && w.Op == record.Update:
		if !e.moves(w.Fields) {
			return nil
		}
		return c.each(e, c.changing(), &c.effects.Before, job.ReleaseRows, job.RemoveRows, job.AddTimers)
	case e.old:
		return c.each(e, c.changing(), &c.effects.Before, e.adding()...)
	case e.replaced && w.Old == nil:
		return nil // record reads the old row before it asks again
	}
	rows := query{StartRows: sqlgen.StartRows{Which: sqlgen.Written}, inputs: []value.Value{w.ID, value.OfInt(w.Revision)}}
	if e.replaced {
		rows.Which = sqlgen.Replaced
		rows.inputs = append(rows.inputs, w.Old...)
	}
	return c.each(e, rows, &c.effects.Steps, e.adding()...)
}

// adding returns the statements that add a job.
func (e *entry) adding() []job.RowsKind {
	if e.once {
		return []job.RowsKind{job.ForgetRows, e.kind}
	}
	return []job.RowsKind{e.kind}
}

// plain adds a job whose values are all known.
func (c *collector) plain(e *entry) {
	step := e.template.Step(textOf(c.written.ID), c.written.Caller().String(), c.written.Trace)
	c.effects.Steps, c.effects.Tables = append(c.effects.Steps, step), jobTables
}

// textOf returns an id as text, as sqlgen.Generator.Starts does.
func textOf(id value.Value) string {
	if id.Kind == value.Int {
		return strconv.FormatInt(id.Int, 10)
	}
	return id.Text
}

// A query is the rows of one statement with its inputs.
type query struct {
	sqlgen.StartRows
	inputs []value.Value
}

// changing returns the row of an update before it changes.
func (c *collector) changing() query {
	w := c.written
	inputs := append([]value.Value{w.ID, value.OfInt(w.Revision)}, w.Values...)
	return query{sqlgen.StartRows{Which: sqlgen.Changing, Fields: w.Fields}, inputs}
}

// each appends statements about the jobs of rows.
func (c *collector) each(e *entry, rows query, to *[]store.Step, kinds ...job.RowsKind) error {
	for _, kind := range kinds {
		stmt, err := c.statement(e, kind, rows)
		if err != nil {
			return err
		}
		if stmt.SQL == "" {
			return nil
		}
		inputs := c.starter.queue.RowsInputs(slices.Clone(rows.inputs), e.insert.OnceFor, c.written.Caller().String(), c.written.Trace)
		*to = append(*to, store.Step{Statement: c.written.Bound(stmt, inputs)})
	}
	c.changes(e)
	c.effects.NoGroup = c.effects.NoGroup || e.once
	return nil
}

// statement returns a statement about the jobs of rows. Its SQL is "" if there are none.
func (c *collector) statement(e *entry, kind job.RowsKind, rows query) (*sqlgen.Statement, error) {
	extra := strconv.Itoa(e.number) + " " + strconv.Itoa(int(rows.Which)) + " " + fieldSet(rows)
	return c.starter.statements.Get(c.written.Binding, byte(kind), extra, func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return rowsStatement(c.starter.queue, gen, e, kind, rows)
	})
}

func rowsStatement(queue *job.Queue, gen *sqlgen.Generator, e *entry, kind job.RowsKind, rows query) (*sqlgen.Statement, error) {
	gen.Folder.NoOld = e.op == record.Create
	found, err := gen.Starts(e.start, rows.StartRows)
	if err != nil || found.SQL == "" {
		return found, err
	}
	found.Inputs = len(rows.inputs)
	return queue.RowsStatement(kind, found, &e.insert), nil
}

// fieldSet names what tells apart the statements of an entry.
func fieldSet(rows query) string {
	var b strings.Builder
	for _, f := range rows.Fields {
		b.WriteString(f.Name)
		b.WriteByte(',')
	}
	if rows.Reach != nil {
		b.WriteString(rows.Reach.Tables[0].Name)
		b.WriteByte('/')
		b.WriteString(strconv.Itoa(rows.Of))
	}
	return b.String()
}

// deletion adds the effects of a deletion. Its jobs are about rows that will be gone, so all statements come first.
func (c *collector) deletion() (record.Effects, error) {
	w := c.written
	tables := []*model.Table{w.Table}
	if w.Reach != nil {
		tables = w.Reach.Tables
	}
	for of, table := range tables {
		for _, e := range c.starter.entries[event{table, record.Delete}] {
			if err := c.delete(e, of); err != nil {
				return record.Effects{}, err
			}
		}
	}
	return c.effects, nil
}

func (c *collector) delete(e *entry, of int) error {
	w := c.written
	rows := query{sqlgen.StartRows{Which: sqlgen.Deleting}, []value.Value{w.ID}}
	if w.Reach != nil {
		rows.StartRows = sqlgen.StartRows{Which: sqlgen.Reached, Reach: w.Reach, Of: of}
		if w.Swept {
			rows.Which = sqlgen.Swept
		}
	}
	if e.start.At != nil {
		return c.each(e, rows, &c.effects.Before, job.RemoveRows)
	}
	return c.each(e, rows, &c.effects.Before, e.adding()...)
}
