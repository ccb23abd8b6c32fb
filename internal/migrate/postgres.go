package migrate

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// The ranks of the steps in PostgreSQL.
const (
	// Before.
	pgTables = iota
	pgColumns
	pgConvert
	pgAsk // what only the converted values tell
	pgIndexes
	pgBindKey // no row may lack its new key
	pgRestOfKey
	pgValidKey
	pgIndexRest // last, since rows that servers write from now on go into the index

	// Switch.
	pgUnbind // drops triggers, foreign keys, checks and indexes
	pgRest   // converts what servers wrote during the conversion
	pgDropColumn
	pgDropTable
	pgRename // everything gets its name in the new model
	pgKeys   // what foreign keys need
	pgBind   // what binds new rows

	// After.
	pgFill
	pgValidate
	pgRequire
)

// at returns the moment of a rank.
func (p *pgPlanner) at(rank int) moment {
	switch {
	case rank < pgUnbind:
		return moment{Before, rank}
	case rank < pgFill:
		return moment{Switch, rank}
	}
	return moment{After, rank}
}

func (p *pgPlanner) add(rank int, why cause, hazards Hazards, lock string, parts ...part) {
	p.planner.add(p.at(rank), why, hazards, lock, parts...)
}

func (p *pgPlanner) addLoss(rank int, why cause, drop, lock string, parts ...part) {
	p.planner.addLoss(p.at(rank), why, drop, lock, parts...)
}

// These say what a step locks in PostgreSQL.
const (
	lockNothing  = "readers and writers go on"
	lockMoment   = "for a moment nobody reads or writes the table; it is waited for 80 ms at a time"
	lockPending  = "a new column stands empty: for a moment nobody reads or writes the table; it is waited for 80 ms at a time"
	lockWhileRow = "readers and writers go on; each batch of rows is locked for its own update"
)

// pgPlanner plans for PostgreSQL.
type pgPlanner struct {
	*planner
	beforeSwitch map[*model.Table]*model.Table // tables of the new model under their names before the switch
	indexes      map[string]bool               // names of the existing indexes
	renames      map[string][]rename           // columns, by the name of the table before the switch
	tables       []rename
	objects      []rename // indexes
	bound        []bound  // constraints and triggers
}

// bound is a constraint or trigger that gets another name. table is the final name of its table.
type bound struct {
	table   string
	trigger bool
	rename
}

func planPostgres(plan *planner) {
	pg := &pgPlanner{planner: plan, indexes: map[string]bool{}, renames: map[string][]rename{}}
	tables := map[string]bool{}
	for _, table := range plan.Old.Tables {
		tables[table.Name] = true
		for _, i := range sqlgen.Indexes(table) {
			pg.indexes[i.Name] = true
		}
	}
	pg.beforeSwitch = renamedClones(plan.New.Tables, func(table *model.Table) string {
		switch was := plan.OldTable(table); {
		case was != nil:
			return was.Name
		case tables[table.Name]:
			return tempName(table.Name)
		}
		return table.Name
	}, pg.nameBefore)
	for _, table := range plan.New.Tables {
		if plan.OldTable(table) == nil {
			pg.create(table)
		} else {
			pg.alter(plan.OldTable(table), table)
		}
	}
	for _, table := range plan.Old.Tables {
		if plan.NewTable(table) == nil {
			pg.drop(table)
		}
	}
	pg.rename()
}

// nameBefore returns the name of a column before the switch.
func (p *pgPlanner) nameBefore(field *model.Field) string {
	table := p.OldTable(field.Table)
	switch was := p.OldField(field); {
	case table == nil:
		return field.Name
	case was != nil && !p.converts(was, field):
		return was.Name
	case slices.ContainsFunc(table.Fields, func(o *model.Field) bool { return o.Name == field.Name }):
		return tempName(field.Name)
	}
	return field.Name
}

// fieldBefore returns the field under its names before the switch.
func (p *pgPlanner) fieldBefore(f *model.Field) *model.Field {
	return cloneOf(f, p.beforeSwitch[f.Table])
}

// isRewritten reports whether the converted values of an existing field are written into a column of their own.
func (p *pgPlanner) isRewritten(f *model.Field) bool {
	was := p.OldField(f)
	return was != nil && p.converts(was, f)
}

// create makes a new table before the switch. The final name may not be free until then.
func (p *pgPlanner) create(table *model.Table) {
	now := p.beforeSwitch[table]
	why := p.causeOf(table, func(c diff.Change) bool { return c.NewTable == table && c.Kind == diff.TableAdded })
	def := sqlgen.Define(sqlgen.Postgres, now)
	parts := statements(def.WithTriggers()...)
	for _, i := range def.Indexes {
		i.Name = p.indexNameBefore(i.Name)
		parts = append(parts, part{sql: i.Create()})
	}
	parts[0].undo = "DROP TABLE IF EXISTS " + sqlgen.Quote(now.Name) + " CASCADE"
	p.add(pgTables, why, 0, lockNothing, parts...)
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
		p.add(pgColumns, why, 0, lockNothing, statements(sqlgen.ForeignKey(p.fieldBefore(field)).Create())...)
	}
}

// indexNameBefore returns the name of a new index before the switch.
func (p *pgPlanner) indexNameBefore(name string) string {
	if p.indexes[name] {
		return tempName(name)
	}
	return name
}

func (p *pgPlanner) renamed(all *[]rename, from, to string) {
	if from != to {
		*all = append(*all, rename{from, to})
	}
}

// renameConstraints renames the constraints and the trigger of a field. They get the names of the new model.
func (p *pgPlanner) renameConstraints(field, now *model.Field) {
	add := func(trigger bool, from, to string) {
		if from != to {
			p.bound = append(p.bound, bound{field.Table.Name, trigger, rename{from, to}})
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
func (p *pgPlanner) alter(was, table *model.Table) {
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
			p.renames[was.Name] = append(p.renames[was.Name], rename{now, field.Name})
		}
	}
	for _, field := range was.Fields {
		if p.NewField(field) == nil {
			p.dropField(field)
		}
	}
	p.alterIndexes(was, table)
}

func (p *pgPlanner) drop(table *model.Table) {
	why := p.causeOf(table, func(c diff.Change) bool { return c.OldTable == table && c.Kind == diff.TableDropped })
	for _, field := range table.Fields {
		if field.Ref != nil {
			p.addLoss(pgUnbind, why, table.Name, lockMoment, p.dropForeignKey(field)...)
		}
	}
	p.addLoss(pgDropTable, why, table.Name, lockMoment, statements("DROP TABLE "+sqlgen.Quote(table.Name))...)
}

// rename gives everything its name in the new model.
func (p *pgPlanner) rename() {
	var sql []string
	for _, table := range p.Old.Tables {
		for _, r := range inOrder(p.renames[table.Name]) {
			sql = append(sql, sqlgen.RenameColumn(table.Name, r.from, r.to))
		}
	}
	for _, r := range inOrder(p.tables) {
		sql = append(sql, sqlgen.RenameTable(r.from, r.to))
	}
	for _, r := range inOrder(p.objects) {
		sql = append(sql, sqlgen.RenameIndex(r.from, r.to))
	}
	sql = append(sql, p.renameBound()...)
	p.addRenames(p.at(pgRename), lockMoment, sql)
}

// renameBound renames constraints and triggers. Their names only need to be unique in their table.
func (p *pgPlanner) renameBound() (sql []string) {
	type group struct {
		table   string
		trigger bool
	}
	var order []group
	all := map[group][]rename{}
	for _, bound := range p.bound {
		key := group{bound.table, bound.trigger}
		if all[key] == nil {
			order = append(order, key)
		}
		all[key] = append(all[key], bound.rename)
	}
	for _, group := range order {
		for _, rename := range inOrder(all[group]) {
			if group.trigger {
				sql = append(sql, sqlgen.RenameTrigger(group.table, rename.from, rename.to))
			} else {
				sql = append(sql, sqlgen.RenameConstraint(group.table, rename.from, rename.to))
			}
		}
	}
	return sql
}
