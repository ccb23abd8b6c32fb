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
	pgRename // all names become those of the new model
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

func planPostgres(p *planner) {
	pg := &pgPlanner{planner: p, indexes: map[string]bool{}, renames: map[string][]rename{}}
	tables := map[string]bool{}
	for _, t := range p.Old.Tables {
		tables[t.Name] = true
		for _, i := range sqlgen.Indexes(t) {
			pg.indexes[i.Name] = true
		}
	}
	pg.beforeSwitch = renamedClones(p.New.Tables, func(t *model.Table) string {
		switch was := p.OldTable(t); {
		case was != nil:
			return was.Name
		case tables[t.Name]:
			return tempName(t.Name)
		}
		return t.Name
	}, pg.nameBefore)
	for _, t := range p.New.Tables {
		if p.OldTable(t) == nil {
			pg.create(t)
		} else {
			pg.alter(p.OldTable(t), t)
		}
	}
	for _, t := range p.Old.Tables {
		if p.NewTable(t) == nil {
			pg.drop(t)
		}
	}
	pg.rename()
}

// nameBefore returns the name of a column before the switch.
func (p *pgPlanner) nameBefore(f *model.Field) string {
	t := p.OldTable(f.Table)
	switch was := p.OldField(f); {
	case t == nil:
		return f.Name
	case was != nil && !p.converts(was, f):
		return was.Name
	case slices.ContainsFunc(t.Fields, func(o *model.Field) bool { return o.Name == f.Name }):
		return tempName(f.Name)
	}
	return f.Name
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
func (p *pgPlanner) create(t *model.Table) {
	now := p.beforeSwitch[t]
	why := p.causeOf(t, func(c diff.Change) bool { return c.NewTable == t && c.Kind == diff.TableAdded })
	def := sqlgen.Define(sqlgen.Postgres, now)
	parts := statements(def.WithTriggers()...)
	for _, i := range def.Indexes {
		i.Name = p.indexNameBefore(i.Name)
		parts = append(parts, part{sql: i.Create()})
	}
	parts[0].undo = "DROP TABLE IF EXISTS " + sqlgen.Quote(now.Name) + " CASCADE"
	p.add(pgTables, why, 0, lockNothing, parts...)
	p.renamed(&p.tables, now.Name, t.Name)
	for i, index := range sqlgen.Indexes(t) {
		p.renamed(&p.objects, p.indexNameBefore(def.Indexes[i].Name), index.Name)
	}
	for _, f := range t.Fields {
		p.renameConstraints(f, p.fieldBefore(f))
		if f.Ref == nil {
			continue
		}
		if p.OldTable(f.Ref) != nil && p.isRewritten(f.Ref.ID()) {
			p.addForeignKey(f, why, 0)
			continue
		}
		p.add(pgColumns, why, 0, lockNothing, statements(sqlgen.ForeignKey(p.fieldBefore(f)).Create())...)
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

// renameConstraints renames the constraints and the trigger of a field from their names before the switch to those of
// the new model.
func (p *pgPlanner) renameConstraints(f, now *model.Field) {
	add := func(trigger bool, from, to string) {
		if from != to {
			p.bound = append(p.bound, bound{f.Table.Name, trigger, rename{from, to}})
		}
	}
	if f.Name == "id" {
		p.renamed(&p.objects, sqlgen.KeyName(now), sqlgen.KeyName(f)) // the constraint has the name of its index
	}
	if f.Type == model.Enum {
		add(false, sqlgen.CheckName(now), sqlgen.CheckName(f))
	}
	if f.Ref != nil {
		add(false, sqlgen.ReferenceName(now), sqlgen.ReferenceName(f))
		if f.OnDelete == model.Clear {
			add(true, sqlgen.TriggerName(now), sqlgen.TriggerName(f))
		}
	}
}

// alter changes a table that stays.
func (p *pgPlanner) alter(was, t *model.Table) {
	p.renamed(&p.tables, was.Name, t.Name)
	for _, f := range t.Fields {
		switch before := p.OldField(f); {
		case before == nil:
			p.addField(f)
		case p.isRewritten(f):
			p.replaceField(before, f)
		default:
			p.changeField(before, f)
		}
		if now := p.fieldBefore(f).Name; now != f.Name {
			p.renames[was.Name] = append(p.renames[was.Name], rename{now, f.Name})
		}
	}
	for _, f := range was.Fields {
		if p.NewField(f) == nil {
			p.dropField(f)
		}
	}
	p.alterIndexes(was, t)
}

func (p *pgPlanner) drop(t *model.Table) {
	why := p.causeOf(t, func(c diff.Change) bool { return c.OldTable == t && c.Kind == diff.TableDropped })
	for _, f := range t.Fields {
		if f.Ref != nil {
			p.addLoss(pgUnbind, why, t.Name, lockMoment, p.dropForeignKey(f)...)
		}
	}
	p.addLoss(pgDropTable, why, t.Name, lockMoment, statements("DROP TABLE "+sqlgen.Quote(t.Name))...)
}

// rename gives everything its name in the new model.
func (p *pgPlanner) rename() {
	var sql []string
	for _, t := range p.Old.Tables {
		for _, r := range inOrder(p.renames[t.Name]) {
			sql = append(sql, sqlgen.RenameColumn(t.Name, r.from, r.to))
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
	for _, b := range p.bound {
		g := group{b.table, b.trigger}
		if all[g] == nil {
			order = append(order, g)
		}
		all[g] = append(all[g], b.rename)
	}
	for _, g := range order {
		for _, r := range inOrder(all[g]) {
			if g.trigger {
				sql = append(sql, sqlgen.RenameTrigger(g.table, r.from, r.to))
			} else {
				sql = append(sql, sqlgen.RenameConstraint(g.table, r.from, r.to))
			}
		}
	}
	return sql
}
