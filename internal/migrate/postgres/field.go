package postgres

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func (p *planner) addField(field *model.Field) {
	why, now := p.CauseOfField(field), p.fieldBefore(field)
	given := p.BackfillFor(field)
	plain := *now
	inline := field.Ref != nil && given.IsNull() && !(p.OldTable(field.Ref) != nil && p.isRewritten(field.Ref.ID()))
	if !inline {
		plain.Ref = nil
	}
	parts := append(plan.Statements(sqlgen.AddColumn(sqlgen.Postgres, &plain, given)), plan.Creates(sqlgen.Postgres.Triggers(now))...)
	parts[0].Undo = "ALTER TABLE " + sqlgen.Quote(now.Table.Name) + " DROP COLUMN IF EXISTS " + sqlgen.Quote(now.Name) + " CASCADE"
	p.add(atColumns, why, 0, lockMoment, parts...)
	p.renameConstraintsOf(field, now, inline)
	if field.Ref != nil && !inline {
		p.addForeignKey(field, why, 0)
	}
	if !field.Optional && given.IsNull() {
		p.add(atBind, why, plan.Breaks, lockMoment, plan.Statements(sqlgen.AlterColumn(field.Table.Name, field.Name, "SET NOT NULL"))...)
	}
}

// renameConstraintsOf is renameConstraints for a field whose foreign key may not exist before the switch.
func (p *planner) renameConstraintsOf(field, now *model.Field, referred bool) {
	if field.Ref == nil || referred {
		p.renameConstraints(field, now)
		return
	}
	if field.OnDelete == model.Clear && sqlgen.TriggerName(now) != sqlgen.TriggerName(field) {
		p.bound = append(p.bound, bound{field.Table.Name, true, plan.Rename{From: sqlgen.TriggerName(now), To: sqlgen.TriggerName(field)}})
	}
}

// addForeignKey adds the foreign key of a field at the switch, for new rows. The phase After checks the existing rows.
func (p *planner) addForeignKey(field *model.Field, why plan.Cause, hazards plan.Hazards) {
	if p.OldField(field) != nil && (p.isRewritten(field) || p.isRewritten(field.Ref.ID())) {
		p.addRowCheck(field, why, plan.Orphans(p.fieldBefore(field), p.beforeSwitch[field.Ref]), plan.NoSuchRows(field))
	}
	lock := "for a moment nobody writes to " + field.Table.Name + " or " + field.Ref.Name + "; it is waited for 80 ms at a time"
	p.addConstraint(sqlgen.ForeignKey(field), why, hazards, lock)
}

// addConstraint adds a constraint at the switch, for new rows. The phase After checks the existing rows.
func (p *planner) addConstraint(c sqlgen.Constraint, why plan.Cause, hazards plan.Hazards, lock string) {
	p.add(atBind, why, hazards, lock, plan.Statements(c.ForNewRows().Create())...)
	p.addValidation(c, why)
}

func (p *planner) addValidation(c sqlgen.Constraint, why plan.Cause) {
	p.add(atValidate, why, 0, lockNothing, plan.Part{SQL: c.Validate(), OutsideTx: true})
}

// addRowCheck adds a query that must find no rows before the switch, among converted values.
func (p *planner) addRowCheck(field *model.Field, why plan.Cause, sql, advice string) {
	p.add(atAsk, why, 0, lockNothing, plan.Part{SQL: sql, Loop: &refuseFound{p.beforeSwitch[field.Table], sql, func(found plan.Found) model.Fault {
		return p.New.Fault(field.Pos, "%s: %v in the way; %s", why.Title(), found, advice)
	}}})
}

// shadowColumn is a new column next to an old one. A trigger keeps it up to date until it takes the place of the old
// one.
type shadowColumn struct {
	make []plan.Part
	drop plan.Part // drops the trigger
}

// newShadowColumn returns a shadow column. On the given events of the old column, the trigger sets it to an SQL
// expression.
func (p *planner) newShadowColumn(was, field *model.Field, events, expression string) shadowColumn {
	now := p.fieldBefore(field)
	plain := *now
	plain.Ref = nil
	table, trigger := sqlgen.Quote(now.Table.Name), sqlgen.Quote(sqlgen.Fit("_reset_"+now.Table.Name+"__"+field.Name))
	function := sqlgen.Quote(sqlgen.Fit("ashlar_reset_" + now.Table.Name + "__" + field.Name))
	parts := plan.Statements(sqlgen.AddColumn(sqlgen.Postgres, &plain, value.Value{}))
	parts[0].Undo = "ALTER TABLE " + table + " DROP COLUMN IF EXISTS " + sqlgen.Quote(now.Name) + " CASCADE"
	parts = append(parts,
		plan.Part{SQL: "CREATE FUNCTION " + function + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW." + sqlgen.Quote(now.Name) + " := " + expression + "; RETURN NEW; END $$",
			Undo: "DROP FUNCTION IF EXISTS " + function + "() CASCADE"},
		plan.Part{SQL: "CREATE TRIGGER " + trigger + " BEFORE " + events + " OF " + sqlgen.Quote(was.Name) + " ON " + table + " FOR EACH ROW EXECUTE FUNCTION " + function + "()"})
	return shadowColumn{parts, plan.Part{SQL: "DROP FUNCTION " + function + "() CASCADE"}}
}

// replaceField writes the converted values of a field into a new column while servers write to the old one. The switch
// puts the new column in the place of the old one. Nothing reads all rows under the lock of the switch: an index finds
// the rows that servers wrote after the conversion. The phase After checks that no row was left out.
func (p *planner) replaceField(was, field *model.Field) {
	if field.Name == "id" {
		p.replaceKey(was, field)
		return
	}
	why, name := p.CauseOfField(field), p.beforeSwitch[field.Table].Name
	follow := p.newShadowColumn(was, field, "UPDATE", "NULL")
	p.add(atColumns, why, 0, lockPending, follow.make...)

	conv := p.conversion(was, field)
	p.add(atConvert, why, 0, lockWhileRow, plan.Part{Say: "in batches: " + conv.Text, Loop: conv})

	rest := *conv
	rest.RestOnly = true
	written := plan.Part{Say: "of rows that were written meanwhile: " + rest.Text, Loop: &rest}
	index := sqlgen.Index{Name: sqlgen.Fit("_rest_" + name + "__" + field.Name), Table: name, Columns: []string{"id"}, Where: rest.Unconverted(), Concurrently: true}
	p.add(atIndexRest, why, 0, lockWhileRow, plan.Part{SQL: index.Create(), OutsideTx: true, Undo: index.Drop()}, written)
	p.add(atRest, why, plan.Breaks, lockMoment,
		plan.Part{SQL: "LOCK TABLE " + sqlgen.Quote(name) + " IN ACCESS EXCLUSIVE MODE"},
		written,
		plan.Part{SQL: "DROP INDEX " + sqlgen.Quote(index.Name)},
		follow.drop)
	if was.Ref != nil {
		p.add(atUnbind, why, plan.Breaks, lockMoment, p.dropForeignKey(was)...)
	}
	p.add(atDropColumn, why, plan.Breaks, lockMoment, plan.Statements(sqlgen.DropColumn(name, was.Name))...)
	p.bindReplaced(field, p.fieldBefore(field), why)
}

// bindReplaced adds to the new column the constraints and triggers of its field.
func (p *planner) bindReplaced(field, shadow *model.Field, why plan.Cause) {
	if field.Type == model.Enum && sqlgen.CheckName(shadow) != sqlgen.CheckName(field) {
		p.bound = append(p.bound, bound{field.Table.Name, false, plan.Rename{From: sqlgen.CheckName(shadow), To: sqlgen.CheckName(field)}})
	}
	if !field.Optional {
		p.addNotNull(field, why)
	}
	if field.Ref != nil {
		p.addForeignKey(field, why, plan.Breaks)
		if t := sqlgen.Postgres.Triggers(field); t != nil {
			p.add(atBind, why, plan.Breaks, lockMoment, plan.Creates(t)...)
		}
	}
}

// dropForeignKey drops the foreign key of an old field, and its trigger.
func (p *planner) dropForeignKey(was *model.Field) []plan.Part {
	parts := plan.Statements(sqlgen.ForeignKey(was).Drop())
	if was.OnDelete == model.Clear {
		parts = append(parts, plan.Part{SQL: sqlgen.Postgres.DropTrigger(was)})
	}
	return parts
}

// keepsForeignKey reports whether the foreign key of a field stays as it is.
func (p *planner) keepsForeignKey(was, f *model.Field) bool {
	return was.Ref != nil && f.Ref != nil && p.NewTable(was.Ref) == f.Ref && was.OnDelete == f.OnDelete && !p.isRewritten(f.Ref.ID())
}

// changeField changes a column whose values stay.
func (p *planner) changeField(was, field *model.Field) {
	why := p.CauseOfField(field)
	p.changeReference(was, field, why)
	p.changeValues(was, field, why)
	if was.Type == model.Decimal && was.Precision < field.Precision {
		p.add(atBind, why, 0, lockMoment, plan.Statements(sqlgen.AlterColumn(field.Table.Name, field.Name, "TYPE "+sqlgen.PostgresType(field)))...)
	}
	if field.Name == "id" {
		p.renameConstraintsOf(field, keyOf(was), true)
		return
	}
	switch {
	case was.Optional && !field.Optional:
		p.addNotNull(field, why)
	case !was.Optional && field.Optional:
		p.add(atBind, why, plan.Breaks, lockMoment, plan.Statements(sqlgen.AlterColumn(field.Table.Name, field.Name, "DROP NOT NULL"))...)
	}
}

// keyOf returns an id without its reference, to name its primary key.
func keyOf(id *model.Field) *model.Field {
	plain := *id
	plain.Ref = nil
	return &plain
}

func (p *planner) changeReference(was, field *model.Field, why plan.Cause) {
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
		p.add(atUnbind, why, plan.Breaks, lockMoment, p.dropForeignKey(was)...)
	}
	if field.Ref != nil {
		if t := sqlgen.Postgres.Triggers(field); t != nil {
			p.add(atBind, why, plan.Breaks, lockMoment, plan.Creates(t)...)
		}
		p.addForeignKey(field, why, plan.Breaks)
	}
}

// renameKept renames a constraint or trigger that stays.
func (p *planner) renameKept(from, to string, field *model.Field, trigger bool) {
	if from != to {
		p.bound = append(p.bound, bound{field.Table.Name, trigger, plan.Rename{From: from, To: to}})
	}
}

// changeValues replaces the check of an enum. The new check binds new rows at the switch; the phase After checks the
// others.
func (p *planner) changeValues(was, field *model.Field, why plan.Cause) {
	before, after := names(was), names(field)
	if was.Type == field.Type && slices.Equal(before, after) {
		if field.Type == model.Enum {
			p.renameKept(sqlgen.CheckName(was), sqlgen.CheckName(field), field, false)
		}
		return
	}
	hazards := plan.Hazards(0)
	fewer := field.Type == model.Enum && (was.Type != model.Enum || slices.ContainsFunc(before, func(v string) bool { return !slices.Contains(after, v) }))
	if fewer {
		hazards = plan.Breaks
	}
	if was.Type == model.Enum {
		p.add(atUnbind, why, hazards, lockMoment, plan.Statements(sqlgen.EnumCheck(was).Drop())...)
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
func (p *planner) addNotNull(field *model.Field, why plan.Cause) {
	check := sqlgen.NotNullCheck(field)
	p.add(atBind, why, plan.Breaks, lockMoment, plan.Statements(check.ForNewRows().Create())...)
	filled := p.filled(field.Table)
	if slices.Contains(filled, field) {
		p.addFilledCheck(field, why)
	}
	if len(filled) > 0 && filled[0] == field {
		sql := fillMissing(filled, func(f *model.Field) value.Value { return p.Fill(p.OldField(f), f) })
		p.add(atFill, why, 0, lockWhileRow, plan.Part{SQL: sql, Loop: &plan.RepeatStatement{TableName: field.Table.Name, SQL: sql}})
	}
	p.addValidation(check, why)
	p.add(atRequire, why, 0, lockMoment, plan.Statements(sqlgen.AlterColumn(field.Table.Name, field.Name, "SET NOT NULL"), check.Drop())...)
}

// filled returns the fields of a table that keep their column, become required, and get a value in rows without one.
func (p *planner) filled(table *model.Table) (all []*model.Field) {
	for _, field := range table.Fields {
		if was := p.OldField(field); was != nil && !p.isRewritten(field) && !p.Fill(was, field).IsNull() {
			all = append(all, field)
		}
	}
	return all
}

// addFilledCheck adds a check for rows that would violate a unique index once missing values are filled. Only indexes
// that also cover a converted column need it.
func (p *planner) addFilledCheck(field *model.Field, why plan.Cause) {
	now := p.beforeSwitch[field.Table]
	for _, index := range sqlgen.Indexes(field.Table) {
		if !index.Unique || !slices.Contains(index.Columns, field.Name) {
			continue
		}
		var columns []plan.SameColumn
		converted := false
		for _, name := range index.Columns {
			is := field.Table.Field(name)
			column := plan.SameColumn{Name: p.fieldBefore(is).Name, Caseless: index.Caseless}
			if was := p.OldField(is); was != nil {
				column.Fill, converted = p.FillLiteral(was, is), converted || p.isRewritten(is)
			}
			columns = append(columns, column)
		}
		if converted {
			p.addRowCheck(field, why, plan.SameValues(now, columns), "they would have the same values: change or delete them first")
		}
	}
}

func (p *planner) dropField(field *model.Field) {
	why := p.CauseOf(p.NewTable(field.Table), func(c diff.Change) bool { return c.OldField == field && c.Kind == diff.FieldDropped })
	name := field.Table.Name + "." + field.Name
	if field.Ref != nil {
		p.addLoss(atUnbind, why, name, lockMoment, p.dropForeignKey(field)...)
	}
	p.addLoss(atDropColumn, why, name, lockMoment, plan.Statements(sqlgen.DropColumn(field.Table.Name, field.Name))...)
}
