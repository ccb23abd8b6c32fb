package migrate

import (
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// rebuild makes a table anew and fills it from the old one.
func (p *litePlanner) rebuild(was, table *model.Table) {
	p.convertAll(was, table)
	p.dropFields(was, table)
	why := p.causeOf(table, func(change diff.Change) bool {
		switch change.Kind {
		case diff.IndexAdded, diff.IndexDropped, diff.UniqueAdded, diff.UniqueDropped, diff.UniqueChanged, diff.TableRenamed, diff.FieldRenamed, diff.FieldDropped:
			return false
		}
		return change.NewTable == table || (change.NewField != nil && change.NewField.Table == table)
	})
	if len(why.changes) == 0 {
		why = p.causeOf(table, func(c diff.Change) bool { return c.NewTable == table && c.Kind == diff.FieldDropped })
	}
	made := *table
	made.Name = tempName(table.Name)
	columns, values := p.copied(table)
	fill := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s", sqlgen.Quote(made.Name), strings.Join(columns, ", "), strings.Join(values, ", "), sqlgen.Quote(table.Name))
	def := sqlgen.Define(sqlgen.SQLite, table)
	r := &fillRebuilt{name: table.Name, was: was, made: made.Name, fill: fill}
	parts := []part{
		{say: "indexes and triggers of others on " + sqlgen.Quote(table.Name) + " are noted, to be made again", loop: (*collectForeign)(r)},
		{sql: sqlgen.Define(sqlgen.SQLite, &made).Table},
		{sql: fill, loop: r},
		{sql: sqlgen.SQLite.DropTable(table.Name)},
		{sql: sqlgen.RenameTable(made.Name, table.Name)},
	}
	for _, field := range table.Fields {
		if before := p.OldField(field); before != nil && p.converts(before, field) {
			parts = append(parts, part{sql: sqlgen.SQLite.DropTable(convertedTable(before))})
		}
	}
	parts = append(parts, append(creates(def.Indexes), creates(def.Triggers)...)...)
	parts = append(parts, part{say: "what was noted is made again", loop: (*restoreForeign)(r)})
	p.add(liteRebuild, why, BlocksWrites|Rewrites|Breaks, lockWriters, parts...)
}

// copied returns the columns of a rebuilt table and the expressions that fill them from the old table. The columns of
// the old table have their new names by then.
func (p *litePlanner) copied(table *model.Table) (columns, values []string) {
	for _, field := range table.Fields {
		columns = append(columns, sqlgen.Quote(field.Name))
		before := p.OldField(field)
		switch {
		case before == nil:
			values = append(values, sqlgen.SQLite.Literal(field, p.backfillFor(field)))
		case p.converts(before, field):
			from := sqlgen.Quote(convertedTable(before)) // no alias: a table of the model may have its name
			values = append(values, "(SELECT "+sqlgen.Quote(convertedColumn)+" FROM "+from+" WHERE "+from+"."+sqlgen.Quote("id")+" = "+sqlgen.Quote(table.Name)+"."+sqlgen.Quote("id")+")")
		case !p.fill(before, field).IsNull():
			values = append(values, "coalesce("+sqlgen.Quote(field.Name)+", "+sqlgen.SQLite.Literal(field, p.fill(before, field))+")")
		default:
			values = append(values, sqlgen.Quote(field.Name))
		}
	}
	return append(columns, sqlgen.Quote(sqlgen.Revision)), append(values, sqlgen.Quote(sqlgen.Revision))
}

// convertAll writes converted values into tables of their own, under the old keys. Updating the old table instead
// would run the triggers that others have made on it.
func (p *litePlanner) convertAll(was, table *model.Table) {
	for _, field := range table.Fields {
		before := p.OldField(field)
		if before == nil || !p.converts(before, field) {
			continue
		}
		conv := p.conversion(before, field)
		plain := *field
		plain.Name, plain.Ref = convertedColumn, nil
		p.add(liteConvert, p.ofField(field), BlocksWrites|Rewrites|Breaks, lockWriters,
			part{sql: "CREATE TABLE " + sqlgen.Quote(conv.into) + " (" + sqlgen.DefineColumn(sqlgen.SQLite, was.ID()).String() + ", " + sqlgen.DefineColumn(sqlgen.SQLite, &plain).String() + ") STRICT"},
			part{say: conv.describe(), loop: conv})
	}
}

// convertedColumn is the column of these tables that holds the values.
const convertedColumn = "value"

// convertedTable returns the name of the table that holds the converted values of a field.
func convertedTable(was *model.Field) string { return tempName(was.Table.Name + "__" + was.Name) }

func (p *litePlanner) dropFields(was, table *model.Table) {
	for _, field := range was.Fields {
		if p.NewField(field) != nil {
			continue
		}
		why := p.causeOf(table, func(c diff.Change) bool { return c.OldField == field && c.Kind == diff.FieldDropped })
		p.addLoss(liteRebuild, why, was.Name+"."+field.Name, lockWriters, part{say: sqlgen.Quote(field.Name) + " is not copied when " + sqlgen.Quote(table.Name) + " is made anew", loop: noWork{}})
		if table.Field(field.Name) != nil { // a new column gets the name while this one still exists
			p.renames[table] = append(p.renames[table], rename{field.Name, sqlgen.Fit("_old_" + field.Name)})
		}
	}
}

// noWork is the loop of a part that only tells something.
type noWork struct{}

func (noWork) table() string { return "" }

func (noWork) run(store.Session, func(int64)) error { return nil }

// fillRebuilt fills a rebuilt table and compares the numbers of rows.
type fillRebuilt struct {
	name    string // name of the table
	was     *model.Table
	made    string // the name of the new one until it has its own
	fill    string
	foreign []string
}

func (r *fillRebuilt) table() string { return r.name }

func (r *fillRebuilt) run(session store.Session, note func(int64)) error {
	rows, err := count(session, "SELECT count(*) FROM "+sqlgen.Quote(r.name))
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

func (n *collectForeign) table() string { return n.name }

func (n *collectForeign) run(session store.Session, _ func(int64)) error {
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

func (r *restoreForeign) table() string { return r.name }

func (r *restoreForeign) run(session store.Session, _ func(int64)) error {
	for _, sql := range r.foreign {
		if _, err := session.Exec(sql, nil); err != nil {
			return fmt.Errorf("the table %s has an index or trigger that is not the model's, and that its new form has no room for: drop it first: %s: %w", r.name, sql, err)
		}
	}
	return nil
}
