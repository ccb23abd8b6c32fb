package sqlite

import (
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// rebuild makes a table anew and fills it from the old one.
func (p *planner) rebuild(was, table *model.Table) {
	p.convertAll(was, table)
	p.dropFields(was, table)
	why := p.CauseOf(table, func(change diff.Change) bool {
		switch change.Kind {
		case diff.IndexAdded, diff.IndexDropped, diff.UniqueAdded, diff.UniqueDropped, diff.UniqueChanged, diff.TableRenamed, diff.FieldRenamed, diff.FieldDropped:
			return false
		}
		return change.NewTable == table || (change.NewField != nil && change.NewField.Table == table)
	})
	if len(why.Changes) == 0 {
		why = p.CauseOf(table, func(c diff.Change) bool { return c.NewTable == table && c.Kind == diff.FieldDropped })
	}
	made := *table
	made.Name = plan.TempName(table.Name)
	columns, values := p.copied(table)
	fill := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s", sqlgen.Quote(made.Name), strings.Join(columns, ", "), strings.Join(values, ", "), sqlgen.Quote(table.Name))
	def := sqlgen.Define(sqlgen.SQLite, table)
	r := &fillRebuilt{name: table.Name, was: was, made: made.Name, fill: fill}
	parts := []plan.Part{
		{Say: "indexes and triggers of others on " + sqlgen.Quote(table.Name) + " are noted, to be made again", Loop: (*collectForeign)(r)},
		{SQL: sqlgen.Define(sqlgen.SQLite, &made).Table},
		{SQL: fill, Loop: r},
		{SQL: sqlgen.SQLite.DropTable(table.Name)},
		{SQL: sqlgen.RenameTable(made.Name, table.Name)},
	}
	for _, field := range table.Fields {
		if before := p.OldField(field); before != nil && p.Converts(before, field) {
			parts = append(parts, plan.Part{SQL: sqlgen.SQLite.DropTable(convertedTable(before))})
		}
	}
	parts = append(parts, append(plan.Creates(def.Indexes), plan.Creates(def.Triggers)...)...)
	parts = append(parts, plan.Part{Say: "what was noted is made again", Loop: (*restoreForeign)(r)})
	p.add(atRebuild, why, plan.BlocksWrites|plan.Rewrites|plan.Breaks, lockWriters, parts...)
}

// copied returns the columns of a rebuilt table and the expressions that fill them from the old table. The columns of
// the old table have their new names by then.
func (p *planner) copied(table *model.Table) (columns, values []string) {
	for _, field := range table.Fields {
		columns = append(columns, sqlgen.Quote(field.Name))
		before := p.OldField(field)
		switch {
		case before == nil:
			values = append(values, sqlgen.SQLite.Literal(field, p.BackfillFor(field)))
		case p.Converts(before, field):
			from := sqlgen.Quote(convertedTable(before)) // no alias: a table of the model may have its name
			values = append(values, "(SELECT "+sqlgen.Quote(convertedColumn)+" FROM "+from+" WHERE "+from+"."+sqlgen.Quote("id")+" = "+sqlgen.Quote(table.Name)+"."+sqlgen.Quote("id")+")")
		case !p.Fill(before, field).IsNull():
			values = append(values, "coalesce("+sqlgen.Quote(field.Name)+", "+sqlgen.SQLite.Literal(field, p.Fill(before, field))+")")
		default:
			values = append(values, sqlgen.Quote(field.Name))
		}
	}
	return append(columns, sqlgen.Quote(sqlgen.Revision)), append(values, sqlgen.Quote(sqlgen.Revision))
}

// convertAll writes converted values into tables of their own, under the old keys. Updating the old table instead
// would run the triggers that others have made on it.
func (p *planner) convertAll(was, table *model.Table) {
	for _, field := range table.Fields {
		before := p.OldField(field)
		if before == nil || !p.Converts(before, field) {
			continue
		}
		conv := p.NewConversion(before, field, convertedTable(before))
		conv.Text = sqlgen.Quote(conv.Into) + " = " + sqlgen.Quote(before.Table.Name) + "." + sqlgen.Quote(before.Name) + " as " + field.Type.String()
		conv.Write = func(session store.Session, rows []plan.Converted) error {
			return insertConverted(session, conv.Into, rows)
		}
		plain := *field
		plain.Name, plain.Ref = convertedColumn, nil
		p.add(atConvert, p.CauseOfField(field), plan.BlocksWrites|plan.Rewrites|plan.Breaks, lockWriters,
			plan.Part{SQL: "CREATE TABLE " + sqlgen.Quote(conv.Into) + " (" + sqlgen.DefineColumn(sqlgen.SQLite, was.ID()).String() + ", " + sqlgen.DefineColumn(sqlgen.SQLite, &plain).String() + ") STRICT"},
			plan.Part{Say: conv.Text, Loop: conv})
	}
}

// convertedColumn is the column of these tables that holds the values.
const convertedColumn = "value"

// insertConverted stores converted values in a table of their own, under the old keys.
func insertConverted(session store.Session, into string, rows []plan.Converted) error {
	sql := "INSERT INTO " + sqlgen.Quote(into) + " (" + sqlgen.Quote("id") + ", " + sqlgen.Quote(convertedColumn) + ") VALUES ($1, $2)"
	for _, row := range rows {
		if _, err := session.Exec(sql, []value.Value{row.ID, row.To}); err != nil {
			return err
		}
	}
	return nil
}

// convertedTable returns the name of the table that holds the converted values of a field.
func convertedTable(was *model.Field) string { return plan.TempName(was.Table.Name + "__" + was.Name) }

func (p *planner) dropFields(was, table *model.Table) {
	for _, field := range was.Fields {
		if p.NewField(field) != nil {
			continue
		}
		why := p.CauseOf(table, func(c diff.Change) bool { return c.OldField == field && c.Kind == diff.FieldDropped })
		p.addLoss(atRebuild, why, was.Name+"."+field.Name, lockWriters, plan.Part{Say: sqlgen.Quote(field.Name) + " is not copied when " + sqlgen.Quote(table.Name) + " is made anew", Loop: noWork{}})
		if table.Field(field.Name) != nil { // a new column gets the name while this one still exists
			p.renames[table] = append(p.renames[table], plan.Rename{From: field.Name, To: sqlgen.Fit("_old_" + field.Name)})
		}
	}
}

// noWork is the loop of a part that only tells something.
type noWork struct{}

func (noWork) Table() string { return "" }

func (noWork) Run(store.Session, func(int64)) error { return nil }

// fillRebuilt fills a rebuilt table and compares the numbers of rows.
type fillRebuilt struct {
	name    string // name of the table
	was     *model.Table
	made    string // the name of the new one until it has its own
	fill    string
	foreign []string
}

func (r *fillRebuilt) Table() string { return r.name }

func (r *fillRebuilt) Run(session store.Session, note func(int64)) error {
	rows, err := plan.Count(session, "SELECT count(*) FROM "+sqlgen.Quote(r.name))
	if err != nil {
		return err
	}
	copied, err := session.Exec(r.fill, nil)
	if err != nil {
		return err
	}
	if copied != rows {
		return fmt.Errorf("%d of the %d rows of %s were copied", copied, rows, r.name)
	}
	note(copied)
	return nil
}

// collectForeign reads the definitions of indexes and triggers of others, before their table is dropped.
type collectForeign fillRebuilt

const selectOthers = `SELECT name, sql FROM sqlite_schema WHERE tbl_name = $1 AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY name`

func (n *collectForeign) Table() string { return n.name }

func (n *collectForeign) Run(session store.Session, _ func(int64)) error {
	own := map[string]bool{}
	for _, i := range sqlgen.Indexes(n.was) {
		own[i.Name] = true
	}
	for _, f := range n.was.Fields {
		own[sqlgen.TriggerName(f)] = true
	}
	n.foreign = nil
	return session.Query(selectOthers, []value.Value{value.OfText(n.name)}, func(row value.Row) error {
		if !own[string(row.Bytes(0))] {
			n.foreign = append(n.foreign, string(row.Bytes(1)))
		}
		return nil
	})
}

// restoreForeign makes again what collectForeign has read.
type restoreForeign fillRebuilt

func (r *restoreForeign) Table() string { return r.name }

func (r *restoreForeign) Run(session store.Session, _ func(int64)) error {
	for _, sql := range r.foreign {
		if _, err := session.Exec(sql, nil); err != nil {
			return fmt.Errorf("the table %s has an index or trigger that is not the model's, and that its new form has no room for: drop it first: %s: %w", r.name, sql, err)
		}
	}
	return nil
}
