package budget

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// viewColumns are the columns by which a view's query may find rows of one of its tables.
type viewColumns struct {
	indexing.Columns
	joined map[*model.Field]*model.Table // they equal a column of another table
	linked *model.Field                  // it equals a key of an expansion; nil: none
	asked  []*model.Field                // Equal because of the filter and the rule
	whole  bool                          // asked and Ranged are all their conditions, so that an index may give a page in order
}

// viewIndex returns the index of a view's table that the query would read the fewest rows with.
func (e *estimator) viewIndex(p *part, all []part, rest float64) *indexing.Index {
	columns := e.columnsOf(p)
	return e.best(&columns.Columns, func(index indexing.Index) float64 {
		_, fields := index.In(e.budget.model)
		return rowsAfter(p, all, rest, func(alike *part) float64 { return e.rowsOfView(alike, columns, fields) })
	})
}

// columnsOf collects the columns behind the fields that a client's filter and the rule compare, and the columns that the query
// compares itself.
func (e *estimator) columnsOf(p *part) *viewColumns {
	query := e.budget.queries[p.view]
	alias := query.alias(p.access)
	columns := &viewColumns{Columns: indexing.Columns{Table: p.table}, joined: map[*model.Field]*model.Table{}}
	origin := func(field *model.Field) *model.Field { // in the table
		if found := query.output[field.Name]; found.alias == alias {
			return found.field
		}
		return nil
	}
	equals := func(field *model.Field) {
		if field != nil && !slices.Contains(columns.Equal, field) {
			columns.Equal = append(columns.Equal, field)
		}
	}
	if p.use == byItself {
		filter := p.of.filter
		columns.whole = filter.others == 0
		for _, field := range p.view.Fields {
			if filter.equal[field] > 0 {
				equals(origin(field))
				columns.asked = append(columns.asked, origin(field))
				columns.whole = columns.whole && origin(field) != nil
			}
		}
		for _, field := range filter.ranged {
			if found := origin(field); found != nil {
				columns.Ranged = append(columns.Ranged, found)
			}
		}
		if x := p.of.expansion; x != nil {
			link := p.view.ID()
			if x.Relation.Many {
				link = x.Relation.Field
			}
			columns.linked = origin(link)
			equals(columns.linked)
		}
	}
	for _, condition := range query.equal {
		if condition.column.alias != alias {
			continue
		}
		equals(condition.column.field)
		if condition.other.field != nil {
			columns.joined[condition.column.field] = condition.other.field.Table
		}
	}
	if p.of.expansion == nil && p.use == byItself {
		for _, key := range e.query.Sort {
			if found := origin(key.Field); found != nil && found != p.table.ID() {
				columns.Sort = append(columns.Sort, found)
			}
		}
	}
	return columns
}

// rowsOfView estimates the rows that a view's query would read of one of its tables with an index.
func (e *estimator) rowsOfView(p *part, columns *viewColumns, fields []*model.Field) float64 {
	runs, driver, n := p.runs, 0.0, 0
	if len(p.access.Within) == 0 {
		runs = 1
	}
	for ; n < len(fields) && slices.Contains(columns.Equal, fields[n]); n++ {
		other := columns.joined[fields[n]]
		switch {
		case len(p.access.Within) > 0: // it is found by the rows around it already
		case fields[n] == columns.linked:
			runs = max(runs, p.of.keys)
		case other != nil: // the rows of the other table come first then
			driver = e.countRows(other)
			runs = max(runs, driver)
		}
	}
	rows := runs * e.found(p.table, &columns.Columns, fields)
	isOrdered := slices.Equal(fields[n:], columns.Sort) && len(columns.Sort) > 0
	finds := func(field *model.Field) bool { return slices.Contains(fields[:n], field) }
	isWhole := columns.whole && !slices.ContainsFunc(columns.asked, func(field *model.Field) bool { return !finds(field) })
	if isWhole && isOrdered && p.of.page > 0 {
		rows = min(rows, p.of.page)
	}
	if n == 0 && !isOrdered && len(columns.Ranged) == 0 {
		rows = p.rows
	}
	return rows + driver
}
