package budget

import (
	"math"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// ruleIndex returns the index that a rule would read the fewest rows of a table with. A rule looks for the items of each row
// by the field that leads to them, or for all items that meet its condition.
func (e *estimator) ruleIndex(p *part, all []part, rest float64) (best *indexing.Index) {
	if p.table == nil || p.table.View != nil {
		return nil
	}
	var tables []*model.Table
	for _, found := range p.of.stmt.Uses {
		if !slices.Contains(tables, found.Table) {
			tables = append(tables, found.Table)
		}
	}
	fewest := 0.0
	try := func(columns *indexing.Columns, linked bool) {
		rowsWith := func(index indexing.Index) float64 {
			_, fields := index.In(e.budget.model)
			if linked && !slices.Contains(fields, columns.Equal[0]) {
				return math.Inf(1) // an engine may prefer the index of the reference
			}
			found := e.found(p.table, columns, fields)
			return rowsAfter(p, all, rest, func(alike *part) float64 { return alike.ruleRuns(linked) * found })
		}
		if found := e.best(columns, rowsWith); found != nil {
			if rows := rowsWith(*found); best == nil || rows < fewest {
				best, fewest = found, rows
			}
		}
	}
	for _, node := range e.query.Rules(tables) {
		rule.Items(node, func(quant *rule.Quantified) {
			if quant.Relation.To == p.table {
				columns := itemColumns(quant)
				if len(p.access.Within) == 0 {
					try(columns, false)
				}
				columns.Equal = append([]*model.Field{quant.Relation.Field}, columns.Equal...)
				try(columns, true)
			}
		})
	}
	return best
}

// ruleRuns returns how often a rule looks for items. linked says that it looks for the items of each row.
func (p *part) ruleRuns(linked bool) float64 {
	switch {
	case len(p.access.Within) > 0 || !linked:
		return max(p.runs, 1)
	case p.of.expansion != nil:
		return p.of.keys
	}
	return max(p.of.page, 1)
}

// itemColumns returns the columns by which a quantifier finds items of any row.
func itemColumns(quant *rule.Quantified) *indexing.Columns {
	body := &conditions{equal: map[*model.Field]int{}, row: quant.Item, masked: func(*model.Field) bool { return false }}
	if quant.Body != nil {
		body.add(quant.Body)
	}
	columns := &indexing.Columns{Table: quant.Relation.To, Ranged: body.ranged}
	for _, field := range quant.Relation.To.Fields { // a stable order
		if body.equal[field] > 0 && field != quant.Relation.Field {
			columns.Equal = append(columns.Equal, field)
		}
	}
	return columns
}

// found estimates the rows that an index on fields finds by these columns in one run.
func (e *estimator) found(table *model.Table, columns *indexing.Columns, fields []*model.Field) float64 {
	n := 0
	for n < len(fields) && slices.Contains(columns.Equal, fields[n]) {
		n++
	}
	rows := e.countRows(table)
	if n > 0 {
		rows = e.guessPerValue(table, fields[:n])
	}
	if n < len(fields) && slices.Contains(columns.Ranged, fields[n]) {
		rows *= rangeShare
	}
	return max(rows, 1)
}
