package migrate

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func (p *pgPlanner) addField(field *model.Field) {
	why, now := p.ofField(field), p.fieldBefore(field)
	given := value.Value{}
	if !field.Optional {
		given = p.backfill(field)
	}
	plain := *now
	inline := field.Ref != nil && given.IsNull() && !(p.OldTable(field.Ref) != nil && p.isRewritten(field.Ref.ID()))
	if !inline {
		plain.Ref = nil
	}
	parts := append(statements(sqlgen.AddColumn(sqlgen.Postgres, &plain, given)), creates(sqlgen.Postgres.Triggers(now))...)
	parts[0].undo = "ALTER TABLE " + sqlgen.Quote(now.Table.Name) + " DROP COLUMN IF EXISTS " + sqlgen.Quote(now.Name) + " CASCADE"
	p.add(pgColumns, why, 0, lockMoment, parts...)
	p.renameConstraintsOf(field, now, inline)
	if field.Ref != nil && !inline {
		p.addForeignKey(field, why, 0)
	}
	if !field.Optional && given.IsNull() {
		p.add(pgBind, why, Breaks, lockMoment, statements(sqlgen.AlterColumn(field.Table.Name, field.Name, "SET NOT NULL"))...)
	}
}

// renameConstraintsOf is renameConstraints for a field whose foreign key may not exist before the switch.
func (p *pgPlanner) renameConstraintsOf(field, now *model.Field, referred bool) {
	if field.Ref == nil || referred {
		p.renameConstraints(field, now)
		return
	}
	if field.OnDelete == model.Clear && sqlgen.TriggerName(now) != sqlgen.TriggerName(field) {
		p.bound = append(p.bound, bound{field.Table.Name, true, rename{sqlgen.TriggerName(now), sqlgen.TriggerName(field)}})
	}
}

// addForeignKey adds the foreign key of a field at the switch, for new rows. The phase After checks the existing rows.
func (p *pgPlanner) addForeignKey(field *model.Field, why cause, hazards Hazards) {
	if p.OldField(field) != nil && (p.isRewritten(field) || p.isRewritten(field.Ref.ID())) {
		p.addRowCheck(field, why, orphans(p.fieldBefore(field), p.beforeSwitch[field.Ref]), noSuchRows(field))
	}
	lock := "for a moment nobody writes to " + field.Table.Name + " or " + field.Ref.Name + "; it is waited for 80 ms at a time"
	p.addConstraint(sqlgen.ForeignKey(field), why, hazards, lock)
}

// addConstraint adds a constraint at the switch, for new rows. The phase After checks the existing rows.
func (p *pgPlanner) addConstraint(c sqlgen.Constraint, why cause, hazards Hazards, lock string) {
	p.add(pgBind, why, hazards, lock, statements(c.ForNewRows().Create())...)
	p.addValidation(c, why)
}

func (p *pgPlanner) addValidation(c sqlgen.Constraint, why cause) {
	p.add(pgValidate, why, 0, lockNothing, part{sql: c.Validate(), outsideTx: true})
}

// addRowCheck adds a query that must find no rows before the switch, among converted values.
func (p *pgPlanner) addRowCheck(field *model.Field, why cause, sql, advice string) {
	p.add(pgAsk, why, 0, lockNothing, part{sql: sql, loop: &refuseFound{p.beforeSwitch[field.Table], sql, func(found found) model.Fault {
		return p.New.Fault(field.Pos, "%s: %v in the way; %s", why.title(), found, advice)
	}}})
}

// shadowColumn is a new column next to an old one. A trigger keeps it up to date until it takes the place of the old
// one.
type shadowColumn struct {
	make []part
	drop part // drops the trigger
}

// newShadowColumn returns a shadow column. On the given events of the old column, the trigger sets it to an SQL
// expression.
func (p *pgPlanner) newShadowColumn(was, field *model.Field, events, expression string) shadowColumn {
	now := p.fieldBefore(field)
	plain := *now
	plain.Ref = nil
	table, trigger := sqlgen.Quote(now.Table.Name), sqlgen.Quote(sqlgen.Fit("_reset_"+now.Table.Name+"__"+field.Name))
	function := sqlgen.Quote(sqlgen.Fit("ashlar_reset_" + now.Table.Name + "__" + field.Name))
	parts := statements(sqlgen.AddColumn(sqlgen.Postgres, &plain, value.Value{}))
	parts[0].undo = "ALTER TABLE " + table + " DROP COLUMN IF EXISTS " + sqlgen.Quote(now.Name) + " CASCADE"
	parts = append(parts,
		part{sql: "CREATE FUNCTION " + function + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW." + sqlgen.Quote(now.Name) + " := " + expression + "; RETURN NEW; END $$",
			undo: "DROP FUNCTION IF EXISTS " + function + "() CASCADE"},
		part{sql: "CREATE TRIGGER " + trigger + " BEFORE " + events + " OF " + sqlgen.Quote(was.Name) + " ON " + table + " FOR EACH ROW EXECUTE FUNCTION " + function + "()"})
	return shadowColumn{parts, part{sql: "DROP FUNCTION " + function + "() CASCADE"}}
}

// replaceField writes the converted values of a field into a new column while servers write to the old one. The switch
// puts the new column in the place of the old one. Nothing reads all rows under the lock of the switch: an index finds
// the rows that servers wrote after the conversion. The phase After checks that no row was left out.
func (p *pgPlanner) replaceField(was, field *model.Field) {
	if field.Name == "id" {
		p.replaceKey(was, field)
		return
	}
	why, name := p.ofField(field), p.beforeSwitch[field.Table].Name
	follow := p.newShadowColumn(was, field, "UPDATE", "NULL")
	p.add(pgColumns, why, 0, lockPending, follow.make...)

	conv := p.conversion(was, field)
	p.add(pgConvert, why, 0, lockWhileRow, part{say: "in batches: " + conv.describe(), loop: conv})

	rest := *conv
	rest.restOnly = true
	written := part{say: "of rows that were written meanwhile: " + rest.describe(), loop: &rest}
	index := sqlgen.Index{Name: sqlgen.Fit("_rest_" + name + "__" + field.Name), Table: name, Columns: []string{"id"}, Where: rest.unconverted(), Concurrently: true}
	p.add(pgIndexRest, why, 0, lockWhileRow, part{sql: index.Create(), outsideTx: true, undo: index.Drop()}, written)
	p.add(pgRest, why, Breaks, lockMoment,
		part{sql: "LOCK TABLE " + sqlgen.Quote(name) + " IN ACCESS EXCLUSIVE MODE"},
		written,
		part{sql: "DROP INDEX " + sqlgen.Quote(index.Name)},
		follow.drop)
	if was.Ref != nil {
		p.add(pgUnbind, why, Breaks, lockMoment, p.dropForeignKey(was)...)
	}
	p.add(pgDropColumn, why, Breaks, lockMoment, statements(sqlgen.DropColumn(name, was.Name))...)
	p.bindReplaced(field, p.fieldBefore(field), why)
}

// bindReplaced adds to the new column the constraints and triggers of its field.
func (p *pgPlanner) bindReplaced(field, shadow *model.Field, why cause) {
	if field.Type == model.Enum && sqlgen.CheckName(shadow) != sqlgen.CheckName(field) {
		p.bound = append(p.bound, bound{field.Table.Name, false, rename{sqlgen.CheckName(shadow), sqlgen.CheckName(field)}})
	}
	if !field.Optional {
		p.addNotNull(field, why)
	}
	if field.Ref != nil {
		p.addForeignKey(field, why, Breaks)
		if t := sqlgen.Postgres.Triggers(field); t != nil {
			p.add(pgBind, why, Breaks, lockMoment, creates(t)...)
		}
	}
}

func (p *planner) conversion(was, field *model.Field) *conversion {
	into := field.Name
	if before := p.OldTable(field.Table); slices.ContainsFunc(before.Fields, func(o *model.Field) bool { return o.Name == field.Name }) {
		into = tempName(field.Name)
	}
	if p.dialect == sqlgen.SQLite {
		into = convertedTable(was)
	}
	return &conversion{dialect: p.dialect, key: was.Table.ID(), from: was, to: field, into: into, fill: p.fill(was, field)}
}

func (c *conversion) describe() string {
	into, from := sqlgen.Quote(c.tableName())+"."+sqlgen.Quote(c.into), sqlgen.Quote(c.from.Name)
	if c.dialect == sqlgen.SQLite {
		into, from = sqlgen.Quote(c.into), sqlgen.Quote(c.tableName())+"."+from
	}
	return into + " = " + from + " as " + c.to.Type.String()
}

// dropForeignKey drops the foreign key of an old field, and its trigger.
func (p *pgPlanner) dropForeignKey(was *model.Field) []part {
	parts := statements(sqlgen.ForeignKey(was).Drop())
	if was.OnDelete == model.Clear {
		parts = append(parts, part{sql: sqlgen.Postgres.DropTrigger(was)})
	}
	return parts
}

// keepsForeignKey reports whether the foreign key of a field stays as it is.
func (p *pgPlanner) keepsForeignKey(was, f *model.Field) bool {
	return was.Ref != nil && f.Ref != nil && p.NewTable(was.Ref) == f.Ref && was.OnDelete == f.OnDelete && !p.isRewritten(f.Ref.ID())
}

// changeField changes a column whose values stay.
func (p *pgPlanner) changeField(was, field *model.Field) {
	why := p.ofField(field)
	p.changeReference(was, field, why)
	p.changeValues(was, field, why)
	if was.Type == model.Decimal && was.Precision < field.Precision {
		p.add(pgBind, why, 0, lockMoment, statements(sqlgen.AlterColumn(field.Table.Name, field.Name, "TYPE "+sqlgen.PostgresType(field)))...)
	}
	if field.Name == "id" {
		p.renameConstraintsOf(field, keyOf(was), true)
		return
	}
	switch {
	case was.Optional && !field.Optional:
		p.addNotNull(field, why)
	case !was.Optional && field.Optional:
		p.add(pgBind, why, Breaks, lockMoment, statements(sqlgen.AlterColumn(field.Table.Name, field.Name, "DROP NOT NULL"))...)
	}
}

// keyOf returns an id without its reference, to name its primary key.
func keyOf(id *model.Field) *model.Field {
	plain := *id
	plain.Ref = nil
	return &plain
}

func (p *pgPlanner) changeReference(was, field *model.Field, why cause) {
	if p.keepsForeignKey(was, field) {
		p.renameKept(sqlgen.ReferenceName(was), sqlgen.ReferenceName(field), field, false)
		if field.OnDelete == model.Clear {
			p.renameKept(sqlgen.TriggerName(was), sqlgen.TriggerName(field), field, true)
		}
		return
	}
	if was.Ref == nil && field.Ref == nil {
		return
	}
	if was.Ref != nil {
		p.add(pgUnbind, why, Breaks, lockMoment, p.dropForeignKey(was)...)
	}
	if field.Ref != nil {
		if t := sqlgen.Postgres.Triggers(field); t != nil {
			p.add(pgBind, why, Breaks, lockMoment, creates(t)...)
		}
		p.addForeignKey(field, why, Breaks)
	}
}

// renameKept renames a constraint or trigger that stays.
func (p *pgPlanner) renameKept(from, to string, field *model.Field, trigger bool) {
	if from != to {
		p.bound = append(p.bound, bound{field.Table.Name, trigger, rename{from, to}})
	}
}

// changeValues replaces the check of an enum. The new check binds new rows at the switch; the phase After checks the
// others.
func (p *pgPlanner) changeValues(was, field *model.Field, why cause) {
	before, after := names(was), names(field)
	if was.Type == field.Type && slices.Equal(before, after) {
		if field.Type == model.Enum {
			p.renameKept(sqlgen.CheckName(was), sqlgen.CheckName(field), field, false)
		}
		return
	}
	hazards := Hazards(0)
	fewer := field.Type == model.Enum && (was.Type != model.Enum || slices.ContainsFunc(before, func(v string) bool { return !slices.Contains(after, v) }))
	if fewer {
		hazards = Breaks
	}
	if was.Type == model.Enum {
		p.add(pgUnbind, why, hazards, lockMoment, statements(sqlgen.EnumCheck(was).Drop())...)
	}
	if field.Type == model.Enum {
		p.addConstraint(sqlgen.EnumCheck(field), why, hazards, lockMoment)
	}
}

// names returns the values of an enum, sorted.
func names(field *model.Field) []string {
	var all []string
	for _, v := range field.Values {
		all = append(all, v.Name)
	}
	slices.Sort(all)
	return all
}

// addNotNull makes a column NOT NULL without reading all rows under a lock. A check binds new rows first. When it is
// validated, PostgreSQL relies on it. The step of the first field that needs it fills the rows without a value.
func (p *pgPlanner) addNotNull(field *model.Field, why cause) {
	check := sqlgen.NotNullCheck(field)
	p.add(pgBind, why, Breaks, lockMoment, statements(check.ForNewRows().Create())...)
	filled := p.filled(field.Table)
	if slices.Contains(filled, field) {
		p.addFilledCheck(field, why)
	}
	if len(filled) > 0 && filled[0] == field {
		sql := fillMissing(filled, func(f *model.Field) value.Value { return p.fill(p.OldField(f), f) })
		p.add(pgFill, why, 0, lockWhileRow, part{sql: sql, loop: &repeatStatement{field.Table.Name, sql}})
	}
	p.addValidation(check, why)
	p.add(pgRequire, why, 0, lockMoment, statements(sqlgen.AlterColumn(field.Table.Name, field.Name, "SET NOT NULL"), check.Drop())...)
}

// filled returns the fields of a table that keep their column, become required, and get a value in rows without one.
func (p *pgPlanner) filled(table *model.Table) (all []*model.Field) {
	for _, field := range table.Fields {
		if was := p.OldField(field); was != nil && !p.isRewritten(field) && !p.fill(was, field).IsNull() {
			all = append(all, field)
		}
	}
	return all
}

// addFilledCheck adds a check for rows that would violate a unique index once missing values are filled. Only indexes
// that also cover a converted column need it.
func (p *pgPlanner) addFilledCheck(field *model.Field, why cause) {
	now := p.beforeSwitch[field.Table]
	for _, index := range sqlgen.Indexes(field.Table) {
		if !index.Unique || !slices.Contains(index.Columns, field.Name) {
			continue
		}
		var columns []sameColumn
		converted := false
		for _, name := range index.Columns {
			is := field.Table.Field(name)
			column := sameColumn{name: p.fieldBefore(is).Name, caseless: index.Caseless}
			if was := p.OldField(is); was != nil {
				column.fill, converted = p.fillLiteral(was, is), converted || p.isRewritten(is)
			}
			columns = append(columns, column)
		}
		if converted {
			p.addRowCheck(field, why, same(now, columns), "they would have the same values: change or delete them first")
		}
	}
}

func (p *pgPlanner) dropField(field *model.Field) {
	why := p.causeOf(p.NewTable(field.Table), func(c diff.Change) bool { return c.OldField == field && c.Kind == diff.FieldDropped })
	name := field.Table.Name + "." + field.Name
	if field.Ref != nil {
		p.addLoss(pgUnbind, why, name, lockMoment, p.dropForeignKey(field)...)
	}
	p.addLoss(pgDropColumn, why, name, lockMoment, statements(sqlgen.DropColumn(field.Table.Name, field.Name))...)
}
