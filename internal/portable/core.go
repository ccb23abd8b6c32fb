package portable

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// core types one SELECT. It also returns the scope of its expressions, and the identity of each column of the result.
func (c *checker) core(sel *core, outer *selectScope, named []withRelation, order []sorting, use purpose) (*selectScope, result, []string) {
	windows := c.windows
	c.windows = 0
	defer func() { c.windows = windows }()
	scope := &selectScope{outer: outer, named: named}
	for _, ch := range sel.from {
		c.chain(ch, scope)
	}
	if sel.where != nil {
		c.condition(sel.where, scope, "WHERE")
	}
	scope.identity, scope.known = c.identityOf(sel, scope)
	c.group(sel, scope, order)
	rows, items := c.items(sel, scope, use)
	if sel.having != nil {
		c.condition(sel.having, scope, "HAVING")
	}
	if sel.distinct {
		for i, col := range rows.columns {
			c.sortable(rows.at[i], col.typ)
			rows.columns[i].typ.kind = col.typ.stored().kind
		}
		scope.identity, scope.known = items, true
	}
	rows.unique = uniqueIn(scope, items)
	return scope, rows, items
}

// uniqueIn returns the columns of a result that identify its rows.
func uniqueIn(scope *selectScope, items []string) [][]int {
	if !scope.known {
		return nil
	}
	key := []int{}
	for _, id := range scope.identity {
		i := slices.Index(items, id)
		if i < 0 {
			return nil
		}
		key = append(key, i)
	}
	return [][]int{key}
}

// chain adds a table and its joins. Like in PostgreSQL, an ON sees only the tables of its own chain.
func (c *checker) chain(ch chain, scope *selectScope) {
	own := &selectScope{outer: scope.outer, named: scope.named}
	c.source(ch.first, scope, own, false)
	for _, joined := range ch.joins {
		c.source(joined.to, scope, own, joined.left)
		if joined.on != nil {
			c.condition(joined.on, own, "ON")
		}
	}
}

func (c *checker) source(src source, scope, chain *selectScope, left bool) {
	rel := c.relation(src, scope, left)
	rel.name = src.alias
	c.relations++
	rel.id = c.relations
	if scope.has(src.alias) {
		c.fault(src.at, "%s names two tables of this SELECT: give one of them another alias", src.alias)
	}
	if left {
		rel.columns = slices.Clone(rel.columns)
		for i := range rel.columns {
			rel.columns[i].typ.nullable = true
		}
	}
	scope.relations = append(scope.relations, rel)
	chain.relations = append(chain.relations, rel)
}

func (c *checker) relation(src source, scope *selectScope, left bool) *relation {
	if src.query != nil {
		rows := c.query(src.query, scope.outer, within(scope.named), asRows)
		return &relation{columns: stored(rows.columns, nil), unique: rows.unique}
	}
	for _, w := range slices.Backward(scope.named) {
		if w.name != src.table {
			continue
		}
		switch {
		case w.count != nil && !w.self:
			c.fault(src.at, "PostgreSQL lets a recursive query name itself in its own FROM alone")
		case w.count != nil && left:
			c.fault(src.at, "PostgreSQL does not let a recursive query name itself behind LEFT JOIN")
		}
		if w.count != nil {
			*w.count++
		}
		return &relation{columns: w.rel.columns, unique: w.rel.unique}
	}
	if table := c.m.Table(src.table); table != nil && table.View == nil {
		return baseRelation(table)
	}
	c.fault(src.at, "there is no table %s here as PostgreSQL sees it (a query of WITH names itself with RECURSIVE alone, and those before it)", src.table)
	return &relation{broken: true}
}

// baseRelation is a table of the model.
func baseRelation(table *model.Table) *relation {
	rel := &relation{base: table, unique: [][]int{{0}}}
	for i, field := range table.Fields {
		rel.columns = append(rel.columns, column{field.Name, typeOf(field)})
		if field.Unique && i > 0 {
			rel.unique = append(rel.unique, []int{i})
		}
	}
	rel.columns = append(rel.columns, column{"_rev", exprType{kind: whole}})
	return rel
}

// identityOf lists the expressions that identify the rows of FROM and WHERE: the id of each table, unless WHERE sets
// it to one value.
func (c *checker) identityOf(sel *core, scope *selectScope) (identities []string, known bool) {
	fixed := map[string]bool{}
	c.fixedBy(sel.where, scope, fixed)
	for _, rel := range scope.relations {
		if len(rel.unique) == 0 {
			return nil, false
		}
		if slices.ContainsFunc(rel.unique, func(key []int) bool {
			return !slices.ContainsFunc(key, func(col int) bool { return !fixed[identity(rel, col)] })
		}) {
			continue
		}
		for _, col := range rel.unique[0] {
			identities = append(identities, identity(rel, col))
		}
	}
	return identities, true
}

// fixedBy collects the columns that a condition compares with a constant for all rows.
func (c *checker) fixedBy(cond node, scope *selectScope, fixed map[string]bool) {
	b, ok := bare(cond).(binary)
	switch {
	case ok && b.op == "and":
		c.fixedBy(b.l, scope, fixed)
		c.fixedBy(b.r, scope, fixed)
	case ok && b.op == "=":
		for _, side := range [][2]node{{b.l, b.r}, {b.r, b.l}} {
			ident, isName := bare(side[0]).(name)
			if !isName || !scope.constant(side[1]) {
				continue
			}
			if found, problem := scope.find(ident); problem == "" && found.scope == scope {
				fixed[found.identity()] = true
			}
		}
	}
}

// constant reports whether an expression is the same for all rows: a literal, or a column of an outer query.
func (s *selectScope) constant(operand node) bool {
	switch n := bare(operand).(type) {
	case literal:
		return true
	case name:
		found, problem := s.find(n)
		return problem == "" && found.scope != s
	}
	return false
}

// group types GROUP BY. Later expressions are about groups.
func (c *checker) group(sel *core, scope *selectScope, order []sorting) {
	grouped := len(sel.group) > 0 || sel.having != nil ||
		slices.ContainsFunc(sel.items, func(it item) bool { return it.x != nil && aggregates(it.x) }) ||
		slices.ContainsFunc(order, func(key sorting) bool { return aggregates(key.x) })
	if !grouped {
		return
	}
	groups := map[string]bool{}
	var keys []string
	for _, g := range sel.group {
		x := c.groupedBy(g, sel, scope)
		typ := c.expr(x, scope)
		if _, constant := bare(x).(literal); constant {
			c.fault(g.place(), "PostgreSQL does not sort or group by a constant")
		}
		c.sortable(g.place(), typ)
		id := scope.identify(x)
		groups[id] = true
		keys = append(keys, id)
	}
	scope.groups, scope.stage = groups, ofGroups
	scope.identity, scope.known = keys, true
}

// groupedBy returns the expression behind a part of GROUP BY: a number, or a name that is in no table.
func (c *checker) groupedBy(g node, sel *core, scope *selectScope) node {
	switch g := bare(g).(type) {
	case literal:
		if i, err := strconv.Atoi(g.text); err == nil && g.kind == whole && 1 <= i && i <= len(sel.items) && sel.items[i-1].x != nil {
			return sel.items[i-1].x
		}
	case name:
		if g.table != "" || len(scope.matches(g)) > 0 {
			return g
		}
		for _, it := range sel.items {
			if it.alias == g.column && it.x != nil {
				return it.x
			}
		}
	}
	return g
}

// items types the items of a SELECT.
func (c *checker) items(sel *core, scope *selectScope, use purpose) (rows result, ids []string) {
	add := func(at int, name string, typ exprType, id string) {
		rows.columns, rows.at, ids = append(rows.columns, column{name, typ}), append(rows.at, at), append(ids, id)
	}
	for _, it := range sel.items {
		if it.star {
			c.star(it, scope, use, add)
			continue
		}
		typ := c.window(it.x, scope)
		label := it.alias
		if column, ok := bare(it.x).(name); ok && label == "" {
			label = column.column
		}
		add(it.at, label, typ, scope.identify(it.x))
	}
	return rows, ids
}

// maxColumns is PostgreSQL's limit for a result.
const maxColumns = 1664

func (c *checker) star(it item, scope *selectScope, use purpose, add func(int, string, exprType, string)) {
	switch {
	case use == asPart:
		c.fault(it.at, "name the columns: tables do not have theirs in the same order on both engines")
		return
	case scope.groups != nil && use != asExists:
		c.fault(it.at, "name the columns that are grouped by")
		return
	}
	count := 0
	for _, rel := range scope.relations {
		if it.table != "" && !strings.EqualFold(it.table, rel.name) {
			continue
		}
		if count += len(rel.columns); count > maxColumns {
			c.fault(it.at, "these are more than %d columns: name the needed ones", maxColumns)
			return
		}
		for i, col := range rel.columns {
			add(it.at, col.name, col.typ, identity(rel, i))
		}
	}
}
