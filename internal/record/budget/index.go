package budget

import (
	"math"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// bestIndex returns the index that the query would read the fewest rows with. It returns nil if none keeps the query within
// the budget.
func (e *estimator) bestIndex() (best *indexing.Index) {
	columns := &indexing.Columns{Table: e.query.Table, Ranged: e.lists[0].filter.ranged, Sort: e.sortFields()}
	for _, field := range e.query.Table.Fields { // a stable order
		if e.lists[0].filter.equal[field] > 0 {
			columns.Equal = append(columns.Equal, field)
		}
	}
	least := math.Inf(1)
	for _, candidate := range columns.Candidates() {
		_, fields := candidate.In(e.budget.model)
		if rows := e.rowsWith(fields); rows < least && e.err == nil {
			best, least = &candidate, rows
		}
	}
	if least > float64(e.budget.rows) {
		return nil
	}
	return best
}

// sortFields returns the keys of the order without the id.
func (e *estimator) sortFields() (fields []*model.Field) {
	for _, key := range e.query.Sort {
		if key.Field != e.query.Table.ID() {
			fields = append(fields, key.Field)
		}
	}
	return fields
}

// rowsWith estimates the rows that the query would read with another index.
func (e *estimator) rowsWith(fields []*model.Field) float64 {
	n, ranged := e.lists[0].filter.prefix(fields)
	all := e.countRows(e.query.Table)
	rows := all
	if n > 0 {
		rows = e.guessPerValue(e.query.Table, fields[:n])
		for _, field := range fields[:n] {
			rows *= float64(e.lists[0].filter.equal[field])
		}
	}
	if ranged {
		rows *= rangeShare
	}
	total := 0.0
	if e.query.Count != nil {
		total = rows
	}
	served := e.lists[0].filter.servedBy(fields)
	switch {
	case served && e.ordered(fields[n:]):
		rows = min(rows, PageRows)
	case served && len(e.sortFields()) == 0: // along the ids, or by the index
		rows = min(rows, PageRows*all/max(rows, 1))
	}
	rows += total
	for _, use := range e.query.Lists[0].Uses {
		if use.Client { // a row of each related table for each row
			rows += rows
		}
	}
	return max(rows, 1)
}

// ordered reports whether fields of an index give the order of the list.
func (e *estimator) ordered(fields []*model.Field) bool {
	for i, key := range e.query.Sort {
		if key.Desc != e.query.Sort[0].Desc || e.query.Masked(key.Field) || (i > 0 && key.Field.Optional) {
			return false
		}
	}
	return slices.Equal(fields, e.sortFields())
}
