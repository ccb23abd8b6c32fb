package migrate

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// alterIndexes builds new indexes before the switch and drops the others at the switch.
func (p *pgPlanner) alterIndexes(was, table *model.Table) {
	old, now := sqlgen.Indexes(was), sqlgen.Indexes(p.beforeSwitch[table])
	kept := make(map[string]bool)
	for n, i := range sqlgen.Indexes(table) {
		if o := p.sameIndex(old, table, i); o != "" {
			kept[o] = true
			p.renamed(&p.objects, o, i.Name)
			continue
		}
		index := now[n]
		index.Name, index.Concurrently = p.indexNameBefore(i.Name), true
		p.add(pgIndexes, p.ofIndex(table, i), 0, lockNothing, part{
			sql:       index.Create(),
			outsideTx: true,
			undo:      index.Drop(),
		})
		p.renamed(&p.objects, index.Name, i.Name)
	}
	for _, o := range old {
		if !kept[o.Name] {
			p.dropIndex(was, table, o)
		}
	}
}

func (p *pgPlanner) dropIndex(was, table *model.Table, old sqlgen.Index) {
	why := p.causeOf(table, func(change diff.Change) bool {
		if change.Kind == diff.UniqueChanged {
			return change.NewTable == table && sqlgen.NewIndex(was, true, []*model.Field{change.OldField}).Name == old.Name
		}
		return change.NewTable == table && (change.Kind == diff.IndexDropped || change.Kind == diff.UniqueDropped) && sqlgen.NewIndex(was, change.Kind == diff.UniqueDropped, fieldsOf(was, change.Columns)).Name == old.Name
	})
	p.add(pgUnbind, why, 0, lockMoment, statements(old.Drop())...)
}

func fieldsOf(table *model.Table, columns []string) []*model.Field {
	fields := make([]*model.Field, len(columns))
	for i, c := range columns {
		fields[i] = table.Field(c)
	}
	return fields
}

// sameIndex returns the name of the old index that equals a new one, or "".
func (p *planner) sameIndex(old []sqlgen.Index, table *model.Table, index sqlgen.Index) string {
	for _, o := range old {
		if o.Unique == index.Unique && o.Caseless == index.Caseless && len(o.Columns) == len(index.Columns) && p.sameColumns(table, index.Columns, o.Columns) {
			return o.Name
		}
	}
	return ""
}

func (p *planner) sameColumns(table *model.Table, is, was []string) bool {
	for n, c := range is {
		field := table.Field(c)
		before := p.OldField(field)
		if before == nil || before.Name != was[n] || p.converts(before, field) {
			return false
		}
	}
	return true
}
