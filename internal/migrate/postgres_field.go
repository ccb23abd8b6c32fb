package migrate

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func (p *pgPlanner) addField(f *model.Field) {
	why, now := p.ofField(f), p.fieldBefore(f)
	given := value.Value{}
	if !f.Optional {
		given = p.backfill(f)
	}
	plain := *now
	inline := f.Ref != nil && given.IsNull() && !(p.OldTable(f.Ref) != nil && p.isRewritten(f.Ref.ID()))
	if !inline {
		plain.Ref = nil
	}
	parts := append(statements(sqlgen.AddColumn(sqlgen.Postgres, &plain, given)), creates(sqlgen.Postgres.Triggers(now))...)
	parts[0].undo = "ALTER TABLE " + sqlgen.Quote(now.Table.Name) + " DROP COLUMN IF EXISTS " + sqlgen.Quote(now.Name) + " CASCADE"
	p.add(pgColumns, why, 0, lockMoment, parts...)
	p.renameConstraintsOf(f, now, inline)
	if f.Ref != nil && !inline {
		p.addForeignKey(f, why, 0)
	}
	if !f.Optional && given.IsNull() {
		p.add(pgBind, why, Breaks, lockMoment, statements(sqlgen.AlterColumn(f.Table.Name, f.Name, "SET NOT NULL"))...)
	}
}

// renameConstraintsOf is renameConstraints for a field whose foreign key may not exist before the switch.
func (p *pgPlanner) renameConstraintsOf(f, now *model.Field, referred bool) {
	if f.Ref == nil || referred {
		p.renameConstraints(f, now)
		return
	}
	if f.OnDelete == model.Clear && sqlgen.TriggerName(now) != sqlgen.TriggerName(f) {
		p.bound = append(p.bound, bound{f.Table.Name, true, rename{sqlgen.TriggerName(now), sqlgen.TriggerName(f)}})
	}
}

// addForeignKey adds the foreign key of a field at the switch, for new rows. The phase After checks the existing rows.
func (p *pgPlanner) addForeignKey(f *model.Field, why cause, hazards Hazards) {
	if p.OldField(f) != nil && (p.isRewritten(f) || p.isRewritten(f.Ref.ID())) {
		p.addRowCheck(f, why, orphans(p.fieldBefore(f), p.beforeSwitch[f.Ref]), noSuchRows(f))
	}
	lock := "for a moment nobody writes to " + f.Table.Name + " or " + f.Ref.Name + "; it is waited for 80 ms at a time"
	p.addConstraint(sqlgen.ForeignKey(f), why, hazards, lock)
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
func (p *pgPlanner) addRowCheck(f *model.Field, why cause, sql, advice string) {
	p.add(pgAsk, why, 0, lockNothing, part{sql: sql, loop: &refuseFound{p.beforeSwitch[f.Table], sql, func(found found) model.Fault {
		return p.New.Fault(f.Pos, "%s: %v in the way; %s", why.title(), found, advice)
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
func (p *pgPlanner) newShadowColumn(was, f *model.Field, events, expression string) shadowColumn {
	now := p.fieldBefore(f)
	plain := *now
	plain.Ref = nil
	table, trigger := sqlgen.Quote(now.Table.Name), sqlgen.Quote(sqlgen.Fit("_reset_"+now.Table.Name+"__"+f.Name))
	function := sqlgen.Quote(sqlgen.Fit("ashlar_reset_" + now.Table.Name + "__" + f.Name))
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
func (p *pgPlanner) replaceField(was, f *model.Field) {
	if f.Name == "id" {
		p.replaceKey(was, f)
		return
	}
	why, name := p.ofField(f), p.beforeSwitch[f.Table].Name
	follow := p.newShadowColumn(was, f, "UPDATE", "NULL")
	p.add(pgColumns, why, 0, lockPending, follow.make...)

	c := p.conversion(was, f)
	p.add(pgConvert, why, 0, lockWhileRow, part{say: "in batches: " + c.describe(), loop: c})

	rest := *c
	rest.restOnly = true
	written := part{say: "of rows that were written meanwhile: " + rest.describe(), loop: &rest}
	index := sqlgen.Index{Name: sqlgen.Fit("_rest_" + name + "__" + f.Name), Table: name, Columns: []string{"id"}, Where: rest.unconverted(), Concurrently: true}
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
	p.bindReplaced(f, p.fieldBefore(f), why)
}

// bindReplaced adds to the new column the constraints and triggers of its field.
func (p *pgPlanner) bindReplaced(f, shadow *model.Field, why cause) {
	if f.Type == model.Enum && sqlgen.CheckName(shadow) != sqlgen.CheckName(f) {
		p.bound = append(p.bound, bound{f.Table.Name, false, rename{sqlgen.CheckName(shadow), sqlgen.CheckName(f)}})
	}
	if !f.Optional {
		p.addNotNull(f, why)
	}
	if f.Ref != nil {
		p.addForeignKey(f, why, Breaks)
		if t := sqlgen.Postgres.Triggers(f); t != nil {
			p.add(pgBind, why, Breaks, lockMoment, creates(t)...)
		}
	}
}

func (p *planner) conversion(was, f *model.Field) *conversion {
	into := f.Name
	if before := p.OldTable(f.Table); slices.ContainsFunc(before.Fields, func(o *model.Field) bool { return o.Name == f.Name }) {
		into = tempName(f.Name)
	}
	if p.dialect == sqlgen.SQLite {
		into = convertedTable(was)
	}
	return &conversion{dialect: p.dialect, key: was.Table.ID(), from: was, to: f, into: into, fill: p.fill(was, f)}
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
func (p *pgPlanner) changeField(was, f *model.Field) {
	why := p.ofField(f)
	p.changeReference(was, f, why)
	p.changeValues(was, f, why)
	if was.Type == model.Decimal && was.Precision < f.Precision {
		p.add(pgBind, why, 0, lockMoment, statements(sqlgen.AlterColumn(f.Table.Name, f.Name, "TYPE "+sqlgen.PostgresType(f)))...)
	}
	if f.Name == "id" {
		p.renameConstraintsOf(f, keyOf(was), true)
		return
	}
	switch {
	case was.Optional && !f.Optional:
		p.addNotNull(f, why)
	case !was.Optional && f.Optional:
		p.add(pgBind, why, Breaks, lockMoment, statements(sqlgen.AlterColumn(f.Table.Name, f.Name, "DROP NOT NULL"))...)
	}
}

// keyOf returns an id without its reference, to name its primary key.
func keyOf(id *model.Field) *model.Field {
	plain := *id
	plain.Ref = nil
	return &plain
}

func (p *pgPlanner) changeReference(was, f *model.Field, why cause) {
	if p.keepsForeignKey(was, f) {
		p.renameKept(sqlgen.ReferenceName(was), sqlgen.ReferenceName(f), f, false)
		if f.OnDelete == model.Clear {
			p.renameKept(sqlgen.TriggerName(was), sqlgen.TriggerName(f), f, true)
		}
		return
	}
	if was.Ref == nil && f.Ref == nil {
		return
	}
	if was.Ref != nil {
		p.add(pgUnbind, why, Breaks, lockMoment, p.dropForeignKey(was)...)
	}
	if f.Ref != nil {
		if t := sqlgen.Postgres.Triggers(f); t != nil {
			p.add(pgBind, why, Breaks, lockMoment, creates(t)...)
		}
		p.addForeignKey(f, why, Breaks)
	}
}

// renameKept renames a constraint or trigger that stays.
func (p *pgPlanner) renameKept(from, to string, f *model.Field, trigger bool) {
	if from != to {
		p.bound = append(p.bound, bound{f.Table.Name, trigger, rename{from, to}})
	}
}

// changeValues replaces the check of an enum. The new check binds new rows at the switch; the phase After checks the
// others.
func (p *pgPlanner) changeValues(was, f *model.Field, why cause) {
	before, after := names(was), names(f)
	if was.Type == f.Type && slices.Equal(before, after) {
		if f.Type == model.Enum {
			p.renameKept(sqlgen.CheckName(was), sqlgen.CheckName(f), f, false)
		}
		return
	}
	hazards := Hazards(0)
	fewer := f.Type == model.Enum && (was.Type != model.Enum || slices.ContainsFunc(before, func(v string) bool { return !slices.Contains(after, v) }))
	if fewer {
		hazards = Breaks
	}
	if was.Type == model.Enum {
		p.add(pgUnbind, why, hazards, lockMoment, statements(sqlgen.EnumCheck(was).Drop())...)
	}
	if f.Type == model.Enum {
		p.addConstraint(sqlgen.EnumCheck(f), why, hazards, lockMoment)
	}
}

// names returns the values of an enum, sorted.
func names(f *model.Field) []string {
	var all []string
	for _, v := range f.Values {
		all = append(all, v.Name)
	}
	slices.Sort(all)
	return all
}

// addNotNull makes a column NOT NULL without reading all rows under a lock. A check binds new rows first. When it is
// validated, PostgreSQL relies on it. The step of the first field that needs it fills the rows without a value.
func (p *pgPlanner) addNotNull(f *model.Field, why cause) {
	check := sqlgen.NotNullCheck(f)
	p.add(pgBind, why, Breaks, lockMoment, statements(check.ForNewRows().Create())...)
	filled := p.filled(f.Table)
	if slices.Contains(filled, f) {
		p.addFilledCheck(f, why)
	}
	if len(filled) > 0 && filled[0] == f {
		sql := fillMissing(filled, func(f *model.Field) value.Value { return p.fill(p.OldField(f), f) })
		p.add(pgFill, why, 0, lockWhileRow, part{sql: sql, loop: &repeatStatement{f.Table.Name, sql}})
	}
	p.addValidation(check, why)
	p.add(pgRequire, why, 0, lockMoment, statements(sqlgen.AlterColumn(f.Table.Name, f.Name, "SET NOT NULL"), check.Drop())...)
}

// filled returns the fields of a table that keep their column, become required, and get a value in rows without one.
func (p *pgPlanner) filled(t *model.Table) (all []*model.Field) {
	for _, f := range t.Fields {
		if was := p.OldField(f); was != nil && !p.isRewritten(f) && !p.fill(was, f).IsNull() {
			all = append(all, f)
		}
	}
	return all
}

// addFilledCheck adds a check for rows that would violate a unique index once missing values are filled. Only indexes
// that also cover a converted column need it.
func (p *pgPlanner) addFilledCheck(f *model.Field, why cause) {
	now := p.beforeSwitch[f.Table]
	for _, i := range sqlgen.Indexes(f.Table) {
		if !i.Unique || !slices.Contains(i.Columns, f.Name) {
			continue
		}
		var columns []sameColumn
		converted := false
		for _, name := range i.Columns {
			is := f.Table.Field(name)
			c := sameColumn{name: p.fieldBefore(is).Name, caseless: i.Caseless}
			if was := p.OldField(is); was != nil {
				c.fill, converted = p.fillLiteral(was, is), converted || p.isRewritten(is)
			}
			columns = append(columns, c)
		}
		if converted {
			p.addRowCheck(f, why, same(now, columns), "they would have the same values: change or delete them first")
		}
	}
}

func (p *pgPlanner) dropField(f *model.Field) {
	why := p.causeOf(p.NewTable(f.Table), func(c diff.Change) bool { return c.OldField == f && c.Kind == diff.FieldDropped })
	name := f.Table.Name + "." + f.Name
	if f.Ref != nil {
		p.addLoss(pgUnbind, why, name, lockMoment, p.dropForeignKey(f)...)
	}
	p.addLoss(pgDropColumn, why, name, lockMoment, statements(sqlgen.DropColumn(f.Table.Name, f.Name))...)
}
