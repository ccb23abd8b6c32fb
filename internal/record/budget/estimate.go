package budget

import (
	"context"
	"math"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
)

const (
	// rangeShare is the share of the rows that a bound is taken to leave: a quarter, as SQLite's planner has it.
	rangeShare = 0.25
	// unknownRows is the number of rows that an index of nobody's model is taken to find for a value, as SQLite has it.
	unknownRows = 10
	// ownAlias is the alias of the list's own table in statements of sqlgen.
	ownAlias = "t0"
	// keysAlias is the alias of the keys of an expansion.
	keysAlias = "k"
	// childRows is the number of rows that an expansion reads of each parent.
	childRows = apilimit.RelatedRows + 1
	// answerRows is the number of rows that one answer may have at most.
	answerRows = 50_000
)

// An estimator estimates the rows of one query.
type estimator struct {
	ctx        context.Context
	budget     *Budget
	reader     store.Reader
	query      *Query
	now        int64
	lists      []*reading
	count      *reading // nil: no total is wanted
	expansions []*reading
	err        error // first error of a count
}

// A part is what one access of a plan reads.
type part struct {
	rows   float64 // in all runs
	runs   float64
	access *store.Access
	table  *model.Table // nil: no table that we know
	view   *model.Table // whose query reads the table; nil: none
	use    use
	of     *reading
}

// use says who reads a table.
type use uint8

const (
	byNobody use = iota // another way to the list's own rows, whose rows count where they are read
	byItself            // the statement's own table
	byClient            // the filter
	byRule
)

// parts returns what each access of a statement reads.
func (e *estimator) parts(r *reading) []part {
	parts := make([]part, len(r.plan.Accesses))
	each := make([]float64, len(parts)) // rows of one run
	for i := range parts {
		access := &r.plan.Accesses[i]
		runs := 1.0
		for _, around := range access.Within {
			runs *= each[around]
		}
		if r.expansion != nil && access.Alias == keysAlias {
			each[i], parts[i] = r.keys, part{access: access, of: r}
			continue
		}
		p := e.source(access, r)
		p.access, p.of, p.runs = access, r, runs
		each[i] = e.limited(p, e.rowsOf(p))
		if p.table != nil && p.table.View == nil {
			p.rows = runs * each[i]
		}
		parts[i] = p
	}
	return parts
}

// source returns who reads the rows of an access, and of which table they are.
func (e *estimator) source(access *store.Access, r *reading) (p part) {
	for _, found := range r.stmt.Uses {
		isOther := access.Table != "" && found.Table.Name != access.Table // an alias of a view's query
		if found.Alias == access.Alias && !isOther {
			return part{table: found.Table, use: r.useOf(found)}
		}
	}
	for _, found := range r.stmt.Uses {
		if found.Table.View == nil {
			continue
		}
		table := e.budget.queries[found.Table].table(access)
		if who := r.useOf(found); table != nil && (p.use == byNobody || who < p.use) {
			p = part{table: table, view: found.Table, use: who}
		}
	}
	return p
}

// limited returns how many of the rows that an access would find it reads, if the read ends early.
func (e *estimator) limited(p part, rows float64) float64 {
	if p.use != byItself || p.access.Collected {
		return rows
	}
	isChild := p.of.expansion != nil && p.of.expansion.Relation.Many
	switch {
	case isChild && p.view == nil:
		return min(rows, childRows)
	case p.of.page == 0:
		return rows
	case p.view == nil && p.access.Alias == ownAlias:
		return min(rows, e.untilFull(p))
	case p.view != nil && len(p.access.Within) == 0 && p.of.filter.coveredBy(p.access.Equal, p.access.Ranged):
		return min(rows, p.of.page)
	}
	return rows
}

// rowsOf returns the rows that an access reads in one run, if the read does not end early.
func (e *estimator) rowsOf(p part) float64 {
	access, table := p.access, p.table
	switch {
	case table == nil:
		return 1
	case table.View != nil && len(access.Equal) == 0: // it was computed before
		return PageRows
	case table.View != nil:
		return 1
	}
	own := p.use == byItself && p.view == nil && access.Alias == ownAlias
	filter := p.of.filter
	all := e.countRows(table)
	rows, values, known := all, 1.0, len(access.Equal) == 0
	isEqual := func(f *model.Field) bool {
		return slices.Contains(access.Equal, f.Name) && !(own && slices.Contains(filter.null, f))
	}
	for _, index := range e.budget.indexes(table) {
		n := 0
		for n < len(index) && isEqual(index[n]) {
			n++
		}
		if n > 0 {
			rows, known = min(rows, e.perValue(table, index, n)), true
		}
	}
	if isEqual(table.ID()) {
		rows, known = 1, true
	}
	if own {
		for field, n := range filter.equal {
			if isEqual(field) {
				values *= float64(n)
			}
		}
		known = known || len(filter.null) > 0
	}
	if !known {
		rows = unknownRows
	}
	if p.use == byItself && p.of.byKeys() && len(access.Within) == 0 && len(access.Equal) > 0 {
		values *= p.of.keys
	}
	rows = min(all, rows*values)
	for range access.Ranged {
		rows *= rangeShare
	}
	return max(rows, 1)
}

// untilFull returns the rows that an access in the order of the list reads until the page is full. Each row counts if an
// index finds the rows of the filter. Otherwise rows of the filter are among others: as many as an index knows, or all at
// the end.
func (e *estimator) untilFull(p part) float64 {
	if p.of.filter.coveredBy(p.access.Equal, p.access.Ranged) {
		return max(1, p.of.page/p.runs)
	}
	if rows, ok := e.matching(p.of.filter); ok {
		return p.of.page * e.countRows(e.query.Table) / rows
	}
	return math.Inf(1)
}

// matching returns the rows that the filter finds, if an index knows.
func (e *estimator) matching(filter *conditions) (rows float64, ok bool) {
	table := e.query.Table
	for _, index := range e.budget.indexes(table) {
		if !filter.servedBy(index) || len(filter.null) > 0 {
			continue
		}
		rows := e.countRows(table)
		n, ranged := filter.prefix(index)
		if n > 0 {
			rows = e.perValue(table, index, n)
		}
		if ranged {
			rows *= rangeShare
		}
		return max(rows, 1), true
	}
	return 0, false
}
