package migrate

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The ranks of the steps in SQLite, which are one transaction. Names change before anything is made under the new ones,
// since SQLite follows a name that changes into every definition that has it.
const (
	liteConvert = iota
	liteUnbind  // drops indexes and triggers that end or get another name
	liteDrop
	liteRename
	liteAdd
	liteRebuild
	liteBind
)

// These say what a step locks in SQLite.
const (
	lockWriters = "writers wait until it is done; readers go on"
	lockNoRows  = "writers wait for a moment; readers go on"
)

// litePlanner plans for SQLite. If SQLite cannot change a table in place, the plan makes a new table, fills it from
// the old one and gives it the old name (https://www.sqlite.org/lang_altertable.html, section 7).
type litePlanner struct {
	*planner
	renames map[*model.Table][]rename // columns, by the table of the new model
	tables  []rename
}

// at returns the moment of a rank. SQLite has one phase.
func (p *litePlanner) at(rank int) moment { return moment{Before, rank} }

func (p *litePlanner) add(rank int, why cause, hazards Hazards, lock string, parts ...part) {
	p.planner.add(p.at(rank), why, hazards, lock, parts...)
}

func (p *litePlanner) addLoss(rank int, why cause, drop, lock string, parts ...part) {
	p.planner.addLoss(p.at(rank), why, drop, lock, parts...)
}

func planSQLite(p *planner) {
	lite := &litePlanner{planner: p, renames: map[*model.Table][]rename{}}
	for _, t := range p.New.Tables {
		if was := p.OldTable(t); was != nil {
			lite.alter(was, t)
		} else {
			lite.create(t)
		}
	}
	for _, t := range p.Old.Tables {
		if p.NewTable(t) == nil {
			lite.drop(t)
		}
	}
	lite.rename()
}

func (p *litePlanner) create(t *model.Table) {
	why := p.causeOf(t, func(c diff.Change) bool { return c.NewTable == t && c.Kind == diff.TableAdded })
	def := sqlgen.Define(sqlgen.SQLite, t)
	p.add(liteAdd, why, 0, lockNoRows, append(statements(def.Table), creates(def.Indexes)...)...)
	if len(def.Triggers) > 0 {
		p.add(liteBind, why, 0, lockNoRows, creates(def.Triggers)...)
	}
}

func (p *litePlanner) drop(t *model.Table) {
	why := p.causeOf(t, func(c diff.Change) bool { return c.OldTable == t && c.Kind == diff.TableDropped })
	p.addLoss(liteDrop, why, t.Name, lockNoRows, statements(sqlgen.SQLite.DropTable(t.Name))...)
}

func (p *litePlanner) alter(was, t *model.Table) {
	if was.Name != t.Name {
		p.tables = append(p.tables, rename{was.Name, t.Name})
	}
	for _, f := range t.Fields {
		if before := p.OldField(f); before != nil && before.Name != f.Name {
			p.renames[t] = append(p.renames[t], rename{before.Name, f.Name})
		}
	}
	if p.needsRebuild(was, t) {
		if was.Name != t.Name { // the table that takes the old name may have indexes of the same names
			p.unbind(was, t, true)
		}
		p.rebuild(was, t)
		return
	}
	p.unbind(was, t, false)
	for _, f := range t.Fields {
		if p.OldField(f) == nil {
			p.add(liteAdd, p.ofField(f), 0, lockNoRows, part{sql: sqlgen.AddColumn(sqlgen.SQLite, f, p.backfillFor(f))})
		}
	}
	p.bind(was, t)
}

// backfillFor returns the value that rows get for an added field.
func (p *planner) backfillFor(f *model.Field) value.Value {
	if f.Optional {
		return value.Value{}
	}
	return p.backfill(f)
}

// needsRebuild reports whether a table cannot be changed in place. SQLite can change names and indexes in place. It
// can add a column that is optional, or that has a value and no reference.
func (p *litePlanner) needsRebuild(was, t *model.Table) bool {
	for _, f := range t.Fields {
		before := p.OldField(f)
		switch {
		case before == nil && !f.Optional && (f.Ref != nil || p.backfill(f).IsNull()):
			return true
		case before != nil && (p.converts(before, f) || p.columnWas(before, f) != sqlgen.DefineColumn(sqlgen.SQLite, f)):
			return true
		}
	}
	return slices.ContainsFunc(was.Fields, func(f *model.Field) bool { return p.NewField(f) == nil })
}

// columnWas returns the definition of an old column under the names of the new model.
func (p *planner) columnWas(was, f *model.Field) sqlgen.Column {
	named := *was
	named.Name, named.Table = f.Name, f.Table
	if was.Ref != nil && p.NewTable(was.Ref) != nil {
		named.Ref = p.NewTable(was.Ref)
	}
	return sqlgen.DefineColumn(p.dialect, &named)
}

// unbind drops the indexes and triggers that end or get another name, or all of them.
func (p *litePlanner) unbind(was, t *model.Table, all bool) {
	why := p.causeOf(t, func(c diff.Change) bool {
		return c.NewTable == t && (c.Kind == diff.IndexDropped || c.Kind == diff.UniqueDropped || c.Kind == diff.UniqueChanged || c.Kind == diff.FieldRenamed || c.Kind == diff.TableRenamed)
	})
	var sql []string
	for _, o := range sqlgen.Indexes(was) {
		if all || !p.keepsIndex(was, t, o) {
			sql = append(sql, o.Drop())
		}
	}
	for _, f := range was.Fields {
		if f.Ref != nil && f.OnDelete == model.Clear && (all || !p.keepsTrigger(f)) {
			sql = append(sql, sqlgen.SQLite.DropTrigger(f))
		}
	}
	if sql != nil {
		p.add(liteUnbind, why, 0, lockNoRows, statements(sql...)...)
	}
}

func (p *litePlanner) keepsIndex(was, t *model.Table, o sqlgen.Index) bool {
	return slices.ContainsFunc(sqlgen.Indexes(t), func(i sqlgen.Index) bool {
		return i.Name == o.Name && p.sameIndex([]sqlgen.Index{o}, t, i) != ""
	})
}

func (p *planner) keepsTrigger(was *model.Field) bool {
	f := p.NewField(was)
	return f != nil && f.Ref != nil && was.Ref != nil && f.OnDelete == model.Clear && was.OnDelete == model.Clear && sqlgen.TriggerName(f) == sqlgen.TriggerName(was)
}

// bind makes the missing indexes and triggers of a table that was not rebuilt.
func (p *litePlanner) bind(was, t *model.Table) {
	for _, i := range sqlgen.Indexes(t) {
		if slices.ContainsFunc(sqlgen.Indexes(was), func(o sqlgen.Index) bool { return o.Name == i.Name && p.keepsIndex(was, t, o) }) {
			continue
		}
		p.add(liteBind, p.ofIndex(t, i), BlocksWrites, lockWriters, part{sql: i.Create()})
	}
	for _, f := range t.Fields {
		if before := p.OldField(f); before != nil && p.keepsTrigger(before) {
			continue
		}
		if triggers := sqlgen.SQLite.Triggers(f); triggers != nil {
			p.add(liteBind, p.ofField(f), 0, lockNoRows, creates(triggers)...)
		}
	}
}

// rename gives everything its name in the new model.
func (p *litePlanner) rename() {
	var sql []string
	for _, t := range p.New.Tables {
		for _, r := range inOrder(p.renames[t]) {
			sql = append(sql, sqlgen.RenameColumn(p.OldTable(t).Name, r.from, r.to))
		}
	}
	for _, r := range inOrder(p.tables) {
		sql = append(sql, sqlgen.RenameTable(r.from, r.to))
	}
	p.addRenames(p.at(liteRename), lockNoRows, sql)
}

func count(s querier, sql string, args ...value.Value) (n int64, err error) {
	err = s.Query(sql, args, func(row value.Row) error {
		n = row.Int(0)
		return nil
	})
	return n, err
}
