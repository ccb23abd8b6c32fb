package postgres

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// The ranks of the steps in PostgreSQL.
const (
	// Before.
	atTables = iota
	atColumns
	atConvert
	atAsk // what only the converted values tell
	atIndexes
	atBindKey // no row may lack its new key
	atRestOfKey
	atValidKey
	atIndexRest // last, since rows that servers write from now on go into the index

	// Switch.
	atUnbind // drops triggers, foreign keys, checks and indexes
	atRest   // converts what servers wrote during the conversion
	atDropColumn
	atDropTable
	atRename // everything gets its name in the new model
	atKeys   // what foreign keys need
	atBind   // what binds new rows

	// After.
	atFill
	atValidate
	atRequire
)

// at returns the moment of a rank.
func (p *planner) at(rank int) plan.Moment {
	switch {
	case rank < atUnbind:
		return plan.Moment{Phase: plan.Before, Rank: rank}
	case rank < atFill:
		return plan.Moment{Phase: plan.Switch, Rank: rank}
	}
	return plan.Moment{Phase: plan.After, Rank: rank}
}

func (p *planner) add(rank int, why plan.Cause, hazards plan.Hazards, lock string, parts ...plan.Part) {
	p.Planner.Add(p.at(rank), why, hazards, lock, parts...)
}

func (p *planner) addLoss(rank int, why plan.Cause, drop, lock string, parts ...plan.Part) {
	p.Planner.AddLoss(p.at(rank), why, drop, lock, parts...)
}

// These say what a step locks in PostgreSQL.
const (
	lockNothing  = "readers and writers go on"
	lockMoment   = "for a moment nobody reads or writes the table; it is waited for 80 ms at a time"
	lockPending  = "a new column stands empty: for a moment nobody reads or writes the table; it is waited for 80 ms at a time"
	lockWhileRow = "readers and writers go on; each batch of rows is locked for its own update"
)

// planner adds the steps for PostgreSQL.
type planner struct {
	*plan.Planner
	beforeSwitch map[*model.Table]*model.Table // tables of the new model under their names before the switch
	indexes      map[string]bool               // names of the existing indexes
	renames      map[string][]plan.Rename      // columns, by the name of the table before the switch
	tables       []plan.Rename
	objects      []plan.Rename // indexes
	bound        []bound       // constraints and triggers
}

// bound is a constraint or trigger that gets another name. table is the final name of its table.
type bound struct {
	table   string
	trigger bool
	plan.Rename
}

// AddSteps implements plan.Engine.
func (Engine) AddSteps(shared *plan.Planner) {
	p := &planner{Planner: shared, indexes: map[string]bool{}, renames: map[string][]plan.Rename{}}
	tables := map[string]bool{}
	for _, table := range p.Old.Tables {
		tables[table.Name] = true
		for _, i := range sqlgen.Indexes(table) {
			p.indexes[i.Name] = true
		}
	}
	p.beforeSwitch = plan.RenamedClones(p.New.Tables, func(table *model.Table) string {
		switch was := p.OldTable(table); {
		case was != nil:
			return was.Name
		case tables[table.Name]:
			return plan.TempName(table.Name)
		}
		return table.Name
	}, p.nameBefore)
	for _, table := range p.New.Tables {
		if p.OldTable(table) == nil {
			p.create(table)
		} else {
			p.alter(p.OldTable(table), table)
		}
	}
	for _, table := range p.Old.Tables {
		if p.NewTable(table) == nil {
			p.drop(table)
		}
	}
	p.rename()
}

// nameBefore returns the name of a column before the switch.
func (p *planner) nameBefore(field *model.Field) string {
	table := p.OldTable(field.Table)
	switch was := p.OldField(field); {
	case table == nil:
		return field.Name
	case was != nil && !p.Converts(was, field):
		return was.Name
	case slices.ContainsFunc(table.Fields, func(o *model.Field) bool { return o.Name == field.Name }):
		return plan.TempName(field.Name)
	}
	return field.Name
}

// fieldBefore returns the field under its names before the switch.
func (p *planner) fieldBefore(f *model.Field) *model.Field {
	return plan.CloneOf(f, p.beforeSwitch[f.Table])
}

// isRewritten reports whether the converted values of an existing field are written into a column of their own.
func (p *planner) isRewritten(f *model.Field) bool {
	was := p.OldField(f)
	return was != nil && p.Converts(was, f)
}

// create makes a new table before the switch. The final name may not be free until then.
func (p *planner) create(table *model.Table) {
	now := p.beforeSwitch[table]
	why := p.CauseOf(table, func(c diff.Change) bool { return c.NewTable == table && c.Kind == diff.TableAdded })
	def := sqlgen.Define(sqlgen.Postgres, now)
	parts := plan.Statements(def.WithTriggers()...)
	for _, i := range def.Indexes {
		i.Name = p.indexNameBefore(i.Name)
		parts = append(parts, plan.Part{SQL: i.Create()})
	}
	parts[0].Undo = "DROP TABLE IF EXISTS " + sqlgen.Quote(now.Name) + " CASCADE"
	p.add(atTables, why, 0, lockNothing, parts...)
	p.renamed(&p.tables, now.Name, table.Name)
	for i, index := range sqlgen.Indexes(table) {
		p.renamed(&p.objects, p.indexNameBefore(def.Indexes[i].Name), index.Name)
	}
	for _, field := range table.Fields {
		p.renameConstraints(field, p.fieldBefore(field))
		if field.Ref == nil {
			continue
		}
		if p.OldTable(field.Ref) != nil && p.isRewritten(field.Ref.ID()) {
			p.addForeignKey(field, why, 0)
			continue
		}
		p.add(atColumns, why, 0, lockNothing, plan.Statements(sqlgen.ForeignKey(p.fieldBefore(field)).Create())...)
	}
}

// indexNameBefore returns the name of a new index before the switch.
func (p *planner) indexNameBefore(name string) string {
	if p.indexes[name] {
		return plan.TempName(name)
	}
	return name
}

func (p *planner) renamed(all *[]plan.Rename, from, to string) {
	if from != to {
		*all = append(*all, plan.Rename{From: from, To: to})
	}
}

// renameConstraints renames the constraints and the trigger of a field. They get the names of the new model.
func (p *planner) renameConstraints(field, now *model.Field) {
	add := func(trigger bool, from, to string) {
		if from != to {
			p.bound = append(p.bound, bound{field.Table.Name, trigger, plan.Rename{From: from, To: to}})
		}
	}
	if field.Name == "id" {
		p.renamed(&p.objects, sqlgen.KeyName(now), sqlgen.KeyName(field)) // the constraint has the name of its index
	}
	if field.Type == model.Enum {
		add(false, sqlgen.CheckName(now), sqlgen.CheckName(field))
	}
	if field.Ref != nil {
		add(false, sqlgen.ReferenceName(now), sqlgen.ReferenceName(field))
		if field.OnDelete == model.Clear {
			add(true, sqlgen.TriggerName(now), sqlgen.TriggerName(field))
		}
	}
}

// alter changes a table that stays.
func (p *planner) alter(was, table *model.Table) {
	p.renamed(&p.tables, was.Name, table.Name)
	for _, field := range table.Fields {
		switch before := p.OldField(field); {
		case before == nil:
			p.addField(field)
		case p.isRewritten(field):
			p.replaceField(before, field)
		default:
			p.changeField(before, field)
		}
		if now := p.fieldBefore(field).Name; now != field.Name {
			p.renames[was.Name] = append(p.renames[was.Name], plan.Rename{From: now, To: field.Name})
		}
	}
	for _, field := range was.Fields {
		if p.NewField(field) == nil {
			p.dropField(field)
		}
	}
	p.alterIndexes(was, table)
}

func (p *planner) drop(table *model.Table) {
	why := p.CauseOf(table, func(c diff.Change) bool { return c.OldTable == table && c.Kind == diff.TableDropped })
	for _, field := range table.Fields {
		if field.Ref != nil {
			p.addLoss(atUnbind, why, table.Name, lockMoment, p.dropForeignKey(field)...)
		}
	}
	p.addLoss(atDropTable, why, table.Name, lockMoment, plan.Statements("DROP TABLE "+sqlgen.Quote(table.Name))...)
}

// rename gives everything its name in the new model.
func (p *planner) rename() {
	var sql []string
	for _, table := range p.Old.Tables {
		for _, r := range plan.InOrder(p.renames[table.Name]) {
			sql = append(sql, sqlgen.RenameColumn(table.Name, r.From, r.To))
		}
	}
	for _, r := range plan.InOrder(p.tables) {
		sql = append(sql, sqlgen.RenameTable(r.From, r.To))
	}
	for _, r := range plan.InOrder(p.objects) {
		sql = append(sql, sqlgen.RenameIndex(r.From, r.To))
	}
	sql = append(sql, p.renameBound()...)
	p.AddRenames(p.at(atRename), lockMoment, sql)
}

// renameBound renames constraints and triggers. Their names only need to be unique in their table.
func (p *planner) renameBound() (sql []string) {
	type group struct {
		table   string
		trigger bool
	}
	var order []group
	all := map[group][]plan.Rename{}
	for _, bound := range p.bound {
		key := group{bound.table, bound.trigger}
		if all[key] == nil {
			order = append(order, key)
		}
		all[key] = append(all[key], bound.Rename)
	}
	for _, group := range order {
		for _, rename := range plan.InOrder(all[group]) {
			if group.trigger {
				sql = append(sql, sqlgen.RenameTrigger(group.table, rename.From, rename.To))
			} else {
				sql = append(sql, sqlgen.RenameConstraint(group.table, rename.From, rename.To))
			}
		}
	}
	return sql
}
