package budget

import (
	"slices"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A reading is one statement of a query with its plan.
type reading struct {
	stmt   *sqlgen.Statement
	plan   store.Plan
	table  *model.Table // own table of the statement
	filter *conditions  // on its own rows
	page   float64      // rows after which it ends; 0: it does not

	expansion *Expansion // nil: of the list
	keys      float64    // of an expansion
	child     string     // the alias of the rows of an expansion, besides ownAlias
}

// byKeys reports whether the statement reads rows by a list of their ids.
func (r *reading) byKeys() bool { return r.expansion != nil && !r.expansion.Relation.Many }

// useOf returns who reads a table.
func (r *reading) useOf(found sqlgen.Use) use {
	switch {
	case found.Client:
		return byClient
	case found.Table != r.table:
		return byRule
	case found.Alias == ownAlias || (r.expansion != nil && found.Alias == r.child):
		return byItself
	case found.Alias == "q":
		return byNobody
	}
	return byRule
}

// explain makes the readings of the query. All plans come first, before the reader runs a statement.
func (e *estimator) explain() error {
	q := e.query
	filter := conditionsOf(q.Filter, q.Masked)
	if q.Table.View != nil && q.Rule != nil && !rule.AlwaysTrue(q.Rule) {
		// The rule finds the rows of a view. The filter is only asked about rows that the caller may read.
		filter = conditionsOf(q.Rule, q.Masked)
		if q.Filter != nil {
			filter.others++
		}
	}
	page := float64(PageRows)
	if q.Single {
		filter.equal[q.Table.ID()], page = 1, 0
	}
	read := func(stmt *sqlgen.Statement) *reading {
		return &reading{stmt: stmt, table: q.Table, filter: filter, page: page}
	}
	for _, stmt := range q.Lists {
		e.lists = append(e.lists, read(stmt))
	}
	all := slices.Clone(e.lists)
	if q.Count != nil {
		e.count = read(q.Count)
		e.count.page = 0
		all = append(all, e.count)
	}
	child := e.firstAlias()
	for i := range q.Expansions {
		x := &q.Expansions[i]
		r := &reading{stmt: x.Stmt, table: x.Relation.To, expansion: x, child: child}
		r.filter = conditionsOf(nil, func(*model.Field) bool { return false })
		if r.table.View != nil && x.Rule != nil {
			r.filter.add(x.Rule)
		}
		e.expansions, all = append(e.expansions, r), append(all, r)
	}
	for _, r := range all {
		var err error
		if r.plan, err = e.reader.Explain(r.stmt.SQL, len(r.stmt.Args)); err != nil {
			return err
		}
	}
	return nil
}

// firstAlias returns the first alias that a Generator draws.
func (e *estimator) firstAlias() string {
	for n := 1; ; n++ {
		if name := "t" + strconv.Itoa(n); e.budget.model.Table(name) == nil {
			return name
		}
	}
}

// findKeys finds out how many keys each expansion has.
func (e *estimator) findKeys() {
	page := float64(PageRows - 1)
	if e.query.Single {
		page = 1
	}
	out := make([]float64, len(e.expansions))
	for i, r := range e.expansions {
		r.keys = page
		if above := r.expansion.Above; above >= 0 {
			r.keys = out[above]
		}
		rel := r.expansion.Relation
		each := 1.0
		switch {
		case rel.Many && rel.To.View != nil:
			each = unknownRows
		case rel.Many:
			each = min(childRows-1, e.perValue(rel.To, []*model.Field{rel.Field}, 1))
		}
		if rel.From.View == nil && r.expansion.Above < 0 {
			r.keys = min(r.keys, e.countRows(rel.From))
		}
		out[i] = min(r.keys*each, answerRows)
	}
}
