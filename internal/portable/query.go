package portable

import (
	"slices"
	"strconv"
	"strings"
)

// purpose is the use of a query.
type purpose uint8

const (
	asRows   purpose = iota // its rows are read
	asExists                // only the existence of a row matters
	asPart                  // it is a part of UNION, or the columns have names elsewhere: their order counts
)

// result describes the columns of a query.
type result struct {
	columns []column
	at      []int
	unique  [][]int // see relation
}

func (r result) single() bool { return len(r.unique) > 0 && len(r.unique[0]) == 0 }

func allOf(columns []column) []int {
	all := make([]int, len(columns))
	for i := range all {
		all[i] = i
	}
	return all
}

func (c *checker) query(sel *query, outer *selectScope, named []withRelation, use purpose) result {
	for _, cte := range sel.tables {
		named = append(named[:len(named):len(named)], c.with(cte, outer, named))
	}
	if sel.compound {
		return c.compound(sel, outer, named)
	}
	scope, rows, items := c.core(sel.cores[0], outer, named, sel.order, use)
	order := c.order(sel, scope, rows, items)
	if sel.limit != "" {
		if use != asExists {
			c.checkLimit(sel, scope, order, items)
		}
		if sel.limit == "0" || sel.limit == "1" {
			rows.unique = [][]int{{}}
		}
	}
	return rows
}

// ordering is one expression of ORDER BY.
type ordering struct {
	at       int
	identity string
	typ      exprType
	nulls    bool // their place is said
}

// order types ORDER BY. A name refers to a column of the result before a column of a table.
func (c *checker) order(sel *query, scope *selectScope, rows result, items []string) []ordering {
	var all []ordering
	scope.stage = stageOf(scope)
	for _, key := range sel.order {
		ord := ordering{at: key.x.place(), nulls: key.nulls}
		if i, ok := c.resultColumn(key.x, rows); ok {
			ord.identity, ord.typ = items[i], rows.columns[i].typ
		} else {
			ord.typ = c.window(key.x, scope)
			ord.identity = scope.identify(key.x)
			if sel.cores[0].distinct && !slices.Contains(items, ord.identity) {
				c.fault(ord.at, "with DISTINCT, PostgreSQL sorts by what the SELECT returns alone")
			}
		}
		c.sortable(ord.at, ord.typ)
		all = append(all, ord)
	}
	return all
}

func stageOf(scope *selectScope) stage {
	if scope.groups != nil {
		return ofGroups
	}
	return ofRows
}

// resultColumn finds the column of the result that ORDER BY or GROUP BY names, by its name or number.
func (c *checker) resultColumn(operand node, rows result) (int, bool) {
	switch n := bare(operand).(type) {
	case literal:
		i, err := strconv.Atoi(n.text)
		if n.kind == whole && err == nil && 1 <= i && i <= len(rows.columns) {
			return i - 1, true
		}
		c.fault(n.place(), "PostgreSQL does not sort or group by a constant")
	case name:
		if n.table != "" {
			return 0, false
		}
		var found []int
		for i, col := range rows.columns {
			if col.name == n.column {
				found = append(found, i)
			}
		}
		if len(found) > 1 {
			c.fault(n.place(), "%s names more than one column of the result", n.column)
		}
		if len(found) > 0 {
			return found[0], true
		}
	}
	return 0, false
}

func (c *checker) sortable(at int, typ exprType) {
	if typ.kind == json {
		c.fault(at, "PostgreSQL does not compare json")
	}
}

// checkLimit checks that LIMIT keeps the same rows on both engines.
func (c *checker) checkLimit(sel *query, scope *selectScope, order []ordering, items []string) {
	if len(sel.order) == 0 {
		if scope == nil || !scope.known || len(scope.identity) > 0 {
			c.fault(sel.at, "LIMIT without ORDER BY keeps any rows: sort them by something that tells them apart, as their id")
		}
		return
	}
	var by []string
	for _, o := range order {
		by = append(by, o.identity)
		c.exactOrder(o)
	}
	sameRows := containsAll(by, items) // rows with equal keys are equal
	if !sameRows && (scope == nil || !scope.known || !containsAll(by, scope.identity)) {
		c.fault(sel.cores[0].at, "LIMIT may cut between rows that ORDER BY finds equal, which each engine orders as it likes: sort by an id at the end as well")
	}
}

// exactOrder checks that both engines sort by it alike.
func (c *checker) exactOrder(o ordering) {
	switch {
	case o.typ.isText() && !o.typ.ordered:
		c.fault(o.at, "PostgreSQL sorts this text by the rules of its database's language: sort by a column as it is stored")
	case o.typ.nullable && !o.nulls:
		c.fault(o.at, "SQLite puts NULL first and PostgreSQL last: write NULLS FIRST or NULLS LAST")
	}
}

func containsAll(in, all []string) bool {
	for _, a := range all {
		if !slices.Contains(in, a) {
			return false
		}
	}
	return true
}

// compound types SELECTs with UNION, INTERSECT or EXCEPT between them.
func (c *checker) compound(sel *query, outer *selectScope, named []withRelation) result {
	var rows result
	for i, part := range sel.cores {
		_, next, _ := c.core(part, outer, named, nil, asPart)
		if i == 0 {
			rows = next
			continue
		}
		rows = c.combine(rows, next, sel.ops[i-1])
	}
	items := make([]string, len(rows.columns))
	for i := range items {
		items[i] = strconv.Itoa(i)
	}
	var order []ordering
	for _, key := range sel.order {
		i, ok := c.resultColumn(key.x, rows)
		if !ok {
			c.fault(key.x.place(), "behind UNION, INTERSECT and EXCEPT, ORDER BY names a column of the result")
			continue
		}
		c.sortable(key.x.place(), rows.columns[i].typ)
		order = append(order, ordering{key.x.place(), items[i], rows.columns[i].typ, key.nulls})
	}
	if sel.limit != "" {
		c.checkLimit(sel, nil, order, items)
		if sel.limit == "0" || sel.limit == "1" {
			rows.unique = [][]int{{}}
		}
	}
	return rows
}

// asText makes a text of a string literal. PostgreSQL does so in many places.
func asText(typ exprType) exprType {
	if typ.kind == quote {
		typ.kind, typ.literal = words, nil
	}
	return typ
}

func (c *checker) combine(l, rows result, op string) result {
	all := result{at: l.at}
	for i := range min(len(l.columns), len(rows.columns)) {
		a, b := asText(l.columns[i].typ), asText(rows.columns[i].typ)
		typ, problem := merge(a, b)
		if problem != "" {
			typ = c.fault(rows.at[i], "column %d is %s in one SELECT and %s in another: %s", i+1, a, b, problem)
		}
		if op != "union all" {
			c.sortable(rows.at[i], typ)
		}
		all.columns = append(all.columns, column{l.columns[i].name, typ})
	}
	if op != "union all" {
		all.unique = [][]int{allOf(all.columns)}
	}
	return all
}

// with types a table of WITH.
func (c *checker) with(cte withTable, outer *selectScope, named []withRelation) withRelation {
	if c.m.Table(cte.name) != nil {
		c.fault(cte.at, "%s is a table of the model, and SQLite takes it for this query: give it another name", cte.name)
	}
	w := withRelation{name: cte.name, rel: &relation{name: cte.name}}
	var rows result
	if sel := cte.query; cte.recursive && len(sel.cores) == 2 && strings.HasPrefix(sel.ops[0], "union") {
		rows = c.recursive(cte, outer, named)
	} else {
		use := asRows
		if len(cte.columns) > 0 {
			use = asPart
		}
		rows = c.query(sel, outer, named, use)
	}
	w.rel.columns, w.rel.unique = stored(rows.columns, cte.columns), rows.unique
	return w
}

// stored returns the columns of a query in FROM or WITH, with their names there.
func stored(columns []column, names []string) []column {
	all := make([]column, len(columns))
	for i, col := range columns {
		all[i] = column{col.name, col.typ.stored()}
		if i < len(names) {
			all[i].name = names[i]
		}
	}
	return all
}

// recursive types a table of WITH RECURSIVE. Its second part may name it. PostgreSQL takes the types of its columns
// from the first part.
func (c *checker) recursive(cte withTable, outer *selectScope, named []withRelation) result {
	sel := cte.query
	for _, inner := range sel.tables {
		named = append(named[:len(named):len(named)], c.with(inner, outer, named))
	}
	_, first, _ := c.core(sel.cores[0], outer, named, nil, asPart)
	rel := &relation{name: cte.name, columns: stored(first.columns, cte.columns)}
	for i := range rel.columns {
		rel.columns[i].typ.nullable = true
		rel.columns[i].typ.narrow = false
	}
	count := 0
	self := withRelation{name: cte.name, rel: rel, self: true, count: &count}
	_, next, _ := c.core(sel.cores[1], outer, append(named[:len(named):len(named)], self), nil, asPart)
	rows := c.combine(first, next, sel.ops[0])
	if count == 0 {
		return rows
	}
	c.recursionAllowed(sel, count)
	for i, col := range rows.columns {
		was := first.columns[i].typ
		switch {
		case col.typ.kind == whole && was.narrow:
			c.fault(first.at[i], "PostgreSQL counts with 32 bits here: write CAST(… AS bigint)")
		case col.typ.kind != bad && (was.stored().kind != col.typ.stored().kind || was.scale != col.typ.scale || was.ordered != col.typ.ordered):
			c.fault(first.at[i], "PostgreSQL takes the type of this column from here, and the recursive part returns another (%s, then %s): cast it here", was, col.typ)
		}
		rows.columns[i].typ.nullable = true
	}
	return rows
}

func (c *checker) recursionAllowed(sel *query, count int) {
	second := sel.cores[1]
	switch {
	case len(sel.order) > 0 || sel.limit != "":
		c.fault(sel.at, "PostgreSQL has no ORDER BY and no LIMIT within a recursive query: write them where it is read")
	case count > 1:
		c.fault(second.at, "PostgreSQL lets a recursive query name itself once")
	case second.distinct || len(second.group) > 0 || second.having != nil ||
		slices.ContainsFunc(second.items, func(it item) bool { return it.x != nil && aggregates(it.x) }):
		c.fault(second.at, "PostgreSQL has no DISTINCT, no groups and no aggregates in the recursive part of a query")
	}
}

// within returns the tables of WITH that a query inside a SELECT may name.
func within(named []withRelation) []withRelation {
	inner := slices.Clone(named)
	for i := range inner {
		inner[i].self = false
	}
	return inner
}
