package budget

import (
	"context"
	"math"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

const (
	// rangeShare is the share of the rows that a bound is taken to leave: a quarter, as SQLite's planner has it.
	rangeShare = 0.25
	// unknownRows is the number of rows that an index of nobody's model is taken to find for a value, as SQLite has it.
	unknownRows = 10
	// ownAlias is the alias of the list's own table in statements of sqlgen.
	ownAlias = "t0"
)

// An estimator estimates the rows of one query.
type estimator struct {
	ctx    context.Context
	budget *Budget
	reader store.Reader
	query  *Query
	filter *conditions
	now    int64
	err    error // first error of a count
}

// plans returns the plans of statements. A nil statement has an empty plan. Plans come first, before the reader runs a
// statement.
func (e *estimator) plans(statements []*sqlgen.Statement) ([]store.Plan, error) {
	plans := make([]store.Plan, len(statements))
	for i, stmt := range statements {
		if stmt == nil {
			continue
		}
		var err error
		if plans[i], err = e.reader.Explain(stmt.SQL, len(stmt.Args)); err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// estimate returns the rows that a plan reads of the list's own table, and of tables that the client's filter reads. What
// only a rule reads is not the client's fault. page is the number of rows after which the list ends; 0: never.
func (e *estimator) estimate(plan store.Plan, stmt *sqlgen.Statement, page float64) int64 {
	total := 0.0
	each := make([]float64, len(plan.Accesses)) // rows of one run
	for i := range plan.Accesses {
		access := &plan.Accesses[i]
		table, client := e.tableOf(access, stmt)
		runs := 1.0
		for _, around := range access.Within {
			runs *= each[around]
		}
		own := access.Alias == ownAlias
		each[i] = e.rowsOf(access, table, own)
		if own && page > 0 && !access.Collected {
			each[i] = min(each[i], e.untilFull(access, page, runs))
		}
		if own || client {
			total += runs * each[i]
		}
	}
	return int64(min(total, math.MaxInt64/2))
}

// tableOf returns the table of an access. It is nil for a table inside of a view.
func (e *estimator) tableOf(access *store.Access, stmt *sqlgen.Statement) (table *model.Table, client bool) {
	i := slices.IndexFunc(stmt.Uses, func(use sqlgen.Use) bool { return use.Alias == access.Alias })
	if i < 0 {
		return nil, false
	}
	return stmt.Uses[i].Table, stmt.Uses[i].Client
}

// rowsOf returns the rows that an access reads in one run.
func (e *estimator) rowsOf(access *store.Access, table *model.Table, own bool) float64 {
	if table == nil || table.View != nil {
		return 1
	}
	all := e.count(table)
	rows, values, known := all, 1, len(access.Equal) == 0
	isEqual := func(f *model.Field) bool {
		return slices.Contains(access.Equal, f.Name) && !(own && slices.Contains(e.filter.null, f))
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
		for field, n := range e.filter.equal {
			if isEqual(field) {
				values *= n
			}
		}
		known = known || len(e.filter.null) > 0
	}
	if !known {
		rows = unknownRows
	}
	rows = min(all, rows*float64(values))
	for range access.Ranged {
		rows *= rangeShare
	}
	return max(rows, 1)
}

// untilFull returns the rows that an access in the order of the list reads until the page is full. Each row counts if an
// index finds the rows of the filter. Otherwise rows of the filter are among others: as many as an index knows, or all at
// the end.
func (e *estimator) untilFull(access *store.Access, page, runs float64) float64 {
	if e.filter.coveredBy(access.Equal, access.Ranged) {
		return max(1, page/runs)
	}
	if rows, ok := e.matching(); ok {
		return page * e.count(e.query.Table) / rows
	}
	return math.Inf(1)
}

// matching returns the rows that the filter finds, if an index knows.
func (e *estimator) matching() (rows float64, ok bool) {
	table := e.query.Table
	for _, index := range e.budget.indexes(table) {
		if !e.filter.servedBy(index) || len(e.filter.null) > 0 {
			continue
		}
		rows := e.count(table)
		n, ranged := e.filter.prefix(index)
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
