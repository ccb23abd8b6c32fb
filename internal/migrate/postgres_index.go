package migrate

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// alterIndexes builds new indexes before the switch and drops the others at the switch.
func (p *pgPlanner) alterIndexes(was, t *model.Table) {
	old, now := sqlgen.Indexes(was), sqlgen.Indexes(p.beforeSwitch[t])
	kept := make(map[string]bool)
	for n, i := range sqlgen.Indexes(t) {
		if o := p.sameIndex(old, t, i); o != "" {
			kept[o] = true
			p.renamed(&p.objects, o, i.Name)
			continue
		}
		index := now[n]
		index.Name, index.Concurrently = p.indexNameBefore(i.Name), true
		p.add(pgIndexes, p.ofIndex(t, i), 0, lockNothing, part{
			sql:       index.Create(),
			outsideTx: true,
			undo:      index.Drop(),
		})
		p.renamed(&p.objects, index.Name, i.Name)
	}
	for _, o := range old {
		if !kept[o.Name] {
			p.dropIndex(was, t, o)
		}
	}
}

func (p *pgPlanner) dropIndex(was, t *model.Table, o sqlgen.Index) {
	why := p.causeOf(t, func(c diff.Change) bool {
		if c.Kind == diff.UniqueChanged {
			return c.NewTable == t && sqlgen.NewIndex(was, true, []*model.Field{c.OldField}).Name == o.Name
		}
		return c.NewTable == t && (c.Kind == diff.IndexDropped || c.Kind == diff.UniqueDropped) && sqlgen.NewIndex(was, c.Kind == diff.UniqueDropped, fieldsOf(was, c.Columns)).Name == o.Name
	})
	p.add(pgUnbind, why, 0, lockMoment, statements(o.Drop())...)
}

func fieldsOf(t *model.Table, columns []string) []*model.Field {
	fields := make([]*model.Field, len(columns))
	for i, c := range columns {
		fields[i] = t.Field(c)
	}
	return fields
}

// sameIndex returns the name of the old index that equals a new one, or "".
func (p *planner) sameIndex(old []sqlgen.Index, t *model.Table, i sqlgen.Index) string {
	for _, o := range old {
		if o.Unique == i.Unique && o.Caseless == i.Caseless && len(o.Columns) == len(i.Columns) && p.sameColumns(t, i.Columns, o.Columns) {
			return o.Name
		}
	}
	return ""
}

func (p *planner) sameColumns(t *model.Table, is, was []string) bool {
	for n, c := range is {
		f := t.Field(c)
		before := p.OldField(f)
		if before == nil || before.Name != was[n] || p.converts(before, f) {
			return false
		}
	}
	return true
}
